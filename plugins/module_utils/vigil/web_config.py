# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web configuration file that Prometheus, Alertmanager and the exporters share (exporter-toolkit 0.8 and newer)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import InvalidInput
from .users.bcrypt_adapter import hash_password, is_hashed, salt


def build_web_config(
    users: Mapping[str, str],
    *,
    host: str,
    role: str,
    tls: bool = True,
    client_certificates: bool = False,
    tls_dir: str = "tls",
    tls_server_config: Mapping[str, Any] | None = None,
    http_server_config: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the document of a web configuration file.

    ``users`` holds passwords, plain or as bcrypt hashes. ``tls_dir`` is relative to the file, so that a staged copy validates as it
    stands. ``client_certificates`` lets in only clients of ``clients.crt``. What the operator gives in ``tls_server_config`` and
    ``http_server_config`` goes over what Vigil sets; a key set to null there is left out. Raises InvalidInput or VigilError.
    """
    secure = _tls(tls_dir, client_certificates) if tls else {}
    parts: dict[str, Any] = {
        "tls_server_config": _merged(secure, tls_server_config),
        "http_server_config": _merged({"http2": True} if tls else {}, http_server_config),
        "basic_auth_users": {name: _hashed(word, host, role, name) for name, word in sorted(users.items())},
    }
    return {name: part for name, part in parts.items() if part}


def _tls(folder: str, client_certificates: bool) -> dict[str, Any]:
    server: dict[str, Any] = {"cert_file": f"{folder}/host.crt", "key_file": f"{folder}/host.key", "min_version": "TLS12"}
    if client_certificates:
        server.update(client_auth_type="RequireAndVerifyClientCert", client_ca_file=f"{folder}/clients.crt")
    return server


def _merged(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in {**ours, **(theirs or {})}.items() if value is not None}


def _hashed(word: Any, host: str, role: str, user: str) -> str:
    if not isinstance(word, str) or not word:
        found = "an empty text" if word == "" else f"a value of type {type(word).__name__}"
        raise InvalidInput(f"{role}_basic_auth_users: the password of {user} is {found}. A text in quotes is expected.")
    return word if is_hashed(word) else hash_password(word, salt(host, role, user))
