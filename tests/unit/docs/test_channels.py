# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the channels; and the channel that docs/adding-a-channel.md shows is one."""

from __future__ import annotations

import importlib.util
import json
import re
import types
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.module_utils.vigil.model import InvalidInput
from plugins.module_utils.vigil.notifier import ask
from plugins.module_utils.vigil.notifier.channel import Message, read_settings
from plugins.module_utils.vigil.notifier.channels import CHANNELS
from tools.docs import channels
from tools.docs.__main__ import differing, pages

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "adding-a-channel.md").read_text(encoding="utf-8")


def test_the_page_says_what_the_channels_declare() -> None:
    assert ROOT / "docs" / "channels.md" not in differing(pages(ROOT))


def test_every_channel_has_a_row_and_a_section() -> None:
    index, sections = channels.index(CHANNELS.values()), channels.sections(CHANNELS.values())
    for name in CHANNELS:
        assert f"| [`{name}`](#{name}) |" in index
        assert f"### `{name}`\n" in sections


@pytest.fixture(scope="module")
def gotify() -> Any:
    """The channel that the guide shows, loaded as if it stood in the folder of channels."""
    source = re.search(r"```python\n(.*?)```", GUIDE, re.S)
    assert source
    module = types.ModuleType("plugins.module_utils.vigil.notifier.channels.gotify")
    module.__package__ = "plugins.module_utils.vigil.notifier.channels"
    exec(compile(source[1], "docs/adding-a-channel.md", "exec"), module.__dict__)
    return module


def test_the_cases_of_the_guide(gotify: Any) -> None:
    document = re.search(r"```yaml\n(.*?)```", GUIDE, re.S)
    assert document
    settings = read_settings(gotify.CHANNEL, yaml.safe_load(gotify.CHANNEL.example), "example")
    states = set()
    for case in yaml.safe_load(document[1]):
        told = Message("m1", "firing", "warning", "en", case.get("message", {}).get("title", "t"), "x", "", "", {}, 1, 1.0)
        call = ask.Call(told, (), settings, case.get("secrets", {}), 1.0)
        if "refused" in case:
            with pytest.raises(InvalidInput, match=case["refused"]):
                read_settings(gotify.CHANNEL, case["settings"], "guide")
        elif "request" in case:
            made = gotify.build(call)
            assert case["request"]["headers"].items() <= made.headers.items()
            assert case["request"]["json"].items() <= json.loads(made.body).items()
        else:
            outcome = gotify.read(ask.Answer(case["answer"].get("status", 200), case["answer"].get("body", "").encode()), call)
            assert outcome.state == case["outcome"]["state"]
            assert case["outcome"].get("words", "") in outcome.words
            states.add(outcome.state)
    assert states == {"sent", "later", "never"}
    assert importlib.util.find_spec("plugins.module_utils.vigil.notifier.channels.gotify") is None
