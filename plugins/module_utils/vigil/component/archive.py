# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts for the source archive: download, unpack, switch, prune."""

from __future__ import annotations

import json
import os
import posixpath
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

from ..model import VigilError
from .download import Fetcher, disk_full, find_checksum, wrong_checksum
from .elf import program_fault
from .host import CACHE, OPT, Host, sync_folder
from .naming import home_of
from .platform import Platform
from .remove import remove_if_empty, remove_path
from .spec import Options, Spec
from .stamp import STAMP, file_sha256, fingerprint
from .unpack import unpack
from .urls import shown


def fetcher(host: Host, options: Options) -> Fetcher:
    """How the options say that downloads are made."""
    return Fetcher(host.system, options.headers, options.tries, float(options.timeout))


def download(host: Host, spec: Spec, options: Options, params: Mapping[str, Any]) -> str:
    """Bring the verified archive into the cache; returns its sha256. What the controller sent is verified again."""
    host.folder(CACHE, 0o700)
    host.folder(f"{CACHE}/{spec.name}", 0o700)
    try:
        return _bring(host.path(cached(spec, params)), fetcher(host, options), options, params)
    finally:
        # What can be resumed stays; an empty folder would be something to clean for the next run.
        for folder in (f"{CACHE}/{spec.name}", CACHE):
            remove_if_empty(host, folder)


def _bring(path: str, source: Fetcher, options: Options, params: Mapping[str, Any]) -> str:
    if options.archive_path:
        with disk_full(path):
            shutil.copyfile(options.archive_path, path)
        found, expected = file_sha256(path), params["sha256"] or options.archive_sha256
        if found != expected:
            os.unlink(path)
            raise wrong_checksum(params["url"], found, expected)
        return str(found)
    sha256 = params["sha256"] or find_checksum(source.text(params["checksums_url"]), params["url"], params["checksums_url"])
    if not os.path.exists(path) or file_sha256(path) != sha256:
        source.file(params["url"], path, sha256)
    return str(sha256)


def cached(spec: Spec, params: Mapping[str, Any]) -> str:
    """Where a download is kept until it is unpacked."""
    return f"{CACHE}/{spec.name}/{spec.version}-{posixpath.basename(params['url'].split('?')[0]) or 'archive'}"


def install(host: Host, spec: Spec, platform: Platform, params: Mapping[str, Any], sha256: str) -> None:
    """Unpack into a folder beside the versions, look at its programs, write the stamp, move it to its place."""
    home = home_of(spec.name)
    host.folder(home)
    fresh = tempfile.mkdtemp(prefix=".new-", dir=host.path(home))
    try:
        os.chmod(fresh, 0o755)
        unpack(host.path(cached(spec, params)), fresh, spec.archive.strip, spec.programs[0])
        check_programs(fresh, spec, platform)
        _stamp(fresh, spec, params["url"], sha256, host.system.now())
        _replace(fresh, host.path(f"{home}/{spec.version}"))
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        remove_if_empty(host, home)
        remove_if_empty(host, OPT)
        raise
    finally:
        # Also after a failure: this archive will not get better, and a full disk needs the room.
        remove_path(host, f"{CACHE}/{spec.name}")
        remove_if_empty(host, CACHE)


def check_programs(folder: str, spec: Spec, platform: Platform) -> None:
    """Refuse an archive that lacks a program, or holds one for another machine."""
    for program in spec.programs:
        path = os.path.join(folder, program)
        if not os.path.isfile(path):
            found = ", ".join(sorted(os.listdir(folder))[:12]) or "nothing"
            raise VigilError(
                f"The archive of {spec.name} {spec.version} holds no {program} (found: {found}). "
                "Check programs and archive.strip. Nothing was changed."
            )
        with open(path, "rb") as handle:
            fault = program_fault(handle.read(20), platform.machine)
        if fault:
            raise VigilError(
                f"Program {program} of {spec.name} {spec.version} {fault}. Expected an archive for {platform.arch}: check archive.url and "
                f"the checksum for {platform.arch}. Nothing was changed."
            )
        os.chmod(path, 0o755)


def _stamp(folder: str, spec: Spec, url: str, sha256: str, now: float) -> None:
    programs = {}
    for program in spec.programs:
        path = os.path.join(folder, program)
        programs[program] = {"sha256": file_sha256(path), **fingerprint(path)}
    stamp = {"name": spec.name, "version": spec.version, "url": shown(url), "sha256": sha256, "made": now, "programs": programs}
    with disk_full(folder), open(os.path.join(folder, STAMP), "w", encoding="utf-8") as handle:
        json.dump(stamp, handle, indent=1)
        handle.flush()
        os.fsync(handle.fileno())


def _replace(fresh: str, target: str) -> None:
    aside = ""
    if os.path.lexists(target):
        aside = os.path.join(os.path.dirname(target), f".old-{os.path.basename(target)}")
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(target, aside)
    os.rename(fresh, target)
    sync_folder(os.path.dirname(target))
    if aside:
        shutil.rmtree(aside, ignore_errors=True)
