# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is decided: by the documents of tests/cases/component."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component import packages, spec, urls
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.naming import packages_for, version_matches
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.platform import Platform, decide_platform, parse_os_release
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.resolve import resolve, wanted_record
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.retire import resolve_absent
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.spec import Spec, parse_options, parse_spec
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.state import Folder, Observed, Record, Unpacked
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput, VigilError

CASES = Path(__file__).parents[2] / "cases" / "component"
RELEASE = "https://github.com/prometheus/node_exporter/releases/download/v{version}/node_exporter-{version}.{os}-{arch}.tar.gz"
COMMON = {
    "name": "node_exporter", "unit": "node_exporter", "user": "node_exporter", "config_dir": "/etc/node_exporter",
    "programs": ["node_exporter"],
    "directories": [{"path": "/var/lib/node_exporter", "owner": "node_exporter", "group": "node_exporter", "mode": "0750", "data": True}],
}
SPECS: dict[str, dict[str, Any]] = {
    "package": {**COMMON, "source": "package", "packages": {"debian": ["prometheus-node-exporter"]}},
    "archive": {
        **COMMON, "source": "archive", "version": "1.12.1",
        "archive": {"url": RELEASE, "checksums": {"amd64": "a" * 64, "arm64": "sha256:" + "B" * 64}},
    },
    "repository": {
        **COMMON, "source": "repository", "packages": ["node-exporter"],
        "repository": {
            "apt": {"url": "https://packages.example/{distribution}", "suites": ["{codename}"]},
            "yum": {"url": "https://packages.example/el{major}/$basearch"},
            "key": {"url": "https://packages.example/key", "fingerprints": ["0123 4567"]},
        },
    },
}


def load(name: str) -> list[Any]:
    """Return the cases of a document as parameters named by the case."""
    return [pytest.param(case, id=case["name"]) for case in yaml.safe_load((CASES / name).read_text(encoding="utf-8"))]


def expected(case: dict[str, Any], kind: type[Exception] = VigilError) -> AbstractContextManager[Any]:
    """Return what a case expects: its words of refusal, or none."""
    return pytest.raises(kind, match=case["error"]) if "error" in case else nullcontext()


def platform(name: str) -> Platform:
    """One platform of platforms.yml."""
    case = next(case for case in yaml.safe_load((CASES / "platforms.yml").read_text(encoding="utf-8")) if case["name"] == name)
    return decide_platform(case["os_release"], case["machine"])


def observed(case: dict[str, Any], wanted: Spec) -> Observed:
    """What a case observed: a converged host or a bare one, with the case's own findings laid over."""
    values: dict[str, Any] = _converged(wanted, case) if case.get("converged") else {}
    given = dict(case.get("observed") or {})
    record = given.pop("record", {})
    if record is None:
        values["record"] = None
    elif record:
        values["record"] = Record.from_dict({**(values["record"].as_dict() if values.get("record") else {}), **record})
    for key, value in given.items():
        values[key] = _shaped(key, value)
    return Observed(**values)


def _shaped(key: str, value: Any) -> Any:
    if key == "versions":
        return {name: Unpacked(**{**item, "sha256": item.get("sha256", "").replace("a", "a" * 64)}) for name, item in value.items()}
    if key == "directories":
        return {path: Folder(**item) for path, item in value.items()}
    if key == "others":
        return tuple(Record.from_dict(item) for item in value)
    return tuple(value) if isinstance(value, list) else value


def _converged(wanted: Spec, case: dict[str, Any]) -> dict[str, Any]:
    base = parse_spec(SPECS[case["base"]])
    found: dict[str, Any] = {
        "users": (base.user,), "groups": (base.group,),
        "directories": {item.path: Folder(item.owner, item.group, item.mode) for item in wanted.directories},
    }
    if base.source == "archive":
        found |= {
            "versions": {"1.12.1": Unpacked("a" * 64)}, "current": "1.12.1",
            "links": {"/usr/local/bin/node_exporter": "/opt/vigil/node_exporter/current/node_exporter"},
        }
    else:
        found |= {"packages": {"prometheus-node-exporter": "1.9.0-1+b4"}}
    names = () if base.source == "archive" else packages_for(base, platform("debian-13"))
    record = wanted_record(base, parse_options({}), platform("debian-13"), Observed(**found), names)
    return {**found, "record": Record.from_dict({**record.as_dict(), "made_users": [base.user], "made_groups": [base.group]})}


@pytest.mark.parametrize("case", load("platforms.yml"))
def test_platform(case: dict[str, Any]) -> None:
    text = "".join(f'{key}="{value}"\n' for key, value in case["os_release"].items())
    found = decide_platform(parse_os_release("# a comment\n" + text), case["machine"]).as_dict()
    assert {key: found[key] for key in case["is"]} == case["is"]


