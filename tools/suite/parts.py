# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of parts. A check is added by one line here; a Molecule scenario by its folder alone."""

from __future__ import annotations

import re
from pathlib import Path

from .model import Part

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "python3"
# What builds or raises hosts in the background gives way to what a person waits for.
NICE = ("nice", "-n", "10")


def _tool(name: str) -> tuple[str, ...]:
    return (PYTHON, "-m", f"tools.suite.{name}")


PREPARE = (
    Part("programs", "prepare", "real upstream programs, built once", (*NICE, PYTHON, "-m", "tools.lab", "programs"), 2, limit=1500),
    Part("images", "prepare", "base images of the lab", (*NICE, PYTHON, "-m", "tools.lab", "images"), 2, needs=("engine",)),
)

LINT = (
    Part("ruff", "lint", "Python style", ("ruff", "check", "."), 1),
    Part("mypy", "lint", "types, strict: the package and the tools", ("mypy", "plugins/module_utils/vigil", "tools"), 10),
    Part("python39", "lint", "nothing newer than Python 3.9 on managed hosts",
         ("vermin", "--target=3.9-", "--violations", "--no-tips", "plugins"), 3),
    Part("yamllint", "lint", "YAML", ("yamllint", "--strict", "."), 5),
    Part("shellcheck", "lint", "shell scripts", _tool("shell"), 1, needs=("shellcheck",)),
    Part("changelog", "lint", "changelog fragments", ("antsibull-changelog", "lint"), 1),
    Part("docs", "lint", "generated pages are up to date, options are used", (PYTHON, "-m", "tools.docs", "--check"), 1),
    Part("ansible-lint", "lint", "roles and playbooks, production profile", ("ansible-lint",), 60),
)

# What asks promtool waits until it is built; the rest of the unit tests needs no program.
ASKING = ("tests/unit/alerts/test_rules.py",)
UNIT = (
    Part("unit", "unit", "pure logic", ("pytest", "-q", "--durations=5", *(f"--ignore={path}" for path in ASKING)), 150, limit=900),
    Part("rules", "rules", "every alert rule, by promtool", ("pytest", "-q", *ASKING), 80, limit=900, after=("programs",)),
)

SANITY = (Part("sanity", "sanity", "ansible-test on a clean copy", _tool("sanity"), 40, limit=900),)

PACKAGE = (
    Part("wheel", "package", "the wheel builds, and imports in an empty environment", (*_tool("package"), "wheel"), 15),
    Part("collection", "package", "the archive builds, installs and is found", (*_tool("package"), "collection"), 10),
)

_HOSTS = ("engine",)
# A platform with this line serves the upstream programs: its scenario waits until they are built, the others do not.
_MIRROR = re.compile(r"^\s*lab_mirror:\s*true\b", re.MULTILINE)

DEMO = (
    Part("demo", "demo", "make demo twice: the second run changes nothing; demo-down leaves nothing", _tool("demo"), 120, limit=900,
         needs=_HOSTS, after=("images",)),
)

SITE = (
    Part("site-newest", "site", "site.yml from a Debian 13 control node, newest ansible-core", (*_tool("site"), "newest"), 120, limit=900,
         needs=_HOSTS, after=("images",)),
    Part("site-oldest", "site", "site.yml with ansible-core 2.16", (*_tool("site"), "oldest"), 120, limit=900,
         needs=_HOSTS, after=("images",)),
    Part("awx", "site", "site.yml through ansible-runner, laid out as AWX does", _tool("awx"), 120, limit=900,
         needs=_HOSTS, after=("images",)),
)


def scenarios(root: Path = ROOT) -> list[str]:
    """Every folder of molecule/ that holds a molecule.yml, by name."""
    return sorted(path.parent.name for path in (root / "molecule").glob("*/molecule.yml"))


def molecule(root: Path = ROOT) -> tuple[Part, ...]:
    """One part a scenario."""
    return tuple(
        Part(f"molecule-{name}", "molecule", f"molecule/{name}", ("molecule", "test", "-s", name), 120, limit=1200,
             needs=_HOSTS, after=_before(root / "molecule" / name / "molecule.yml"))
        for name in scenarios(root)
    )


def _before(scenario: Path) -> tuple[str, ...]:
    return ("images", "programs") if _MIRROR.search(scenario.read_text(encoding="utf-8")) else ("images",)


def parts(root: Path = ROOT) -> tuple[Part, ...]:
    """All parts, in the order in which they are started: what others wait for first."""
    return (*PREPARE, *UNIT, *LINT, *SANITY, *PACKAGE, *molecule(root), *SITE, *DEMO)


def select(everything: tuple[Part, ...], wanted: list[str]) -> tuple[Part, ...]:
    """Parts of these names or groups, and what they must come after; all where none is named.

    Raises KeyError with the names that are no part and no group.
    """
    unknown = [name for name in wanted if not any(name in (part.name, part.group) for part in everything)]
    if unknown:
        raise KeyError(", ".join(unknown))
    chosen = {part.name for part in everything if not wanted or {part.name, part.group} & set(wanted)}
    for part in reversed(everything):
        if part.name in chosen:
            chosen.update(part.after)
    return tuple(part for part in everything if part.name in chosen)
