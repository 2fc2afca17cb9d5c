# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real notifier on loopback, and what kills, disks, strangers and bursts do to it."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.agent.running import TOKEN, wait
from tests.unit.notifier.running import Running, alert, running, webhook

SLOW = {"rate": {"count": 20, "per": "2s"}, "recipient_rate": {"count": 10, "per": "2s"}}


def delivered(notifier: Running) -> int:
    return sum(line["count"] for line in notifier.lines())


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_in_a_delivery(tmp_path: Path, moment: str) -> None:
    """What was accepted arrives; twice at most what was in flight."""
    with running(tmp_path) as notifier:
        notifier.do("main", **{moment: 30})
        names = [f"N{number}" for number in range(20)]
        for name in names:
            assert notifier.post(alert(name)).status == 202
        if moment == "before":
            wait((tmp_path / "main.trying").exists)
        else:
            notifier.until(1)
        notifier.kill()
        notifier.do("main")
        notifier.start()
        wait(lambda: {line["labels"]["alertname"] for line in notifier.lines()} == set(names), 20, lambda: notifier.log)
        ids = Counter(line["id"] for line in notifier.lines())
        assert sum(ids.values()) - len(ids) == (1 if moment == "after" else 0)
        assert notifier.metric("possible_duplicates_total") == 1


