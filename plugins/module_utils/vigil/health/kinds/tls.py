# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``tls``: is the certificate of a server, or of a file, trusted, for the right names, and valid for long enough?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import certificate
from ..clients import net, starttls, tls
from ..kind import Kind, Look, Option, Options
from ..model import CannotTell, Finding, Limits, Observation
from ..thresholds import demand, judge

if TYPE_CHECKING:
    import socket

_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_FILE_LIMIT = 4 * 1024 * 1024
_OPTIONS = (
    Option("host", "str", "Name or address to connect to.", default="127.0.0.1"),
    Option("port", "int", "Port to connect to.", default=443),
    Option("server_name", "str", "The name that is asked for and that the certificate has to hold; without it `host`.", default=""),
    Option("file", "path", "File of certificates on the host, in PEM or DER, instead of a server. All are read, the one that expires first "
           "counts; its chain is not verified."),
    certificate.EXPIRES_IN,
    Option("names", "list", "Further names and addresses that the certificate has to hold.", default=()),
    Option("verify", "bool", "Whether the chain has to be trusted, and the name held.", default=True),
    Option("ca", "path", "File of the authorities that are trusted, in PEM; without it those of the host."),
    Option("cert", "path", "File of the client certificate, in PEM."),
    Option("key", "path", "File of the client certificate's key, in PEM; without it `cert` holds both."),
    Option("min_version", "str", "The oldest version of TLS that may be agreed on.", default="TLSv1.2", choices=_VERSIONS[2:]),
    Option("starttls", "str", "Protocol that begins in plain text.", choices=("smtp", "imap", "postgres")),
    Option("latency", "limits", "Time until the handshake is done.", unit="s", default=Limits()),
)
_ADVICE = "See it yourself: openssl s_client -connect HOST:PORT -servername NAME; see whether the service runs."
_FILE_ADVICE = "See the path, and whether what writes the file ran: openssl x509 -noout -subject -enddate -in FILE."


def refuse(options: Options) -> str | None:
    """Refuse a port that is none, and what makes no sense for a file."""
    if not 0 < options["port"] < 65536:
        return f"port is {options['port']}, expected 1 to 65535."
    if options["key"] and not options["cert"]:
        return "key without cert was found: name the client certificate too."
    useless = [name for name in ("server_name", "ca", "cert", "starttls") if options[name]]
    if options["file"] and useless:
        return f"{useless[0]} is for a server, file is for a file: take one; what a file has to hold stands in `names`."
    return None


def observe(options: Options, look: Look) -> Observation:
    """Read the file, or shake hands, and a second time without trust where the first was refused."""
    return _read_file(options["file"], look) if options["file"] else _ask(options, look)


def _read_file(path: str, look: Look) -> Observation:
    try:
        content = look.system.read(path)
    except OSError as error:
        raise CannotTell(f"{path} cannot be read: {error.strerror}", f"Let the user of the checks read it: ls -l {path}")
    if content is None:
        return Observation({"error": "no such file"})
    try:
        found = [tls.describe(data, look.system.now()) for data in tls.certificates(content[:_FILE_LIMIT])]
    except ValueError as error:
        return Observation({"error": str(error)})
    first = min(found, key=lambda item: float(item["left"]))
    return Observation({"certificate": {**first, "names": found[0]["names"]}, "count": len(found)})


def _ask(options: Options, look: Look) -> Observation:
    deadline = net.Deadline(look.system.monotonic, look.timeout)
    name = _name(options)
    made = tls.context(tls.Tls(options["ca"], options["cert"], options["key"], options["verify"], check_name=False), look.shared)
    try:
        with tls.secure(_dial(options, deadline), made, name, deadline) as link:
            seen = {"code": 0, "message": "", "latency": deadline.spent(), "version": link.version() or ""}
            return Observation({**seen, "certificate": tls.describe(tls.shown(link), look.system.now())})
    except tls.NotTrusted as error:
        shown = tls.peek(lambda: _dial(options, deadline), name, deadline)
        seen = {"code": error.code, "message": error.message}
        return Observation({**seen, "certificate": tls.describe(shown, look.system.now())} if shown else seen)
    except OSError as error:
        return Observation({"error": tls.words(error)})
    except ValueError as error:
        return Observation({"error": f"its certificate cannot be read: {error}"})


def _name(options: Options) -> str:
    return str(options["server_name"] or options["host"])


def _dial(options: Options, deadline: net.Deadline) -> socket.socket:
    link = net.connect(options["host"], options["port"], deadline)
    try:
        if options["starttls"]:
            starttls.begin(link, options["starttls"], deadline)
    except BaseException:
        link.close()
        raise
    return link


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Is there a certificate, trusted, valid, for the names; and the version of TLS new enough?"""
    place = options["file"] or f"{options['host']}:{options['port']}"
    if "error" in values:
        advice = _FILE_ADVICE if options["file"] else _ADVICE
        sentence = f"no certificate from {place}: {values['error']}"
        return [demand("certificate", False, values["error"], "a certificate", sentence, advice=advice)]
    seen = values.get("certificate")
    findings = [certificate.trusted(values["code"], values["message"], seen)] if options["verify"] and not options["file"] else []
    if seen:
        wanted = [_name(options)] if options["verify"] and not options["file"] else []
        findings += [*certificate.times(seen, options["expires_in"]), *certificate.holds(seen, [*wanted, *options["names"]])]
    if "version" in values:
        findings += _session(options, values, place)
    return findings


def _session(options: Options, values: Mapping[str, Any], place: str) -> list[Finding]:
    least, version = options["min_version"], values["version"]
    good = version in _VERSIONS and _VERSIONS.index(version) >= _VERSIONS.index(least)
    sentence = f"{place} speaks {version}" + ("" if good else f", expected {least} or newer")
    return [
        demand("version", good, version, f"{least} or newer", sentence, advice="Switch newer versions on in the service's configuration."),
        judge("latency", values["latency"], options["latency"], "s", name=f"time to shake hands with {place}", advice=_ADVICE),
    ]


KIND = Kind(
    name="tls",
    text="Looks at the certificate of a server or of a file: trusted, valid for long enough, for the right names.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: certificate of the mail server
  kind: tls
  host: mail.example.org
  port: 25
  starttls: smtp
  expires_in: {warn: 21d, fail: 7d}
- name: certificate that is to be loaded next
  kind: tls
  file: /etc/ssl/shop.pem
  names: [shop.example.org]
""",
)
