# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of the distribution: what is installed (one read-only query), install and remove.

apt-get and dnf are run here and not through ansible.builtin.apt and dnf: the unit is masked, the package installed and the
unit unmasked in one process on the host, so that a lost connection in between cannot leave the door open or the unit
masked for good; it costs no remote call more, and python3-apt need not be there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..model import VigilError
from ..system import Ran
from .guard import masked
from .host import Host
from .naming import version_matches
from .platform import Platform

_LONG = 1800.0
# A mirror that takes the connection and says nothing is given up after 30 s, and asked again.
_PATIENCE = ["-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30", "-o", "Acquire::Retries=3"]
_APT_ENV = {"DEBIAN_FRONTEND": "noninteractive", "APT_LISTCHANGES_FRONTEND": "none", "NEEDRESTART_SUSPEND": "1", "UCF_FORCE_CONFFOLD": "1"}
_LOCKED = ("Could not get lock", "Unable to lock", "Unable to acquire")


def observe_packages(host: Host, platform: Platform, names: Sequence[str]) -> dict[str, str]:
    """Installed version by name, in one process. Only fully installed packages count."""
    if not names or platform.family not in ("debian", "redhat"):
        return {}
    if platform.family == "debian":
        ran = host.system.run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}\t${Package}\t${Version}\n", *names])
        return parse_dpkg(_expect(ran, (0, 1), "Which packages are installed is unknown").out)
    ran = host.system.run(["rpm", "-q", "--qf", "%{NAME}\t%{VERSION}-%{RELEASE}\n", *names])
    if ran.rc is None:
        raise VigilError(f"Which packages are installed is unknown: {ran.words}. Expected rpm to answer.")
    return parse_rpm(ran.out)


def parse_dpkg(text: str) -> dict[str, str]:
    """Lines of status, name, version; status 'ii' (or 'hi', held) is installed."""
    rows = [line.split("\t") for line in text.splitlines()]
    return {row[1]: row[2] for row in rows if len(row) == 3 and row[0].strip() in ("ii", "hi")}


def parse_rpm(text: str) -> dict[str, str]:
    """Lines of name, version-release; what is not installed has no tab in its line."""
    rows = [line.split("\t") for line in text.splitlines()]
    return {row[0]: row[1] for row in rows if len(row) == 2}


def parse_policy(text: str) -> dict[str, list[str]]:
    """apt-cache policy: known versions by name, the candidate first."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        words = line.replace("***", "   ").split()
        if line and not line.startswith(" "):
            name = line.rstrip(":")
            found[name] = []
        elif words[:1] == ["Candidate:"] and words[1:] != ["(none)"]:
            found[name].append(words[1])
        elif line.startswith((" *** ", "     ")) and len(words) == 2 and _number(words[1]) and not _number(words[0]):
            found[name] += [words[0]] if words[0] not in found[name] else []
    return found


def _number(word: str) -> bool:
    return word.lstrip("-").isdigit()


def observe_candidates(host: Host, platform: Platform, names: Sequence[str], refresh: bool) -> dict[str, str]:
    """For state latest: the version that the package manager would install, by name. ``refresh`` asks the network."""
    if platform.family == "redhat":
        ran = host.system.run(["dnf", "-q", *([] if refresh else ["-C"]), "check-update", *names], timeout=_LONG)
        rows = [line.split() for line in ran.out.splitlines()]
        return {row[0].rpartition(".")[0]: row[1] for row in rows if len(row) == 3 and row[0].rpartition(".")[0] in names}
    if refresh:
        _update(host, 120, "")
    policy = parse_policy(host.system.run(["apt-cache", "policy", *names]).out)
    return {name: versions[0] for name, versions in policy.items() if versions}


def install_packages(host: Host, platform: Platform, params: Mapping[str, Any], lock_timeout: int) -> None:
    """Install what the step names, its unit masked meanwhile."""
    with masked(host, params["unit"]):
        if platform.family == "debian":
            _install_apt(host, params["names"], params["refresh_only"], lock_timeout)
        else:
            _install_dnf(host, params["names"])
    found = observe_packages(host, platform, [name.split("=")[0] for name in params["names"]])
    for item in params["names"]:
        name, _equals, wanted = item.partition("=")
        if name not in found or not version_matches(found[name], wanted):
            raise VigilError(f"{name} was installed without an error, but {found.get(name, 'nothing')} is there, not {wanted or 'it'}.")


def _install_apt(host: Host, names: Sequence[str], refresh_only: str, lock_timeout: int) -> None:
    targets = [] if refresh_only else _targets(host, names)
    if not targets:
        _update(host, lock_timeout, refresh_only)
        targets = _targets(host, names) or _unknown(host, names)
    ran = _apt(host, ["install", *targets], lock_timeout)
    if ran.rc != 0 and "404" in ran.words:
        _update(host, lock_timeout, "")
        ran = _apt(host, ["install", *targets], lock_timeout)
    _expect(ran, (0,), f"apt-get could not install {' '.join(targets)}")


def _targets(host: Host, names: Sequence[str]) -> list[str]:
    """name or name=exact version for each; nothing at all where apt's lists lack one of them."""
    policy = parse_policy(host.system.run(["apt-cache", "policy", *(name.split("=")[0] for name in names)]).out)
    targets = []
    for item in names:
        name, _equals, wanted = item.partition("=")
        version = next((each for each in policy.get(name, []) if version_matches(each, wanted)), None)
        if version is None:
            return []
        targets.append(f"{name}={version}" if wanted else name)
    return targets


