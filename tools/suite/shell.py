# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell scripts of the tree, through shellcheck: `*.sh` and what begins with a shell's shebang."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from .parts import ROOT
from .tree import files

_SHEBANG = re.compile(rb"#!\s*(/usr/bin/env\s+|\S*/)(ba|da)?sh\b")


def scripts(root: Path = ROOT) -> list[str]:
    """Paths of the shell scripts below ``root``. Templates (`*.j2`) are not scripts yet."""
    return [name for name in files(root) if not name.endswith(".j2") and not (root / name).is_symlink() and _is_script(root / name)]


def _is_script(path: Path) -> bool:
    if path.suffix == ".sh":
        return True
    with path.open("rb") as handle:
        return bool(_SHEBANG.match(handle.read(64)))


def main() -> int:
    """Return shellcheck's exit code; a tree without a script is an error, since this check could then never fail."""
    found = scripts()
    print(f"{len(found)} scripts: {', '.join(found)}", flush=True)
    return subprocess.run(["shellcheck", "--external-sources", *found], cwd=ROOT, check=False).returncode if found else 1


if __name__ == "__main__":
    sys.exit(main())
