# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machine a program is for, from the head of its ELF file."""

from __future__ import annotations

import struct

# e_machine of the ELF specification (System V ABI), with word size (1: 32 bit, 2: 64 bit) and byte order (1: little, 2: big).
_KINDS = {
    (62, 2, 1): "x86_64", (183, 2, 1): "aarch64", (40, 1, 1): "armv7l", (3, 1, 1): "i686",
    (21, 2, 1): "ppc64le", (22, 2, 2): "s390x", (243, 2, 1): "riscv64",
}
_SAME = {"amd64": "x86_64", "arm64": "aarch64", "armv6l": "armv7l", "armv8l": "armv7l", "i386": "i686", "i586": "i686"}


def machine_of(head: bytes) -> str | None:
    """Machine name (as uname prints it) of a program's first 20 bytes; None where it is no ELF file."""
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    order = "<" if head[5] == 1 else ">"
    number = struct.unpack(order + "H", head[18:20])[0]
    return _KINDS.get((number, head[4], head[5]), f"an unknown machine (ELF number {number})")


def program_fault(head: bytes, machine: str) -> str:
    """Why a file that starts with ``head`` cannot run on ``machine``; empty where it can."""
    found = machine_of(head)
    if found is None:
        return "" if head[:2] == b"#!" else "is neither an ELF program nor a script"
    wanted = _SAME.get(machine, machine)
    return "" if found == wanted else f"is built for {found}, this host is {wanted}"
