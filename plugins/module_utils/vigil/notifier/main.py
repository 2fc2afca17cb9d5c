# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the notifier: the service itself, and what an operator asks of it. The journal is what they share."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets as randomness
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from ..agent.journal import ERROR, say
from ..agent.manager import Manager
from ..model import InvalidInput, VigilError
from . import journal, upkeep
from .channel import SENT, Channel, refuse_recipients
from .channels import CHANNELS
from .config import Config, check_config, read_config
from .database import Database
from .model import DEAD
from .overview import overview
from .phrases import WORDS
from .plan import trial_plan
from .resident import Notifier

DEFAULT_CONFIG = "/etc/vigil/notifier.json"
Channels = Mapping[str, Channel]


def main(argv: Sequence[str] | None = None, channels: Channels = CHANNELS) -> int:
    """Carry out one command (``run`` where none is given); return the exit status: 0 good, 1 not, 2 not understood."""
    options = _parser().parse_args(argv)
    try:
        if options.command in (None, "run") and not options.check:
            return _run(options.config, channels)
        sys.stdout.write(f"{_COMMANDS[options.command or 'check'](options, channels)}\n")
    except VigilError as error:
        say(ERROR, str(error))
        return 1
    return 0


def _run(path: str, channels: Channels) -> int:
    # Until the configuration is read a reload has nothing to do, and must not end the process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    asyncio.run(Notifier(path, Manager(os.environ), channels).run())
    return 0


def _check(options: argparse.Namespace, channels: Channels) -> str:
    return check_config(options.config, channels)


def _status(options: argparse.Namespace, channels: Channels) -> str:
    config, database = _open(options.config, channels)
    return overview(database, config.channels, time.time())


def _replay(options: argparse.Namespace, channels: Channels) -> str:
    config, database = _open(options.config, channels)
    if options.channel and options.channel not in config.channels:
        raise InvalidInput(f"{options.channel} is no channel; there are {', '.join(config.channels)}.")
    count = upkeep.revive(database, config.channels, time.time(), options.message, options.channel)
    return f"{count} dead messages are tried again."


def _ack(options: argparse.Namespace, channels: Channels) -> str:
    _config, database = _open(options.config, channels)
    if not options.all and not options.message:
        raise InvalidInput("name the message that is acknowledged (status lists them), or --all.")
    count = journal.acknowledge(database, 0 if options.all else options.message, options.by)
    return f"{count} escalations were stopped."


def _test(options: argparse.Namespace, channels: Channels) -> str:
    config, database = _open(options.config, channels)
    if options.channel not in config.channels:
        raise InvalidInput(f"{options.channel} is no channel; there are {', '.join(config.channels)}.")
    wrong = refuse_recipients(channels[config.channels[options.channel].kind], [options.recipient] if options.recipient else [])
    if wrong:
        raise InvalidInput(wrong)
    now, key = time.time(), randomness.token_hex(4)
    made = trial_plan(options.channel, options.recipient, options.language, now, config.name, key)
    journal.accept(database, [made], now)
    return _await(database, made.alert.key, options.wait)


def _await(database: Database, key: str, seconds: float) -> str:
    """Wait until the running notifier has sent it, and say what became of it."""
    query = ("SELECT p.state, p.words FROM alerts a JOIN notices n ON n.alert = a.id JOIN parcels p ON p.id = n.parcel "
             "WHERE a.key = ? AND p.tries > 0 AND p.state != 'flying'")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rows = database.rows(query, key)
        if rows and rows[0]["state"] == SENT:
            return f"sent: {rows[0]['words']}"
        if rows:
            more = "" if rows[0]["state"] == DEAD else " It will be tried again."
            raise VigilError(f"not sent: {rows[0]['words']}.{more}")
        time.sleep(0.1)
    raise VigilError(f"it was not tried within {seconds:g} s. Is the notifier running? It waits in the journal.")


def _open(path: str, channels: Channels) -> tuple[Config, Database]:
    config = read_config(path, channels)
    if not os.path.exists(config.journal):
        raise InvalidInput(f"there is no journal {config.journal}: the notifier has not run yet.")
    return config, Database(config.journal)


_COMMANDS = {"check": _check, "status": _status, "replay": _replay, "ack": _ack, "test": _test}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vigil-notifier", description="Takes alerts from Alertmanager and tells whom they concern.")
    parser.add_argument("--config", default=DEFAULT_CONFIG, help=f"the configuration, a JSON file (default: {DEFAULT_CONFIG})")
    parser.add_argument("--check", action="store_true", help="the same as the command check")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("run", help="serve until a signal ends it (the default)")
    commands.add_parser("check", help="read the configuration and its secrets, say whether they are good, and end")
    commands.add_parser("status", help="what waits, what is dead, which escalations are open")
    replay = commands.add_parser("replay", help="try dead messages again")
    replay.add_argument("--message", type=int, default=0, help="the number of one message (default: all)")
    replay.add_argument("--channel", default="", help="only those of one channel")
    ack = commands.add_parser("ack", help="stop the escalations of a message")
    ack.add_argument("message", type=int, nargs="?", default=0, help="the number of the message")
    ack.add_argument("--all", action="store_true", help="of all that are open")
    ack.add_argument("--by", default="the command line", help="who acknowledges")
    _add_test(commands.add_parser("test", help="send a test by one channel, through the running notifier"))
    return parser


def _add_test(test: argparse.ArgumentParser) -> None:
    test.add_argument("channel", help="the channel's name in the configuration")
    test.add_argument("recipient", nargs="?", default="", help="who gets it; leave out where the channel knows its place")
    test.add_argument("--language", choices=sorted(WORDS), default="en", help="en (default) or zh")
    test.add_argument("--wait", type=float, default=30.0, help="seconds to wait for what becomes of it (default: 30)")
