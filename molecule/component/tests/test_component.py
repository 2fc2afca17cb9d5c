# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every source, fault and way back, on a Debian 12 and a Debian 13 host. The tests build on each other in their order."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

VARS = yaml.safe_load((Path(__file__).parents[1] / "vars.yml").read_text(encoding="utf-8").replace("{{ releases }}", "https://github.com/prometheus"))
HOSTS = ("comp12", "comp13")
MIRROR = "http://mirror:8080"
HOME = "/opt/vigil/unpacked"
STATE = f"cat /usr/local/bin/node_exporter {HOME}/1.12.1/.vigil.json | sha256sum; readlink {HOME}/current; ls -A {HOME}"


def unpacked(**changes: Any) -> dict[str, Any]:
    return {**VARS["unpacked"], **changes}


def vendored(at: Any, version: str = "1.0.0", **key: Any) -> dict[str, Any]:
    prints = [at["mirror"].sh("cat /srv/apt/fingerprint").strip()]
    wanted = {"url": "https://packages.example/apt/lab.asc", "fingerprints": prints, **key}
    return {**VARS["vendored"], "version": version, "repository": {"apt": {"url": "https://packages.example/apt"}, "key": wanted}}


def requests(at: Any) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"http://{at['mirror'].address}:8080/_log", timeout=10) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


@pytest.fixture
def run(operator: Any, at: Any) -> Any:
    """Run one component on one host; the mirror forgets what it was asked before."""

    def one(spec: dict[str, Any], *words: str, host: str = "comp13", **variables: Any) -> Any:
        urllib.request.urlopen(urllib.request.Request(f"http://{at['mirror'].address}:8080/_reset", method="POST"), timeout=10).close()
        options = {"component_mirror_url": MIRROR, "component_download_tries": 2, **variables}
        return operator.run("one.yml", "--limit", host, "--diff", *words, component_spec=spec, **options)
    return one


@pytest.mark.parametrize("name", HOSTS)
def test_no_door_was_open_before_its_configuration(at: Any, name: str, wait_until: Any) -> None:
    host = at[name]
    assert host.sh("cat /run/watch.log").splitlines() == ["watching"]
    for unit in ("prometheus-node-exporter", "vigil-demo"):
        assert host.sh(f"systemctl is-enabled {unit}; systemctl is-active {unit}", check=False).split() == ["disabled", "inactive"]
        host.sh(f"systemctl start {unit}")
    # The watcher sees what there is to see.
    wait_until(lambda: "port True demo True" in host.sh("cat /run/watch.log"))
    host.sh("systemctl stop prometheus-node-exporter vigil-demo")


@pytest.mark.parametrize("name", HOSTS)
def test_every_source_is_there(at: Any, name: str) -> None:
    host = at[name]
    assert "version 1.12.1" in host.sh("node_exporter --version 2>&1")
    assert "version 0.31.1" in host.sh("alertmanager --version 2>&1; amtool --version 2>&1")
    assert host.sh("dpkg-query -W -f '${Version}' vigil-demo") == "1.0.0-1"
    assert host.sh("stat -c '%U:%G %a' /var/lib/unpacked").strip() == "unpacked:unpacked 750"
    assert host.sh("getent passwd unpacked").strip().endswith(":/nonexistent:/usr/sbin/nologin")
    assert host.sh("ls -A /var/cache/vigil /tmp/vigil* 2>/dev/null", check=False) == ""


def test_nothing_to_do_asks_nobody(at: Any, run: Any) -> None:
    run(unpacked()).unchanged()
    assert requests(at) == []


def test_an_upgrade_runs_nothing_and_a_way_back_downloads_nothing(at: Any, run: Any) -> None:
    run(unpacked(version="1.11.1")).changed("comp13")
    assert "version 1.11.1" in at["comp13"].sh("node_exporter --version 2>&1")
    run(unpacked()).changed("comp13")
    assert requests(at) == []
    assert "version 1.12.1" in at["comp13"].sh("node_exporter --version 2>&1")


def test_an_altered_program_is_repaired(at: Any, run: Any) -> None:
    at["comp13"].sh("printf x >> /opt/vigil/unpacked/1.12.1/node_exporter")
    run(unpacked(), "--check").changed("comp13")
    run(unpacked()).changed("comp13")
    assert "version 1.12.1" in at["comp13"].sh("node_exporter --version 2>&1")


def test_a_truncated_download_is_resumed(at: Any, run: Any) -> None:
    at["comp13"].sh("rm -r /opt/vigil/unpacked/1.11.1")
    run(unpacked(version="1.11.1"), component_mirror_url=f"{MIRROR}/truncate").changed("comp13")
    assert [entry["range"][:6] for entry in requests(at) if entry["path"].endswith(".gz")] == ["", "bytes="]
    run(unpacked()).changed("comp13")


def other(**archive: Any) -> dict[str, Any]:
    """A version that is not on the host, so that it must be fetched."""
    return unpacked(version="1.12.1", archive={**VARS["unpacked"]["archive"], **archive})


