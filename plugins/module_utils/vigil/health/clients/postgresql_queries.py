# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of PostgreSQL, each in one query that answers with JSON. PostgreSQL 10 or newer.

All of it can be read by a member of pg_monitor; for anybody else what belongs to other users is NULL, not an error.
"""

from __future__ import annotations

# LOCAL settings end with the transaction, so they also do no harm behind a pool of connections.
BEGIN = "BEGIN READ ONLY; SET LOCAL statement_timeout = {milliseconds}; "

# backend_type is NULL for one who may not see it; datid then stands for "a client".
SERVER = """\
WITH seen AS (
  SELECT pid, usename, backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL) AS client,
    CASE WHEN pid <> pg_backend_pid() AND backend_type = 'client backend' THEN clock_timestamp() - xact_start END AS open,
    CASE WHEN state LIKE 'idle in transaction%' THEN clock_timestamp() - state_change END AS idle
  FROM pg_stat_activity),
frozen AS (SELECT datname, greatest(age(datfrozenxid), mxid_age(datminmxid)) AS age FROM pg_database ORDER BY 2 DESC LIMIT 1)
SELECT json_build_object(
  'standby', pg_is_in_recovery(),
  'monitor', pg_has_role('pg_read_all_stats', 'USAGE'),
  'user', current_user,
  'version', current_setting('server_version'),
  'now', extract(epoch FROM clock_timestamp()),
  'max_connections', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true), '0')::int,
  'connections', (SELECT count(*) FROM seen WHERE client),
  'transaction', (SELECT json_build_object('age', extract(epoch FROM open), 'pid', pid, 'user', usename)
    FROM seen WHERE open IS NOT NULL ORDER BY open DESC LIMIT 1),
  'idle_transaction', (SELECT json_build_object('age', extract(epoch FROM idle), 'pid', pid, 'user', usename)
    FROM seen WHERE idle IS NOT NULL ORDER BY idle DESC LIMIT 1),
  'prepared', (SELECT json_build_object('age', extract(epoch FROM clock_timestamp() - prepared), 'name', gid, 'user', owner)
    FROM pg_prepared_xacts ORDER BY prepared LIMIT 1),
  'frozen', (SELECT json_build_object('age', age, 'database', datname) FROM frozen),
  'freeze_max_age', current_setting('autovacuum_freeze_max_age')::bigint)::text"""

PRIMARY = """\
SELECT json_build_object(
  'standbys', (SELECT coalesce(json_agg(s), '[]') FROM (
    SELECT coalesce(nullif(application_name, 'walreceiver'), host(client_addr), application_name, 'pid ' || pid) AS name,
      state, sync_state AS sync, extract(epoch FROM replay_lag) AS seconds,
      CASE WHEN replay_lsn IS NOT NULL THEN greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0) END AS bytes
    FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup' ORDER BY bytes DESC NULLS FIRST LIMIT 100) s),
  'slots', (SELECT coalesce(json_agg(s), '[]') FROM (
    SELECT slot_name AS name, active, to_json(r)->>'wal_status' AS status,
      pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) AS bytes
    FROM pg_replication_slots r WHERE NOT temporary ORDER BY bytes DESC NULLS LAST LIMIT 100) s))::text"""

# latest_end_lsn is how far the primary said it has written; NULL for one who may not see it, which greatest() passes over.
STANDBY = """\
SELECT json_build_object(
  'now', extract(epoch FROM clock_timestamp()),
  'receiver', (SELECT json_build_object('pid', pid, 'status', status, 'from', to_json(w)->>'sender_host',
    'silent', extract(epoch FROM clock_timestamp() - last_msg_receipt_time)) FROM pg_stat_wal_receiver w LIMIT 1),
  'end', pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), (SELECT latest_end_lsn FROM pg_stat_wal_receiver LIMIT 1)), '0/0'),
  'replayed', pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'),
  'replayed_age', extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()),
  'paused', pg_is_wal_replay_paused())::text"""

# A cursor, so that a query of a million rows sends one.
OWN = "DECLARE vigil NO SCROLL CURSOR FOR {query}; FETCH 1 FROM vigil"
