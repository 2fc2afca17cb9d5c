# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS as a client: contexts that are made once, handshakes with a deadline, and the certificate that was shown."""

from __future__ import annotations

import base64
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..kind import Shared
from ..model import CannotTell
from . import net
from .der import read_certificate

if TYPE_CHECKING:
    # Kinds are imported by all who read a specification; what speaks TLS takes 20 ms and is imported where something is asked.
    import ssl

# Reading the system's authorities takes 20 ms of CPU. A file that changes is seen at once; the system's own store after this many seconds.
_KEEP = 3600.0
_PEM = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END")
_WORDS = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port",
    "HTTP_REQUEST": "it does not speak TLS on this port",
    "UNSUPPORTED_PROTOCOL": "it speaks only versions of TLS that are too old",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks only versions of TLS that are too old",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a client certificate",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it refused the TLS handshake (it may ask for a client certificate)",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the authority of our client certificate",
    "TLSV1_UNRECOGNIZED_NAME": "it has no certificate for this server name",
}


class NotTrusted(OSError):
    """The certificate of the other side is not trusted; ``code`` and ``message`` are OpenSSL's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"its certificate is not trusted ({message})")
        self.code, self.message = code, message


@dataclass(frozen=True)
class Tls:
    """Whom to trust (files), with what to show oneself, and whether chain and name are verified."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    verify: bool = True
    check_name: bool = True


def context(tls: Tls, shared: Shared) -> ssl.SSLContext:
    """Return the context for these files, made once for all checks. Raises CannotTell where a file is missing or wrong."""
    return shared.get(f"tls {tls} {[_stamp(path) for path in (tls.ca, tls.cert, tls.key)]}", _KEEP, lambda: _make(tls))


def _stamp(path: str | None) -> tuple[int, int] | None:
    try:
        known = os.stat(path) if path else None
    except OSError:
        return None
    return (known.st_mtime_ns, known.st_ino) if known else None


def _make(tls: Tls) -> ssl.SSLContext:
    import ssl

    try:
        made = ssl.create_default_context(cafile=tls.ca) if tls.verify else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Python 3.13 asks more of an authority's certificate than OpenSSL, curl and browsers do; whoever uses the service decides.
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
        made.check_hostname = tls.verify and tls.check_name
        made.verify_mode = ssl.CERT_REQUIRED if tls.verify else ssl.CERT_NONE
        if tls.cert:
            # Without a password of its own OpenSSL would ask for one on the terminal.
            made.load_cert_chain(tls.cert, tls.key, password=lambda: "")
    except (OSError, ValueError) as error:
        files = ", ".join(path for path in (tls.ca, tls.cert, tls.key) if path)
        raise CannotTell(f"the certificates of the check ({files}) cannot be loaded: {getattr(error, 'strerror', None) or error}",
                         f"They have to be PEM files that the user of the checks may read: ls -l {files.replace(', ', ' ')}")
    return made


def secure(link: socket.socket, made: ssl.SSLContext, name: str, deadline: net.Deadline) -> ssl.SSLSocket:
    """Shake hands; ``name`` is whom we ask for. Closes the socket and raises OSError where that fails, NotTrusted where that is why."""
    import ssl

    link.settimeout(deadline.left())
    try:
        secured = made.wrap_socket(link, server_hostname=name or None, do_handshake_on_connect=False)
    except (OSError, ValueError) as error:
        link.close()
        raise OSError(str(error))
    try:
        secured.settimeout(deadline.left())
        secured.do_handshake()
    except ssl.SSLCertVerificationError as error:
        secured.close()
        raise NotTrusted(error.verify_code, error.verify_message)
    except BaseException:
        secured.close()
        raise
    return secured


def shown(link: socket.socket) -> bytes:
    """Return the certificate that the other side showed, in DER; empty where it showed none, and without TLS."""
    ask = getattr(link, "getpeercert", None)
    return (ask(binary_form=True) if ask else None) or b""


def certificates(content: bytes) -> list[bytes]:
    """Return the certificates of a file, in DER. Raises ValueError where there is none."""
    if content[:1] == b"\x30":
        return [content]
    found = [base64.b64decode(block) for block in _PEM.findall(content)]
    if not found:
        raise ValueError("there is no certificate in it")
    return found


def peek(dial: Callable[[], socket.socket], name: str, deadline: net.Deadline) -> bytes:
    """Return the certificate of a server that we do not trust, by a second handshake that verifies nothing; empty where there is none."""
    unverified = _make(Tls(verify=False))
    try:
        with secure(dial(), unverified, name, deadline) as link:
            return shown(link)
    except OSError:
        return b""


def describe(data: bytes, now: float) -> dict[str, Any]:
    """Return a certificate as JSON values: names, seconds ``left`` until it expires, its ``age``. Raises ValueError where it is none."""
    from datetime import datetime, timezone

    read = read_certificate(data)
    until = datetime.fromtimestamp(read.not_after, timezone.utc).date().isoformat()
    return {"subject": read.subject, "issuer": read.issuer, "names": list(read.names), "left": read.not_after - now,
            "age": now - read.not_before, "until": until}


def words(error: OSError) -> str:
    """Say in a few words why TLS, or the connection below it, failed."""
    import ssl

    if isinstance(error, NotTrusted):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "it closed the connection in the middle of TLS (it may ask for a client certificate)"
    if isinstance(error, ssl.SSLError) and not isinstance(error, socket.timeout):
        reason = error.reason or str(error)
        return _WORDS.get(reason, f"TLS failed ({reason.lower().replace('_', ' ')})")
    return net.words(error)