@pytest.mark.parametrize(("archive", "mirror", "words"), [
    ({"checksums": {"amd64": "0" * 64}}, MIRROR, ("has the sha256", "nothing was changed")),
    ({"checksums": {"arm64": "0" * 64}, "checksums_url": ""}, MIRROR, ("checksums are given only for arm64",)),
    ({"checksums": {"amd64": "0" * 64}}, "http://mirror:1", ("be fetched: 2 tries", "mirror:1/github.com", "via: controller")),
    ({"checksums": {"amd64": "0" * 64}}, f"{MIRROR}/status/404", ("the server answered 404", "Check the version")),
    ({"checksums": {"amd64": "0" * 64}}, f"{MIRROR}/cut", ("2 tries", "the server closed the connection after")),
    ({"checksums": {"amd64": "0" * 64}, "sum": "x"}, MIRROR, ("sum",)),
], ids=["checksum", "no checksum", "down", "404", "cut", "unknown key"])  # fmt: skip
def test_a_fault_leaves_what_was_there(at: Any, run: Any, archive: dict[str, Any], mirror: str, words: tuple[str, ...]) -> None:
    before = at["comp13"].sh(STATE)
    said = run(other(**archive), component_mirror_url=mirror).failed()
    flat = " ".join(said.said.split())
    assert [word for word in words if word not in flat] == [], said.said[-3000:]
    assert at["comp13"].sh(STATE) == before
    assert "version 1.12.1" in at["comp13"].sh("node_exporter --version 2>&1")


def test_a_program_for_another_machine(at: Any, run: Any) -> None:
    before = at["comp13"].sh(STATE)
    archive = {key: text.replace("{arch}", "arm64").replace("{version}", "1.12.1") for key, text in VARS["unpacked"]["archive"].items()}
    run(unpacked(version="1.12.1-arm", archive=archive)).failed("is built for aarch64")
    assert at["comp13"].sh(STATE) == before


def test_a_full_disk(at: Any, run: Any) -> None:
    host = at["comp13"]
    host.sh("mkdir -p /opt/vigil/small && mount -t tmpfs -o size=1m tmpfs /opt/vigil/small")
    try:
        said = run(unpacked(name="small", install_dir="/opt/small/bin")).failed()
        assert "is full" in " ".join(said.said.split())
        assert host.sh("ls -A /opt/vigil/small /var/cache/vigil 2>/dev/null", check=False).split() in ([], ["/opt/vigil/small:"])
    finally:
        host.sh("umount /opt/vigil/small; rmdir /opt/vigil/small; rm -f /run/vigil/component/small.lock", check=False)


def test_two_runs_at_once(at: Any, run: Any) -> None:
    at["comp13"].sh("systemd-run --unit=holder --collect flock /run/vigil/component/unpacked.lock sleep 60; sleep 1")
    try:
        run(unpacked(version="1.11.1"), component_lock_timeout=1).failed("Another run")
    finally:
        at["comp13"].sh("systemctl stop holder", check=False)


def test_a_wrong_key_is_refused(at: Any, run: Any) -> None:
    files = "cat /etc/apt/sources.list.d/vigil-vendored.sources /etc/apt/keyrings/vigil-vendored.gpg | sha256sum"
    before = at["comp13"].sh(files)
    stranger = vendored(at, url="https://packages.example/apt/stranger.asc")
    run(stranger, component_mirror_url="http://mirror:8081/{path}").failed("holds the fingerprint")
    key = at["mirror"].sh("cat /srv/apt/stranger.asc")
    signed = vendored(at)
    signed["repository"]["key"] = {"content": key}
    run(signed, component_mirror_url="http://mirror:8081/{path}").failed("apt-get could not refresh its lists")
    assert at["comp13"].sh(files) == before


def test_an_upgrade_from_the_repository_leaves_the_service_alone(at: Any, run: Any) -> None:
    host = at["comp13"]
    host.sh("systemctl start vigil-demo")
    running = host.unit("vigil-demo")
    run(vendored(at, "2.0.0"), component_mirror_url="http://mirror:8081/{path}").changed("comp13")
    assert host.sh("dpkg-query -W -f '${Version}' vigil-demo") == "2.0.0-1"
    assert host.unit("vigil-demo") == running
    run(vendored(at, "2.0.0"), component_mirror_url="http://mirror:8081/{path}").unchanged()


@pytest.mark.parametrize("name", HOSTS)
def test_absent_leaves_nothing_but_data(at: Any, run: Any, name: str) -> None:
    host = at[name]
    host.sh("touch /var/lib/unpacked/points")
    for spec in (VARS["packaged"], unpacked(), VARS["brought"], vendored(at)):
        run(spec, host=name, component_state="absent").changed(name)
        run(spec, host=name, component_state="absent").unchanged()
    ours = "/opt/vigil /var/lib/vigil /var/cache/vigil /etc/apt/*/vigil-* /usr/local/bin/* /var/lib/unpacked/*"
    left = host.sh(f"ls -d {ours} 2>/dev/null", check=False)
    assert left.split() == ["/var/lib/unpacked/points"]
    assert host.sh("getent passwd unpacked prometheus; dpkg-query -W -f '${db:Status-Abbrev}' vigil-demo | grep ii", check=False) == ""
    assert host.sh("stat -c %U /var/lib/unpacked/points").strip() == "root"
    run(unpacked(), host=name, component_state="absent", component_purge=True).changed(name)
    assert host.sh("ls -d /var/lib/unpacked", check=False) == ""
