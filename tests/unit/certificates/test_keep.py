# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole store, with real certificates, judged by the openssl-backed ssl library through a real handshake."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from vigil.certificates import x509
from vigil.certificates.authority import DAY, Policy
from vigil.certificates.keep import Kept, keep_store
from vigil.certificates.store import Store
from vigil.certificates.values import Facts, Host, Pair
from vigil.model import VigilError

HOSTS = (Host("mon1", "127.0.0.1"), Host("app1", "10.0.0.1"), Host("web 1", "10.0.0.9"))
NOW = 1_800_000_000.0


def keep(root: Path, hosts: tuple[Host, ...] = HOSTS, policy: Policy | None = None, now: float = NOW, own: Pair | None = None) -> Kept:
    return keep_store(Store(str(root)), hosts, ["mon1"], policy or Policy(), now, own)


def folder(root: Path, name: str) -> Path:
    return root / "hosts" / name


def facts(root: Path, name: str) -> Facts:
    return x509.read_facts((folder(root, name) / "host.crt").read_bytes(), (folder(root, name) / "host.key").read_bytes())


def company(now: float = NOW, days: float = 300) -> Pair:
    return x509.make_authority("Company", now, now + days * DAY)


def test_first_run_then_nothing_to_do(tmp_path: Path) -> None:
    first = keep(tmp_path)
    assert [one["host"] for one in first.issued] == ["mon1", "app1", "web 1"]
    assert {path.name for path in (tmp_path / "hosts").iterdir()} == {"mon1", "app1", "web%201"}
    assert {path.name for path in folder(tmp_path, "app1").iterdir()} == {"ca.crt", "clients.crt", "host.crt", "host.key"}
    second = keep(tmp_path)
    assert (second.issued, second.written, second.notes) == ([], [], [])
    assert second.expires == first.expires


def test_one_host_is_renewed_when_its_time_comes(tmp_path: Path) -> None:
    keep(tmp_path)
    assert keep(tmp_path, now=NOW + 366 * DAY).written == []
    late = keep(tmp_path, now=NOW + 368 * DAY)
    assert {one["reason"][:14] for one in late.issued} == {"It expires on "}
    assert keep(tmp_path, now=NOW + 368 * DAY).written == []


def test_a_new_address_renews_that_host_only(tmp_path: Path) -> None:
    keep(tmp_path)
    kept = keep(tmp_path, (HOSTS[0], replace(HOSTS[1], address="10.0.0.2"), HOSTS[2]))
    assert [one["host"] for one in kept.issued] == ["app1"]
    assert "IP:10.0.0.2" in facts(tmp_path, "app1").names


