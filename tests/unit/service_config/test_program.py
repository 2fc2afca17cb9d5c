# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new version that does not prove itself: the link is turned back to the version that ran."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.engine import run
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.host import Host
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.program import VersionLink, version_link
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import Ran

from tests.unit.service_config.fake import FakeSystem, files, host, spec, spec_with


class Versions(FakeSystem):
    """Version 2 of the program dies as soon as it is started."""

    def _act(self, argv: Sequence[str]) -> Ran:
        done = super()._act(argv)
        if argv[1] in ("start", "restart") and os.readlink(self.root / "opt/app/current") == "2":
            self.save({**self.load(), "active": "failed", "sub": "failed", "pid": 0})
        return done


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host whose unit runs version 1, while component has made version 2 the current one."""
    for version in ("1", "2"):
        (tmp_path / "opt/app" / version).mkdir(parents=True)
        (tmp_path / "opt/app" / version / "app").touch()
    (tmp_path / "opt/app/current").symlink_to("1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/app").symlink_to(tmp_path / "opt/app/current/app")
    run(spec(tmp_path, app="old"), host(tmp_path))
    process = tmp_path / "proc" / str(FakeSystem(tmp_path).load()["pid"])
    process.mkdir(parents=True)
    (process / "exe").symlink_to(tmp_path / "opt/app/1/app")
    (tmp_path / "opt/app/current").unlink()
    (tmp_path / "opt/app/current").symlink_to("2")
    return tmp_path


def failing(root: Path) -> Host:
    return replace(host(root), system=Versions(root))


@pytest.mark.parametrize("content", ["old", "new"])
def test_the_old_version_runs_again(root: Path, content: str) -> None:
    whole = spec_with(root, {"program": str(root / "bin/app")}, app=content)
    with pytest.raises(VigilError, match="its program turned back to the version that ran, 1") as failed:
        run(whole, failing(root))
    assert failed.value.details["rolled_back"] is True
    assert os.readlink(root / "opt/app/current") == "1"
    assert FakeSystem(root).load()["active"] == "active"
    assert files(root) == {"app/app.conf": "old"}


def test_a_set_that_is_refused_turns_it_back_too(root: Path) -> None:
    options: dict[str, Any] = {"program": str(root / "bin/app"), "validate": [{"argv": ["false"]}]}
    with pytest.raises(VigilError, match="turned back to the version that runs, 1"):
        run(spec_with(root, options, app="new"), failing(root))
    assert os.readlink(root / "opt/app/current") == "1"


def test_a_version_that_proves_itself_stays(root: Path) -> None:
    result = run(spec_with(root, {"program": str(root / "bin/app")}, app="old"), host(root))
    assert (result["changed"], result["action"]) == (True, "restart")
    assert os.readlink(root / "opt/app/current") == "2"


def test_check_mode_turns_nothing(root: Path) -> None:
    run(spec_with(root, {"program": str(root / "bin/app")}, app="new"), host(root), check=True)
    assert os.readlink(root / "opt/app/current") == "2"


def test_no_link_no_turn(root: Path) -> None:
    program, one, two = str(root / "bin/app"), str(root / "opt/app/1/app"), str(root / "opt/app/2/app")
    assert version_link(program, one) == VersionLink(str(root / "opt/app/current"), "1")
    assert version_link(program, two) is None
    assert version_link(program, f"{one} (deleted)") is None
    assert version_link("/usr/bin/env", one) is None
    assert version_link(None, one) is None
    assert version_link(program, None) is None
