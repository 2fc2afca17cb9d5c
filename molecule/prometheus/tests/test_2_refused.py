# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input and faults: refused with the program's own words, and the old configuration serves on."""

from __future__ import annotations

import pytest

HOSTS = ("pkg12", "arc13")
SHOW = {
    "prometheus.service": "/etc/prometheus/prometheus.yml",
    "alertmanager.service": "/etc/alertmanager/alertmanager.yml",
    "prometheus-alertmanager.service": "/etc/alertmanager/alertmanager.yml",
}
UNITS = {"pkg12": ("prometheus", "prometheus-alertmanager"), "arc13": ("prometheus", "alertmanager")}
UNREADABLE = "/root/ca.pem"
HOOK = {"url": "https://hooks.example.org", "http_config": {"tls_config": {"ca_file": UNREADABLE}}}


def _picture(host):
    """What must be as before after a change that failed."""
    host.api("/api/v1/query?query=up")
    host.api("/api/v2/status", 9093, "alertmanager")
    return {
        "files": host.files("/etc", "/var/lib/vigil"),
        "running": [host.unit(unit) | {"MainPID": ""} for unit in UNITS[host.name]],
        "rules": sorted(group["name"] for group in host.api("/api/v1/rules")["data"]["groups"]),
        "configuration": host.api("/api/v1/status/config")["data"]["yaml"],
    }


@pytest.fixture
def as_before(at):
    """Both hosts serve, and have the same files, after the test as before it."""
    before = {name: _picture(at[name]) for name in HOSTS}
    yield
    for name in HOSTS:
        after = _picture(at[name])
        for part, value in before[name].items():
            assert after[part] == value, f"{part} on {name}"


BROKEN = {
    "rule file": ({"prometheus_alert_rules": [{"alert": "Broken", "expr": "up == == 0"}]}, ("promtool", "parse error", "operator.yml")),
    "scrape configuration": (
        {"prometheus_scrape_configs": [{"job_name": "broken", "static_configs": [{"targets": ["http://x"]}]}]},
        ("promtool", '"http://x" is not a valid hostname'),
    ),
    "web configuration": (
        {"prometheus_web_config": {"tls_server_config": {"min_version": "TLS99"}}},
        ("promtool", "unknown TLS version: TLS99"),
    ),
    "receiver": (
        {"alertmanager_receivers": [{"name": "none", "email_configs": [{"from": "a@example.org"}]}]},
        ("amtool", "missing to address in email config"),
    ),
}


@pytest.mark.parametrize("mode", [("--check", "--diff"), ()], ids=["check", "real"])
@pytest.mark.parametrize("fault", BROKEN)
def test_what_the_validator_refuses(operator, at, as_before, fault, mode):
    pids = {name: [at[name].unit(unit)["MainPID"] for unit in UNITS[name]] for name in HOSTS}
    variables, words = BROKEN[fault]
    ran = operator.run("converge.yml", *mode, **variables).failed("nothing was changed", *words)
    assert all(ran.hosts[name].failed == 1 for name in HOSTS)
    assert pids == {name: [at[name].unit(unit)["MainPID"] for unit in UNITS[name]] for name in HOSTS}


@pytest.fixture
def unreadable(at):
    """A certificate that root, and so promtool, finds; and the service may not read."""
    for name in HOSTS:
        at[name].sh(f"install -m 0600 /etc/prometheus/tls/ca.crt {UNREADABLE}")
    yield
    for name in HOSTS:
        at[name].sh(f"rm {UNREADABLE}")


def test_a_reload_that_prometheus_refuses(operator, as_before, unreadable):
    write = [{"url": "https://127.0.0.1:9/write", "tls_config": {"ca_file": UNREADABLE}}]
    operator.run("converge.yml", prometheus_remote_write=write).failed(
        "prometheus_config_last_reload_successful", "permission denied", "The old set is back and prometheus.service runs with it"
    )


def test_a_reload_that_alertmanager_refuses(operator, as_before, unreadable):
    operator.run("converge.yml", alertmanager_receivers=[{"name": "none", "webhook_configs": [HOOK]}]).failed(
        "alertmanager_config_last_reload_successful", "permission denied", "The old set is back and"
    )


@pytest.mark.parametrize(("service", "option"), [
    ("prometheus", "prometheus_web_listen_address"), ("alertmanager", "alertmanager_web_listen_address"),
])  # fmt: skip
def test_a_port_that_is_taken(operator, at, as_before, service, option, wait_until):
    for name in HOSTS:
        at[name].sh("systemd-run --unit occupant python3 -m http.server 9999")
        wait_until(lambda host=at[name]: host.ask(9999, scheme="http")[0] == 200)
    try:
        operator.run("converge.yml", **{option: "0.0.0.0:9999"}).failed(
            "9999: bind: address already in use", "The old set is back and", f"{service}.service runs with it"
        )
    finally:
        for name in HOSTS:
            at[name].sh("systemctl stop occupant")
