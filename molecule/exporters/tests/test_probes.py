# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes' metrics of docs/metrics.md, from outside."""

from __future__ import annotations

from typing import Any

import pytest

from tests.metrics import catalogue
from tests.metrics.outside import ask, look

testinfra_hosts = ["ansible://blackbox_exporter"]
PROBES = {
    "icmp": "127.0.0.1",
    "tcp_connect": "127.0.0.1:22",
    "http_2xx": "http://mirror:8080/prometheus/node_exporter/releases/download/v1.12.1/sha256sums.txt",
}


@pytest.mark.parametrize("module", ["", *PROBES])
def test_every_metric_of_probes(host: Any, module: str) -> None:
    path = f"/probe?module={module}&target={PROBES[module]}" if module else "/metrics"
    page = ask(host, "blackbox_exporter", path)
    assert catalogue.missing("blackbox_exporter", page, module) == [], look(host, "blackbox_exporter")
    assert not module or "\nprobe_success 1\n" in page, page