@pytest.mark.parametrize("case", load("matrix.yml"))
def test_matrix(case: dict[str, Any]) -> None:
    with expected(case):
        wanted = parse_spec(SPECS[case["source"]])
        plan = resolve(wanted, parse_options({"mirror_url": case.get("mirror", "")}), platform(case["platform"]), Observed())
        step = plan.steps[0]
        assert step.kind == case["step"]
        assert step.params.get("url") == case.get("url")
        assert step.params.get("names") == case.get("names")
        assert step.params.get("list_path") == case.get("list")
        assert set(case.get("lines", [])) <= set(step.params.get("text", "").splitlines())
        assert step.params.get("sha256", "") == case.get("sha256", "") * 64


@pytest.mark.parametrize("case", load("resolve.yml"))
def test_resolve(case: dict[str, Any]) -> None:
    with expected(case):
        wanted = parse_spec({**SPECS[case["base"]], **case.get("spec", {})})
        plan = resolve(wanted, parse_options(case.get("options", {})), platform("debian-13"), observed(case, wanted))
        assert [step.kind for step in plan.steps] == case["steps"]
        assert all(step.reason for step in plan.steps)
        assert _matches(case.get("reason", ""), [step.reason for step in plan.steps])
        named = [step.params["names"] for step in plan.steps if step.kind == "packages"]
        assert "names" not in case or named == [case["names"]]


@pytest.mark.parametrize("case", load("absent.yml"))
def test_absent(case: dict[str, Any]) -> None:
    wanted = parse_spec({**SPECS[case["base"]], **case.get("spec", {})})
    names = () if wanted.source == "archive" else packages_for(wanted, platform("debian-13"))
    steps, kept = resolve_absent(wanted, parse_options(case.get("options", {})), names, observed(case, wanted))
    assert [step.kind for step in steps] == case["steps"]
    what = [step.params.get("unit") or step.params.get("path") or step.params.get("name") for step in steps]
    assert "what" not in case or what[:-1] == case["what"]
    assert _matches(case.get("kept", ""), kept)


def _matches(words: str, sentences: list[str]) -> bool:
    return not words or any(re.search(words, sentence) for sentence in sentences)


@pytest.mark.parametrize("case", load("refused.yml"))
def test_refused(case: dict[str, Any]) -> None:
    with expected(case, InvalidInput):
        parse_spec({**SPECS["archive"], **case["spec"]})


@pytest.mark.parametrize("case", load("mirrors.yml"))
def test_mirror(case: dict[str, Any]) -> None:
    assert urls.through_mirror(case["url"], case["mirror"]) == case["is"]


@pytest.mark.parametrize("case", load("dpkg.yml"))
def test_dpkg(case: dict[str, Any]) -> None:
    assert packages.parse_dpkg(case["text"]) == case["is"]


@pytest.mark.parametrize("case", load("policy.yml"))
def test_policy(case: dict[str, Any]) -> None:
    assert packages.parse_policy(case["text"]) == case["is"]


def test_rpm() -> None:
    assert packages.parse_rpm("kibana\t8.17.0-1\npackage ghost is not installed\n") == {"kibana": "8.17.0-1"}


@pytest.mark.parametrize(("installed", "wanted", "fits"), [
    ("2.53.3+ds1-2", "2.53.3", True), ("2.53.3+ds1-2", "2.53.3+ds1-2", True), ("1:8.17.0-1", "8.17.0", True), ("1.9.0-1+b4", "1.9", False),
    ("1.9.0-1+b4", "", True), ("1.12.0-1", "1.12.0-2", False),
])
def test_version_of_a_package(installed: str, wanted: str, fits: bool) -> None:
    assert version_matches(installed, wanted) is fits


def test_the_most_specific_name_of_a_platform_counts() -> None:
    table = {"debian": ["d"], "debian-12": ["d12"], "ubuntu": ["u"], "redhat-9": ["r9"], "alma": ["a"], "rocky-10": []}
    wanted = parse_spec({**SPECS["package"], "packages": table})
    found = {name: packages_for(wanted, platform(name)) for name in ("debian-12", "debian-13", "ubuntu-24.04", "rhel-9")}
    assert found == {"debian-12": ("d12",), "debian-13": ("d",), "ubuntu-24.04": ("u",), "rhel-9": ("r9",)}
    with pytest.raises(VigilError, match="no package is known"):
        packages_for(wanted, platform("rocky-10"))


def test_an_unknown_placeholder_is_refused() -> None:
    with pytest.raises(InvalidInput, match="means nothing here"):
        urls.fill("https://x/{verzion}", {"version": "1"}, "archive.url")


def test_a_spec_of_the_wrong_state_is_refused() -> None:
    with pytest.raises(InvalidInput, match="keep is -1"):
        spec.parse_options({"keep": -1})
