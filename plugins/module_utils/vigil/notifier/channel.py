# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a channel is: a message in, one attempt to hand it over, and what became of it. The queue and its retries are the notifier's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..health.clients.net import Deadline
from ..health.kind import Kind, Option, Options, Package, Shared
from ..health.model import CannotTell, Observation
from ..health.options import read_options
from ..system import System

FIRING, RESOLVED, DIGEST, TEST = "firing", "resolved", "digest", "test"
SENT, LATER, NEVER = "sent", "later", "never"


@dataclass(frozen=True)
class Message:
    """What is told. ``id`` is the same in each attempt; ``text`` is plain, ``html`` whole and escaped by who made it, ``url`` may be empty.

    ``count`` is the number of alerts in it, ``at`` when it was made (epoch, seconds). No channel trusts title, text or labels.
    """

    id: str
    status: str
    severity: str
    language: str
    title: str
    text: str
    html: str
    url: str
    labels: Mapping[str, str]
    count: int
    at: float


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt.

    sent: the provider took it. later: try again, not before ``after`` seconds where that is known. never: this will not be taken, however
    often it is tried. ``words`` is one line for the journal, without secrets. Of several recipients ``pending`` are those to try again
    (state later: no other may get it twice), ``refused`` those that never get it, beside those that did.
    """

    state: str
    words: str
    after: float | None = None
    provider_id: str = ""
    pending: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wire:
    """How a channel reaches files and the network: one deadline for the whole attempt; ``shared`` keeps TLS contexts between attempts."""

    system: System
    deadline: Deadline
    shared: Shared = field(default_factory=lambda: Shared(lambda: 0.0))

    @classmethod
    def begin(cls, system: System, seconds: float, shared: Shared | None = None) -> Wire:
        """Return a wire whose time of ``seconds`` begins now."""
        return cls(system, Deadline(system.monotonic, seconds), shared or Shared(system.monotonic))


Send = Callable[[Message, Sequence[str], Mapping[str, Any], Wire, float], Outcome]


@dataclass(frozen=True)
class Channel:
    """A way to tell somebody. ``send`` takes recipients, read settings, the wire, and now (epoch, seconds); it raises for nothing it meets.

    ``recipients`` says in words what a recipient is; ``wrong_recipient`` returns a sentence for one that cannot be; ``needs_recipients`` is
    False where the settings name the place (a robot's URL). ``refuse`` returns a sentence where settings contradict each other.
    """

    name: str
    text: str
    options: tuple[Option, ...]
    send: Send
    recipients: str = ""
    needs_recipients: bool = False
    wrong_recipient: Callable[[str], str | None] = lambda recipient: None
    refuse: Callable[[Options], str | None] | None = None
    packages: tuple[Package, ...] = ()
    example: str = ""


def read_settings(channel: Channel, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return every option of the channel, with defaults, in its own type. Raises InvalidInput, its sentence beginning with ``where``."""
    kind = Kind(channel.name, channel.text, channel.options, _no_look, lambda options, values: (), "", channel.refuse)
    return read_options(kind, given, where)


def refuse_recipients(channel: Channel, recipients: Sequence[str]) -> str | None:
    """Return a sentence where these cannot be recipients of the channel, else None."""
    if channel.needs_recipients and not recipients:
        return f"{channel.name} needs recipients: {channel.recipients}."
    return next((wrong for wrong in map(channel.wrong_recipient, recipients) if wrong), None)


def _no_look(options: Options, look: Any) -> Observation:
    raise CannotTell("a channel observes nothing", "Send by it.")
