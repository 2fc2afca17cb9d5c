SELECT 'made' FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM mysql.user WHERE User = 'vigil-agent');
CREATE USER IF NOT EXISTS 'vigil-agent'@'localhost' IDENTIFIED VIA unix_socket;
GRANT PROCESS, SLAVE MONITOR ON *.* TO 'vigil-agent'@'localhost';