@pytest.mark.parametrize("content", [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
@pytest.mark.parametrize("name", ["host.crt", "host.key"])
def test_a_damaged_file_is_replaced_with_words(tmp_path: Path, name: str, content: bytes) -> None:
    keep(tmp_path)
    (folder(tmp_path, "app1") / name).write_bytes(content)
    kept = keep(tmp_path)
    assert [one["host"] for one in kept.issued] == ["app1"]
    assert ("cannot be read" if name == "host.crt" else "private key") in kept.issued[0]["reason"]
    assert facts(tmp_path, "app1").key_matches


@pytest.mark.parametrize("name", ["authority.crt", "authority.key"])
def test_a_damaged_authority_is_refused(tmp_path: Path, name: str) -> None:
    keep(tmp_path)
    (tmp_path / name).write_bytes(b"rubbish")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(VigilError, match="Put back"):
        keep(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_authority_is_replaced_on_request_once(tmp_path: Path) -> None:
    keep(tmp_path)
    later, policy = NOW + 10 * DAY, Policy(replace_before=NOW + 5 * DAY)
    assert len(keep(tmp_path, policy=policy, now=later).issued) == 3
    assert keep(tmp_path, policy=policy, now=later).written == []


def test_near_its_end_the_authority_warns_and_hosts_do_not_churn(tmp_path: Path) -> None:
    keep(tmp_path, policy=Policy(days=40, authority_days=50))
    late = keep(tmp_path, policy=Policy(days=40, authority_days=50), now=NOW + 25 * DAY)
    assert len(late.issued) == 3
    assert any("authority expires" in text for text in late.warnings)
    assert keep(tmp_path, policy=Policy(days=40, authority_days=50), now=NOW + 26 * DAY).issued == []


def test_an_address_that_nobody_can_verify_is_warned_about(tmp_path: Path) -> None:
    assert "Set vigil_address" in keep(tmp_path, (Host("web 1", "web 1"),)).warnings[0]


def test_own_authority_signs_and_its_key_stays_out(tmp_path: Path) -> None:
    own = company()
    keep(tmp_path)
    kept = keep(tmp_path, own=own)
    assert {one["reason"] for one in kept.issued} == {"It was signed by another authority."}
    assert (tmp_path / "ca.crt").read_bytes() == own.certificate
    assert not any(own.key in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(keep(tmp_path).issued) == 3, "back to Vigil's own, which is still there"


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (Pair(b"rubbish", b"rubbish"), "cannot be read"),
        (replace(company(), key=company().key), "does not belong"),
        (company(now=NOW - 500 * DAY), "expired on"),
        (x509.issue("x", ("DNS:x",), NOW, NOW + DAY, company()), "CA:TRUE"),
        (replace(company(), key=b""), "without vigil_ca_key"),
    ],
    ids=["rubbish", "another key", "expired", "no authority", "no key"],
)
def test_own_authority_that_cannot_serve(tmp_path: Path, own: Pair, words: str) -> None:
    with pytest.raises(VigilError, match=words):
        keep(tmp_path, own=own)
    assert not (tmp_path / "hosts").exists()


def test_own_certificates(tmp_path: Path) -> None:
    authority = company()
    pairs = {host.name: x509.issue(host.name, (f"IP:{host.address}",), NOW, NOW + 90 * DAY, authority) for host in HOSTS}
    hosts = tuple(replace(host, own=pairs[host.name]) for host in HOSTS)
    kept = keep(tmp_path, hosts, own=replace(authority, key=b""))
    assert (kept.issued, kept.warnings) == ([], [])
    clients = x509.blocks((folder(tmp_path, "app1") / "clients.crt").read_bytes())
    assert clients == [pairs["mon1"].certificate, pairs["app1"].certificate], "the very certificates, not all of the company"
    assert "expires on" in keep(tmp_path, hosts, now=NOW + 61 * DAY, own=replace(authority, key=b"")).warnings[0]


def test_own_certificate_with_the_wrong_key(tmp_path: Path) -> None:
    authority = company()
    wrong = replace(x509.issue("app1", ("IP:10.0.0.1",), NOW, NOW + DAY, authority), key=authority.key)
    with pytest.raises(VigilError, match="key of app1"):
        keep(tmp_path, (replace(HOSTS[1], own=wrong),), own=authority)
    with pytest.raises(VigilError, match="without vigil_ca_certificate"):
        keep(tmp_path, (replace(HOSTS[1], own=wrong),))


def test_authority_that_may_have_none_below_it(tmp_path: Path) -> None:
    root = company()
    flat = x509.make_authority("Flat", NOW, NOW + 300 * DAY, issuer=root)
    keep(tmp_path, own=flat)
    clients = x509.blocks((folder(tmp_path, "app1") / "clients.crt").read_bytes())
    assert clients[0] == (folder(tmp_path, "mon1") / "host.crt").read_bytes()


def test_real_handshake(tmp_path: Path) -> None:
    keep(tmp_path, now=time.time())
    assert handshake(tmp_path, server="app1", client="mon1") == "ok"
    assert handshake(tmp_path, server="app1", client="app1") == "ok"
    assert handshake(tmp_path, server="app1", client="web%201") != "ok"
    assert handshake(tmp_path, server="app1", client=None) != "ok"


def handshake(root: Path, server: str, client: str | None) -> str:
    accepting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accepting.load_cert_chain(folder(root, server) / "host.crt", folder(root, server) / "host.key")
    accepting.verify_mode = ssl.CERT_REQUIRED
    # Go takes every certificate of the file as an anchor; OpenSSL does so when told to.
    accepting.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    accepting.load_verify_locations(folder(root, server) / "clients.crt")
    asking = ssl.create_default_context(cafile=str(folder(root, server) / "ca.crt"))
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    if client:
        asking.load_cert_chain(folder(root, client) / "host.crt", folder(root, client) / "host.key")
    left, right = socket.socketpair()
    answers: list[str] = []
    thread = threading.Thread(target=_serve, args=(accepting, left, answers))
    thread.start()
    try:
        with asking.wrap_socket(right, server_hostname="localhost") as conversation:
            conversation.recv(2)
    except (ssl.SSLError, OSError):
        pass
    thread.join(5)
    return answers[0]


def _serve(context: ssl.SSLContext, plain: socket.socket, answers: list[str]) -> None:
    try:
        with context.wrap_socket(plain, server_side=True) as conversation:
            conversation.send(b"ok")
        answers.append("ok")
    except (ssl.SSLError, OSError) as error:
        answers.append(str(error))
