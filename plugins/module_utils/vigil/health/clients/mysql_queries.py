# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of MySQL and MariaDB; each answer is made equal for both, and for their old and new words (slave, replica)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .mysql import NOT_ALLOWED, Refused, Session

_SERVER = "SELECT @@global.read_only AS read_only, @@global.max_connections AS max_connections"
_STATUS = ("SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', 'wsrep_provider_name', 'wsrep_cluster_status', "
           "'wsrep_local_state', 'wsrep_local_state_comment', 'wsrep_cluster_size', 'wsrep_ready')")
# NOW() and trx_started are both in the time zone of the session.
_TRANSACTIONS = """\
SELECT t.trx_mysql_thread_id AS pid, p.user AS user, TIMESTAMPDIFF(MICROSECOND, t.trx_started, NOW(6)) / 1000000 AS age,
  IF(p.command = 'Sleep', p.time, NULL) AS idle
FROM information_schema.innodb_trx t LEFT JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
WHERE t.trx_mysql_thread_id <> CONNECTION_ID() ORDER BY t.trx_started LIMIT 200"""
_STANDBYS = "SELECT host AS name FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%' LIMIT 100"


def server(session: Session) -> dict[str, Any]:
    """Return read_only, max_connections, connections and galera (None where it is not used)."""
    row = session.rows(_SERVER)[0]
    status = {each["Variable_name"].lower(): each["Value"] for each in session.rows(_STATUS)}
    return {
        "version": session.version, "read_only": str(row["read_only"]).upper() not in ("0", "OFF"),
        "max_connections": int(row["max_connections"]), "connections": int(status.get("threads_connected") or 0), "galera": _galera(status),
    }


def _galera(status: Mapping[str, str]) -> dict[str, Any] | None:
    if not status.get("wsrep_provider_name"):
        return None
    return {
        "cluster": status.get("wsrep_cluster_status", ""), "state": int(status.get("wsrep_local_state") or 0),
        "words": status.get("wsrep_local_state_comment", ""), "size": int(status.get("wsrep_cluster_size") or 0),
        "ready": status.get("wsrep_ready") == "ON",
    }


def sources(session: Session) -> list[dict[str, Any]] | None:
    """Return one entry for each source that this server replicates from; None where the account may not see them."""
    for statement in _statements(session.version):
        try:
            return [_source(row) for row in session.rows(statement)]
        except Refused as error:
            if error.code in NOT_ALLOWED:
                return None
            if error.code != 1064:
                raise
    return None


def _statements(version: str) -> tuple[str, ...]:
    if "MariaDB" in version:
        return ("SHOW ALL SLAVES STATUS",)
    return ("SHOW REPLICA STATUS", "SHOW SLAVE STATUS")  # the newer words are those of 8.0.22; 8.4 knows no others


def _source(row: Mapping[str, Any]) -> dict[str, Any]:
    old = {key.replace("Source", "Master").replace("Replica", "Slave"): value for key, value in row.items()}
    same_file = old.get("Master_Log_File") == old.get("Relay_Master_Log_File")
    received, applied = old.get("Read_Master_Log_Pos"), old.get("Exec_Master_Log_Pos")
    behind = old.get("Seconds_Behind_Master")
    return {
        "name": str(old.get("Connection_name") or old.get("Channel_Name") or old.get("Master_Host") or ""),
        "io": str(old.get("Slave_IO_Running")), "sql": str(old.get("Slave_SQL_Running")),
        "seconds": None if behind is None else float(behind),
        "bytes": max(0, int(received) - int(applied)) if same_file and received is not None and applied is not None else None,
        "io_error": str(old.get("Last_IO_Error") or "")[:200],
        "sql_error": str(old.get("Last_SQL_Error") or "").split(" Query: ", maxsplit=1)[0][:200],  # what follows is the users' data
    }


def sessions(session: Session) -> dict[str, Any]:
    """Return transaction, idle_transaction, standbys and ``monitor``: whether the account may see the sessions of others."""
    try:
        open_ = session.rows(_TRANSACTIONS)
    except Refused as error:
        if error.code not in NOT_ALLOWED:
            raise
        return {"monitor": False, "transaction": None, "idle_transaction": None, "standbys": []}
    entries = [{"pid": int(row["pid"]), "user": _text(row["user"]), "age": float(row["age"]), "idle": row["idle"]} for row in open_]
    idle = [{**entry, "age": float(entry["idle"])} for entry in entries if entry["idle"] is not None]
    return {
        "monitor": True, "transaction": entries[0] if entries else None,
        "idle_transaction": max(idle, key=lambda entry: entry["age"], default=None),
        "standbys": [{"name": _text(row["name"])} for row in session.rows(_STANDBYS)],
    }


def own(session: Session, query: str) -> str | None:
    """Return the first column of the first row of an operator's query, as text, asked in a transaction that can only read."""
    session.rows("SET SESSION sql_select_limit = 1")
    session.rows("START TRANSACTION READ ONLY")
    rows = session.rows(query.strip().rstrip(";"))
    value = next(iter(rows[0].values()), None) if rows else None
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
