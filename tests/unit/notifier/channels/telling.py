# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages and mail servers for the tests of channels."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.channel import Message, Outcome, Wire, read_settings
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.channels import CHANNELS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

NOW = 1700000000.0


def message(**given: Any) -> Message:
    """A message with these fields, the rest as usual."""
    usual: dict[str, Any] = dict(id="m1", status="firing", severity="warning", language="en", title="db1 down",
                                 text="for 5 min", html="<p>for 5 min</p>", url="https://mon.example.org/a",
                                 labels={"instance": "db1"}, count=1, at=NOW)
    return Message(**{**usual, **given})


def tell(name: str, recipients: list[str], given: Mapping[str, Any], seconds: float = 5.0, now: float = NOW, **fields: Any) -> Outcome:
    """Send by a channel, with settings as an operator writes them."""
    settings = read_settings(CHANNELS[name], given, name)
    return CHANNELS[name].send(message(**fields), recipients, settings, Wire.begin(System(), seconds), now)


def kept(folder: Path, name: str, content: str) -> str:
    """Write a secret into a file and return its path."""
    path = folder / name
    path.write_text(content + "\n", encoding="utf-8")
    path.chmod(0o600)
    return str(path)


@dataclass
class MailServer:
    """A mail server. ``says`` maps the beginning of a command (or greeting, END) to a reply that is not the usual one.

    A reply of None closes the connection; ``before`` is called before each reply.
    """

    says: dict[str, str | None] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    offers: tuple[str, ...] = ()
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    secured: bool = False
    before: Callable[[str], None] = lambda command: None

    def __call__(self, link: socket.socket) -> None:
        if self._reply(link, "greeting", "220 mail.example.org ESMTP") and not self._talk(link):
            link.close()

    def _talk(self, link: socket.socket) -> bool:
        stream = link.makefile("rb")
        for line in stream:
            command = line.decode("latin-1").rstrip("\r\n")
            self.commands.append(command)
            word = command.split(" ", maxsplit=1)[0].upper()
            if word == "DATA":
                if not self._reply(link, "DATA", "354 go on") or self.says.get("DATA", "354")[:3] != "354":  # type: ignore[index]
                    continue
                self.mails.append(_until_dot(stream))
                if not self._reply(link, "END", "250 2.0.0 queued as 4711"):
                    return False
            elif not self._usual(link, command, word):
                return False
            elif word == "STARTTLS" and self.tls and "STARTTLS" not in self.says:
                return self._secure(link)
            elif word == "QUIT":
                return False
        return False

    def _secure(self, link: socket.socket) -> bool:
        assert self.tls
        with self.tls.wrap_socket(link, server_side=True) as secured:
            self.secured = True
            return self._talk(secured)

    def _usual(self, link: socket.socket, command: str, word: str) -> bool:
        if word == "EHLO":
            lines = ["mail.example.org", *self.offers, *(["STARTTLS"] if self.tls and not self.secured else [])]
            usual = "\r\n".join(f"250{' ' if index == len(lines) - 1 else '-'}{line}" for index, line in enumerate(lines))
        else:
            usual = {"STARTTLS": "220 go on", "AUTH": "235 ok", "QUIT": "221 bye"}.get(word, "250 ok")
        key = next((key for key in self.says if command.upper().startswith(key.upper())), word)
        return self._reply(link, key, usual)

    def _reply(self, link: socket.socket, key: str, usual: str) -> bool:
        self.before(key)
        reply = self.says.get(key, usual)
        if reply is None:
            link.shutdown(socket.SHUT_RDWR)
            return False
        link.sendall(f"{reply}\r\n".encode())
        return True


def _until_dot(stream: Any) -> bytes:
    lines = []
    for line in stream:
        if line == b".\r\n":
            break
        lines.append(line[1:] if line.startswith(b"..") else line)
    return b"".join(lines)


def plain(name: str, password: str) -> str:
    """What AUTH PLAIN says."""
    return base64.b64encode(f"\0{name}\0{password}".encode()).decode()
