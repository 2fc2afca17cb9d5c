# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS of a server, from two files that somebody renews."""

from __future__ import annotations

import ssl

from ..model import VigilError


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """Return a context for TLS 1.2 and newer. Raises VigilError where the files are not there, do not load, or do not belong together."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise VigilError(
            f"the certificate {cert} and its key {key} cannot be used: {_words(error)}."
            " Expected two PEM files that belong together, readable by this service, the key without a password."
        ) from error
    return context


def _no_password() -> str:
    raise ValueError("the key has a password")


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error).replace("_", " ").lower()
    return str(getattr(error, "strerror", None) or error)
