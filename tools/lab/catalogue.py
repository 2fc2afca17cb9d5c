# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which upstream programs the lab builds: data only."""

from __future__ import annotations

from dataclasses import dataclass

VERSION_SYMBOL = "github.com/prometheus/common/version.Version"


@dataclass(frozen=True)
class Package:
    """One program: ``path`` of its main package in ``module`` at ``version``, as Go names it."""

    program: str
    module: str
    version: str
    path: str = ""

    @property
    def target(self) -> str:
        """What `go install` takes."""
        return f"{self.module}{self.path}@{self.version}"


@dataclass(frozen=True)
class Release:
    """One archive of one release, laid out as the project publishes it."""

    name: str
    version: str
    packages: tuple[Package, ...]
    architecture: str = ""
    minutes: float = 1.0

    def folder(self) -> str:
        """Below the root of the mirror, as on github.com."""
        return f"prometheus/{self.name}/releases/download/v{self.version}"

    def top(self, architecture: str) -> str:
        """The one folder in the archive; also the archive's name less .tar.gz."""
        return f"{self.name}-{self.version}.linux-{self.architecture or architecture}"


NODE = "github.com/prometheus/node_exporter"
ALERTMANAGER = "github.com/prometheus/alertmanager"
PROMETHEUS = "github.com/prometheus/prometheus"

RELEASES = (
    Release("node_exporter", "1.12.1", (Package("node_exporter", NODE, "v1.12.1"),)),
    Release("node_exporter", "1.11.1", (Package("node_exporter", NODE, "v1.11.1"),)),
    # For the test of a wrong architecture.
    Release("node_exporter", "1.12.1", (Package("node_exporter", NODE, "v1.12.1"),), architecture="arm64"),
    Release(
        "alertmanager",
        "0.31.1",
        (
            Package("alertmanager", ALERTMANAGER, "v0.31.1", "/cmd/alertmanager"),
            Package("amtool", ALERTMANAGER, "v0.31.1", "/cmd/amtool"),
        ),
        minutes=1.5,
    ),
    Release(
        "prometheus",
        "3.16.0",
        (
            Package("promtool", PROMETHEUS, "v0.316.0", "/cmd/promtool"),
            Package("prometheus", PROMETHEUS, "v0.316.0", "/cmd/prometheus"),
        ),
        minutes=8.0,
    ),
)
