# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a server that begins in plain text to go on in TLS."""

from __future__ import annotations

import socket
import struct

from . import net

# More than any greeting needs; a server that never ends its lines is stopped here.
_BUDGET = 64 * 1024
# SSLRequest of PostgreSQL's protocol: its length, and the code 1234, 5679.
_POSTGRES_REQUEST = struct.pack("!IHH", 8, 1234, 5679)


def begin(link: socket.socket, protocol: str, deadline: net.Deadline) -> None:
    """Speak ``protocol`` (smtp, imap, postgres) up to where TLS begins. Raises OSError, in words, where the server does not offer it."""
    stream = net.Stream(link, deadline, _BUDGET)
    {"smtp": _smtp, "imap": _imap, "postgres": _postgres}[protocol](stream)


def _smtp(stream: net.Stream) -> None:
    _reply(stream, b"220")
    stream.sendall(b"EHLO vigil.invalid\r\n")
    if not any(line[4:].strip().upper() == b"STARTTLS" for line in _reply(stream, b"250")):
        raise OSError("it does not offer STARTTLS")
    stream.sendall(b"STARTTLS\r\n")
    _reply(stream, b"220")


def _reply(stream: net.Stream, code: bytes) -> list[bytes]:
    """Read the lines of one reply of SMTP (RFC 5321, 4.2): a hyphen behind the code says that more follow."""
    lines = [stream.line()]
    while lines[-1][3:4] == b"-":
        lines.append(stream.line())
    if lines[-1][:3] != code:
        raise OSError(f"it answered {_shown(lines[-1])}, expected {code.decode()}")
    return lines


def _imap(stream: net.Stream) -> None:
    greeting = stream.line()
    if not greeting.upper().startswith((b"* OK", b"* PREAUTH")):
        raise OSError(f"it answered {_shown(greeting)}, expected a greeting of IMAP")
    stream.sendall(b"v1 STARTTLS\r\n")
    line = stream.line()
    while line.startswith(b"* "):
        line = stream.line()
    if not line.upper().startswith(b"V1 OK"):
        raise OSError(f"it does not offer STARTTLS ({_shown(line)})")


def _postgres(stream: net.Stream) -> None:
    stream.sendall(_POSTGRES_REQUEST)
    answer = stream.exactly(1)
    if answer != b"S":
        raise OSError("it does not offer TLS" if answer == b"N" else f"it answered {_shown(answer)}, expected S of PostgreSQL")


def _shown(line: bytes) -> str:
    return repr(line[:60].decode(errors="replace").strip()) if line else "nothing"
