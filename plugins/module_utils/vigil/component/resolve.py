# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what to do to have a component present: a pure function of spec, platform and what was observed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..model import Step, VigilError
from .host import CACHE
from .naming import (
    address,
    archive_checksum,
    digest,
    home_of,
    key_file,
    links_of,
    packages_for,
    record_of,
    repository_files,
    version_matches,
)
from .platform import Platform
from .retire import retire
from .spec import Options, Spec
from .state import Observed, Record, Unpacked


@dataclass(frozen=True)
class Plan:
    """Steps in their order; ``kept`` are sentences about what stays on purpose."""

    steps: tuple[Step, ...]
    record: Record
    kept: tuple[str, ...] = ()


def resolve(spec: Spec, options: Options, platform: Platform, observed: Observed) -> Plan:
    """Return the plan; empty where everything is as asked for. Raises VigilError where this platform cannot have it."""
    packages = packages_for(spec, platform) if spec.source != "archive" else ()
    record = wanted_record(spec, options, platform, observed, packages)
    steps = [*_repair(observed)]
    if spec.source == "repository":
        steps += _repository(spec, options, platform, observed)
    if spec.source == "archive":
        steps += _archive(spec, options, platform, observed)
    else:
        steps += _packages(spec, options, platform, observed, packages)
    steps += [*_account(spec, observed), *_directories(spec, observed), *retire(spec, observed, packages)]
    cache = f"{CACHE}/{spec.name}"
    if cache in observed.existing and not any(step.kind == "download" for step in steps):
        steps.insert(0, Step("clean", f"an interrupted run left {cache}", {"paths": [cache]}))
    if steps or observed.record != record:
        steps.append(Step("record", f"{record_of(spec.name)} must say what this component uses"))
    return Plan(tuple(steps), record)


def wanted_record(spec: Spec, options: Options, platform: Platform, observed: Observed, packages: tuple[str, ...]) -> Record:
    """What the record must say; what we made ourselves is carried over from the one that is there."""
    old = observed.record or Record(spec.name)
    own = () if spec.shared_packages else tuple(item.split("=")[0] for item in packages)
    record = Record(
        spec.name, spec.source, spec.version, spec.unit, spec.user, spec.group, spec.config_dir,
        own, tuple(sorted(links_of(spec))), tuple(item.path for item in spec.directories),
        made_users=_shared(old.made_users, spec.user, [item for other in observed.others for item in other.made_users]),
        made_groups=_shared(old.made_groups, spec.group, [item for other in observed.others for item in other.made_groups]),
        made_directories=old.made_directories,
    )
    if spec.source != "repository":
        return record
    key_path, list_path, text = repository_files(spec, platform, options)
    key = spec.repository.key
    asked: dict[str, Any] = {"url": key.url, "sha256": key.sha256, "fingerprints": list(key.fingerprints)}
    known = digest(key_file(key.content.encode(), platform.family)) if key.content else old.files.get(key_path, "")
    return replace(record, key=asked, files={list_path: digest(text.encode()), key_path: known})


def _shared(made: tuple[str, ...], name: str, elsewhere: list[str]) -> tuple[str, ...]:
    """What another component of ours made counts as made by this one too, so that the last one to go takes it along."""
    return tuple(sorted({*made, *([name] if name in elsewhere else [])}))


def _repair(observed: Observed) -> list[Step]:
    steps = []
    if observed.mask_left:
        steps.append(Step("unmask", f"an interrupted run left {observed.mask_left} masked", {"unit": observed.mask_left}))
    if observed.leftovers:
        steps.append(Step("clean", f"an interrupted run left {', '.join(observed.leftovers)}", {"paths": list(observed.leftovers)}))
    return steps


def _repository(spec: Spec, options: Options, platform: Platform, observed: Observed) -> list[Step]:
    key_path, list_path, text = repository_files(spec, platform, options)
    wanted = wanted_record(spec, options, platform, observed, ())
    old = observed.record or Record(spec.name)
    reasons = []
    if observed.files.get(list_path) != digest(text.encode()):
        reasons.append(f"{list_path} is {'not as asked for' if list_path in observed.files else 'missing'}")
    proven = bool(wanted.files[key_path]) and observed.files.get(key_path) == wanted.files[key_path]
    if not proven or (not spec.repository.key.content and dict(old.key) != dict(wanted.key)):
        reasons.append(f"{key_path} is {'not known to be the right key' if key_path in observed.files else 'missing'}")
    if not reasons:
        return []
    key = spec.repository.key
    url = address(key.url, spec, platform, options, "repository.key.url") if key.url else ""
    return [Step("repository", " and ".join(reasons), {
        "key_path": key_path, "list_path": list_path, "text": text, "key_url": url, "key_content": key.content,
        "sha256": key.sha256, "fingerprints": list(key.fingerprints),
    })]


