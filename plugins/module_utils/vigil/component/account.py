# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts for users, groups and folders."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from collections.abc import Mapping, Sequence
from typing import Any

from ..model import VigilError
from .host import Host
from .state import Folder


def user_exists(name: str) -> bool:
    """Whether the host knows a user, from whatever source."""
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


def group_exists(name: str) -> bool:
    """Whether the host knows a group, from whatever source."""
    with contextlib.suppress(KeyError):
        return bool(grp.getgrnam(name))
    return False


def add_group(host: Host, name: str) -> None:
    """Make a system group unless a package made it meanwhile."""
    if not group_exists(name):
        _must(host, ["groupadd", "--system", name])


def add_user(host: Host, params: Mapping[str, Any]) -> None:
    """Make a system user that cannot log in, unless a package made it meanwhile."""
    if user_exists(params["user"]):
        return
    shell = "/usr/sbin/nologin" if host.exists("/usr/sbin/nologin") else "/sbin/nologin"
    home = ["--no-create-home", "--home-dir", params["home"]]
    _must(host, ["useradd", "--system", *home, "--shell", shell, "--gid", params["group"], params["user"]])


def remove_user(host: Host, name: str, data: Sequence[str]) -> None:
    """Remove a user. Its kept ``data`` goes to root first, so that the next user with the same number does not own it."""
    if user_exists(name):
        for path in data:
            if host.exists(path):
                give(host.path(path), 0, 0)
        _must(host, ["userdel", name])


def remove_group(host: Host, name: str) -> None:
    """Remove a group, where it did not go with its user."""
    if group_exists(name):
        _must(host, ["groupdel", name])


def folder_of(host: Host, path: str) -> Folder | None:
    """Owner, group and mode of a folder; a number stands for an owner that no longer has a name."""
    try:
        found = os.stat(host.path(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    owner, group = str(found.st_uid), str(found.st_gid)
    with contextlib.suppress(KeyError):
        owner = pwd.getpwuid(found.st_uid).pw_name
    with contextlib.suppress(KeyError):
        group = grp.getgrgid(found.st_gid).gr_name
    return Folder(owner, group, f"{found.st_mode & 0o7777:04o}")


def set_folder(host: Host, params: Mapping[str, Any]) -> None:
    """Make a folder, or give it its owner and mode. Kept data whose owner was removed is given to the new owner as a whole."""
    path = host.path(params["path"])
    uid, gid = _ids(params)
    if os.path.lexists(path) and not os.path.isdir(path):
        raise VigilError(f"{params['path']} is not a folder. Expected a folder there, or nothing: move it away.")
    fresh = not os.path.exists(path)
    host.folder(params["path"], 0o700)
    if params["data"] and not fresh and os.stat(path).st_uid != uid:
        give(path, uid, gid)
    os.chown(path, uid, gid)
    os.chmod(path, int(params["mode"], 8))


def give(path: str, uid: int, gid: int) -> None:
    """Change the owner of a folder and of all below it; links are not followed."""
    os.lchown(path, uid, gid)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.lchown(os.path.join(folder, name), uid, gid)


def _ids(params: Mapping[str, Any]) -> tuple[int, int]:
    try:
        return pwd.getpwnam(params["owner"]).pw_uid, grp.getgrnam(params["group"]).gr_gid
    except KeyError as error:
        raise VigilError(
            f"{params['path']} is to belong to {params['owner']}:{params['group']}, but {error.args[0]}. "
            "Set user and group of the component to have them made."
        ) from error


def _must(host: Host, argv: list[str]) -> None:
    ran = host.system.run(argv)
    if ran.rc != 0:
        raise VigilError(f"{' '.join(argv)} ended with {ran.rc}: {ran.words}. Repair what it names, then run again.")
