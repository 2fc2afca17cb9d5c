# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's file: SQLite, each transaction on the disk before it is answered for; a broken file is set aside, never repaired."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any

from ..model import VigilError

FORM = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS alerts (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, episode TEXT NOT NULL, status TEXT NOT NULL,
  body TEXT NOT NULL, accepted REAL NOT NULL, reason TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS alerts_episode ON alerts (episode);
CREATE INDEX IF NOT EXISTS alerts_accepted ON alerts (accepted);
CREATE TABLE IF NOT EXISTS notices (id INTEGER PRIMARY KEY, alert INTEGER NOT NULL, episode TEXT NOT NULL, channel TEXT NOT NULL,
  recipient TEXT NOT NULL, language TEXT NOT NULL, step INTEGER NOT NULL, grp TEXT NOT NULL, status TEXT NOT NULL, severity TEXT NOT NULL,
  rank INTEGER NOT NULL, due REAL NOT NULL, made REAL NOT NULL, parcel INTEGER, dropped TEXT, UNIQUE (alert, channel, recipient, step));
CREATE INDEX IF NOT EXISTS notices_open ON notices (channel, recipient) WHERE parcel IS NULL AND dropped IS NULL;
CREATE INDEX IF NOT EXISTS notices_episode ON notices (episode, channel, recipient);
CREATE INDEX IF NOT EXISTS notices_parcel ON notices (parcel) WHERE parcel IS NOT NULL;
CREATE TABLE IF NOT EXISTS parcels (id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, channel TEXT NOT NULL, recipient TEXT NOT NULL,
  language TEXT NOT NULL, status TEXT NOT NULL, step INTEGER NOT NULL, count INTEGER NOT NULL, state TEXT NOT NULL, due REAL NOT NULL,
  deadline REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, made REAL NOT NULL, done REAL, words TEXT NOT NULL DEFAULT '',
  provider_id TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS parcels_open ON parcels (channel, recipient) WHERE state IN ('waiting', 'flying');
CREATE INDEX IF NOT EXISTS parcels_dead ON parcels (done) WHERE state = 'dead';
CREATE INDEX IF NOT EXISTS parcels_done ON parcels (done);
CREATE TABLE IF NOT EXISTS tries (id INTEGER PRIMARY KEY, parcel INTEGER NOT NULL, began REAL NOT NULL, ended REAL, state TEXT, words TEXT);
CREATE INDEX IF NOT EXISTS tries_parcel ON tries (parcel);
CREATE TABLE IF NOT EXISTS incidents (id INTEGER PRIMARY KEY, alert INTEGER NOT NULL, episode TEXT NOT NULL, escalation TEXT NOT NULL,
  opened REAL NOT NULL, told INTEGER NOT NULL, next REAL NOT NULL, closed TEXT, UNIQUE (alert, escalation));
CREATE INDEX IF NOT EXISTS incidents_open ON incidents (next) WHERE closed IS NULL;
CREATE INDEX IF NOT EXISTS incidents_episode ON incidents (episode);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Cannot(VigilError):
    """The journal cannot take or give anything now: the disk is full, or another process holds it. Try again."""


class Broken(VigilError):
    """The journal is damaged. It has to be set aside."""


class Database:
    """One connection, used by all threads in turn. Raises Broken where the file is damaged, Cannot where it cannot be opened."""

    def __init__(self, path: str, wait: float = 5.0) -> None:
        self.path = path
        self._lock = threading.RLock()
        with _words(path):
            _private(path)
            self._link = sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False)
            self._link.row_factory = sqlite3.Row
            self._open()

    def _open(self) -> None:
        if self._link.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise Broken(f"the journal {self.path} is damaged.")
        form = self._link.execute("PRAGMA user_version").fetchone()[0]
        if form not in (0, FORM):
            raise VigilError(f"the journal {self.path} has the form {form}, expected {FORM}: it was written by another release.")
        self._link.execute("PRAGMA journal_mode=WAL")
        # FULL: each commit is on the disk before it returns; NORMAL would lose the last ones in a power cut.
        self._link.execute("PRAGMA synchronous=FULL")
        self._link.executescript(f"{_SCHEMA}PRAGMA user_version={FORM};")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises Cannot or Broken, and then nothing was written."""
        with self._lock, _words(self.path):
            self._link.execute("BEGIN IMMEDIATE")
            try:
                yield self._link
                self._link.execute("COMMIT")
            except BaseException:
                if self._link.in_transaction:
                    self._link.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Read rows."""
        with self._lock, _words(self.path):
            return self._link.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        """Read one value; None where there is no row."""
        found = self.rows(query, *values)
        return found[0][0] if found else None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._link.close()


def lock_journal(path: str) -> int:
    """Hold the journal for this process, until it ends; return the descriptor. Raises Cannot: another notifier serves by it."""
    try:
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Cannot(f"the journal {path} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise Cannot(f"another notifier serves by the journal {path}. End it first: fuser {path}.lock") from error
    return handle


def open_journal(path: str, now: float) -> tuple[Database, str]:
    """Open the journal; return it, and where a damaged one was set aside a sentence about that. Raises Cannot."""
    try:
        return Database(path), ""
    except Broken as error:
        aside = set_aside(path, now)
        return Database(path), f"{error} It was set aside as {aside}, and a new one begun: look there for what had not been delivered."


def set_aside(path: str, now: float) -> str:
    """Rename a damaged journal, with what SQLite keeps beside it; return its new name. Raises Cannot."""
    aside = f"{path}.broken-{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}"
    try:
        for suffix in ("-shm", "-wal", ""):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    except OSError as error:
        raise Cannot(f"the damaged journal {path} cannot be set aside: {error.strerror}.") from error
    return aside


def _private(path: str) -> None:
    """Alerts hold what others need not read."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


@contextlib.contextmanager
def _words(path: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Cannot(f"the journal {path} cannot be used: {error}. Look at the space and the rights there.") from error
    except sqlite3.DatabaseError as error:
        raise Broken(f"the journal {path} is damaged: {error}.") from error
    except OSError as error:
        raise Cannot(f"the journal {path} cannot be opened: {error.strerror}.") from error
