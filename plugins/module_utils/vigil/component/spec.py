# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one component is: options turned into values, and refused where they contradict each other."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model import InvalidInput
from .urls import check_url

SOURCES = ("package", "repository", "archive")
STATES = ("present", "latest", "absent")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~:_-]*\Z")
_TOO_HIGH = {
    "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/sbin", "/usr/share", "/var/cache", "/var/lib", "/var/log", "/var/spool",
    "/etc/systemd", "/etc/default", "/etc/apt", "/opt/vigil", "/var/lib/vigil",
}


@dataclass(frozen=True)
class Archive:
    """``url`` may hold {version}, {os}, {arch} and {machine}; ``checksums`` maps an architecture to a sha256."""

    url: str = ""
    checksums: Mapping[str, str] = field(default_factory=dict)
    checksums_url: str = ""
    strip: int = 1


@dataclass(frozen=True)
class Key:
    """A repository's public key: its address or its text, and what proves that it is the right one."""

    url: str = ""
    content: str = ""
    sha256: str = ""
    fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repository:
    """A vendor's repository; an empty address means that the vendor has none for that family."""

    key: Key = field(default_factory=Key)
    apt_url: str = ""
    suites: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    yum_url: str = ""
    repo_gpgcheck: bool = False


@dataclass(frozen=True)
class Directory:
    """A folder of the component; ``data`` ones outlive the component unless it is purged."""

    path: str
    owner: str = "root"
    group: str = "root"
    mode: str = "0755"
    data: bool = False


@dataclass(frozen=True)
class Spec:
    """One component, as asked for."""

    name: str
    source: str = "package"
    version: str = ""
    packages: Mapping[str, tuple[str, ...]] | tuple[str, ...] = ()
    repository: Repository = field(default_factory=Repository)
    archive: Archive = field(default_factory=Archive)
    programs: tuple[str, ...] = ()
    install_dir: str = "/usr/local/bin"
    unit: str = ""
    user: str = ""
    group: str = ""
    home: str = "/nonexistent"
    directories: tuple[Directory, ...] = ()
    config_dir: str = ""
    shared_packages: bool = False


@dataclass(frozen=True)
class Options:
    """How to go about it, beside the spec."""

    state: str = "present"
    purge: bool = False
    keep: int = 2
    via: str = "host"
    mirror_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tries: int = 4
    timeout: int = 30
    lock_timeout: int = 120
    archive_path: str = ""
    archive_sha256: str = ""
    key_content: str = ""


def parse_spec(raw: Mapping[str, Any]) -> Spec:
    """Options of the module to a Spec. Raises InvalidInput with what was found and what is expected."""
    name = _match(_NAME, raw.get("name") or "", "name", "small letters, digits, '.', '_' and '-'")
    source = raw.get("source") or "package"
    if source not in SOURCES:
        raise InvalidInput(f"source is {source!r}. Expected one of {', '.join(SOURCES)}.")
    version = str(raw.get("version") or "")
    if version:
        _match(_VERSION, version, "version", "one version number, as 1.2.3 (never a word such as latest)")
    if version == "latest":
        raise InvalidInput("version is latest. Expected a version number: what is installed must be the same on every host and every day.")
    user = raw.get("user") or ""
    spec = Spec(
        name, source, version, parse_packages(raw.get("packages")), _repository(raw.get("repository")), _archive(raw.get("archive")),
        programs=tuple(_inside(item, "programs") for item in raw.get("programs") or ()),
        install_dir=_absolute(raw.get("install_dir") or "/usr/local/bin", "install_dir"),
        unit=_unit(raw.get("unit") or ""), user=user, group=raw.get("group") or user,
        home=_absolute(raw.get("home") or "/nonexistent", "home"),
        directories=tuple(_directory(item) for item in raw.get("directories") or ()),
        config_dir=_own(raw.get("config_dir") or "", "config_dir"), shared_packages=bool(raw.get("shared_packages")),
    )
    _complete(spec)
    return spec


def parse_options(raw: Mapping[str, Any]) -> Options:
    """The module's options beside ``spec``."""
    state = raw.get("state") or "present"
    if state not in STATES:
        raise InvalidInput(f"state is {state!r}. Expected one of {', '.join(STATES)}.")
    keep = _int(raw, "keep", 2)
    if keep < 0:
        raise InvalidInput(f"keep is {keep}. Expected the number of former versions to keep, 0 or more.")
    mirror = raw.get("mirror_url") or ""
    return Options(
        state, bool(raw.get("purge")), keep, raw.get("via") or "host", check_url(mirror, "mirror_url") if mirror else "",
        {str(key): str(value) for key, value in (raw.get("headers") or {}).items()}, max(1, _int(raw, "tries", 4)),
        max(1, _int(raw, "timeout", 30)), max(0, _int(raw, "lock_timeout", 120)),
        raw.get("archive_path") or "", raw.get("archive_sha256") or "", raw.get("key_content") or "",
    )


def _int(raw: Mapping[str, Any], name: str, default: int) -> int:
    value = raw.get(name)
    return default if value is None else int(value)


def parse_packages(raw: Any) -> Mapping[str, tuple[str, ...]] | tuple[str, ...]:
    """A list for every distribution, or a table by distribution-version, distribution or family."""
    if raw is None:
        return ()
    if isinstance(raw, str):
        return (raw,)
    if isinstance(raw, Mapping):
        return {str(key): tuple([value] if isinstance(value, str) else value or ()) for key, value in raw.items()}
    if isinstance(raw, Sequence):
        return tuple(str(item) for item in raw)
    raise InvalidInput(f"packages is a {type(raw).__name__}. Expected a list of names, or a table such as debian: [name], redhat: [name].")


