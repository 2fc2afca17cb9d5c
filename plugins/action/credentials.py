# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep certificates for the hosts of an inventory, on the controller. Makes no remote call."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.certificates.authority import Policy
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.certificates.keep import Kept, keep_store
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.certificates.store import Store
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.certificates.values import Host, Pair
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput, VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.modules.credentials import OPTIONS

IN_CHECK_MODE = "Made in check mode too: the store is the controller's own, no host changed, and hosts' files are validated with it."


class ActionModule(ActionBase):
    """The controller's side of vigil.monitoring.credentials, which is all of it."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _checked, params = self.validate_argument_spec(argument_spec=OPTIONS)
        try:
            result.update(self._keep(params, task_vars or {}))
        except VigilError as error:
            result.update(failed=True, msg=str(error), **error.details)
        return result

    def _keep(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        now = time.time()
        policy = _policy(params, now)
        own = self._own_authority(params)
        store = Store(plain(params["dir"]))
        pairs = self._own_pairs(params["certificates"])
        hosts = [_host(plain(name), task_vars["hostvars"], pairs) for name in params["hosts"]]
        kept = keep_store(store, hosts, [plain(name) for name in params["readers"]], policy, now, own)
        return _result(kept, store, bool(self._task.check_mode))

    def _own_authority(self, params: dict[str, Any]) -> Pair | None:
        if params["ca_key"] and not params["ca_certificate"]:
            raise InvalidInput("vigil_ca_key is given without vigil_ca_certificate. Give both, or neither.")
        pair = Pair(self._pem(params["ca_certificate"], "vigil_ca_certificate"), self._pem(params["ca_key"], "vigil_ca_key"))
        return pair if pair.certificate else None

    def _own_pairs(self, value: Any) -> dict[str, Pair]:
        given = plain(value) or {}
        if not isinstance(given, Mapping):
            raise InvalidInput("vigil_certificates is expected to be a dictionary: host name, below it certificate and key.")
        for name, pair in given.items():
            if not isinstance(pair, Mapping) or set(pair) != {"certificate", "key"}:
                raise InvalidInput(f"vigil_certificates: {name} is expected to have the keys certificate and key, and no other.")
        label = "vigil_certificates: {} of {}".format
        return {
            name: Pair(*(self._pem(pair[part], label(part, name)) for part in ("certificate", "key"))) for name, pair in given.items()
        }

    def _pem(self, value: Any, option: str) -> bytes:
        text = plain(value) or ""
        if not isinstance(text, str):
            raise InvalidInput(f"{option} is a value of type {type(text).__name__}. A PEM text or the path of a file is expected.")
        if not text or "-----BEGIN " in text:
            return text.strip().encode() + b"\n" if text else b""
        path = self._loader.path_dwim(text)
        if "\n" in text or not os.path.isfile(path):
            # A text that is no path may be a secret that lost its first line: it is not repeated.
            raise InvalidInput(f"{option} is neither a PEM text nor the path of a file on the controller.")
        # The loader decrypts a file that ansible-vault encrypted.
        with open(self._loader.get_real_file(path), "rb") as handle:
            return handle.read()


def _policy(params: dict[str, Any], now: float) -> Policy:
    if not 0 < params["renew_before"] < params["days"] <= params["authority_days"]:
        raise InvalidInput(
            f"vigil_certificate_days is {params['days']}, vigil_ca_days {params['authority_days']} and vigil_certificate_renew_before "
            f"{params['renew_before']}. The last must be at least 1 and less than the first, and the first no more than the second."
        )
    if not params["replace_before"]:
        return Policy(params["days"], params["authority_days"], params["renew_before"])
    try:
        date = datetime.strptime(plain(params["replace_before"]), "%Y-%m-%d").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise InvalidInput(f"vigil_ca_replace_before is {params['replace_before']!r}; a date is expected, as in 2027-01-31.") from None
    if date > now:
        raise InvalidInput(f"vigil_ca_replace_before is {params['replace_before']}, which is still to come: each run would replace it.")
    return Policy(params["days"], params["authority_days"], params["renew_before"], date)


def _host(name: str, hostvars: Mapping[str, Any], own: Mapping[str, Pair]) -> Host:
    if name not in hostvars:
        raise InvalidInput(f"The host {name!r} is not in the inventory.")
    # Role defaults are no part of another host's variables, so the rule of vigil_address is written here once more.
    known = hostvars[name]
    address = plain(known.get("vigil_address") or known.get("ansible_host") or name)
    extra = plain(known.get("vigil_certificate_names") or [])
    if not isinstance(extra, list):
        raise InvalidInput(f"vigil_certificate_names of {name} is expected to be a list of DNS names and IP addresses.")
    return Host(name, str(address), tuple(str(one) for one in extra), own.get(name))


def _result(kept: Kept, store: Store, check_mode: bool) -> dict[str, Any]:
    notes = [*kept.notes, *([IN_CHECK_MODE] if check_mode and kept.written else [])]
    return {
        "changed": bool(kept.written or kept.notes) and not check_mode,
        "ca": store.path("ca.crt"),
        "ca_expires": kept.authority_expires,
        "issued": kept.issued,
        "expires": kept.expires,
        "notes": notes,
        **({"warnings": kept.warnings} if kept.warnings else {}),
    }
