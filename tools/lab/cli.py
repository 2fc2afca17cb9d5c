# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the lab."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.lab import cache, engine, image, lab, output, programs, requirements, ssh
from tools.lab.base import CannotHere, LabError, cache_folder, say
from tools.lab.docker import Docker
from tools.lab.spec import Lab, counted, from_inventory, from_json

CANNOT_HERE = 77


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. 0: done; 1: an error, said on standard error; 2: wrong usage; 77: this machine cannot (not run)."""
    options = _parser().parse_args(argv)
    try:
        options.call(options)
    except CannotHere as error:
        sys.stderr.write(f"lab: not run: {error}\n")
        return CANNOT_HERE
    except LabError as error:
        sys.stderr.write(f"lab: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tools.lab", description="Real systemd hosts in containers.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    texts = {
        "up": (_up, "raise a lab, or make it what it is asked to be"),
        "down": (_down, "remove a lab; caches stay"),
        "status": (_status, "a table of the hosts"),
        "images": (_images, "build or import the base images"),
        "programs": (_programs, "build upstream programs as release archives"),
        "engine": (_engine, "find or start a Docker engine; stop one the lab started"),
        "traffic": (_traffic, "bytes that the package cache fetched and served so far, as JSON"),
        "purge": (_purge, "remove every lab, the images and the caches"),
    }
    made = {}
    for name, (call, text) in texts.items():
        made[name] = commands.add_parser(name, help=text, description=text)
        made[name].set_defaults(call=call)
    _options(made)
    return parser


def _options(made: dict[str, argparse.ArgumentParser]) -> None:
    for name in ("up", "down", "status"):
        made[name].add_argument("--inventory", type=Path, help="a YAML inventory with lab_name")
        made[name].add_argument("--name", help="the lab's name")
    made["up"].add_argument("--spec", help="a JSON file with the lab, - for standard input")
    made["up"].add_argument("--count", type=int, help="raise this many equal hosts (needs --name)")
    made["up"].add_argument("--image", default="debian12", help="their image: debian12 or debian13")
    made["down"].add_argument("--all", action="store_true", help="every lab of this engine")
    made["down"].add_argument("--engine", action="store_true", help="also stop the engine if the lab started it")
    for name in ("up", "status", "programs"):
        made[name].add_argument("--json", action="store_true", help="print JSON on standard output")
    made["engine"].add_argument("action", choices=("start", "stop", "status"), nargs="?", default="start")
    made["programs"].add_argument("--only", action="append", metavar="NAME", help="only this program (again for more)")
    made["programs"].add_argument("--background", action="store_true", help="return at once; the log is beside the archives")
    made["programs"].add_argument("--list", action="store_true", help="build nothing, print what there is")


def _docker() -> Docker:
    docker = Docker()
    wanted = requirements.missing()
    if os.environ.get("LAB_IMAGE"):
        wanted = [package for package in wanted if package != "mmdebstrap"]
    requirements.ensure(docker.system, wanted)
    engine.ensure(docker)
    return docker


def _asked(options: argparse.Namespace) -> Lab:
    if options.spec:
        return from_json(sys.stdin.read() if options.spec == "-" else Path(options.spec).read_text(encoding="utf-8"))
    if options.count is not None:
        if not options.name or options.count < 1:
            raise LabError("--count takes 1 or more and needs --name.")
        return counted(options.name, options.count, options.image)
    if not options.inventory:
        raise LabError("Nothing says which lab: expected --inventory FILE, --spec FILE or --count N --name NAME.")
    return from_inventory(options.inventory)


def _up(options: argparse.Namespace) -> None:
    wanted = _asked(options)
    docker = _docker()
    raised = lab.up(docker, wanted)
    new = sum(one.started for one in raised)
    if options.json:
        _print(json.dumps(lab_data(wanted, raised), indent=2))
    else:
        _show(lab.status(docker, wanted.name))
    say(f"the lab '{wanted.name}' is up: {new} of {len(raised)} hosts started; inventory: {lab.folder(wanted.name) / 'inventory.yml'}")


def lab_data(wanted: Lab, raised: Sequence[lab.Raised]) -> dict[str, object]:
    """What `up --json` prints."""
    place = lab.folder(wanted.name)
    return {
        "name": wanted.name,
        "inventory": str(place / "inventory.yml"),
        "known_hosts": str(place / "known_hosts"),
        "key": str(ssh.key_file()),
        "changed": any(one.started for one in raised),
        "hosts": [{"name": one.host.name, "address": one.address, "systemd": one.state, "started": one.started} for one in raised],
    }


def _name(options: argparse.Namespace) -> str | None:
    if options.name:
        return str(options.name)
    return from_inventory(options.inventory).name if options.inventory else None


def _down(options: argparse.Namespace) -> None:
    name = _name(options)
    if name is None and not options.all:
        raise LabError("Nothing says which lab: expected --name NAME, --inventory FILE or --all.")
    docker = Docker()
    if engine.answers(docker).rc == 0:
        removed = lab.down(docker, name)
        say(f"removed: {', '.join(removed) or 'nothing, there was nothing'}. Caches stay in {cache_folder()} (`purge` removes them).")
    else:
        say("no Docker engine answers, so no lab runs")
    if options.engine:
        say(engine.stop(docker.system))


def _status(options: argparse.Namespace) -> None:
    docker = Docker()
    if engine.answers(docker).rc != 0:
        raise LabError("No Docker engine answers, so no lab runs here. `python3 -m tools.lab up --inventory ...` starts one.")
    rows = lab.status(docker, _name(options))
    if options.json:
        _print(json.dumps(rows, indent=2))
    else:
        _show(rows)


def _show(rows: list[dict[str, str]]) -> None:
    columns = ("lab", "host", "image", "address", "state", "systemd")
    _print(output.table(rows, columns) if rows else "no lab hosts")


def _images(_options: argparse.Namespace) -> None:
    docker = _docker()
    tags = lab.each(lambda name: image.ensure_own(docker, name), image.SUITES)
    _print("\n".join([*tags, cache.ensure_image(docker)]))


def _engine(options: argparse.Namespace) -> None:
    docker = Docker()
    if options.action == "stop":
        say(engine.stop(docker.system))
        return
    if options.action == "start":
        docker = _docker()
    ran = engine.answers(docker)
    if ran.rc != 0:
        raise LabError(f"No Docker engine answers: {ran.words[:300]}")
    _print(f"Docker engine {ran.out.strip()}")


def _programs(options: argparse.Namespace) -> None:
    wish = programs.Wish(tuple(options.only or ()), background=options.background, listing=options.list)
    rows = programs.command(Docker().system, wish)
    columns = ("name", "version", "arch", "state", "path")
    _print(json.dumps(rows, indent=2) if options.json else output.table(rows, columns))


def _traffic(_options: argparse.Namespace) -> None:
    _print(json.dumps(cache.traffic()))


def _purge(_options: argparse.Namespace) -> None:
    docker = Docker()
    if engine.answers(docker).rc != 0:
        raise LabError("No Docker engine answers, so nothing can be removed from it. Start it first: `python3 -m tools.lab engine start`.")
    say(f"removed: {', '.join(lab.purge(docker))}")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
