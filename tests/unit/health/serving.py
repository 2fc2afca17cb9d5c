# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers on loopback for the tests of what asks over the network, and certificates of every wrong sort."""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look, Shared
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SYSTEM = System()


def look(kind: str, timeout: float = 5.0, **options: Any) -> Result:
    """One look of a kind at something real, with options as an operator writes them."""
    check = parse([{"name": "check", "kind": kind, **options}], KINDS)[0]
    return look_at(check, KINDS[kind], Look(SYSTEM, timeout, {}, Shared(SYSTEM.monotonic)))[0]


@contextmanager
def serve(
    answer: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None, path: Path | None = None
) -> Iterator[int]:
    """Serve on a free port of loopback (or on a Unix socket), each connection in a thread by ``answer``; yields the port."""
    listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    listener.bind(str(path) if path else ("127.0.0.1", 0))
    listener.listen(16)
    ended = threading.Event()

    def talk(link: socket.socket) -> None:
        try:
            with tls.wrap_socket(link, server_side=True) if tls else link as stream:
                answer(stream)
        except OSError:
            link.close()

    def accept() -> None:
        while True:
            try:
                link = listener.accept()[0]
            except OSError:
                return
            if ended.is_set():
                link.close()
                return
            threading.Thread(target=talk, args=(link,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield 0 if path else listener.getsockname()[1]
    finally:
        ended.set()
        with socket.socket(listener.family) as last:
            last.connect(listener.getsockname())
        thread.join()
        listener.close()


def says(text: bytes, asked: list[bytes] | None = None) -> Callable[[socket.socket], None]:
    """Read one request and say this; what was asked is added to ``asked``."""
    def answer(link: socket.socket) -> None:
        request = b""
        while len(request) < _whole(request):
            more = link.recv(65536)
            if not more:
                return
            request += more
        if asked is not None:
            asked.append(request)
        link.sendall(text)
    return answer


def _whole(request: bytes) -> int:
    """How long a request is, as far as one can tell yet."""
    head, end, _body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\nContent-Length: (\d+)", head)
    return len(head + end) + (int(length[1]) if length else 0) if end else len(request) + 1


def page(body: str, status: str = "200 OK", *headers: str) -> bytes:
    """An answer of HTTP with this body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def forever(beginning: bytes, part: bytes, pause: float = 0.0, sent: list[int] | None = None) -> Callable[[socket.socket], None]:
    """Read a request, then say a beginning and a part again and again until the other side goes away."""
    def answer(link: socket.socket) -> None:
        link.recv(65536)
        link.sendall(beginning)
        while True:
            link.sendall(part)
            if sent is not None:
                sent.append(len(part))
            time.sleep(pause)
    return answer


class Authority:
    """An authority that signs certificates into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.certificate = self._sign(self.name, self.key, -1, 3650, [], authority=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *alternatives: str, begins: float = -1, ends: float = 90, self_signed: bool = False) -> tuple[str, str]:
        """Write a certificate and its key; ``begins`` and ``ends`` are days from now. Returns their paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer, issuer = (key, subject) if self_signed else (self.key, self.name)
        certificate = self._sign(subject, key, begins, ends, list(alternatives), signer=signer, issuer=issuer)
        cert_file, key_file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return str(cert_file), str(key_file)

    def server(self, *arguments: Any, client_ca: bool = False, **more: Any) -> ssl.SSLContext:
        """A server's context with a certificate as ``issue`` makes it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(*arguments, **more))
        if client_ca:
            context.load_verify_locations(self.file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _sign(self, subject: x509.Name, key: Any, begins: float, ends: float, names: list[str], *, signer: Any = None,
              issuer: x509.Name | None = None, authority: bool = False) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or self.name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(days=begins))
            .not_valid_after(now + datetime.timedelta(days=ends))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        return builder.sign(signer or self.key, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def left_open(before: int, patience: float = 3.0) -> int:
    """How many more are open than before, once the threads of the servers have had time to close theirs."""
    end = time.monotonic() + patience
    while descriptors() > before and time.monotonic() < end:
        time.sleep(0.01)
    return max(0, descriptors() - before)