def _packages(spec: Spec, options: Options, platform: Platform, observed: Observed, packages: tuple[str, ...]) -> list[Step]:
    reasons: list[str] = []
    names: list[str] = []
    newest = options.state == "latest" and not spec.shared_packages
    for position, item in enumerate(packages):
        name, _equals, pin = item.partition("=")
        wanted, found = pin or (spec.version if position == 0 else ""), observed.packages.get(name)
        before = len(reasons)
        if found is None:
            reasons.append(f"package {name}{' ' + wanted if wanted else ''} is not installed")
        elif not version_matches(found, wanted):
            reasons.append(f"package {name} is {found}, {wanted} is asked for")
        elif newest and not wanted and observed.candidates.get(name, found) != found:
            reasons.append(f"package {name} is {found}, {observed.candidates[name]} is available")
        if len(reasons) > before:
            names.append(f"{name}={wanted}" if wanted else name)
    if not reasons:
        return []
    only = repository_files(spec, platform, options)[1] if spec.source == "repository" else ""
    return [Step("packages", " and ".join(reasons), {"names": names, "unit": spec.unit, "refresh_only": only})]


def _archive(spec: Spec, options: Options, platform: Platform, observed: Observed) -> list[Step]:
    sha256 = archive_checksum(spec, platform)
    reason = _why_unpack(spec, sha256, observed.versions.get(spec.version))
    steps = []
    if reason:
        url = address(spec.archive.url, spec, platform, options, "archive.url")
        sums = address(spec.archive.checksums_url, spec, platform, options, "archive.checksums_url") if not sha256 else ""
        steps.append(Step("download", f"{reason}: it comes from {url}", {"url": url, "sha256": sha256, "checksums_url": sums}))
        steps.append(Step("unpack", f"{home_of(spec.name)}/{spec.version} is made of the verified archive"))
    if reason or observed.current != spec.version:
        found = f"is {observed.current}" if observed.current else "is not there"
        steps.append(Step("switch", f"{home_of(spec.name)}/current {found}, {spec.version} is asked for", {"version": spec.version}))
    return [*steps, *_links(spec, observed), *_prune(spec, options, observed)]


def _why_unpack(spec: Spec, sha256: str, found: Unpacked | None) -> str:
    if found is None:
        return f"version {spec.version} is not on this host"
    if found.fault:
        return f"version {spec.version} on this host is damaged ({found.fault})"
    if sha256 and found.sha256 != sha256:
        return f"version {spec.version} on this host was made of an archive with another sha256"
    return ""


def _links(spec: Spec, observed: Observed) -> list[Step]:
    steps = []
    for path, target in links_of(spec).items():
        found = observed.links.get(path, "")
        if found == target:
            continue
        if found and not found.startswith(home_of(spec.name) + "/"):
            what = "a file" if found == "file" else f"a link to {found}"
            raise VigilError(
                f"Component {spec.name}: found {what} at {path} that this component did not make. Expected nothing there, or a link of "
                "ours. Move it away when it is no longer needed, or choose another install_dir."
            )
        steps.append(Step("link", f"{path} {'points to ' + found if found else 'is missing'}", {"path": path, "target": target}))
    return steps


def _prune(spec: Spec, options: Options, observed: Observed) -> list[Step]:
    former = [version for version in observed.versions if version != spec.version]
    former.sort(key=lambda version: (version == observed.current, observed.versions[version].made), reverse=True)
    extra = former[options.keep:]
    if not extra:
        return []
    return [Step("prune", f"{options.keep} former versions are kept, {', '.join(extra)} are older", {"versions": extra})]


def _account(spec: Spec, observed: Observed) -> list[Step]:
    steps = []
    if spec.group and spec.group not in observed.groups:
        steps.append(Step("group", f"system group {spec.group} does not exist", {"group": spec.group}))
    if spec.user and spec.user not in observed.users:
        params = {"user": spec.user, "group": spec.group, "home": spec.home}
        steps.append(Step("user", f"system user {spec.user} does not exist (made unless a package brings it)", params))
    return steps


def _directories(spec: Spec, observed: Observed) -> list[Step]:
    steps = []
    for item in spec.directories:
        found = observed.directories.get(item.path)
        have = "missing" if found is None else f"{found.owner}:{found.group} {found.mode}"
        wanted = f"{item.owner}:{item.group} {item.mode}"
        if have != wanted:
            params = {"path": item.path, "owner": item.owner, "group": item.group, "mode": item.mode, "data": item.data}
            steps.append(Step("directory", f"{item.path} is {have}, {wanted} is asked for", params))
    return steps
