# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's key, and the hosts' own keys as known hosts."""

from __future__ import annotations

from pathlib import Path

from plugins.module_utils.vigil.system import System
from tools.lab.base import cache_folder, locked, must


def key_file() -> Path:
    """The private key of all labs."""
    return cache_folder() / "lab" / "ssh" / "key"


def ensure_key(system: System) -> str:
    """Make the key once (only its owner can read it); returns the public key."""
    private = key_file()
    with locked(private.parent / "lock"):
        private.parent.chmod(0o700)
        if not private.exists():
            must(system, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vigil-lab", "-f", str(private)])
    return private.with_suffix(".pub").read_text(encoding="utf-8").strip()


def known_hosts(keys: dict[str, tuple[str, ...]]) -> str:
    """Lines of a known_hosts file; ``keys`` maps a host's public key to the names and addresses it has."""
    return "".join(f"{','.join(names)} {key}\n" for key, names in keys.items())


def common_arguments(known: Path) -> str:
    """Arguments of ssh that keep host key checking on."""
    return f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -o LogLevel=ERROR"
