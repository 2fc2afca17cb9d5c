# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the agent."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from ..model import VigilError
from .config import check_config
from .journal import ERROR, say
from .manager import Manager
from .resident import Agent

DEFAULT_CONFIG = "/etc/vigil/agent.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the agent, or with ``--check`` read its configuration as a start would; return the exit status."""
    options = _parser().parse_args(argv)
    # Until the configuration is read a reload has nothing to do, and must not end the process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        if options.check:
            sys.stdout.write(f"{check_config(options.config)}\n")
            return 0
        agent = Agent(options.config, Manager(os.environ))
        asyncio.run(agent.run())
    except VigilError as error:
        say(ERROR, str(error))
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vigil-agent", description="Watches its host by checks, and answers for it over HTTP.")
    parser.add_argument("--config", default=DEFAULT_CONFIG, help=f"the configuration, a JSON file (default: {DEFAULT_CONFIG})")
    parser.add_argument("--check", action="store_true", help="read the configuration and what it names, say whether it is good, and end")
    return parser
