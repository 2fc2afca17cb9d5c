# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``systemctl show`` says about a unit, as a value. Pure: text in, value out."""

from __future__ import annotations

from dataclasses import dataclass

PROPERTIES = (
    "LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID", "NRestarts", "Result", "ExecMainCode",
    "ExecMainStatus", "CanReload", "NeedDaemonReload",
)

# waitid's si_code, as systemd shows it in ExecMainCode
_CODES = {"1": "exit status", "2": "signal", "3": "signal (core dumped)"}


@dataclass(frozen=True)
class UnitState:
    """A unit at one moment. ``main_pid`` is 0 where there is no process, ``file_state`` empty where there is no file."""

    load: str = ""
    active: str = ""
    sub: str = ""
    file_state: str = ""
    main_pid: int = 0
    restarts: int = 0
    result: str = ""
    code: str = ""
    status: str = ""
    can_reload: bool = False
    need_daemon_reload: bool = False

    @property
    def is_up(self) -> bool:
        """True while the unit runs, also in the middle of a reload."""
        return self.active in ("active", "reloading", "refreshing")

    @property
    def is_starting(self) -> bool:
        """True while a start is under way; a unit that waits for its automatic restart has died, it does not start."""
        return self.active == "activating" and self.sub not in ("auto-restart", "auto-restart-queued")

    @property
    def is_there(self) -> bool:
        """True where systemd has the unit loaded."""
        return self.load == "loaded"

    @property
    def words(self) -> str:
        """The state in words, with the last exit where there was one."""
        said = f"{self.active} ({self.sub})"
        if self.result and self.result != "success":
            said += f", result {self.result}"
        if self.code in _CODES and not (self.code == "1" and self.status == "0"):
            said += f", {_CODES[self.code]} {self.status}"
        return said + (f", restarted {self.restarts} times" if self.restarts else "")


def parse_show(text: str) -> dict[str, str]:
    """Return the properties of ``systemctl show``; lines that are none are passed over."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def unit_state(text: str) -> UnitState:
    """Read a unit's state from the output of ``systemctl show --property=...``; what is missing keeps its default."""
    said = parse_show(text)
    return UnitState(
        load=said.get("LoadState", ""), active=said.get("ActiveState", ""), sub=said.get("SubState", ""),
        file_state=said.get("UnitFileState", ""), main_pid=_number(said.get("MainPID")),
        restarts=_number(said.get("NRestarts")), result=said.get("Result", ""), code=said.get("ExecMainCode", ""),
        status=said.get("ExecMainStatus", ""), can_reload=said.get("CanReload") == "yes",
        need_daemon_reload=said.get("NeedDaemonReload") == "yes",
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
