# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that stand inside a configuration, found by the names of their keys, so that diffs can mask them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# Keys of Prometheus and Alertmanager that hold a secret itself; those that end in _file hold a path.
_SECRET_KEY = re.compile(
    r"(^|_)(password|passphrase|secret|secret_key|token|bearer_token|credentials|api_key|service_key|routing_key|user_key|bot_token|auth_secret)$"
)


def secret_values(value: Any) -> list[str]:
    """Return every non-empty text at a key that names a secret, at any depth, sorted, each once."""
    return sorted(set(_walk(value, False)))


def _walk(value: Any, secret: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, secret or bool(_SECRET_KEY.search(str(key))))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _walk(item, secret)
    elif secret and isinstance(value, str) and value:
        yield str(value)