def test_killed_at_any_time(tmp_path: Path) -> None:
    with running(tmp_path) as notifier:
        taken: list[str] = []
        for round_ in range(5):
            for number in range(15):
                assert notifier.post(alert(f"N{round_}-{number}")).status == 202
                taken.append(f"N{round_}-{number}")
            notifier.kill()
            notifier.start()
        wait(lambda: {line["labels"]["alertname"] for line in notifier.lines()} == set(taken), 20, lambda: notifier.log)
        ids = Counter(line["id"] for line in notifier.lines())
        assert sum(ids.values()) - len(ids) <= 5


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    with running(tmp_path) as notifier:
        assert notifier.process is not None
        soft, hard = resource.prlimit(notifier.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(notifier.process.pid, resource.RLIMIT_FSIZE, (1, hard))
        reply = notifier.post(alert())
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        wait(lambda: notifier.ask("GET", "/health/journal").status == 503 or notifier.post(alert()).status == 503)
        assert notifier.ask("GET", "/health/live").status == 200
        resource.prlimit(notifier.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
        wait(lambda: notifier.post(alert()).status == 202, 10, lambda: notifier.log)
        assert [line["labels"]["alertname"] for line in notifier.until(1)] == ["InstanceDown"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=False)


def test_a_small_disk_fills_and_is_emptied(tmp_path: Path, small_disk: Path) -> None:
    with running(tmp_path, journal=str(small_disk / "journal.db")) as notifier:
        notifier.do("main", state="later")
        filler = small_disk / "filler"
        filler.write_bytes(b"x" * 6_000_000)
        accepted: list[str] = []
        refused = number = 0
        while refused < 20:
            number += 1
            status = notifier.post(alert(f"N{number}", note="x" * 900)).status
            assert status in (202, 503)
            accepted += [f"N{number}"] if status == 202 else []
            refused += status == 503
        assert len(accepted) > 20
        filler.unlink()
        notifier.do("main")
        query = "SELECT count(*) FROM notices n LEFT JOIN parcels p ON p.id = n.parcel WHERE p.state IS NULL OR p.state != 'sent'"
        with sqlite3.connect(small_disk / "journal.db") as link:
            wait(lambda: not link.execute(query).fetchone()[0], 30, lambda: notifier.log[-2000:])
            known = {json.loads(row[0])["labels"]["alertname"] for row in link.execute("SELECT body FROM alerts")}
        assert set(accepted) <= known


@pytest.mark.parametrize("damage", ["head", "middle"])
def test_a_damaged_journal_is_set_aside(tmp_path: Path, damage: str) -> None:
    with running(tmp_path) as notifier:
        for number in range(200):
            notifier.post(alert(f"N{number}"))
        wait(lambda: delivered(notifier) == 200)
        notifier.stop()
        path = tmp_path / "journal.db"
        data = bytearray(path.read_bytes())
        at = 0 if damage == "head" else len(data) // 2
        data[at:at + 16384] = os.urandom(16384)
        path.write_bytes(bytes(data))
        before = len(notifier.lines())
        notifier.start()
        told = notifier.until(before + 1)[before:]
        assert told[0]["labels"]["alertname"] == "JournalDamaged"
        assert [line["labels"]["alertname"] for line in notifier.until(1, "other")] == ["JournalDamaged"]
        assert len(list(tmp_path.glob("journal.db.broken-*"))) >= 1
        assert notifier.post(alert("Next")).status == 202
        wait(lambda: notifier.lines()[-1]["labels"].get("alertname") == "Next")
        assert notifier.metric("journals_set_aside_total") == 1


def test_a_journal_that_breaks_at_work_ends_the_process(tmp_path: Path) -> None:
    with running(tmp_path) as notifier:
        notifier.post(alert())
        notifier.until(1)
        for suffix in ("", "-wal"):
            path = tmp_path / f"journal.db{suffix}"
            path.write_bytes(os.urandom(path.stat().st_size or 4096))
        (tmp_path / "journal.db-shm").write_bytes(b"\0" * 32768)

        def ended() -> bool:
            assert notifier.process is not None
            with contextlib.suppress(OSError):
                notifier.post(alert(f"N{time.time()}"))
            return notifier.process.poll() is not None
        wait(ended, 20, lambda: notifier.log)
        assert notifier.process is not None
        assert notifier.process.returncode == 1
        notifier.start()
        assert notifier.post(alert("Next")).status == 202


def test_a_burst_of_a_thousand(tmp_path: Path) -> None:
    channels = {"main": Running(tmp_path).channel("main", **SLOW), "other": Running(tmp_path).channel("other")}
    with running(tmp_path, channels=channels) as notifier:
        began = time.monotonic()
        for first in range(0, 1000, 10):
            items = [alert(f"N{number}") for number in range(first, first + 10)]
            assert notifier.ask("POST", "/alerts", webhook(*items)).status == 202
        assert time.monotonic() - began < 2
        wait(lambda: delivered(notifier) == 1000, 30, lambda: notifier.log)
        assert len(notifier.lines()) < 60
        assert notifier.lines()[-1]["status"] == "digest"
        assert len({line["id"] for line in notifier.lines()}) == len(notifier.lines())


def test_a_hundred_thousand_rows(tmp_path: Path) -> None:
    with running(tmp_path) as notifier:
        notifier.post(alert())
        notifier.until(1)
        with sqlite3.connect(tmp_path / "journal.db", timeout=30) as link:
            link.execute("PRAGMA synchronous=OFF")
            link.execute("WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 100010) INSERT INTO alerts "
                         "SELECT i, 'k' || i, 'e' || i, status, body, accepted, reason FROM n, alerts WHERE id = 1")
            link.execute("WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 100010) INSERT INTO parcels "
                         "SELECT i, 'u' || i, channel, recipient, language, status, step, 1, 'sent', 0, deadline, 1, made, made, '', '' "
                         "FROM n, parcels WHERE id = 1")
            link.execute("INSERT INTO notices SELECT a.id, a.id, a.episode, 'main', 'ops', 'en', 0, 'g', 'firing', 'critical', 0, "
                         "a.accepted, a.accepted, a.id, NULL FROM alerts a WHERE a.id >= 10")
        times = []
        for number in range(50):
            began = time.monotonic()
            assert notifier.post(alert(f"N{number}")).status == 202
            times.append(time.monotonic() - began)
        notifier.until(51)
        assert sorted(times)[45] < 0.1
        began = time.monotonic()
        notifier.stop()
        notifier.start()
        assert notifier.post(alert("Last")).status == 202
        notifier.until(52)
        assert time.monotonic() - began < 10


def test_strangers(tmp_path: Path) -> None:
    with running(tmp_path) as notifier:
        wrong = {"Authorization": f"Bearer {TOKEN}x"}
        assert notifier.ask("POST", "/alerts", webhook(alert()), wrong).status == 401
        assert notifier.ask("POST", "/alerts", webhook(alert()), {}).status == 401
        assert notifier.ask("GET", "/alerts").status == 405
        assert notifier.ask("POST", "/alerts", b"{").status == 400
        assert notifier.ask("POST", "/alerts", b"[" * 100_000).status == 400
        assert notifier.ask("POST", "/alerts", b"x" * 3_000_000).status == 413
        assert notifier.ask("GET", "/metrics", headers={}).status == 401
        assert notifier.ask("GET", "/nowhere").status == 404
        assert notifier.ask("POST", "/ack/1.2.x").status == 403
        many = alert("Many", **{f"label{number}": "x" for number in range(10_000)})
        assert notifier.ask("POST", "/alerts", webhook(many)).status == 202
        assert notifier.until(1)[0]["labels"]["alertname"] == "Many"
        assert len(notifier.lines()) == 1
        assert TOKEN not in notifier.log
        assert TOKEN not in notifier.ask("GET", "/metrics").body.decode()
        assert notifier.process is not None
        assert TOKEN.encode() not in Path(f"/proc/{notifier.process.pid}/cmdline").read_bytes()
