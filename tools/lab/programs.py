# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstream programs, built from Go modules and packed as their projects' releases are."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from plugins.module_utils.vigil.system import System
from tools.lab import archive, toolchain
from tools.lab.base import CannotHere, LabError, cache_folder, locked, must, say
from tools.lab.catalogue import RELEASES, VERSION_SYMBOL, Package, Release

BUILD_SECONDS = 2400.0
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Wish:
    """Which programs (all where ``only`` is empty), and whether to return at once or to build nothing."""

    only: tuple[str, ...] = ()
    background: bool = False
    listing: bool = False


def folder() -> Path:
    """The root of the mirror."""
    return cache_folder() / "programs"


def native(system: System) -> str:
    """This machine's architecture in Go's words."""
    machine = system.run(["uname", "-m"]).out.strip()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def path_of(release: Release, architecture: str) -> Path:
    """Where a release's archive is."""
    return folder() / release.folder() / f"{release.top(architecture)}.tar.gz"


def selected(only: Sequence[str] = ()) -> list[Release]:
    """Releases by name, or by name and version (``node_exporter-1.12.1``); all where nothing is asked for."""
    known = {word for release in RELEASES for word in (release.name, f"{release.name}-{release.version}")}
    unknown = sorted(set(only) - known)
    if unknown:
        raise LabError(f"The lab builds no {', '.join(unknown)}. Expected of: {', '.join(sorted(known))}.")
    return [release for release in RELEASES if not only or {release.name, f"{release.name}-{release.version}"} & set(only)]


def command(system: System, wish: Wish) -> list[dict[str, str]]:
    """Build what is missing (or list, or build behind); returns what there is, one row an archive."""
    architecture, releases = native(system), selected(wish.only)
    missing = [release for release in releases if not path_of(release, architecture).exists()]
    if missing and not wish.listing:
        if wish.background:
            _behind(wish.only)
        else:
            _build_all(system, releases, architecture)
    return [_row(release, architecture) for release in releases]


def _row(release: Release, architecture: str) -> dict[str, str]:
    path = path_of(release, architecture)
    there = path.exists()
    return {
        "name": release.name, "version": release.version, "arch": release.architecture or architecture,
        "state": "ready" if there else "missing", "path": str(path), "sha256": archive.sha256(path) if there else "",
        "url": f"https://github.com/{release.folder()}/{path.name}",
    }  # fmt: skip


def _behind(only: Sequence[str]) -> None:
    folder().mkdir(parents=True, exist_ok=True)
    log = folder() / "build.log"
    words = [word for name in only for word in ("--only", name)]
    with log.open("ab") as handle:
        argv = [sys.executable, "-m", "tools.lab", "programs", *words]
        subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=handle, stderr=handle, start_new_session=True)
    say(f"building the upstream programs behind; `programs` waits for them; log: {log}")


def _build_all(system: System, releases: Sequence[Release], architecture: str) -> None:
    """One after another (Prometheus alone takes 3 GiB); a second process waits here and finds them built."""
    with locked(folder() / ".lock"):
        missing = [release for release in releases if not path_of(release, architecture).exists()]
        if not missing:
            return
        go = toolchain.find(system)
        for release in missing:
            _build(system, go, release, architecture)


def _build(system: System, go: str, release: Release, architecture: str) -> None:
    target = path_of(release, architecture)
    say(f"building {target.name} (up to {release.minutes:g} min on two cores the first time)")
    start = system.monotonic()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder(), prefix=".build-") as temporary:
        members = {package.program: _compile(system, go, package, release, Path(temporary)) for package in release.packages}
        members |= _papers(system, go, release.packages[0])
        archive.write(target, release.top(architecture), members)
    archive.write_sums(target.parent)
    say(f"built {target.name} in {system.monotonic() - start:.0f} s, {target.stat().st_size / 1e6:.0f} MB")


def _compile(system: System, go: str, package: Package, release: Release, place: Path) -> Path:
    """`go install` refuses GOBIN for another architecture, so the binary is looked for below a GOPATH of its own."""
    modules = must(system, [go, "env", "GOMODCACHE"]).strip()
    env = {"GOPATH": str(place), "GOMODCACHE": modules, "GOBIN": "", "GOFLAGS": "-p=2 -buildvcs=false"}
    if release.architecture:
        env["GOARCH"] = release.architecture
    flags = f"-s -w -X {VERSION_SYMBOL}={release.version}"
    ran = system.run(["nice", "-n", "10", go, "install", "-ldflags", flags, package.target], timeout=BUILD_SECONDS, env=env)
    if ran.rc != 0:
        raise CannotHere(f"{package.target} could not be built with Go: {' '.join(ran.words.splitlines()[-3:])[:400]}")
    return next(path for path in (place / "bin").rglob(package.program) if path.is_file())


def _papers(system: System, go: str, package: Package) -> dict[str, Path]:
    """The licence files that a release carries."""
    ran = must(system, [go, "mod", "download", "-json", f"{package.module}@{package.version}"], timeout=300)
    source = Path(str(json.loads(ran)["Dir"]))
    return {name: source / name for name in ("LICENSE", "NOTICE") if (source / name).is_file()}