def checksum(text: str, what: str) -> str:
    """A sha256 in hexadecimal, with or without its prefix."""
    value = str(text).strip().lower()
    value = value[len("sha256:"):] if value.startswith("sha256:") else value
    return _match(_SHA256, value, what, "a sha256: 64 hexadecimal digits, with or without the prefix sha256:")


def _complete(spec: Spec) -> None:
    needs = (("archive", spec.archive.url), ("version", spec.version), ("programs", spec.programs))
    missing = [word for word, value in needs if not value]
    if spec.source == "archive" and missing:
        raise InvalidInput(f"{spec.name} has the source archive but no {' and no '.join(missing)}. Expected archive, version and programs.")
    if spec.source == "repository" and not (spec.repository.apt_url or spec.repository.yum_url):
        raise InvalidInput(f"{spec.name} has the source repository but no repository. Expected its apt or yum address and its key.")
    if spec.source != "archive" and not spec.packages:
        raise InvalidInput(f"Component {spec.name} has the source {spec.source} but no packages. Expected the names of packages.")
    known = {spec.install_dir + "/" + posixpath.basename(item) for item in spec.programs}
    if len(known) != len(spec.programs):
        raise InvalidInput(f"Two programs of component {spec.name} have the same name. Expected each name once.")


def _archive(raw: Mapping[str, Any] | None) -> Archive:
    if not raw:
        return Archive()
    url, checksums_url = check_url(raw.get("url") or "", "archive.url"), raw.get("checksums_url") or ""
    if checksums_url:
        check_url(checksums_url, "archive.checksums_url")
    sums = {str(arch): checksum(value, f"archive.checksums.{arch}") for arch, value in (raw.get("checksums") or {}).items() if value}
    if not sums and not checksums_url:
        raise InvalidInput("archive has no checksums and no checksums_url. Expected a sha256 for each architecture, or a sha256sums.txt.")
    strip = 1 if raw.get("strip") is None else int(raw["strip"])
    return Archive(url, sums, checksums_url, strip)


def _repository(raw: Mapping[str, Any] | None) -> Repository:
    if not raw:
        return Repository()
    apt, yum, key = raw.get("apt") or {}, raw.get("yum") or {}, raw.get("key") or {}
    if not apt and not yum:
        raise InvalidInput("repository names neither apt nor yum. Expected at least one of them, with its url.")
    for family, part in (("apt", apt), ("yum", yum)):
        if part:
            check_url(part.get("url") or "", f"repository.{family}.url")
    return Repository(
        _key(key), apt.get("url") or "", tuple(apt.get("suites") or ("stable",)), tuple(apt.get("components") or ("main",)),
        yum.get("url") or "", bool(yum.get("repo_gpgcheck")),
    )


def _key(raw: Mapping[str, Any]) -> Key:
    url, content = raw.get("url") or "", raw.get("content") or ""
    sha256 = checksum(raw["sha256"], "repository.key.sha256") if raw.get("sha256") else ""
    prints = tuple("".join(str(item).split()).upper() for item in raw.get("fingerprints") or ())
    if bool(url) == bool(content):
        raise InvalidInput("repository.key has both url and content, or neither. Expected one of them: nothing is installed unsigned.")
    if url and not (sha256 or prints):
        raise InvalidInput(f"repository.key.url is {url}, but nothing proves that key. Expected fingerprints or sha256 beside it.")
    if url:
        check_url(url, "repository.key.url")
    return Key(url, content, sha256, prints)


def _directory(raw: Mapping[str, Any]) -> Directory:
    mode = str(raw.get("mode") or "0755")
    if not re.fullmatch(r"0?[0-7]{3}", mode):
        raise InvalidInput(f"The mode of directory {raw.get('path')} is {mode!r}. Expected three octal digits in quotes, as '0750'.")
    return Directory(
        _own(raw.get("path") or "", "directories.path", True), raw.get("owner") or "root", raw.get("group") or "root",
        mode.zfill(4), bool(raw.get("data")),
    )


def _own(path: str, what: str, required: bool = False) -> str:
    if not path and not required:
        return ""
    if _absolute(path, what) in _TOO_HIGH or path.count("/") < 2:
        raise InvalidInput(f"{what} is {path}, which the system shares. Expected a folder of the component alone: it is removed with it.")
    return path


def _absolute(path: str, what: str) -> str:
    if not path.startswith("/") or posixpath.normpath(path) != path or path.startswith("//"):
        raise InvalidInput(f"{what} is {path!r}. Expected an absolute path without '..' and without a slash at its end.")
    return path


def _inside(path: Any, what: str) -> str:
    text = str(path)
    if not text or text.startswith("/") or posixpath.normpath(text) != text or text.split("/", maxsplit=1)[0] == "..":
        raise InvalidInput(f"{what} holds {text!r}. Expected the path of a program inside the archive, as bin/name or name.")
    return text


def _unit(name: str) -> str:
    if not name:
        return ""
    name = name if "." in name else f"{name}.service"
    return _match(re.compile(r"[A-Za-z0-9:_.@-]+\Z"), name, "unit", "a systemd unit, as node_exporter.service")


def _match(pattern: re.Pattern[str], value: str, what: str, expected: str) -> str:
    if not pattern.match(value):
        raise InvalidInput(f"{what} is {value!r}. Expected {expected}.")
    return value
