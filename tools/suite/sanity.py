# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test sanity on a clean copy of the tree, with the ansible-core of the environment.

ansible-test makes environments of its own and fetches a script from the internet to put pip into them. Where a network reaches a
package registry only, that fetch fails; this places an equivalent script where ansible-test looks first: the standard library's
ensurepip, then pip for the exact version that is asked for. It also keeps PIP_* variables from pip; so they go into a file.
"""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from . import tree

GET_PIP = '''\
import subprocess
import sys

# In a process of its own: ensurepip makes the one that it runs in deaf to pip's configuration.
subprocess.check_call([sys.executable, "-m", "ensurepip"])
wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *wanted]))
'''


def pip_versions(source: str) -> list[str]:
    """The pip versions that ansible-test asks for, read from its ``python_requirements.py``."""
    return sorted(set(re.findall(r"""pip=['"]([0-9.]+)['"]""", source)))


def place_get_pip(home: Path) -> None:
    """Put the script in ansible-test's cache, where none is."""
    found = importlib.util.find_spec("ansible_test")
    if not found or not found.submodule_search_locations:
        raise RuntimeError("ansible-test is not in this environment; it comes with ansible-core")
    source = Path(found.submodule_search_locations[0], "_internal", "python_requirements.py").read_text(encoding="utf-8")
    for version in pip_versions(source):
        script = home / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
        if not script.exists():
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(GET_PIP, encoding="utf-8")


def pip_settings(before: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What a pip.conf must say, so that pip does as with ``before`` (a pip.conf's text) and the PIP_* variables, which win."""
    parser = configparser.RawConfigParser()
    parser.read_string(before)
    found = dict(parser["global"]) if parser.has_section("global") else {}
    for name, value in environment.items():
        if name.startswith("PIP_") and name != "PIP_CONFIG_FILE" and value:
            found[name[len("PIP_"):].lower().replace("_", "-")] = value
    return found


def place_pip_conf(home: Path) -> None:
    """Write ``home``'s pip.conf from the user's own one and from the environment."""
    places = [os.environ.get("PIP_CONFIG_FILE", ""), "~/.config/pip/pip.conf", "~/.pip/pip.conf"]
    own = next((path for path in (Path(place).expanduser() for place in places if place) if path.is_file()), None)
    settings = pip_settings(own.read_text(encoding="utf-8") if own else "", os.environ)
    target = home / ".config" / "pip" / "pip.conf"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()), encoding="utf-8")
    target.chmod(0o600)


def main() -> int:
    """Return ansible-test's exit code. Arguments go to it (`--test import`, a path, ...)."""
    home = Path(os.environ.get("VIGIL_CACHE") or Path.home() / ".cache" / "vigil", "ansible-test")
    place_get_pip(home)
    place_pip_conf(home)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    with tempfile.TemporaryDirectory(prefix="vigil-sanity-") as folder:
        copy = tree.collection(Path(folder))
        # It asks git for the files of a collection, so that its own output is none of them.
        for argv in (["git", "init", "-q"], ["git", "add", "-A", "-f"]):
            subprocess.run(argv, cwd=copy, check=True)
        words = ["ansible-test", "sanity", "--color", "no", "--requirements", "--python", version, *sys.argv[1:]]
        return subprocess.run(words, cwd=copy, env={**os.environ, "HOME": str(home)}, check=False, stdin=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
