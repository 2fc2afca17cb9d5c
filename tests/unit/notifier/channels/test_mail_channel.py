# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail, against a mail server on loopback that is slow, refuses, lies about its certificate, and goes away in the middle."""

from __future__ import annotations

import email
import email.policy
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.health.serving import Authority, serve
from tests.unit.notifier.channels.telling import MailServer, kept, plain, tell

TO = ["ops@example.org"]
OPEN: dict[str, Any] = {"host": "127.0.0.1", "from": "Wächter <alerts@example.org>", "tls": "none"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def test_a_mail_arrives() -> None:
    server = MailServer()
    with serve(server) as port:
        outcome = tell("mail", TO, {**OPEN, "port": port}, title="主机 down", text="line\n.dot\n", html="<p>中</p>")
    assert (outcome.state, outcome.provider_id) == ("sent", "2.0.0 queued as 4711")
    read = email.message_from_bytes(server.mails[0], policy=email.policy.default)
    assert (str(read["subject"]), str(read["to"])) == ("主机 down", "ops@example.org")
    assert read["from"].addresses[0].display_name == "Wächter"
    text, html = (part.get_content() for part in read.iter_parts())  # type: ignore[attr-defined]
    assert text.replace("\r\n", "\n") == "line\n.dot\n\nhttps://mon.example.org/a\n"
    assert html.strip() == "<p>中</p>"


def test_the_name_that_this_host_gives() -> None:
    server = MailServer()
    with serve(server) as port:
        for given in ({}, {"helo": "mon1.example.org"}):
            tell("mail", TO, {**OPEN, "port": port, **given})
    assert [command for command in server.commands if command.startswith("ehlo")] == ["ehlo [127.0.0.1]", "ehlo mon1.example.org"]


def test_each_attempt_has_the_same_message_id() -> None:
    server = MailServer()
    with serve(server) as port:
        for ident in ("m1", "m1", "m2"):
            tell("mail", TO, {**OPEN, "port": port}, id=ident)
    found = [email.message_from_bytes(mail)["message-id"] for mail in server.mails]
    assert found[0] == found[1] != found[2]
    assert found[0].endswith("@example.org>")


def secured(authority: Authority, folder: Path, password: str = "pw") -> dict[str, Any]:
    return {"host": "localhost", "from": "a@example.org", "username": "ops", "password_file": kept(folder, "p", password),
            "ca": str(authority.file)}


def test_starttls_and_a_user(authority: Authority, tmp_path: Path) -> None:
    server = MailServer(tls=authority.server("localhost", "localhost"), offers=("AUTH LOGIN PLAIN",))
    given = secured(authority, tmp_path, "pä ss")
    with serve(server) as port:
        outcome = tell("mail", TO, {**given, "port": port})
    assert outcome.state == "sent", outcome.words
    assert f"AUTH PLAIN {plain('ops', 'pä ss')}" in server.commands
    assert server.commands.index("STARTTLS") < server.commands.index(f"AUTH PLAIN {plain('ops', 'pä ss')}")


def test_auth_login(authority: Authority, tmp_path: Path) -> None:
    server = MailServer(tls=authority.server("localhost", "localhost"), offers=("AUTH LOGIN",),
                        says={"AUTH LOGIN": "334 VXNlcm5hbWU6", "b3Bz": "334 UGFzc3dvcmQ6", "cHc=": "535 5.7.8 no such user"})
    given = secured(authority, tmp_path, "pw")
    with serve(server) as port:
        outcome = tell("mail", TO, {**given, "port": port})
    assert (outcome.state, outcome.words) == ("never", "AUTH: 535 5.7.8 no such user")


def test_tls_from_the_first_byte(authority: Authority) -> None:
    with serve(MailServer(), tls=authority.server("localhost", "localhost")) as port:
        outcome = tell("mail", TO, {"host": "localhost", "from": "a@example.org", "tls": "tls", "port": port, "ca": str(authority.file)})
    assert outcome.state == "sent", outcome.words


def test_a_certificate_for_another_name_gets_nothing(authority: Authority, tmp_path: Path) -> None:
    server = MailServer(tls=authority.server("other", "other.example.org"), offers=("AUTH PLAIN",))
    given = secured(authority, tmp_path, "pw")
    with serve(server) as port:
        outcome = tell("mail", TO, {**given, "port": port})
    assert outcome.state == "later"
    assert "not trusted" in outcome.words
    assert server.commands[-1] == "STARTTLS"
    assert not server.mails


def test_no_starttls_no_mail() -> None:
    server = MailServer()
    with serve(server) as port:
        outcome = tell("mail", TO, {"host": "127.0.0.1", "from": "a@example.org", "port": port})
    assert (outcome.state, server.mails) == ("later", [])
    assert "does not offer" in outcome.words
    assert not any(command.startswith("MAIL") for command in server.commands)


@pytest.mark.parametrize(("says", "state", "words"), [
    ({"greeting": "421 too busy"}, "later", "greeting: 421 too busy"),
    ({"greeting": "554 go away"}, "later", "554"),
    ({"greeting": "HTTP/1.1 400 Bad Request"}, "later", "greeting"),
    ({"greeting": None}, "later", "greeting: Connection unexpectedly closed"),
    ({"MAIL": "451 wait"}, "later", "MAIL: 451 wait"),
    ({"MAIL": "530 authenticate"}, "never", "MAIL: 530"),
    ({"RCPT": "450 greylisted"}, "later", "RCPT ops@example.org: 450 greylisted"),
    ({"RCPT": "550 5.1.1 unknown"}, "never", "550 5.1.1 unknown"),
    ({"RCPT": "421 closing"}, "later", "421"),
    ({"RCPT": None}, "later", "RCPT ops@example.org: Connection"),
    ({"DATA": "452 full"}, "later", "DATA: 452 full"),
    ({"DATA": "554 no"}, "never", "DATA: 554"),
    ({"END": "451 later"}, "later", "DATA: 451 later"),
    ({"END": "554 5.7.1 spam"}, "never", "spam"),
    ({"END": None}, "later", "same Message-ID"),
    ({"END": "250-" + "x" * 300000}, "later", "DATA"),
    ({"EHLO": "500 what", "HELO": "250 hello"}, "sent", "DATA: 250"),
    ({"QUIT": None}, "sent", "DATA: 250"),
])
def test_what_a_server_says(says: dict[str, str | None], state: str, words: str) -> None:
    with serve(MailServer(says)) as port:
        outcome = tell("mail", TO, {**OPEN, "port": port})
    assert (outcome.state, outcome.words) == (state, outcome.words)
    assert words in outcome.words


def test_each_recipient_has_its_own_verdict() -> None:
    people = [f"{name}@example.org" for name in ("good", "full", "gone")]
    server = MailServer({"RCPT TO:<full": "452 4.2.2 full", "RCPT TO:<gone": "550 5.1.1 gone"})
    with serve(server) as port:
        outcome = tell("mail", people, {**OPEN, "port": port})
    assert (outcome.state, outcome.pending, outcome.refused) == ("later", ("full@example.org",), ("gone@example.org",))
    assert len(server.mails) == 1
    with serve(MailServer({"RCPT TO:<gone": "550 5.1.1 gone"})) as port:
        outcome = tell("mail", ["good@example.org", "gone@example.org"], {**OPEN, "port": port})
    assert (outcome.state, outcome.pending, outcome.refused) == ("sent", (), ("gone@example.org",))


def test_a_server_that_says_goodbye_between_recipients() -> None:
    people = [f"{name}@example.org" for name in ("gone", "good", "bye", "last")]
    server = MailServer({"RCPT TO:<gone": "550 5.1.1 gone", "RCPT TO:<bye": "421 4.3.2 shutting down"})
    with serve(server) as port:
        outcome = tell("mail", people, {**OPEN, "port": port})
    assert (outcome.state, outcome.refused, outcome.pending) == ("later", ("gone@example.org",), tuple(people[1:]))
    assert not any(command.startswith(("DATA", "data", "RCPT TO:<last", "rcpt TO:<last")) for command in server.commands)


def test_a_server_that_answers_a_byte_at_a_time_does_not_hold_us() -> None:
    ended = threading.Event()

    def drip(link: Any) -> None:
        while not ended.wait(0.02):
            link.sendall(b"2")

    began = time.monotonic()
    with serve(drip) as port:
        outcome = tell("mail", TO, {**OPEN, "port": port}, seconds=0.5)
        ended.set()
    assert outcome.state == "later"
    assert time.monotonic() - began < 1.5


def test_a_server_that_stops_in_the_middle() -> None:
    ended = threading.Event()
    server = MailServer(before=lambda key: ended.wait(5) and None if key == "END" else None)
    with serve(server) as port:
        outcome = tell("mail", TO, {**OPEN, "port": port}, seconds=0.5)
        ended.set()
    assert outcome.state == "later"
    assert "in time" in outcome.words
    assert "same Message-ID" in outcome.words


def test_nobody_listens() -> None:
    with serve(MailServer()) as port:
        pass
    assert tell("mail", TO, {**OPEN, "port": port}).state == "later"


def test_the_password_is_not_there_and_not_told(authority: Authority, tmp_path: Path) -> None:
    given = secured(authority, tmp_path, "s3cr3tword")
    assert "the file of password" in tell("mail", TO, {**given, "password_file": str(tmp_path / "none")}).words
    server = MailServer({"AUTH": "535 wrong password s3cr3tword"}, tls=authority.server("localhost", "localhost"), offers=("AUTH PLAIN",))
    with serve(server) as port:
        outcome = tell("mail", TO, {**given, "port": port})
    assert outcome.words == "AUTH: 535 wrong password ***"


def test_a_second_command_in_a_recipient_is_not_sent() -> None:
    server = MailServer()
    with serve(server) as port:
        outcome = tell("mail", ["a@b.org>\r\nRCPT TO:<c@d.org"], {**OPEN, "port": port})
    assert outcome.state == "never"
    assert not server.mails
