# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of the exporters, from options.

Tried on node_exporter 1.5, 1.9 and 1.12, process-exporter 0.7.10 and 0.8.5, blackbox_exporter 0.23 and 0.26: each takes ``--name=value``.
Only process-exporter wants ``--name=false`` where the others want ``--no-name``: it reads its flags with Go's own package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..flags import flag_list
from ..model import InvalidInput

_DRY_START = """\
command -v "$1" >/dev/null || {{ echo "not tried: $1 is not installed yet"; exit 0; }}
said=$(timeout {seconds} "$@" 2>&1)
[ $? -eq 124 ] && exit 0
echo "$said" >&2
exit 1"""
_COLLECTOR = re.compile(r"[a-z][a-z0-9_]*")


def node_exporter_command(program: str, options: Mapping[str, Any]) -> list[str]:
    """Return node_exporter's command line.

    ``options``: listen, path, web_config (a path, "" for none), textfile_dir, systemd_units and mount_points_exclude (regular
    expressions), enabled and disabled (collectors), extra (flags that win over ours).
    Raises InvalidInput where a collector is enabled and disabled, or has a name that is none.
    """
    enabled = parse_collectors(options["enabled"])
    disabled = [_collector_name(name) for name in options["disabled"]]
    both = sorted(set(enabled) & set(disabled))
    if both:
        raise InvalidInput(
            f"node_exporter_enabled_collectors and node_exporter_disabled_collectors both name {', '.join(both)}; "
            "remove it from one of them."
        )
    flags = {**_web_flags(options), **_own_settings(options, enabled, disabled), **_collector_flags(enabled)}
    flags.update({f"collector.{name}": False for name in disabled})
    return [program, *flag_list({**flags, **options["extra"]})]


def process_exporter_command(program: str, options: Mapping[str, Any]) -> list[str]:
    """Return process-exporter's command line.

    ``options``: listen, path, web_config, config (path of the groups), children, threads, smaps, recheck (booleans), extra.
    """
    flags: dict[str, Any] = {"config.path": options["config"], **_web_flags(options)}
    flags.update({"children": options["children"], "threads": options["threads"]})
    flags.update({"gather-smaps": options["smaps"], "recheck": options["recheck"]})
    return [program, *_go_flags({**flags, **options["extra"]})]


def blackbox_exporter_command(program: str, options: Mapping[str, Any]) -> list[str]:
    """Return blackbox_exporter's command line.

    ``options``: listen, web_config, config (path of the modules), extra. Its telemetry path cannot be moved.
    """
    flags = {"config.file": options["config"], "web.listen-address": options["listen"]}
    if options["web_config"]:
        flags["web.config.file"] = options["web_config"]
    return [program, *flag_list({**flags, **options["extra"]})]


def parse_collectors(collectors: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Return the settings of each collector by name; an entry is a name, or a dict of a name with its settings."""
    found: dict[str, dict[str, Any]] = {}
    for entry in collectors:
        for name, settings in (entry if isinstance(entry, Mapping) else {entry: {}}).items():
            if not isinstance(settings or {}, Mapping):
                raise InvalidInput(f"The settings of the collector {name} must be a dictionary, found {settings!r}.")
            found[_collector_name(name)] = dict(settings or {})
    return found


def dry_start(argv: Sequence[str], replace: Mapping[str, str], seconds: int = 1) -> list[str]:
    """Return a command that starts a program apart from the running one and is content when it still runs after ``seconds``.

    ``replace``: flags by name with the value that they have in the trial (a free port of loopback, the staged files).
    A program that ends says why; where it stays, it would have started. One that is not there yet (check mode on a bare host) passes.
    """
    rest = [word for word in argv[1:] if word.lstrip("-").partition("=")[0] not in replace]
    trial = [f"--{name}={value}" for name, value in replace.items()]
    return ["/bin/sh", "-c", _DRY_START.format(seconds=seconds), "dry_start", argv[0], *rest, *trial]


def _web_flags(options: Mapping[str, Any]) -> dict[str, Any]:
    flags = {"web.listen-address": options["listen"], "web.telemetry-path": options["path"]}
    return {**flags, "web.config.file": options["web_config"]} if options["web_config"] else flags


def _own_settings(options: Mapping[str, Any], enabled: Mapping[str, Any], disabled: Sequence[str]) -> dict[str, Any]:
    flags: dict[str, Any] = {"collector.textfile.directory": options["textfile_dir"]}
    if options["mount_points_exclude"]:
        flags["collector.filesystem.mount-points-exclude"] = options["mount_points_exclude"]
    if "systemd" in enabled:
        flags["collector.systemd.unit-include"] = "|".join(options["systemd_units"])
        flags["collector.systemd.enable-restarts-metrics"] = True
        flags["collector.systemd.enable-start-time-metrics"] = True
    return {flag: value for flag, value in flags.items() if flag.split(".")[1] not in disabled}


def _collector_flags(enabled: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    flags: dict[str, Any] = {}
    for name, settings in enabled.items():
        flags[f"collector.{name}"] = True
        flags.update({f"collector.{name}.{setting}": value for setting, value in settings.items()})
    return flags


def _collector_name(name: Any) -> str:
    if not isinstance(name, str) or not _COLLECTOR.fullmatch(name):
        raise InvalidInput(f"{name!r} is not the name of a collector: small letters, digits and _ only, such as 'systemd'.")
    return name


def _go_flags(flags: Mapping[str, Any]) -> list[str]:
    return [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in flags.items()]
