# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real notifier on loopback: deliveries, retries, escalation, the watchdog, reloads, secrets."""

from __future__ import annotations

import shutil
import signal
import socket
from pathlib import Path

import pytest

from tests.unit.agent.running import TOKEN, make_certificates, wait
from tests.unit.notifier.running import Running, alert, running, webhook


def delivered(notifier: Running) -> int:
    return sum(line["count"] for line in notifier.lines())


def test_one_of_each(tmp_path: Path) -> None:
    with running(tmp_path) as notifier:
        assert notifier.post(alert()).status == 202
        first = notifier.until(1)[0]
        assert (first["title"], first["recipients"], first["status"]) == ("[FIRING] InstanceDown on web1", ["ops"], "firing")
        assert notifier.post(alert()).body == b"0 new, 1 known\n"
        notifier.post(alert(status="resolved"))
        assert notifier.until(2)[1]["status"] == "resolved"
        notifier.post(alert("Other", status="resolved"))
        notifier.post(alert("Third"))
        assert [line["labels"]["alertname"] for line in notifier.until(3)] == ["InstanceDown", "InstanceDown", "Third"]
        assert notifier.metric('messages_sent_total{channel="main"}') == 3


def test_down_dead_alarm_replay(tmp_path: Path) -> None:
    short = {"first": "50ms", "most": "100ms", "deadline": "500ms"}
    channels = {"main": Running(tmp_path).channel("main", retry=short), "other": Running(tmp_path).channel("other")}
    with running(tmp_path, channels=channels) as notifier:
        notifier.do("main", state="later", words="the provider is down")
        notifier.post(alert())
        alarm = notifier.until(1, "other")[0]
        assert alarm["labels"]["alertname"] == "NotifierDeliveryFailed"
        assert "the provider is down" in alarm["text"] and "InstanceDown on web1" in alarm["text"]
        assert "1 dead" in notifier.command("status").stdout
        wait(lambda: notifier.ask("GET", "/health/channel-main").data["status"] == "warn")
        notifier.do("main")
        assert notifier.command("replay").stdout == "1 dead messages are tried again.\n"
        assert notifier.until(1)[0]["labels"]["alertname"] == "InstanceDown"
        assert len(notifier.lines()) == 1
        assert notifier.command("test", "main", "ops", "--language", "zh").stdout == "sent: written\n"
        assert notifier.lines()[-1]["title"].startswith("[测试]")


def test_back_after_an_outage(tmp_path: Path) -> None:
    with running(tmp_path) as notifier:
        notifier.do("main", state="later")
        for number in range(30):
            notifier.post(alert(f"N{number}"))
        wait(lambda: notifier.metric('retries_total{channel="main"}') > 3)
        notifier.do("main")
        wait(lambda: delivered(notifier) == 30, 20, lambda: notifier.log)
        assert len({line["id"] for line in notifier.lines()}) == len(notifier.lines())


def test_escalation_and_the_link_that_ends_it(tmp_path: Path) -> None:
    steps = [{"after": "1s", "channel": "other", "recipients": ["boss"]}, {"after": "4s", "channel": "other", "recipients": ["chief"]}]
    routes = [{"targets": [{"channel": "main", "recipients": ["ops"]}], "escalation": "oncall"}]
    with running(tmp_path, routes=routes, escalations={"oncall": steps}, public_url="http://127.0.0.1:1") as notifier:
        notifier.post(alert())
        assert notifier.until(1)[0]["url"].startswith("http://127.0.0.1:1/ack/")
        told = notifier.until(1, "other")[0]
        assert told["recipients"] == ["boss"]
        assert "step 1" in told["text"]
        path = told["url"][len("http://127.0.0.1:1"):]
        assert "oncall" in notifier.command("status").stdout
        assert notifier.ask("GET", path, headers={}).status == 200
        assert notifier.metric("acknowledged_total") == 0, "a GET only asks"
        assert notifier.ask("POST", path, headers={}).status == 200
        assert notifier.metric("acknowledged_total") == 1
        assert "oncall" not in notifier.command("status").stdout
        notifier.post(alert(status="resolved"))
        assert notifier.until(2, "other")[1]["status"] == "resolved"
        assert {line["recipients"][0] for line in notifier.lines("other")} == {"boss"}


def test_the_watchdog(tmp_path: Path) -> None:
    with running(tmp_path, watchdog={"within": "1s"}) as notifier:
        told = notifier.until(1, "other", 10)
        assert told[0]["labels"]["alertname"] == "WatchdogMissing"
        notifier.post(alert("Watchdog"))
        assert notifier.until(2, "other")[1]["status"] == "resolved"
        assert notifier.metric("watchdogs_total") == 1
        assert not [line for line in notifier.lines() if line["labels"]["alertname"] == "Watchdog"]


def test_a_reload_is_whole_or_none(tmp_path: Path) -> None:
    with running(tmp_path) as notifier:
        assert notifier.process is not None
        notifier.write(routes=[{"targets": [{"channel": "nowhere"}]}])
        notifier.process.send_signal(signal.SIGHUP)
        wait(lambda: "was not taken over" in notifier.log)
        notifier.post(alert("First"))
        assert notifier.until(1)
        notifier.write(routes=[{"targets": [{"channel": "other"}]}], metrics="public")
        notifier.process.send_signal(signal.SIGHUP)
        wait(lambda: "reloaded" in notifier.log)
        notifier.post(alert("Second"))
        assert notifier.until(1, "other")[0]["labels"]["alertname"] == "Second"
        assert notifier.ask("GET", "/metrics", headers={}).status == 200


@pytest.mark.parametrize(("mode", "words"), [(0o644, "has the mode 0644"), (0o604, "has the mode 0604")])
def test_secrets_that_others_can_read(tmp_path: Path, mode: int, words: str) -> None:
    notifier = Running(tmp_path)
    notifier.write()
    (tmp_path / "token").chmod(mode)
    found = notifier.command("check")
    assert found.returncode == 1
    assert words in found.stderr
    assert TOKEN not in found.stderr


def test_credentials_of_systemd(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    notifier = Running(tmp_path, {"token_file": "credential:token"}, {"CREDENTIALS_DIRECTORY": str(folder)})
    notifier.write()
    shutil.move(str(tmp_path / "token"), str(folder / "token"))
    assert notifier.command("check").returncode == 0
    notifier.environment = {}
    assert "LoadCredential=token:FILE" in notifier.command("check").stderr


def test_a_second_notifier_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as notifier:
        second = notifier.command("run")
        assert second.returncode == 1
        assert "another notifier serves by the journal" in second.stderr
        notifier.post(alert())
        assert notifier.until(1)


def test_tls_and_the_service_manager(tmp_path: Path) -> None:
    context = make_certificates(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        with running(tmp_path, environment, tls={"cert": "host.crt", "key": "host.key"}) as notifier:
            assert manager.recv(4096).startswith(b"READY=1\nSTATUS=0 waiting")
            with context.wrap_socket(notifier.connect(), server_hostname="127.0.0.1") as link:
                assert notifier.ask("POST", "/alerts", webhook(alert()), link=link).status == 202
            assert notifier.until(1)
            assert manager.recv(4096).startswith(b"WATCHDOG=1\nSTATUS=")
        assert manager.recv(4096).startswith((b"WATCHDOG=1", b"STOPPING=1"))
