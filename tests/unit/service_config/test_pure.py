# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts of service_config, by the documents of tests/cases/service_config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.files import HIDDEN, Mask, sha256, tokens
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput, VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.checks import Proof
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.decide import Change, decide_action, plan_files
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.diff import diff_of
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.metrics import Sample, samples
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.observe import Observed, Seen
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.payload import decode, encode
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.proof import verdict
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.spec import Spec, parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.systemd import UnitState, unit_state

CASES = Path(__file__).parents[2] / "cases" / "service_config"
UP = {"load": "loaded", "active": "active", "sub": "running", "file_state": "enabled", "main_pid": 5, "can_reload": True}


def load(name: str) -> list[Any]:
    """Return the cases of a document as parameters named by the case."""
    return [pytest.param(case, id=case["name"]) for case in yaml.safe_load((CASES / name).read_text(encoding="utf-8"))]


@pytest.mark.parametrize("case", load("action.yml"))
def test_action(case: dict[str, Any]) -> None:
    unit = None if case.get("no_unit") else UnitState(**{**UP, **case.get("unit", {})})
    spec = Spec("x", unit="x.service" if unit else None, unit_state=case.get("unit_state", "started"), enabled=case.get("enabled", True))
    seen = Observed({}, None, unit, running=case.get("running"), wanted=case.get("wanted"))
    changes = [Change(item.get("kind", "change"), item["path"], "it differs", item["on_change"]) for item in case["changes"]]
    decision = decide_action(spec, seen, changes)
    assert (decision.action, decision.enable) == (case["action"], case.get("enable"))
    assert case.get("reason", "") in decision.reason


def plan_of(case: dict[str, Any]) -> Any:
    """Decide on the files of a case."""
    items = [{**item, "content": item["content"].encode()} for item in case["files"]]
    spec = parse({"name": "x", "unit": "x.service", "files": items, "hand_edits": case.get("hand_edits", "replace")})
    owned = {path: {"sha256": sha256(text.encode()), "on_change": "reload"} for path, text in case.get("owned", {}).items()}
    there = {
        path: Seen(item.get("kind", "file"), item.get("content", "").encode(), 0o644, item.get("uid", 0), 0)
        for path, item in case.get("seen", {}).items()
    }
    paths = {item["dest"] for item in items} | set(owned)
    manifest = {"files": owned, "folders": [], "unit": None} if owned else None
    seen = Observed({**{path: Seen() for path in paths}, **there}, manifest, uids={"root": 0}, gids={"root": 0},
                    purgeable=tuple(case.get("purgeable", ())))
    return plan_files(spec, seen)


@pytest.mark.parametrize("case", load("files.yml"))
def test_files(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(VigilError, match=case["error"]):
            plan_of(case)
        return
    plan, expect = plan_of(case), case["expect"]
    found = {kind: plan.paths(kind) for kind in ("add", "change", "attributes", "remove") if plan.paths(kind)}
    found.update({key: list(getattr(plan, key)) for key in ("hand_edited", "kept") if getattr(plan, key)})
    assert found == {key: value for key, value in expect.items() if key != "reason"}
    assert expect.get("reason") in (None, *(change.reason for change in plan.changes))


@pytest.mark.parametrize("case", load("spec.yml"))
def test_refused(case: dict[str, Any]) -> None:
    file = {"dest": "/etc/a", "content": "x", **case.get("file", {})}
    data = {"name": "x", "unit": "x.service", "files": [file], **case.get("options", {})}
    for item in data["files"]:
        item["content"] = item["content"].encode() if isinstance(item["content"], str) else item["content"]
    with pytest.raises(InvalidInput) as refused:
        parse(data)
    assert case["error"] in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_defaults_of_a_file() -> None:
    drop_in = {"dest": "/etc/systemd/system/x.service.d/v.conf", "content": b""}
    data = {"name": "x", "files": [drop_in, {"dest": "/etc/x", "content": b"", "secret": True}]}
    unit, secret = parse(data).files
    assert (unit.mode, unit.on_change, secret.mode, secret.on_change) == (0o644, "restart", 0o640, "reload")


@pytest.mark.parametrize("case", load("metrics.yml"))
def test_metrics(case: dict[str, Any]) -> None:
    assert [item.value for item in samples(case["page"], case["metric"], case.get("labels"))] == case["values"]


@pytest.mark.parametrize("case", load("proof.yml"))
def test_proof(case: dict[str, Any]) -> None:
    found, earlier = ([Sample("m", value) for value in case.get(key, [])] for key in ("found", "earlier"))
    judged = verdict(Proof("http://x/metrics", "m", **case["proof"]), found, case.get("swapped", 1000.5), earlier)
    assert judged.holds == case["holds"]
    assert case.get("words", "") in judged.words


@pytest.mark.parametrize("case", load("units.yml"))
def test_unit_state(case: dict[str, Any]) -> None:
    unit = unit_state(case["text"])
    assert (unit.is_up, unit.words) == (case["is_up"], case["words"])
    assert unit.is_starting == case.get("is_starting", False)


def test_a_payload_comes_out_as_it_went_in() -> None:
    data = {"name": "ä", "files": [{"dest": "/etc/a", "content": bytes(range(256))}]}
    assert decode(encode(data)) == data
    with pytest.raises(InvalidInput, match="made by the action plugin"):
        decode("not one")


def test_secrets_are_masked_whole_and_by_line() -> None:
    mask = Mask(["hunter2", "-----BEGIN KEY-----\nMIIBVQIBADANBg\n"])
    assert mask("password hunter2, key MIIBVQIBADANBg.") == f"password {HIDDEN}, key {HIDDEN}."
    assert mask("nothing") == "nothing"


def test_words_of_a_secret_file() -> None:
    assert tokens(b"basic_auth_users:\n  admin: $2y$10$abcdefghijkl\n") == {"$2y$10$abcdefghijkl"}


def test_a_secret_file_never_shows() -> None:
    old = Seen("file", b"password: one", 0o640, 0, 0)
    item = parse({"name": "x", "files": [{"dest": "/etc/a", "content": b"password: two", "secret": True}]}).files[0]
    shown = diff_of((Change("change", "/etc/a", "", "none", item, old, True),), Observed({}, None), ("/etc/a",), Mask([]))
    assert (shown[0]["before"], shown[0]["after"]) == ("secret, 13 bytes\n", "secret, 13 bytes, changed\n")
    assert "edited by hand" in shown[0]["before_header"]
    assert "one" not in str(shown)
    assert "two" not in str(shown)
