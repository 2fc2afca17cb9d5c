# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of the project, each built from a clean copy and tried as its user would.

`python3 -m tools.suite.package dist` leaves both in dist/; `wheel` and `collection` build one and try it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import tree
from .parts import ROOT


def _run(*argv: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    print(f"$ {' '.join(argv)}", flush=True)
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\nended with status {done.returncode}")
    return done.stdout.strip()


def build_wheel(work: Path, out: Path) -> Path:
    """Build the wheel of the package `vigil` into ``out``."""
    copy = tree.copy(work / "wheel", skip=("collections/",))
    _run("python3", "-m", "build", "--wheel", "--outdir", str(out), str(copy), cwd=work)
    return _only(out, "*.whl")


def build_collection(work: Path, out: Path) -> Path:
    """Build the collection's archive into ``out``."""
    _run("ansible-galaxy", "collection", "build", "--force", "--output-path", str(out), cwd=tree.collection(work / "collection"))
    return _only(out, "*.tar.gz")


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        sys.exit(f"nothing like {pattern} was built in {folder}")
    return found[-1]


def try_wheel(work: Path) -> None:
    """The wheel in an environment that has nothing else: every module imports, and a web application answers about its health."""
    wheel = build_wheel(work, work / "out")
    _run("python3", "-m", "venv", str(work / "venv"), cwd=work)
    _run(str(work / "venv/bin/python3"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel), cwd=work)
    for program in (IMPORT_ALL, SERVE):
        print(_run(str(work / "venv/bin/python3"), "-c", program, cwd=work))


IMPORT_ALL = """
import importlib, pkgutil, vigil
names = [found.name for found in pkgutil.walk_packages(vigil.__path__, "vigil.") if not found.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
assert len(names) > 1, names
print("vigil", vigil.__version__, "imports from a wheel:", len(names), "modules")
"""

SERVE = """
import threading, time, urllib.request
from wsgiref.simple_server import make_server
from vigil.health.web import Health
health = Health("shop", token="t")
health.check("own")(lambda: "42 jobs wait")
server = make_server("127.0.0.1", 0, health.wsgi())
threading.Thread(target=server.serve_forever, daemon=True).start()
ask = urllib.request.Request(f"http://127.0.0.1:{server.server_port}/health", headers={"Authorization": "Bearer t"})
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
end, body = time.monotonic() + 10, b""
while b"42 jobs wait" not in body:
    assert time.monotonic() < end, body
    body = opener.open(ask, timeout=5).read()
    time.sleep(0.02)
print("vigil.health.web answers from a wheel:", body.decode().strip())
"""


def try_collection(work: Path) -> None:
    """The archive installs offline, and ansible-doc finds every plugin and role of the tree in it."""
    archive = build_collection(work, work / "out")
    (work / "ansible.cfg").touch()
    place = {"ANSIBLE_COLLECTIONS_PATH": str(work / "installed"), "ANSIBLE_CONFIG": str(work / "ansible.cfg")}
    _run("ansible-galaxy", "collection", "install", "--offline", "-p", str(work / "installed"), str(archive), cwd=work, env=place)
    modules = [path.stem for path in (ROOT / "plugins/modules").glob("*.py")]
    roles = [path.parent.parent.name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml")]
    for kind, names in (("module", modules), ("role", roles)):
        seen = _run("ansible-doc", "-t", kind, "-l", "vigil.monitoring", cwd=work, env=place)
        lost = [name for name in names if f"vigil.monitoring.{name}" not in seen]
        if lost:
            sys.exit(f"the archive lacks these of kind {kind}, or ansible-doc cannot read them: {', '.join(lost)}")
        print(f"{kind}s that ansible-doc finds in the archive: {', '.join(sorted(names))}")


def main(wanted: str) -> int:
    """Do what was asked for; a failure ends the process with its words."""
    with tempfile.TemporaryDirectory(prefix="vigil-package-") as folder:
        work = Path(folder)
        if wanted == "dist":
            print(build_wheel(work, ROOT / "dist"), build_collection(work, ROOT / "dist"), sep="\n")
        elif wanted == "wheel":
            try_wheel(work)
        elif wanted == "collection":
            try_collection(work)
        else:
            sys.exit(f"found {wanted!r}, expected dist, wheel or collection")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else ""))
