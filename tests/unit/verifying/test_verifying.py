# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With vigil_verify a difference is a failure that shows it."""

from __future__ import annotations

from typing import Any

from ansible_collections.vigil.monitoring.plugins.plugin_utils.verifying import judge

CHANGED: dict[str, Any] = {
    "changed": True, "reason": "a.yml changed", "files": {"changed": ["/etc/a.yml"]},
    "diff": [{"before_header": "/a", "after_header": "/a", "before": "x: 1\n", "after": "x: 2\n"}, {"prepared": "packages"}],
}


def test_a_difference_fails_and_is_shown() -> None:
    result = judge(CHANGED, True, "The set a")
    assert (result["failed"], result["changed"]) == (True, False)
    assert result["msg"].startswith("The set a differs from what the inventory asks for: a.yml changed. Files: /etc/a.yml.")
    assert "-x: 1\n+x: 2" in result["msg"]


def test_a_component_tells_its_steps() -> None:
    plan = [{"kind": "packages", "reason": "shop is not installed"}]
    result = judge({"changed": True, "component": {"plan": plan}}, True, "The service shop")
    assert "shop is not installed" in result["msg"]


def test_no_difference_another_failure_and_an_ordinary_run_stay_as_they_are() -> None:
    for result, verifying in (({"changed": False}, True), ({"changed": True, "failed": True, "msg": "m"}, True), (CHANGED, False)):
        assert judge(result, verifying, "x") == result
