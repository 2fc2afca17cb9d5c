# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a folder: real files, and a unit that is a small model of one which loads its file when it starts or reloads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.host import Host, Places
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.spec import Spec, parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import Answer, Client, Ran, System

DOWN = {"load": "loaded", "active": "inactive", "sub": "dead", "file": "disabled", "pid": 0, "running": "",
        "good": 1, "loaded": 0.0, "restarts": 0}


class FakeSystem(System):
    """Systemd and the unit's HTTP, kept in files so that they outlive a killed run. Time passes only in ``sleep``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "etc/app/app.conf"
        if not (root / "unit.json").exists():
            self.save(DOWN)

    def load(self) -> dict[str, Any]:
        """The unit's state."""
        return dict(json.loads((self.root / "unit.json").read_text()))

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep the unit's state."""
        (self.root / "unit.json").write_text(json.dumps(dict(state)))

    def calls(self) -> list[str]:
        """What systemctl was asked to do, in order, but for questions."""
        log = self.root / "calls"
        return log.read_text().splitlines() if log.exists() else []

    def now(self) -> float:
        clock = self.root / "clock"
        return float(clock.read_text()) if clock.exists() else 1000.0

    def monotonic(self) -> float:
        return self.now()

    def sleep(self, seconds: float) -> None:
        (self.root / "clock").write_text(str(self.now() + seconds))
        state = self.load()
        if "die later" in state["running"] and state["active"] == "active":
            self.save({**state, "active": "failed", "sub": "failed", "pid": 0})

    def run(self, argv: Sequence[str], timeout: float = 60.0, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Ran:
        if argv[0] == "journalctl":
            return Ran(tuple(argv), 0, "the words of the unit, password hunter2hunter2\n")
        if argv[0] != "systemctl":
            return super().run(argv, timeout, stdin, env)
        if argv[1] == "show":
            return Ran(tuple(argv), 0, self._show())
        with open(self.root / "calls", "a") as log:
            log.write(" ".join(argv[1:]) + "\n")
        return self._act(argv)

    def http(self, url: str, client: Client | None = None, timeout: float = 10.0, headers: Mapping[str, str] | None = None,
             limit: int = 1 << 24, method: str = "GET") -> Answer:
        state = self.load()
        if state["active"] != "active":
            return Answer(url, None, error="connection refused")
        if url.endswith("/metrics"):
            return Answer(url, 200, f"good {state['good']}\nloaded {state['loaded']}\n".encode())
        return Answer(url, 503 if "never ready" in state["running"] else 200)

    def _show(self) -> str:
        state = self.load()
        return (f"LoadState={state['load']}\nActiveState={state['active']}\nSubState={state['sub']}\nUnitFileState={state['file']}\n"
                f"MainPID={state['pid']}\nNRestarts={state['restarts']}\nResult=success\nCanReload=yes\n")

    def _act(self, argv: Sequence[str]) -> Ran:
        state, verb = self.load(), argv[1]
        content = self.config.read_text() if self.config.exists() else "no file, die"
        if verb == "stop":
            state.update(active="inactive", sub="dead", pid=0)
        elif verb in ("start", "restart") or (verb == "reload-or-restart" and state["active"] != "active"):
            dies = "die now" in content or "no file" in content
            state.update(active="failed" if dies else "active", sub="failed" if dies else "running", pid=state["pid"] + 1, running=content,
                         good=1, loaded=self.now())
        elif verb in ("reload", "reload-or-restart"):
            state.update({"good": 0} if "refuse" in content else {"good": 1, "running": content, "loaded": self.now()})
        elif verb in ("enable", "disable"):
            state["file"] = verb + "d"
        self.save(state)
        return Ran(tuple(argv), 0)


def host(root: Path) -> Host:
    """A host whose own folders lie below ``root``."""
    places = Places(state=str(root / "state"), locks=str(root / "locks"), units=str(root / "units"), proc=str(root / "proc"))
    return Host(FakeSystem(root), places)


def spec(root: Path, **files: str) -> Spec:
    """A set of app.conf and others below etc/app; a keyword is the name of a file less its .conf."""
    return spec_with(root, {}, **files)


def spec_with(root: Path, options: Mapping[str, Any], **files: str) -> Spec:
    """The same with more options."""
    import grp
    import os
    import pwd

    owner, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    items = [{"dest": str(root / f"etc/app/{name}.conf"), "content": text.encode(), "owner": owner, "group": group}
             for name, text in files.items()]
    proof = [{"metric": "good", "value": 1}, {"metric": "loaded", "moved": True}]
    ready = {"url": "http://localhost:1/ready", "timeout": 10}
    data = {"name": "app", "unit": "app.service", "files": items, "ready": ready, "proof": proof, "stable_for": 3}
    return parse({**data, **options}, units=str(root / "units"))


def files(root: Path) -> dict[str, str]:
    """Every file below etc, by its path there."""
    return {str(path.relative_to(root / "etc")): path.read_text() for path in sorted(root.glob("etc/**/*")) if path.is_file()}
