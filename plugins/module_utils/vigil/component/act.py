# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out one decided step: a table from the step's kind to what acts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..model import Step
from . import account, archive, guard, packages, remove, repository
from .host import Host
from .naming import home_of, record_of
from .platform import Platform
from .spec import Options, Spec
from .stamp import STAMP

Params = Mapping[str, Any]


@dataclass
class Work:
    """What every act needs; ``sha256``, ``download`` and ``keys`` are what earlier steps of this run found out."""

    host: Host
    spec: Spec
    options: Options
    platform: Platform
    sha256: str = ""
    download: Params = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)


def act(work: Work, step: Step) -> None:
    """Carry out one step."""
    _ACTS[step.kind](work, step.params)


def _clean(work: Work, params: Params) -> None:
    for path in params["paths"]:
        remove.remove_path(work.host, path)


def _repository(work: Work, params: Params) -> None:
    work.keys[params["key_path"]] = repository.set_up(work.host, work.platform, work.options, params)


def _download(work: Work, params: Params) -> None:
    work.sha256, work.download = archive.download(work.host, work.spec, work.options, params), params


def _switch(work: Work, params: Params) -> None:
    home = home_of(work.spec.name)
    work.host.point(f"{home}/current", params["version"])
    # The stamp's time says when a version was last chosen, which is the order in which former ones are kept.
    with suppress(FileNotFoundError):
        os.utime(work.host.path(f"{home}/{params['version']}/{STAMP}"))


def _link(work: Work, params: Params) -> None:
    work.host.folder(work.spec.install_dir)
    work.host.point(params["path"], params["target"])


def _prune(work: Work, params: Params) -> None:
    for version in params["versions"]:
        remove.remove_path(work.host, f"{home_of(work.spec.name)}/{version}")


_ACTS: dict[str, Callable[[Work, Params], None]] = {
    "unmask": lambda work, params: guard.unmask(work.host, params["unit"]),
    "clean": _clean,
    "repository": _repository,
    "packages": lambda work, params: packages.install_packages(work.host, work.platform, params, work.options.lock_timeout),
    "download": _download,
    "unpack": lambda work, params: archive.install(work.host, work.spec, work.platform, work.download, work.sha256),
    "switch": _switch,
    "link": _link,
    "prune": _prune,
    "group": lambda work, params: account.add_group(work.host, params["group"]),
    "user": lambda work, params: account.add_user(work.host, params),
    "directory": lambda work, params: account.set_folder(work.host, params),
    "stop": lambda work, params: remove.stop_unit(work.host, params["unit"]),
    "uninstall": lambda work, params: packages.remove_packages(work.host, work.platform, params, work.options.lock_timeout),
    "remove": lambda work, params: remove.remove_path(work.host, params["path"]),
    "remove_user": lambda work, params: account.remove_user(work.host, params["name"], params["data"]),
    "remove_group": lambda work, params: account.remove_group(work.host, params["name"]),
    "forget": lambda work, params: remove.remove_path(work.host, record_of(work.spec.name)),
}
