# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab shall be, from each source, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.lab import inventory, network, spec, ssh
from tools.lab.base import LabError, cache_folder

DEMO = Path(__file__).parents[3] / "inventories" / "demo" / "hosts.yml"


def test_the_demo() -> None:
    lab = spec.from_inventory(DEMO, {})
    assert (lab.name, lab.subnet, lab.network) == ("demo", "10.213.77.0/24", "vigil-demo")
    found = {host.name: (host.image, host.address) for host in lab.hosts}
    assert found == {
        "mon1": ("debian13", "10.213.77.11"),
        "app1": ("debian12", "10.213.77.21"),
        "app2": ("debian13", "10.213.77.22"),
    }
    assert lab.hosts[0].groups == ("monitored", "prometheus", "alertmanager", "blackbox_exporter")


def test_the_demo_moves_with_a_variable() -> None:
    lab = spec.from_inventory(DEMO, {"LAB_PREFIX": "10.9.8"})
    assert lab.subnet == "10.9.8.0/24"
    assert {host.address for host in lab.hosts} == {"10.9.8.11", "10.9.8.21", "10.9.8.22"}


def test_yaml_subset() -> None:
    text = "---\n# c\nall:\n  vars:\n    a: 'x: y'  # c\n    b: true\n    \"c d\": {}\n  hosts:\n    h 1:\n"
    assert inventory.parse(text) == {"all": {"vars": {"a": "x: y", "b": True, "c d": {}}, "hosts": {"h 1": {}}}}


@pytest.mark.parametrize("text", ["all:\n  - a\n", "all: &x\n  <<: *x\nplain\n"])
def test_yaml_beyond_the_subset(text: str) -> None:
    with pytest.raises(LabError, match="Line 2|Line 3"):
        inventory.parse(text)


def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(LabError, match="cannot resolve"):
        inventory.resolve("{{ hostvars.x }}", {}, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        ('{"name": "Demo Lab"}', "no lab name"),
        ('{"name": "a", "hosts": [{"nam": "x"}]}', "A host of the lab has"),
        ('{"name": "a", "hosts": [{"name": "x", "img": "y"}]}', "img"),
        ('{"name": "a", "hosts": [{"name": "x"}, {"name": "x"}]}', "twice"),
        ('{"name": "a", "hosts": [{"name": "x", "address": "10.0.0.1"}]}', "no subnet"),
        ('{"name": "a", "subnet": "10.1.0.0/24", "hosts": [{"name": "x", "address": "10.0.0.1"}]}', "not in the lab's subnet"),
        ('{"name": "a", "subnet": "10.1.0.0/24", "hosts": [{"name": "x", "address": "mon1"}]}', "bad address"),
    ],
)
def test_refused(text: str, words: str) -> None:
    with pytest.raises(LabError, match=words):
        spec.from_json(text)


def test_no_inventory(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        spec.from_inventory(tmp_path / "none.yml", {})
    (tmp_path / "plain.yml").write_text("all:\n  hosts:\n    a:\n")
    with pytest.raises(LabError, match="lab_name"):
        spec.from_inventory(tmp_path / "plain.yml", {})


def test_counted() -> None:
    lab = spec.counted("bench", 20, "debian12")
    assert [host.name for host in lab.hosts][::19] == ["bench1", "bench20"]


def test_names_that_need_quoting() -> None:
    one, two, plain = spec.Host("web 1"), spec.Host("web_1"), spec.Host("web-1")
    assert plain.slug == "web-1"
    assert len({one.slug, two.slug, plain.slug}) == 3
    assert spec.Lab("demo").container(plain) == "vigil-demo-web-1"


def test_overlap() -> None:
    taken = network.parse_routes("default via 10.0.0.1 dev eth0\n10.0.0.0/8 dev tun0\n10.213.0.0/16 dev wg0 scope link\n10.1.1.1 dev x\n")
    assert network.overlapping("10.213.77.0/24", taken) == "10.213.0.0/16 (interface wg0)"
    assert network.overlapping("10.99.0.0/24", taken) is None


def test_known_hosts() -> None:
    assert ssh.known_hosts({"ssh-ed25519 AAAA": ("10.0.0.1", "mon1")}) == "10.0.0.1,mon1 ssh-ed25519 AAAA\n"
    assert "StrictHostKeyChecking=yes" in ssh.common_arguments(Path("/k"))


def test_cache_folder() -> None:
    assert cache_folder({"VIGIL_CACHE": "/c"}) == Path("/c")
    assert cache_folder({"VIGIL_CACHE": "", "HOME": "/h"}) == Path("/h/.cache/vigil")