def _unknown(host: Host, names: Sequence[str]) -> list[str]:
    policy = parse_policy(host.system.run(["apt-cache", "policy", *(name.split("=")[0] for name in names)]).out)
    known = "; ".join(f"{name}: {', '.join(versions) or 'none'}" for name, versions in policy.items()) or "none of them"
    raise VigilError(
        f"apt knows no package for {' '.join(names)}, even after its lists were refreshed. Versions it knows: {known}. "
        f"Expected one that fits: check the name and the version, and the host's sources.list."
    )


def _apt(host: Host, words: Sequence[str], lock_timeout: int) -> Ran:
    options = [*_PATIENCE, "-y", "-q", "--no-install-recommends", "--allow-downgrades", "-o", f"DPkg::Lock::Timeout={lock_timeout}",
               "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Options::=--force-confmiss"]
    return host.system.run(["apt-get", *options, *words], timeout=_LONG + lock_timeout, env=_APT_ENV)


def _update(host: Host, lock_timeout: int, only: str) -> None:
    """Refresh apt's lists, or only those of one file; apt itself does not wait for this lock, so we do."""
    argv = ["apt-get", *_PATIENCE, "-q", "update"]
    if only:
        options = (f"Dir::Etc::sourcelist={only}", "Dir::Etc::sourceparts=-", "APT::Get::List-Cleanup=0", "APT::Update::Error-Mode=any")
        argv[1:1] = [word for option in options for word in ("-o", option)]
    deadline = host.system.monotonic() + lock_timeout
    ran = host.system.run(argv, timeout=_LONG, env=_APT_ENV)
    while ran.rc != 0 and any(word in ran.words for word in _LOCKED) and host.system.monotonic() < deadline:
        host.system.sleep(2.0)
        ran = host.system.run(argv, timeout=_LONG, env=_APT_ENV)
    _expect(ran, (0,), f"apt-get could not refresh its lists{' of ' + only if only else ''}")


def refresh_repository(host: Host, path: str, lock_timeout: int) -> None:
    """Fetch the lists of one repository; an error where its signature is not by its key."""
    _update(host, lock_timeout, path)


def _install_dnf(host: Host, names: Sequence[str]) -> None:
    targets = [item.replace("=", "-", 1) for item in names]
    argv = ["dnf", "-y", "-q", "--setopt=install_weak_deps=False"]
    ran = host.system.run([*argv, "install", *targets], timeout=_LONG)
    pinned = [target for target, item in zip(targets, names) if "=" in item]
    if ran.rc == 0 and pinned:
        installed = observe_packages(host, Platform("", "", "", "redhat", "", "", ""), [item.split("=")[0] for item in names])
        if any(not version_matches(installed.get(item.split("=")[0], ""), item.partition("=")[2]) for item in names if "=" in item):
            ran = host.system.run([*argv, "downgrade", *pinned], timeout=_LONG)
    _expect(ran, (0,), f"dnf could not install {' '.join(targets)}")


def remove_packages(host: Host, platform: Platform, params: Mapping[str, Any], lock_timeout: int) -> None:
    """Remove packages and their configuration files; ``purge`` lets a package remove its data too."""
    names = params["names"]
    if platform.family == "redhat":
        ran = host.system.run(["dnf", "-y", "-q", "--noautoremove", "remove", *names], timeout=_LONG)
        _expect(ran, (0,), f"dnf could not remove {' '.join(names)}")
        return
    verb = "purge" if params["purge"] else "remove"
    _refuse_others(host, verb, names)
    conffiles = [] if params["purge"] else _conffiles(host, names)
    _expect(_apt(host, [verb, *names], lock_timeout), (0,), f"apt-get could not {verb} {' '.join(names)}")
    # A plain remove keeps configuration, and a purge would take data: so configuration files are removed by name.
    for path in conffiles:
        with contextlib.suppress(FileNotFoundError):
            host.unlink(path)


def _refuse_others(host: Host, verb: str, names: Sequence[str]) -> None:
    ran = host.system.run(["apt-get", "-s", "-q", verb, *names], env=_APT_ENV)
    words = _expect(ran, (0,), f"apt-get cannot say what removing {' '.join(names)} means").out.splitlines()
    others = sorted({line.split()[1] for line in words if line.startswith(("Remv ", "Purg "))} - set(names))
    if others:
        raise VigilError(
            f"Removing {' '.join(names)} would also remove {', '.join(others)}, which this component did not install. "
            "Remove those first, or keep the component."
        )


def _conffiles(host: Host, names: Sequence[str]) -> list[str]:
    ran = host.system.run(["dpkg-query", "-W", "-f", "${Conffiles}\n", *names])
    return [line.split()[0] for line in ran.out.splitlines() if line.strip().startswith("/")]


def _expect(ran: Ran, codes: Sequence[int], what: str) -> Ran:
    if ran.rc in codes:
        return ran
    hint = ""
    if any(word in ran.words for word in _LOCKED):
        hint = " Another package manager holds the lock: wait for it, or raise lock_timeout."
    elif "dpkg was interrupted" in ran.words:
        hint = " Repair it with: dpkg --configure -a"
    how = "it did not end" if ran.rc is None else f"it ended with {ran.rc}"
    raise VigilError(f"{what}: {how}.{hint}\n{ran.words[-3000:]}", argv=list(ran.argv))
