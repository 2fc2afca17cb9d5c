# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the notifier decides: by the documents of tests/cases/notifier, and by properties over what chance makes up."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent.cost import Cost
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier import (
    acks,
    alerts,
    metrics,
    pace,
    plan,
    readers,
    render,
    routing,
)
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.channel import Outcome
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.channels import CHANNELS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.config import Config, parse_config
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.model import Alert, Quiet, Rate, Retry, Rung, Target, Watchdog
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.state import View
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.upkeep import Waiting
from hypothesis import given
from hypothesis import strategies as st

CASES = Path(__file__).resolve().parents[2] / "cases" / "notifier"
STARTS = "2025-01-31T12:00:00Z"
RETRY = Retry(2, 300, 3600)


def load(name: str, part: str = "") -> list[Any]:
    document = yaml.safe_load((CASES / f"{name}.yml").read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["name"]) for case in (document[part] if part else document)]


def epoch(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def make_alert(labels: dict[str, str], status: str = "firing", annotations: dict[str, str] | None = None) -> Alert:
    return Alert("f", status, STARTS, "r", labels, annotations or {})


def config(**options: Any) -> Config:
    document = yaml.safe_load((CASES / "routing.yml").read_text(encoding="utf-8"))
    routes = readers.READERS["routes"](document["routes"], "routes", readers.Place("/", {}, {}))
    night = Quiet("night", ("warning", "info"), 22 * 60, 7 * 60, (0, 1, 2, 3, 5, 6))
    rungs = (Rung(0, Target("sms", ("+3",))), Rung(600, Target("call", ("+4",))))
    return Config("/j", "/t", {}, routes, quiet={"night": night}, escalations={"oncall": rungs}, group_wait=0.0, **options)


@pytest.mark.parametrize("case", load("routing", "cases"))
def test_routes(case: dict[str, Any]) -> None:
    now = epoch(case.get("at", "2025-01-29T12:00:00Z"))
    found = plan.plan(make_alert(case["labels"]), config(), now)
    asks = [ask for ask in found.asks if ask.recipient != "+3"]
    assert [f"{ask.channel}:{ask.recipient}/{ask.language}" for ask in asks] == case["to"]
    assert {ask.due for ask in asks} == {epoch(case["hold"]) if "hold" in case else now}
    assert found.reason == case["reason"]
    assert [climb.escalation for climb in found.climbs] == case.get("climbs", [])


def test_an_escalation_begins_with_the_steps_that_are_due() -> None:
    found = plan.plan(make_alert({"team": "db", "severity": "critical"}), config(), 1000.0)
    assert [ask.recipient for ask in found.asks] == ["+1", "+2", "+3"]
    assert (found.climbs[0].told, found.climbs[0].next) == (1, 1600.0)


def test_who_hears_of_an_end_is_known_by_the_journal() -> None:
    found = plan.plan(make_alert({"team": "db", "severity": "critical"}, "resolved"), config(), 1000.0)
    assert not found.asks
    assert not found.climbs


@pytest.mark.parametrize(("told", "now", "due", "following"), [
    (0, 100, [0], 110), (1, 100, [], 110), (1, 110, [1], 130), (1, 200, [1, 2], 0.0), (3, 200, [], 0.0)])
def test_steps_of_an_escalation(told: int, now: float, due: list[int], following: float) -> None:
    rungs = [Rung(after, Target("c")) for after in (0, 10, 30)]
    assert routing.due_rungs(rungs, 100, told, now) == (due, following)


@pytest.mark.parametrize("case", load("pace", "moves"))
def test_moves(case: dict[str, Any]) -> None:
    notices = [pace.Notice(item[0], item[1], item[4] if len(item) > 4 else "firing", item[2], item[3], item[5] if len(item) > 5 else "")
               for item in case.get("notices", [])]
    move = pace.next_move(notices, [pace.Parcel(*item) for item in case.get("parcels", [])], case["left"], case.get("opens", 0), 100.0)
    kind, ids, more = case["is"]
    assert (move.kind, list(move.ids), move.until if kind == "wait" else move.status) == (kind, ids, more)
    assert move.reason


@pytest.mark.parametrize("case", load("pace", "rooms"))
def test_rooms(case: dict[str, Any]) -> None:
    assert list(pace.room(case["sent"], Rate(case["count"], case["per"]), 100.0)) == case["is"]


@pytest.mark.parametrize("case", load("pace", "settled"))
def test_settled(case: dict[str, Any]) -> None:
    outcome = Outcome(case["outcome"], "its words", case.get("after"))
    settled = pace.settle(outcome, case["tries"], case["deadline"], RETRY, 100.0, case.get("chance", 1.0))
    assert [settled.state, settled.due] == case["is"]
    assert case.get("words", "its words") in settled.reason
    assert "its words" in settled.reason


@given(st.integers(1, 10_000), st.floats(0.01, 1e3), st.floats(1, 1e3), st.floats(0, 1))
def test_bounds_of_the_wait(tries: int, first: float, factor: float, chance: float) -> None:
    retry = Retry(first, first * factor, 1e9)
    wait = pace.delay(tries, retry, chance)
    assert first / 2 <= wait <= retry.most
    assert pace.delay(tries + 1, retry, chance) >= wait


@given(st.lists(st.floats(0, 1000), max_size=60), st.integers(1, 5), st.floats(1, 100))
def test_no_window_holds_more_than_the_rate_allows(wishes: list[float], count: int, per: float) -> None:
    sent: list[float] = []
    for wish in sorted(wishes):
        left, opens = pace.room(sent, Rate(count, per), wish)
        if left:
            sent.append(wish)
        else:
            assert pace.room(sent, Rate(count, per), opens)[0] > 0
            assert opens > wish
    for at in sent:
        assert sum(other <= at < other + per for other in sent) <= count


@pytest.mark.parametrize("case", load("webhook"))
def test_webhooks(case: dict[str, Any]) -> None:
    if "words" in case:
        with pytest.raises(InvalidInput, match=case["words"]):
            alerts.parse_webhook(case["body"].encode())
        return
    found = alerts.parse_webhook(case["body"].encode())
    assert len(found) == len(case["alerts"])
    for alert, wanted in zip(found, case["alerts"]):
        for name, value in wanted.items():
            assert (getattr(alert, name) == value) or name == "fingerprint"


def test_ten_thousand_labels_are_cut_and_the_important_stay() -> None:
    labels = {**{f"l{number}": "x" * 5000 for number in range(10_000)}, "severity": "critical", "alertname": "A"}
    body = json.dumps({"alerts": [{"status": "firing", "labels": labels, "startsAt": STARTS}]}).encode()
    alert = alerts.parse_webhook(body)[0]
    assert len(alert.labels) == alerts.MOST_LABELS + 1
    assert (alert.name, alert.severity, alert.labels["vigil_left_out"]) == ("A", "critical", "9938")
    assert max(map(len, alert.labels.values())) == alerts.LONGEST_LABEL


def test_a_body_of_brackets_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not JSON"):
        alerts.parse_webhook(b"[" * 1_000_000)


@given(st.dictionaries(st.text(max_size=20), st.one_of(st.text(max_size=50), st.integers(), st.none()), max_size=8), st.text(max_size=200),
       st.sampled_from(["firing", "digest", "resolved"]), st.sampled_from(["en", "zh"]))
def test_whatever_is_in_an_alert_the_message_is_clean(labels: dict[str, Any], words: str, status: str, language: str) -> None:
    hostile = {**labels, "alertname": f"{words}<script>{{{{7*7}}}}{{0}}%s\r\nBcc: a@b"}
    given = {"status": "firing", "labels": hostile, "annotations": {"summary": words, "description": words + "<img src=x onerror=y>\x00"},
             "startsAt": STARTS}
    alert = alerts.parse_webhook(json.dumps({"alerts": [given]}).encode())[0]
    made = render.message(render.Letter("id", status, language, [alert, alert]))
    assert not any(ord(character) < 32 for character in made.title)
    assert "\r" not in made.text and "\x00" not in made.text
    assert "<script" not in made.html and "<img" not in made.html
    assert "{{7*7}}{0}%s" in made.title or len(words) > 50, "nothing is computed"
    made.text.encode()
    made.html.encode()


def test_a_message_of_one() -> None:
    labels = {"alertname": "Down", "severity": "critical", "instance": "web1"}
    words = {"summary": "web1 is down", "summary_zh": "web1 宕机", "runbook_url": "https://r/x?a=1&b=2"}
    made = render.message(render.Letter("id", "firing", "zh", [make_alert(labels, annotations=words)], ack="https://m/ack/1", at=5.0))
    assert made.title == "[告警] web1 宕机"
    assert made.text.splitlines() == ["web1 宕机", "级别: critical", f"开始时间: {STARTS}", "标签: instance=web1", "处理手册: https://r/x?a=1&b=2",
                                      "", "确认（停止升级通知）: https://m/ack/1"]
    assert (made.url, made.count, made.severity, made.at) == ("https://m/ack/1", 1, "critical", 5.0)
    assert '<a href="https://r/x?a=1&amp;b=2">' in made.html


def test_a_digest_counts_what_it_does_not_list() -> None:
    many = [make_alert({"alertname": f"A{number % 2}", "severity": "info"}) for number in range(57)]
    made = render.message(render.Letter("id", "digest", "en", [*many, make_alert({"alertname": "B", "severity": "critical"})]))
    assert made.title == "[DIGEST] 58 alerts: A0 29, A1 28, B 1"
    assert made.text.splitlines()[0] == "FIRING critical: B"
    assert made.text.splitlines()[-1] == "38 more"
    assert (made.severity, made.count) == ("critical", 58)


def test_no_link_runs_a_script() -> None:
    made = render.message(render.Letter("id", "firing", "en", [make_alert({}, annotations={"runbook_url": "javascript:alert(1)"})]))
    assert "javascript" not in made.html + made.text


KEY = b"k" * 32


@pytest.mark.parametrize(("token", "now", "is_"), [
    (acks.sign(KEY, 42, 1000), 1000, (42, "")), (acks.sign(KEY, 42, 1000), 1001, (0, "too old")),
    (acks.sign(b"x" * 32, 42, 1000), 1, (0, "not one of ours")),
    (acks.sign(KEY, 42, 1000).replace("42", "43", 1), 1, (0, "not one of ours")),
    (acks.sign(KEY, 42, 1000).replace("1000", "9000"), 1, (0, "not one of ours")), ("", 1, (0, "not one of ours")),
    ("..", 1, (0, "not one of ours")), ("42.1000." + "é" * 40, 1, (0, "not one of ours")), ("\ud800", 1, (0, "not one of ours"))])
def test_links_that_acknowledge(token: str, now: float, is_: tuple[int, str]) -> None:
    number, words = acks.verify(KEY, token, now)
    assert number == is_[0]
    assert is_[1] in words


@pytest.mark.parametrize(("last", "now", "missing", "turn"), [
    (0, 1290, False, ""), (0, 1301, False, "missing"), (0, 1301, True, ""), (1200, 1500, False, ""), (1200, 1501, False, "missing"),
    (1500, 1501, True, "back"), (1500, 1501, False, "")])
def test_the_watchdog(last: float, now: float, missing: bool, turn: str) -> None:
    assert plan.watch(last, 1000, 300, now, missing) == turn


def test_the_watchdog_goes_nowhere() -> None:
    made = plan.plan(make_alert({"alertname": "Watchdog"}), config(watchdog=Watchdog({"alertname": "Watchdog"}, 300)), 1.0)
    assert made.watchdog and not made.asks


GOOD: dict[str, Any] = {
    "journal": "/var/lib/vigil-notifier/journal.db", "token_file": "token",
    "channels": {
        "hook": {"kind": "webhook", "settings": {"url_file": "url"}},
        "sms": {"kind": "twilio", "settings": {"account_sid": "AC" + 32 * "0", "auth_token_file": "token", "from": "+15005550006"}},
    },
    "routes": [{"targets": [{"channel": "hook"}]}], "alarm": [{"channel": "hook"}],
}


@pytest.mark.parametrize("case", load("config"))
def test_configurations(case: dict[str, Any]) -> None:
    channels = {**GOOD["channels"], **case.get("channels", {})}
    given = case.get("whole", {**GOOD, "channels": channels, **case.get("set", {})})
    place = readers.Place("/etc/vigil", case.get("environment", {}), CHANNELS)
    if "words" in case:
        with pytest.raises(InvalidInput, match=case["words"]):
            parse_config(given, place)
        return
    read = parse_config(given, place)
    assert read.token_file == "/etc/vigil/token"
    assert read.channels["hook"].settings["url_file"] == "/etc/vigil/url"


def test_the_document_tells_the_truth() -> None:
    text = (CASES.parents[2] / "docs" / "notifier.md").read_text(encoding="utf-8")
    example = json.loads(text.split("```json\n")[1].split("```")[0])
    read = parse_config(example, readers.Place("/etc/vigil", {"CREDENTIALS_DIRECTORY": "/run/c"}, CHANNELS))
    assert read.channels["sms"].settings["auth_token_file"] == "/run/c/twilio"
    for name in readers.READERS:
        assert f"`{name}`" in text
    lines = metrics.page(metrics.Intake(), View(waiting={"mail": Waiting()}), Cost()).decode().splitlines()
    for name in {line.split()[2] for line in lines if line.startswith("# TYPE")}:
        assert f"`{name.replace('vigil_notifier_', '')}`" in text, name
