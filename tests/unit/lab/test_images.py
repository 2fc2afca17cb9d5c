# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes of images, the package cache and the upstream programs."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from tools.lab import archive, cache, image, output, programs, requirements, toolchain
from tools.lab.base import LabError
from tools.lab.catalogue import RELEASES


def test_the_key_changes_with_everything() -> None:
    recipe = image.recipe("debian12", {})
    others = [
        replace(recipe, suite="sid"),
        replace(recipe, mirror="http://m/debian"),
        replace(recipe, packages=(*recipe.packages, "vim")),
        replace(recipe, setup="true"),
        image.recipe("debian13", {}),
    ]
    assert recipe.key == image.recipe("debian12", {}).key
    assert len({recipe.key, *(other.key for other in others)}) == 6
    assert recipe.tag == f"vigil-lab/debian12:{recipe.key}"


def test_a_mirror_of_ones_own() -> None:
    recipe = image.recipe("debian13", {"LAB_APT_MIRROR": "http://apt.example.org/debian/"})
    assert recipe.sources() == [
        "deb http://apt.example.org/debian trixie main",
        "deb http://apt.example.org/debian trixie-updates main",
        "deb http://apt.example.org/debian-security trixie-security main",
    ]
    assert recipe.command(Path("/t"))[-4:] == ["/t", *recipe.sources()]


def test_an_unknown_image() -> None:
    with pytest.raises(LabError, match="debian12, debian13, or any image through LAB_IMAGE"):
        image.recipe("ubuntu", {})


def test_missing_programs() -> None:
    assert requirements.missing(lambda program: None if program in ("docker", "ssh", "ssh-keygen") else "/x") == [
        "docker.io",
        "openssh-client",
    ]
    assert requirements.missing(lambda program: f"/bin/{program}") == []


def test_traffic() -> None:
    log = "1|I|100|10.0.0.1|a.deb\n2|O|105|10.0.0.1|a.deb\n3|O|105|10.0.0.2|a.deb\nodd\n4|E|7|x|y\n5|I|-|x|y\n"
    assert cache.parse_traffic(log) == {"fetched": 100, "served": 210}


@pytest.mark.parametrize(
    ("text", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26)), ("go version go1.9 linux/amd64", (1, 9)), ("", (0, 0)), ("devel", (0, 0))],
)
def test_go_version(text: str, version: tuple[int, int]) -> None:
    assert toolchain.parse_version(text) == version


def test_archives_are_laid_out_as_releases_are() -> None:
    found = {str(programs.path_of(release, "amd64").relative_to(programs.folder())) for release in RELEASES}
    assert "prometheus/node_exporter/releases/download/v1.12.1/node_exporter-1.12.1.linux-amd64.tar.gz" in found
    assert "prometheus/prometheus/releases/download/v3.16.0/prometheus-3.16.0.linux-amd64.tar.gz" in found
    assert len(found) == len(RELEASES)


def test_programs_by_name_and_version() -> None:
    assert len(programs.selected()) == len(RELEASES)
    assert {release.version for release in programs.selected(["node_exporter"])} == {"1.12.1", "1.11.1"}
    assert {release.version for release in programs.selected(["node_exporter-1.11.1"])} == {"1.11.1"}
    with pytest.raises(LabError, match="builds no grafana"):
        programs.selected(["grafana"])


def test_an_archive_has_the_same_bytes_every_time(tmp_path: Path) -> None:
    program, licence = tmp_path / "p", tmp_path / "l"
    program.write_bytes(b"binary")
    program.chmod(0o755)
    licence.write_text("text")
    for name in ("a.tar.gz", "b.tar.gz"):
        archive.write(tmp_path / name, "top-1", {"prog": program, "LICENSE": licence})
        program.touch()
    assert archive.sha256(tmp_path / "a.tar.gz") == archive.sha256(tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes()[4:8] == bytes(4), "gzip keeps no time"
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        found = {member.name: oct(member.mode) for member in tar.getmembers()}
    assert found == {"top-1": "0o755", "top-1/prog": "0o755", "top-1/LICENSE": "0o644"}
    archive.write_sums(tmp_path)
    assert (tmp_path / "sha256sums.txt").read_text().splitlines()[0] == f"{archive.sha256(tmp_path / 'a.tar.gz')}  a.tar.gz"
    assert not list(tmp_path.glob(".*part"))


def test_table() -> None:
    assert output.table([{"a": "x", "b": "long"}], ("a", "b")).splitlines() == ["A  B", "x  long"]


def test_inventory_is_yaml() -> None:
    text = output.inventory([("web 1", "10.0.0.1", ["monitored"])], Path("/k"), Path("/key"))
    assert text.startswith("---\n{")
    assert '"web 1"' in text
    assert '"monitored"' in text
