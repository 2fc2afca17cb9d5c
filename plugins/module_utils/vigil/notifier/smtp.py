# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand one mail to a mail server: smtplib's protocol over a socket with one deadline for all of it."""

from __future__ import annotations

import base64
import smtplib
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ..health.clients import net, tls
from .channel import LATER, NEVER, SENT, Outcome, Wire
from .text import one_line

_BUDGET = 256 * 1024
Verdicts = list[tuple[str, Outcome]]


@dataclass(frozen=True)
class Server:
    """Where mail is handed in: ``security`` is starttls, tls or none."""

    host: str
    port: int
    security: str
    ca: str | None = None
    helo: str = ""
    username: str = ""
    password: str = field(default="", repr=False)


class Refused(Exception):
    """The server will not go on; ``outcome`` says whether it may later."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.words)
        self.outcome = outcome


def deliver(server: Server, sender: str, recipients: Sequence[str], content: bytes, wire: Wire) -> Verdicts:
    """Return what became of each recipient's copy. Raises CannotTell where a file of ours is missing; nothing else."""
    session = _Session(server, wire)
    try:
        session.open()
        return session.hand_over(sender, recipients, content)
    except Refused as refused:
        outcome = refused.outcome
    except (smtplib.SMTPException, OSError, ValueError) as error:
        outcome = Outcome(LATER, f"{session.stage}: {_words(error, wire)}")
    finally:
        session.close()
    return [(recipient, session.verdicts.get(recipient, outcome)) for recipient in recipients]


def _words(error: Exception, wire: Wire) -> str:
    try:
        wire.deadline.left()
    except socket.timeout:  # smtplib hides it behind a word of its own
        return "no answer in time"
    if isinstance(error, smtplib.SMTPException):
        return one_line(str(error), 200)
    return tls.words(error) if isinstance(error, OSError) else f"what it answered is no SMTP ({one_line(str(error), 80)})"


def verdict(code: int, said: bytes, stage: str) -> Outcome:
    """Read a reply (RFC 5321, 4.2.1): 2xx good, 4xx later, 5xx never; what is none of them later. 421 closes the connection: later."""
    words = f"{stage}: {code} {one_line(said.decode(errors='replace'), 200)}"
    return Outcome(SENT if 200 <= code < 300 else NEVER if 500 <= code < 600 else LATER, words)


class _Session:
    """One connection. ``stage`` is where it is, ``verdicts`` what is final of recipients already."""

    def __init__(self, server: Server, wire: Wire) -> None:
        self.server, self.wire = server, wire
        self.stage = f"connecting to {server.host}:{server.port}"
        self.verdicts: dict[str, Outcome] = {}
        self._link: socket.socket | None = None
        self._client = smtplib.SMTP(local_hostname=server.helo or "localhost")

    def open(self) -> None:
        """Connect, greet, secure, and say who we are."""
        self._link = net.connect(self.server.host, self.server.port, self.wire.deadline)
        self._client.local_hostname = self.server.helo or _literal(str(self._link.getsockname()[0]))
        if self.server.security == "tls":
            self._secure()
        self._use()
        self.stage = "greeting"
        code, said = self._client.getreply()
        if code != 220:  # of the message nothing was judged yet
            raise Refused(Outcome(LATER, verdict(code, said, self.stage).words))
        self._hello()
        if self.server.security == "starttls":
            self._starttls()
        if self.server.username:
            self._login()

    def _hello(self) -> None:
        self.stage = "EHLO"
        code, said = self._client.ehlo()
        if code != 250:
            self._check(*self._client.helo())

    def _starttls(self) -> None:
        self.stage = "STARTTLS"
        if not self._client.has_extn("starttls"):
            raise Refused(Outcome(LATER, "STARTTLS: the server does not offer it; nothing is sent in the clear"))
        code, said = self._client.docmd("STARTTLS")
        if code != 220:
            raise Refused(Outcome(LATER, verdict(code, said, self.stage).words))
        # What was said before TLS may be anybody's: it is forgotten, and with it what came too early (CVE-2011-0411).
        self._secure()
        self._use()
        self._client.ehlo_resp = self._client.helo_resp = None
        self._client.esmtp_features, self._client.does_esmtp = {}, False
        self._hello()

    def _secure(self) -> None:
        made = tls.context(tls.Tls(self.server.ca), self.wire.shared)
        if self._link is not None:
            link, self._link = self._link, None
            self._link = tls.secure(link, made, self.server.host, self.wire.deadline)

    def _use(self) -> None:
        client = cast(Any, self._client)
        client.sock, client.file = net.Stream(cast(socket.socket, self._link), self.wire.deadline, _BUDGET), None

    def _login(self) -> None:
        """PLAIN (RFC 4616), else LOGIN; both in UTF-8, which smtplib's own does not speak."""
        self.stage = "AUTH"
        offered = self._client.esmtp_features.get("auth", "").upper().split()
        name, password = self.server.username.encode(), self.server.password.encode()
        if "PLAIN" in offered:
            self._check(*self._client.docmd("AUTH", f"PLAIN {_base64(b'%b%b%b%b' % (bytes(1), name, bytes(1), password))}"))
        elif "LOGIN" in offered:
            code, said = self._client.docmd("AUTH", "LOGIN")
            for part in (name, password):
                if code == 334:
                    code, said = self._client.docmd(_base64(part))
            self._check(code, said)
        else:
            raise Refused(Outcome(LATER, f"AUTH: the server offers {' '.join(offered) or 'nothing'}, expected PLAIN or LOGIN"))

    def _check(self, code: int, said: bytes) -> None:
        found = verdict(code, said, self.stage)
        if found.state != SENT:
            raise Refused(found)

    def hand_over(self, sender: str, recipients: Sequence[str], content: bytes) -> Verdicts:
        """Name sender and recipients, and send the mail to those that were accepted."""
        self.stage = "MAIL"
        self._check(*self._client.mail(sender))
        for recipient in recipients:
            self.stage = f"RCPT {recipient}"
            code, said = self._client.rcpt(recipient)
            found = verdict(code, said, self.stage)
            if code == 421:
                raise Refused(found)
            if found.state != SENT:
                self.verdicts[recipient] = found
        accepted = [recipient for recipient in recipients if recipient not in self.verdicts]
        if accepted:
            self.stage = "DATA (the server may have the mail; the next attempt has the same Message-ID)"
            outcome = self._data(content)
            self.verdicts.update((recipient, outcome) for recipient in accepted)
        return [(recipient, self.verdicts[recipient]) for recipient in recipients]

    def _data(self, content: bytes) -> Outcome:
        try:
            code, said = self._client.data(content)
        except smtplib.SMTPDataError as error:
            said = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
            return verdict(error.smtp_code, said, "DATA")
        found = verdict(code, said, "DATA")
        return Outcome(found.state, found.words, provider_id=one_line(said.decode(errors="replace"), 80) if found.state == SENT else "")

    def close(self) -> None:
        """Say goodbye where somebody listens; the mail's fate is decided before."""
        try:
            if self._client.sock is not None:
                self._client.docmd("QUIT")
        except (smtplib.SMTPException, OSError, ValueError):
            self.stage = "closed"
        finally:
            if self._link is not None:
                self._link.close()


def _literal(address: str) -> str:
    """Return an address as a host names itself that has no name for others (RFC 5321, 4.1.3)."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
