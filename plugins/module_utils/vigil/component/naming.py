# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things of a component lie, and which packages a platform has for it. Pure."""

from __future__ import annotations

import hashlib
import posixpath

from ..model import VigilError
from .host import OPT, STATE
from .openpgp import armor, dearmor
from .platform import Platform
from .spec import Options, Spec
from .urls import fill, through_mirror


def home_of(name: str) -> str:
    """Folder of all versions of a component."""
    return f"{OPT}/{name}"


def record_of(name: str) -> str:
    """The component's record."""
    return f"{STATE}/{name}.json"


def links_of(spec: Spec) -> dict[str, str]:
    """Link on the path to where it must point, for each program of an archive."""
    if spec.source != "archive":
        return {}
    return {f"{spec.install_dir}/{posixpath.basename(item)}": f"{home_of(spec.name)}/current/{item}" for item in spec.programs}


def packages_for(spec: Spec, platform: Platform) -> tuple[str, ...]:
    """Packages of this platform, each a name or name=version. An error in words where it has none."""
    if platform.family not in ("debian", "redhat"):
        raise VigilError(
            f"Component {spec.name}: found {platform.words}, which is neither of Debian's nor of Red Hat's family. "
            f"Expected one of these for the source {spec.source}. Use the source archive."
        )
    if isinstance(spec.packages, tuple):
        return spec.packages
    named = next((key for key in platform.keys if key in spec.packages), None)
    if named is None or not spec.packages[named]:
        known = ", ".join(sorted(key for key, value in spec.packages.items() if value)) or "no distribution"
        raise VigilError(
            f"Component {spec.name}: found {platform.words}, where no package is known for the source {spec.source} "
            f"(there is one for {known}). Set {spec.name}_source to archive{'' if spec.source == 'repository' else ' or repository'}, "
            "or name the package yourself."
        )
    return spec.packages[named]


def address(template: str, spec: Spec, platform: Platform, options: Options, what: str) -> str:
    """A URL of the spec with its placeholders filled, moved to the mirror."""
    words = {**platform.placeholders(), "version": spec.version}
    return through_mirror(fill(template, words, what), options.mirror_url)


def archive_checksum(spec: Spec, platform: Platform) -> str:
    """The sha256 for this host's own architecture; empty where only a checksums_url is given."""
    sums = spec.archive.checksums
    found = sums.get(platform.arch) or sums.get(platform.machine) or ""
    if not found and not spec.archive.checksums_url:
        raise VigilError(
            f"Component {spec.name} {spec.version}: found {platform.words} ({platform.arch}), but checksums are given only for "
            f"{', '.join(sorted(sums))}. Add the sha256 of the {platform.arch} archive to archive.checksums, or give archive.checksums_url."
        )
    return found


def repository_files(spec: Spec, platform: Platform, options: Options) -> tuple[str, str, str]:
    """Path of the key, path of the repository's file, and that file's content."""
    repository = spec.repository
    template = repository.apt_url if platform.family == "debian" else repository.yum_url
    if not template:
        raise VigilError(
            f"Component {spec.name}: found {platform.words}, but its repository has no "
            f"{'apt' if platform.family == 'debian' else 'yum'} address. Give it in repository, or set {spec.name}_source to archive."
        )
    url = address(template, spec, platform, options, "repository url")
    if platform.family == "debian":
        return _apt(spec, platform, url)
    key = f"/etc/pki/rpm-gpg/RPM-GPG-KEY-vigil-{spec.name}"
    lines = [f"[vigil-{spec.name}]", f"name={spec.name} (managed by vigil.monitoring)", f"baseurl={url}", "enabled=1", "gpgcheck=1",
             f"repo_gpgcheck={int(repository.repo_gpgcheck)}", f"gpgkey=file://{key}"]
    return key, f"/etc/yum.repos.d/vigil-{spec.name}.repo", "\n".join([*lines, ""])


def _apt(spec: Spec, platform: Platform, url: str) -> tuple[str, str, str]:
    suites = [fill(suite, platform.placeholders(), "repository.apt.suites") for suite in spec.repository.suites]
    key = f"/etc/apt/keyrings/vigil-{spec.name}.gpg"
    lines = ["# Managed by vigil.monitoring", "Types: deb", f"URIs: {url}", f"Suites: {' '.join(suites)}"]
    if not all(suite.endswith("/") for suite in suites):
        lines.append(f"Components: {' '.join(spec.repository.components)}")
    return key, f"/etc/apt/sources.list.d/vigil-{spec.name}.sources", "\n".join([*lines, f"Signed-By: {key}", ""])


def key_file(content: bytes, family: str) -> bytes:
    """A key in the form the family's tools read: apt the binary one, rpm the armored one."""
    binary = dearmor(content)
    return binary if family == "debian" else armor(binary)


def digest(content: bytes) -> str:
    """sha256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def version_matches(installed: str, wanted: str) -> bool:
    """Whether a package's version is the wanted one: the same, or the same but for epoch, revision and +suffix."""
    if not wanted or installed == wanted:
        return True
    plain = installed.split(":", 1)[-1]
    upstream = plain.rsplit("-", 1)[0]
    return wanted in (plain, upstream, upstream.split("+")[0], upstream.split("~")[0])
