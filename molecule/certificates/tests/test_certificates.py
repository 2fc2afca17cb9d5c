# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may read an exporter, asked from the hosts themselves; and the renewed certificate, served by the process that ran before."""

from __future__ import annotations

from typing import Any

import pytest

HOSTS = ["reader", "old", "new"]
TLS = "/etc/node_exporter/tls"
# Python on the host is the client: every host has it, and it says why a conversation failed.
CLIENT = f"""
import socket, ssl, sys, urllib.request
context = ssl.create_default_context(cafile='{TLS}/ca.crt')
"""
WITH_CERTIFICATE = f"context.load_cert_chain('{TLS}/host.crt', '{TLS}/host.key')\n"
ASK = """
try:
    print(urllib.request.urlopen(sys.argv[1], context=context, timeout=5).status)
except Exception as error:
    print(error)
"""
GREET = """
with context.wrap_socket(socket.create_connection(('127.0.0.1', 9100)), server_hostname=sys.argv[1]) as conversation:
    print(ssl.DER_cert_to_PEM_cert(conversation.getpeercert(True)))
"""


def run(host: Any, script: str, argument: str) -> str:
    return str(host.check_output("python3 -c %s %s", script, argument)).strip()


@pytest.fixture
def name(host: Any) -> str:
    return str(host.ansible.get_variables()["inventory_hostname"])


@pytest.mark.parametrize("target", HOSTS)
def test_only_the_reader_and_the_host_itself_may_read(host: Any, name: str, target: str) -> None:
    answer = run(host, CLIENT + WITH_CERTIFICATE + ASK, f"https://{target}:9100/metrics")
    assert (answer == "200") is (name in ("reader", target)), answer


@pytest.mark.parametrize("target", HOSTS)
def test_nobody_reads_without_a_certificate_or_in_the_clear(host: Any, target: str) -> None:
    assert "certificate" in run(host, CLIENT + ASK, f"https://{target}:9100/metrics").lower()
    assert run(host, CLIENT + ASK, f"http://{target}:9100/metrics") == "HTTP Error 400: Bad Request"


def test_the_renewed_certificate_is_served_by_the_same_process(host: Any, name: str) -> None:
    served = run(host, CLIENT + WITH_CERTIFICATE + GREET, f"{name}.renewed.example.com")
    before, now = (host.file(path).content_string.strip() for path in ("/root/before.crt", f"{TLS}/host.crt"))
    assert now.startswith(served)
    assert not before.startswith(served)
    assert host.check_output("systemctl show -p MainPID --value prometheus-node-exporter") == host.file("/root/pid").content_string.strip()
