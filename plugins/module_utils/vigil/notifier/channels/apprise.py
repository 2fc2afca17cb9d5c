# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``apprise``: whatever the library Apprise knows, by its URLs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...health.model import CannotTell
from .. import apprise_adapter, ask
from ..channel import FIRING, LATER, NEVER, RESOLVED, SENT, Channel, Message, Outcome, Wire
from ..text import fit, one_line, scrub, utf8

_LIMIT = 32 * 1024


def send(message: Message, recipients: Sequence[str], settings: Mapping[str, Any], wire: Wire, now: float) -> Outcome:
    """Hand it to the library. It says only whether all went well: all else is tried again."""
    kind = "success" if message.status == RESOLVED else "failure" if message.status == FIRING else "info"
    try:
        url = ask.read_secrets(settings, wire)["url"]
        took = apprise_adapter.notify(url, one_line(message.title, 250), fit(_text(message), _LIMIT, size=utf8), kind, wire.deadline)
    except CannotTell as error:
        return Outcome(LATER, f"{error}. {error.advice}")
    except ValueError:
        return Outcome(NEVER, "the file of the url holds no URL that Apprise knows")
    except OSError as error:
        return Outcome(LATER, f"Apprise: {error}")
    return Outcome(SENT, "Apprise says it was sent") if took else Outcome(LATER, "Apprise says it was not sent, not why")


def _text(message: Message) -> str:
    return "\n".join(part for part in (scrub(message.text).strip(), one_line(message.url, 2000)) if part)


CHANNEL = Channel(
    name="apprise",
    text="Whatever the library Apprise knows. It does not say why something failed: limits and refusals are all tried again, up to the "
         "notifier's deadline. A channel of our own is better where there is one.",
    options=(ask.secret("url", "Apprise's URL; it is a secret"),),
    send=send,
    recipients="none: the URL names them",
    packages=(apprise_adapter.PACKAGE,),
    example="url_file: /etc/vigil/notifier/apprise.url\n",
)
