-- Each statement runs only where its object is missing, and says so.
SELECT 'CREATE ROLE "vigil-agent" LOGIN IN ROLE pg_monitor; SELECT ''made''' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vigil-agent') \gexec
SELECT 'CREATE ROLE shop LOGIN; SELECT ''made''' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop') \gexec
SELECT 'CREATE DATABASE shop OWNER shop' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'shop') \gexec
