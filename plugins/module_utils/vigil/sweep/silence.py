# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an agent told nothing: errors and odd answers to a reason, a sentence and what to do next. Pure."""

from __future__ import annotations

import errno
import socket
import ssl

from .client import CONNECTING, HANDSHAKE, Late
from .model import (
    CLOSED,
    EXPIRED,
    HERE,
    NO_NAME,
    NO_ROUTE,
    NO_TLS,
    NOT_AGENT,
    REFUSED,
    STALE,
    TIMEOUT,
    TOKEN,
    UNTRUSTED,
    WRONG_NAME,
    Silence,
)
from .response import BadAnswer
from .words import ago, clean

_AGENT = "On the host: systemctl status vigil-agent"
_ROUTE = "Is the host up? Look at the network, the firewall and its vigil_address."
_LATE = {CONNECTING: _ROUTE, HANDSHAKE: f"{_AGENT} (or does it speak no TLS?)"}
_CERTIFICATE = "Run playbooks/site.yml on the host: it renews certificates."
_PORT = "See what listens there, and health_agent_web_listen_address of the host."
# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_EXPIRED, _NOT_YET, _NAMES = 10, 9, (62, 64)
# What OpenSSL makes of bytes that are no TLS at all, by its version.
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")


def of_error(error: Exception, timeout: float) -> Silence:
    """Return the silence that an error of the client means; ``timeout`` is the deadline in seconds."""
    if isinstance(error, Late):
        advice = _LATE.get(str(error), f"{_AGENT} (or raise health_timeout)")
        return Silence(TIMEOUT, f"no answer within {timeout:g} s: {error}", advice)
    if isinstance(error, BadAnswer):
        if str(error) == "nothing":
            return Silence(CLOSED, "the connection was closed without an answer", _AGENT)
        return Silence(NOT_AGENT, f"what answers is no agent: {error}", _PORT)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error)
    if isinstance(error, ssl.SSLError):
        said = getattr(error, "reason", None)
        plain = said in _NO_TLS
        words = "what answers speaks no TLS" if plain else f"the TLS handshake failed: {clean(said or error, 120)}"
        return Silence(NOT_AGENT if plain else NO_TLS, words, _PORT)
    return _system(error)


def _certificate(error: ssl.SSLCertVerificationError) -> Silence:
    words = clean(error.verify_message, 160).rstrip(".")
    if error.verify_code in (_EXPIRED, _NOT_YET):
        return Silence(EXPIRED, f"its certificate is out of its time: {words}", _CERTIFICATE)
    if error.verify_code in _NAMES:
        advice = f"{_CERTIFICATE} Or its vigil_address is that of another machine."
        # OpenSSL repeats the name, which would make a line of its own of each host.
        return Silence(WRONG_NAME, f"its certificate is for another name: {words.partition(',')[0]}", advice)
    return Silence(UNTRUSTED, f"its certificate is not trusted: {words}", _CERTIFICATE)


def _system(error: Exception) -> Silence:
    number = error.errno if isinstance(error, OSError) else None
    text = clean(getattr(error, "strerror", None) or error, 160)
    if isinstance(error, ConnectionRefusedError):
        return Silence(REFUSED, "the connection was refused", _AGENT)
    if isinstance(error, socket.gaierror):
        return Silence(NO_NAME, f"its name cannot be looked up: {text}", "Set vigil_address of the host, or mend the name service.")
    if isinstance(error, ConnectionError):
        return Silence(CLOSED, f"the connection was closed: {text}", _AGENT)
    if number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL):
        return Silence(HERE, f"the controller could not ask: {text}", "Lower health_concurrency, or raise the limit (ulimit -n).")
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM, errno.ETIMEDOUT, errno.EHOSTDOWN):
        return Silence(NO_ROUTE, f"it cannot be reached: {text}", _ROUTE)
    return Silence(NO_ROUTE, f"it cannot be asked: {type(error).__name__}: {text}", _ROUTE)


def of_status(status: int) -> Silence | None:
    """Return the silence that a status means, None for one that an agent gives with its document."""
    if status in (200, 503):
        return None
    if status in (401, 403):
        return no_token(f"status {status}")
    kind = "it redirects, which an agent never does" if 300 <= status < 400 else f"status {status}"
    return Silence(NOT_AGENT, f"what answers is no agent: {kind}", _PORT)


def no_token(words: str) -> Silence:
    """The agent does not accept our token."""
    advice = "Run playbooks/site.yml on the host: it brings the token. Without vigil_tls set health_agent_details to public."
    return Silence(TOKEN, f"the agent does not take our token: {words}", advice)


def no_document(words: str) -> Silence:
    """What came is not a health document."""
    return Silence(NOT_AGENT, f"what answers is no agent: {clean(words, 160)}", _PORT)


def other_host(name: str) -> Silence:
    """The agent of another host answered."""
    return Silence(NOT_AGENT, f"the agent of {clean(name, 80)} answers there", "Two hosts have the same vigil_address; mend the inventory.")


def stale(age: float, interval: float) -> Silence:
    """The agent answers, yet has looked at nothing for too long (seconds)."""
    words = f"its last round is {ago(age)} old, at most {3 * interval:g} s were expected"
    return Silence(STALE, words, "On the host: systemctl restart vigil-agent")
