# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the roles' README files from their argument specs, and pages of checks and channels from what these declare.

With `--check` only say what is not as it should be.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

from plugins.module_utils.vigil.alerts import parse
from plugins.module_utils.vigil.health.kinds import KINDS
from plugins.module_utils.vigil.health.spec import COMMON
from plugins.module_utils.vigil.notifier.channels import CHANNELS

from . import alerts, channels, checks, markdown
from .agree import complaints
from .spec import Role, load

ROOT = Path(__file__).resolve().parents[2]
_READ = ("tasks", "templates", "handlers", "vars", "meta")
# Roles that the action deploy makes from their options have them read in the package, by their names less the role's prefix.
_DECLARED = re.compile(r"^\s+declared: \[", re.MULTILINE)
_WORD = re.compile(r'"([a-z_]+)"')


def _defaults(folder: Path) -> dict[str, Any]:
    path = folder / "defaults" / "main.yml"
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.is_file() else {}


def _source(folder: Path) -> str:
    """What a role reads its options in; of the argument spec nothing, and of the defaults the values (one may be made of another)."""
    paths = [path for place in _READ for path in sorted((folder / place).rglob("*")) if path.is_file()]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths if path.name != "argument_specs.yml"]
    return "\n".join([*texts, *(str(value) for value in _defaults(folder).values()), *_in_package(folder, texts)])


def _in_package(folder: Path, texts: list[str]) -> list[str]:
    if not any(_DECLARED.search(text) for text in texts):
        return []
    package = ROOT / "plugins" / "module_utils" / "vigil"
    texts = [(package / name).read_text(encoding="utf-8") for name in ("exporters/roles.py", "agent/service.py")]
    return [f"{folder.name}_{word}" for text in texts for word in _WORD.findall(text)]


def _everywhere(root: Path) -> str:
    """What the whole collection's options are read in."""
    paths = [*sorted((root / "plugins").rglob("*.py")), *sorted((root / "playbooks").glob("*.yml"))]
    return "\n".join([*(path.read_text(encoding="utf-8") for path in paths), *map(_source, roles(root))])


def roles(root: Path) -> list[Path]:
    """Folders of all roles."""
    return sorted(path for path in (root / "roles").glob("*") if (path / "tasks").is_dir() or (path / "meta").is_dir())


def check(folder: Path, role: Role) -> list[str]:
    """Every complaint about a role, its README included."""
    found = complaints(role, _defaults(folder), _source(folder), _everywhere(folder.parents[1]))
    path = folder / "README.md"
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    if markdown.readme(role, before) != before:
        found.append("README.md is not what its argument spec says: run `make docs`")
    return found


def write(folder: Path, role: Role) -> bool:
    """Write a role's README; whether it changed."""
    path = folder / "README.md"
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    after = markdown.readme(role, before)
    if after != before:
        path.write_text(after, encoding="utf-8")
    return after != before


def pages(root: Path) -> dict[Path, str | None]:
    """Every page about checks as it has to be; None for that of a kind that is there no more."""
    folder, cases = root / "docs" / "checks", root / "tests" / "cases" / "health" / "kinds"
    wanted: dict[Path, str | None] = {path: None for path in folder.glob("*.md") if path.name != "README.md"}
    for name, kind in KINDS.items():
        path = cases / f"{name}.yml"
        wanted[folder / f"{name}.md"] = checks.page(kind, yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else [])
    readme = folder / "README.md"
    blocks = {"kinds": checks.index(KINDS.values()), "common": checks.options(COMMON.options)}
    return {**wanted, readme: checks.filled(readme.read_text(encoding="utf-8"), blocks), **_channels(root)}


def _channels(root: Path) -> dict[Path, str | None]:
    path = root / "docs" / "channels.md"
    if not path.is_file():
        return {}
    blocks = {"channels": channels.index(CHANNELS.values()), "options": channels.sections(CHANNELS.values())}
    return {path: checks.filled(path.read_text(encoding="utf-8"), blocks)}


def alert_pages(root: Path) -> dict[Path, str | None]:
    """Every page about alert rules as it has to be; None for the runbook of an area that is there no more."""
    documents = sorted((root / "roles" / "prometheus" / "files" / "rules").glob("*.yml"))
    areas = parse.catalogue(yaml.safe_load(path.read_text(encoding="utf-8")) for path in documents)
    docs = root / "docs"
    wanted: dict[Path, str | None] = dict.fromkeys(filter(_is_written, (docs / "runbooks").glob("*.md")))
    wanted.update({docs / "runbooks" / f"{area.name}.md": alerts.runbook(area) for area in areas})
    for name, language in (("alerts.md", "en"), ("alerts.zh-CN.md", "zh")):
        text = (docs / name).read_text(encoding="utf-8")
        wanted[docs / name] = checks.filled(text, {"rules": alerts.table(areas, language)})
    return wanted


def _is_written(path: Path) -> bool:
    """Whether a runbook is one of those that are written here: others may stand beside them."""
    return alerts.NOTE.partition("{")[0] in path.read_text(encoding="utf-8")


def write_pages(wanted: dict[Path, str | None]) -> None:
    """Make the pages what they have to be, and say which ones were not."""
    for path, text in wanted.items():
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        print(f"{path.parent.name}/{path.name}: {'removed' if text is None else 'written'}")


def differing(wanted: dict[Path, str | None]) -> dict[Path, str | None]:
    """Those pages that are not as they have to be."""
    return {path: text for path, text in wanted.items() if (path.read_text(encoding="utf-8") if path.is_file() else None) != text}


def main(argv: list[str]) -> int:
    """Return 1 where there is a complaint, else 0."""
    stale = differing({**pages(ROOT), **alert_pages(ROOT)})
    if "--check" not in argv:
        write_pages(stale)
    else:
        print("".join(f"{path.parent.name}/{path.name} is not what its source says: run `make docs`\n" for path in stale), end="")
    return max(_of_roles(argv), int("--check" in argv and bool(stale)))


def _of_roles(argv: list[str]) -> int:
    bad = 0
    for folder in roles(ROOT):
        if not (folder / "meta" / "argument_specs.yml").is_file():
            print(f"{folder.name}: no meta/argument_specs.yml")
            bad = 1
            continue
        role = load(folder)
        if "--check" not in argv:
            print(f"{folder.name}: README.md {'written' if write(folder, role) else 'is up to date'}")
            continue
        for complaint in check(folder, role):
            print(f"{folder.name}: {complaint}")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
