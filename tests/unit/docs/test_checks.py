# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of the kinds of check; and the kind that docs/adding-a-kind.md shows is one."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.module_utils.vigil.health.kind import Kind, Look, Option, Package
from plugins.module_utils.vigil.health.look import conclude, look_at
from plugins.module_utils.vigil.health.model import Finding, Limits, Observation
from plugins.module_utils.vigil.health.spec import parse
from plugins.module_utils.vigil.health.thresholds import demand, judge
from plugins.module_utils.vigil.model import InvalidInput
from plugins.module_utils.vigil.system import System
from tools.docs import checks
from tools.docs.__main__ import differing, pages, write_pages

ROOT = Path(__file__).resolve().parents[3]


def decide(options: Mapping[str, Any], values: Mapping[str, Any]) -> list[Finding]:
    slow = judge("latency", values["latency"], options["latency"], "s", advice="top | head")
    return [slow, demand("answer", True, "x", "x", "it answers")]


KIND = Kind(
    "echo", "Asks. And listens.", (
        Option("host", "str", "Where a|b.", required=True), Option("password", "str", "The word.", secret=True),
        Option("latency", "limits", "The time.", unit="s", default=Limits(0.2, 1.5)),
        Option("room", "limits", "Left.", unit="%", worse="below"),
        Option("wait", "duration", "Wait.", default=90.0), Option("most", "size", "Read <this>.", default=65536),
        Option("mode", "str", "How.", default="a", choices=("a", "b"))),
    lambda options, look: Observation({}), decide, "- name: echo\n  kind: echo\n  host: db1\n",
    packages=(Package("echo3", "python3-echo3", "python3-echo"), Package("echo2", "")), capabilities=("CAP_NET_RAW",), groups=("docker",))
SLOW = {"host": "db1", "password": "x7y", "latency": {"fail": "1s"}}
CASES = [{"name": "quick", "state": "pass", "options": {"host": "db1"}, "values": {"latency": 0.1}},
         {"name": "slow", "state": "fail", "options": SLOW, "values": {"latency": 2.0}}]


def test_rows() -> None:
    rows = [checks.row(option) for option in KIND.options]
    assert rows == [
        "| `host` | str |  | Where a\\|b. **Required.** |", "| `password` | str |  | The word. A secret: it is in no result. |",
        "| `latency` | limits (s) | warn at 200 ms, fail at 1.5 s | The time. Worse the greater. |",
        "| `room` | limits (%) |  | Left. Worse the smaller. |", "| `wait` | duration | 90 s | Wait. |",
        "| `most` | size | 64 KiB | Read &lt;this>. |", "| `mode` | str | `a` | How. One of `a`, `b`. |"]


def test_needs() -> None:
    assert checks.needs(KIND) == [
        "- The Python library `echo3`: `python3-echo3` (Debian), `python3-echo` (Red Hat) or "
        "`echo2`: by pip, for distributions have no package of it.",
        "- The capabilities `CAP_NET_RAW`, or root, to see everything.", "- To be in the group `docker`, or root."]


def test_page() -> None:
    page = checks.page(KIND, CASES)
    assert "```yaml\nvigil_checks:\n  - name: echo\n    kind: echo\n    host: db1\n```" in page
    assert "```yaml\n- name: echo\n  kind: echo\n  host: db1\n  password: '...'\n  latency: {fail: 1s}\n```" in page
    assert "| sentence | latency is 2 s, which fails at 1 s |\n| observed | 2 s |\n| expected | below 1 s |\n" in page
    assert "| what to do | top \\| head |\n" in page
    assert "x7y" not in page
    assert checks._LIMITS in page
    assert "When it fails" not in checks.page(KIND, [])


def test_index() -> None:
    assert checks.index([KIND]).splitlines()[-1] == "| [`echo`](echo.md) | Asks. |"


def test_what_a_person_wrote_around_the_blocks_stays() -> None:
    text = "Words.\n<!-- begin kinds: written by `make docs` -->\nold\n<!-- end kinds -->\nMore.\n"
    assert checks.filled(text, {"kinds": "new"}) == text.replace("old", "new")
    with pytest.raises(ValueError, match="begin common"):
        checks.filled(text, {"common": "new"})


def test_pages_are_written_and_that_of_a_kind_which_is_gone_goes(tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "checks"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text((ROOT / "docs" / "checks" / "README.md").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "gone.md").write_text("# gone\n", encoding="utf-8")
    assert {"gone.md", "tcp.md", "load.md"} <= {path.name for path in differing(pages(tmp_path))}
    write_pages(differing(pages(tmp_path)))
    assert (folder / "tcp.md").is_file() and not (folder / "gone.md").exists()
    assert not differing(pages(tmp_path))


GUIDE = (ROOT / "docs" / "adding-a-kind.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def uptime() -> Kind:
    """The kind that the guide shows, loaded as if it stood in the folder of kinds."""
    source = re.search(r"```python\n(.*?)```", GUIDE, re.S)
    assert source
    module = types.ModuleType("plugins.module_utils.vigil.health.kinds.uptime")
    module.__package__ = "plugins.module_utils.vigil.health.kinds"
    exec(compile(source[1], "docs/adding-a-kind.md", "exec"), module.__dict__)
    kind: Kind = module.KIND
    return kind


def test_the_cases_of_the_guide(uptime: Kind) -> None:
    document = re.search(r"```yaml\n(.*?)```", GUIDE, re.S)
    assert document
    cases = yaml.safe_load(document[1])
    assert {"pass", "warn", "fail", None} == {case.get("state") for case in cases}
    for case in cases:
        entry = {"name": "uptime", "kind": "uptime", **case.get("options", {})}
        if "refused" in case:
            with pytest.raises(InvalidInput, match=re.escape(case["refused"])):
                parse([entry], {"uptime": uptime})
            continue
        check = parse([entry], {"uptime": uptime})[0]
        result = conclude(check, uptime.decide(check.options, case["values"]), case["values"])
        told = {"state": result.state, "observed": result.observed, "unit": result.unit}
        assert told == {**told, **{name: case[name] for name in told if name in case}}, case["name"]
        for name in ("summary", "expected", "advice"):
            assert str(case.get(name, "")) in str(getattr(result, name)), case["name"]


def test_the_kind_of_the_guide_looks_at_this_machine(uptime: Kind) -> None:
    check = parse([{**yaml.safe_load(uptime.example)[0], "up": {"fail": "0s"}}], {"uptime": uptime})[0]
    result, _memory = look_at(check, uptime, Look(System(), 1.0))
    assert (result.state, result.summary.startswith("time since the start is ")) == ("pass", True), result


def test_the_kind_of_the_guide_cannot_tell_without_proc(uptime: Kind) -> None:
    class Bare(System):
        def read(self, path: str) -> bytes | None:
            return None

    check = parse(yaml.safe_load(uptime.example), {"uptime": uptime})[0]
    assert look_at(check, uptime, Look(Bare(), 1.0))[0].state == "unknown"
