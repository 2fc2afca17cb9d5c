# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent is as a service of a host: its packages, its unit, its files, and how it proves that it serves. Pure."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import __version__
from ..addresses import local_url, split_listen_address
from ..health.kind import Kind
from ..health.kinds import KINDS
from ..health.spec import parse
from ..unit_file import unit_file

UNIT = "vigil-agent.service"
LIBRARY = "/usr/lib/vigil"
STATE = "/var/lib/vigil-agent/state.json"
# Parts of the package that an agent needs on its host, beside the modules at its top.
PARTS = ("agent", "health", "httpd")
_PYTHON = "/usr/bin/python3"
# It looks at file systems, homes and processes as they are, lists addresses over netlink, and runs an operator's own commands.
_HARDENING: dict[str, Any] = {
    "PrivateTmp": False, "ProtectHome": "read-only", "ProtectProc": "default", "MemoryDenyWriteExecute": False,
    "RestrictAddressFamilies": ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"],
}
_GPU: dict[str, Any] = {"PrivateDevices": False, "DevicePolicy": "auto"}

Role = Mapping[str, Any]


def packages(checks: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the distributions' packages that these checks need, beside Python itself, for Debian's and Red Hat's families."""
    needed = [package for kind in _kinds(checks) for package in kind.packages]
    return {
        family: ["python3", *sorted({name for name in names if name})]
        for family, names in (("debian", [item.debian for item in needed]), ("redhat", [item.redhat for item in needed]))
    }


def deployment(options: Mapping[str, Any], shared: Mapping[str, Any], library: Mapping[str, str]) -> dict[str, Any]:
    """Return the options role, state, component and config of the action deploy.

    ``options``: those of the role in their types, by name less its prefix. ``shared``: host, tls, tls_dir, mirror_url, token, and the
    host's merged ``checks``. ``library`` as for ``health_agent``. Raises InvalidInput for checks that contradict themselves.
    """
    kept = ("config_dir", "details", "metrics", "pool", "max_connections", "groups", "capabilities", "hardening", "enabled", "hand_edits")
    role = {
        **{key: options[key] for key in kept}, **{key: shared[key] for key in ("host", "tls", "tls_dir", "token", "checks")},
        "listen": options["web_listen_address"], "user": options["system_user"], "group": options["system_group"],
    }
    component = {"spec": _component(role), "purge": options["purge"], "mirror_url": shared["mirror_url"]}
    return {"role": "health_agent", "state": options["state"], "component": component, "config": health_agent(role, library)}


def _component(role: Role) -> dict[str, Any]:
    user, group = role["user"], role["group"]
    state = {"path": posixpath.dirname(STATE), "owner": user, "group": group, "mode": "0750", "data": True}
    return {
        "name": "health_agent", "source": "package", "shared_packages": True, "packages": packages(role["checks"]), "unit": UNIT,
        "user": user, "group": group, "config_dir": role["config_dir"], "directories": [state],
    }


def health_agent(role: Role, library: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of service_config for the agent.

    ``role``: host, listen, tls, tls_dir (on the controller), token, config_dir, user, group, checks (merged), details, metrics, pool,
    max_connections, groups, capabilities, hardening, enabled, hand_edits. ``library`` holds the package's files by relative path.
    Raises InvalidInput for checks that contradict themselves.
    """
    tls, folder = bool(role["tls"]), str(role["config_dir"])
    own = {"mode": "0640", "group": role["group"]}
    config = f"{folder}/agent.json"
    files = [
        {"dest": f"/etc/systemd/system/{UNIT}", "content": unit_file(_unit(role, config)), "on_change": "restart"},
        {"dest": config, "content": json.dumps(_config(role, tls), indent=1, sort_keys=True) + "\n", "on_change": "reload", **own},
    ]
    token = {"dest": f"{folder}/secrets/token", "content": f"{role['token']}\n", "secret": True, "on_change": "none", **own}
    files += [token] if tls else []
    files += [{"dest": f"{LIBRARY}/{path}", "content": content, "on_change": "restart"} for path, content in sorted(library.items())]
    client = {"ca": f"{folder}/tls/ca.crt", "token": role["token"]} if tls else {}
    return {
        "name": "health_agent", "unit": UNIT, "program": _PYTHON, "files": files, "trees": _trees(role, folder) if tls else [],
        "secrets": secrets(role["checks"]), "validate": [{"argv": _check_command(config), "timeout": 30}],
        "ready": {**client, "url": local_url(role["listen"], tls, "/health/live"), "timeout": 30},
        "proof": [{**client, **item, "url": local_url(role["listen"], tls, "/metrics")} for item in _proof()],
        "enabled": role["enabled"], "hand_edits": role["hand_edits"],
    }


def secrets(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the values of all options that their kinds call secret."""
    hidden = {kind.name: [option.name for option in kind.options if option.secret] for kind in _kinds(checks)}
    return sorted({word for check in checks for name in hidden.get(str(check.get("kind")), []) for word in _leaves(check.get(name))})


def _leaves(value: Any) -> list[str]:
    """Every text in a value: a secret option may hold headers, or an environment."""
    if isinstance(value, Mapping):
        return [word for item in value.values() for word in _leaves(item)]
    if isinstance(value, (list, tuple)):
        return [word for item in value for word in _leaves(item)]
    return [str(value)] if value else []


def capabilities(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what the process has to hold for these checks, by their kinds and their options."""
    pairs = [(KINDS[check.kind], check.options) for check in parse(list(checks), KINDS)]
    return sorted({name for kind, options in pairs if kind.needs(options) for name in kind.capabilities})


def _kinds(checks: Sequence[Mapping[str, Any]]) -> list[Kind]:
    return [KINDS[name] for name in sorted({check.kind for check in parse(list(checks), KINDS)})]


def _config(role: Role, tls: bool) -> dict[str, Any]:
    host, port = split_listen_address(role["listen"])
    return {
        "host": role["host"], "listen": [f"{host or '0.0.0.0'}:{port}"],
        "tls": {"cert": "tls/host.crt", "key": "tls/host.key"} if tls else None, "token_file": "secrets/token" if tls else None,
        "state_file": STATE, "details": role["details"] if tls else "public", "metrics": role["metrics"] if tls else "public",
        "pool": int(role["pool"]), "max_connections": int(role["max_connections"]), "checks": list(role["checks"]),
    }


def _unit(role: Role, config: str) -> dict[str, Any]:
    kinds = {kind.name for kind in _kinds(role["checks"])}
    groups = sorted({group for kind in _kinds(role["checks"]) for group in kind.groups} | set(role["groups"]))
    granted = capabilities(role["checks"]) if role["capabilities"] == ["auto"] else list(role["capabilities"])
    return {
        "description": "Health of this host, for people, load balancers and Prometheus (vigil.agent)",
        "exec": [_PYTHON, "-m", "vigil.agent", "--config", config], "reload": ["/bin/kill", "-HUP", "$MAINPID"],
        "user": role["user"], "group": role["group"], "capabilities": granted,
        # Compiled modules are kept where the agent may write: the library itself is root's.
        "environment": {"PYTHONPATH": LIBRARY, "PYTHONPYCACHEPREFIX": "/var/cache/vigil-agent", "PYTHONUNBUFFERED": "1"},
        "hardening": {**_HARDENING, **(_GPU if "gpu" in kinds else {})},
        "service": {
            "Type": "notify", "NotifyAccess": "main", "WatchdogSec": 30, "Restart": "always", "TimeoutStopSec": 10, "LimitNOFILE": 16384,
            "StateDirectory": "vigil-agent", "StateDirectoryMode": "0750", "CacheDirectory": "vigil-agent",
            **({"SupplementaryGroups": groups} if groups else {}), **role["hardening"],
        },
    }


def _trees(role: Role, folder: str) -> list[dict[str, Any]]:
    shared = {"mode": "0640", "group": role["group"], "secret": True, "on_change": "none"}
    return [{"src": role["tls_dir"], "dest": f"{folder}/tls", "exclude": ["clients.crt"], **shared}]


def _check_command(config: str) -> list[str]:
    """The staged agent reads the staged configuration, and refuses what it would refuse at its start."""
    settings: Iterable[str] = (f"PYTHONPATH={{stage}}{LIBRARY}", "PYTHONDONTWRITEBYTECODE=1")
    return ["/usr/bin/env", *settings, _PYTHON, "-m", "vigil.agent", "--config", f"{{stage}}{config}", "--check"]


def _proof() -> list[dict[str, Any]]:
    return [
        {"metric": "vigil_agent_build_info", "labels": {"version": __version__}, "value": 1},
        {"metric": "vigil_agent_config_last_reload_successful", "value": 1},
        {"metric": "vigil_agent_config_last_reload_success_timestamp_seconds", "moved": True},
    ]
