# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a check asks over HTTP: the options that say who asks and whom it trusts, shared by the kinds that do."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .clients.secret import read_secret
from .clients.tls import Tls
from .kind import Look, Option, Options

PORTS = {"http": 80, "https": 443}
REDIRECTS = (301, 302, 303, 307, 308)
ACCESS = (
    Option("ca", "path", "File of the authorities that are trusted, in PEM; without it those of the host."),
    Option("cert", "path", "File of the client certificate, in PEM."),
    Option("key", "path", "File of the client certificate's key, in PEM; without it `cert` holds both."),
    Option("verify", "bool", "Whether the server's certificate has to be trusted and be for the name in the URL.", default=True),
    Option("username", "str", "User's name for basic authentication."),
    Option("password", "str", "The user's password. Better: `password_file`.", secret=True),
    Option("password_file", "path", "File on the host whose first line is the password."),
    Option("token_file", "path", "File on the host whose first line is a bearer token."),
)


def wrong_url(url: str) -> str | None:
    """Return a sentence where this is no URL that can be asked, else None. Pure."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return f"{shown(url)!r} was found, expected a URL such as https://host:8443/path"
    if parts.username is not None or parts.password is not None:
        return "a URL with a user in it was found; use username and password_file"
    if not good or not url.isascii() or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        return f"{shown(url)!r} was found, expected a URL such as https://host:8443/path (no spaces; other letters than ASCII are encoded)"
    return None


def shown(url: str) -> str:
    """Return a URL as it may be shown: a user in it, and what stands behind the question mark, may be secret."""
    plain, mark, _query = url.partition("?")
    return re.sub(r"//[^/]*@", "//", plain)[:200] + ("?..." if mark else "")


def refuse_access(options: Options) -> str | None:
    """Refuse two ways of saying who one is."""
    ways = [name for name in ("username", "token_file") if options[name]]
    if len(ways) == 2:
        return "username and token_file are two ways to say who asks: take one."
    if (options["password"] or options["password_file"]) and not options["username"]:
        return "a password without a username was found: name the user."
    if options["password"] and options["password_file"]:
        return "password and password_file are both there: take one."
    if options["key"] and not options["cert"]:
        return "key without cert was found: name the client certificate too."
    return None


def access(options: Options, look: Look) -> tuple[dict[str, str], Tls]:
    """Return the headers that say who asks, and the files of TLS. Raises CannotTell where a secret cannot be read."""
    headers: dict[str, str] = {}
    if options["username"]:
        secret = options["password"] or read_secret(look.system, options["password_file"], "the password file")
        headers = _basic(options["username"], secret)
    elif options["token_file"]:
        headers = {"Authorization": f"Bearer {read_secret(look.system, options['token_file'], 'the token file')}"}
    return headers, Tls(options["ca"], options["cert"], options["key"], options["verify"])


def _basic(username: str, password: str) -> dict[str, str]:
    """Return the header that names a user."""
    import base64

    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}
