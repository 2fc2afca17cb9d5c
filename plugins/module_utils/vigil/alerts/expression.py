# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of PromQL as tuning a rule needs: the metrics an expression reads, its thresholds, a selector put into each. Pure text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

_TOKEN = re.compile(
    r'''(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<open>\{)|(?P<close>\})|(?P<range>\[[^\]]*\])'''
    r"""|(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)|(?P<threshold>\$[A-Za-z_]\w*)|(?P<number>\d[\w.]*)|(?P<other>\S)"""
)
_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"}
_AGGREGATIONS = {
    "sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk", "quantile",
}  # fmt: skip
COMPARED = re.compile(r"(<=|>=|==|!=|<|>)\s*\$([A-Za-z_]\w*)")


def metrics(expr: str) -> list[str]:
    """Return the names of the metrics that an expression reads, in its order, each once."""
    return list(dict.fromkeys(name for name, _end in _metrics(expr)))


def thresholds(expr: str) -> list[str]:
    """Return the names of the thresholds in an expression, those too that stand where none may stand."""
    return list(dict.fromkeys(match["threshold"][1:] for match in _TOKEN.finditer(expr) if match["threshold"]))


def misplaced(expr: str) -> list[str]:
    """Return the thresholds that are not the right side of a comparison: such a one could not be joined."""
    return thresholds(COMPARED.sub("", expr))


def with_selector(expr: str, selector: str) -> str:
    """Return the expression with label matchers such as ``env="prod"`` in each of its metrics."""
    if not selector:
        return expr
    for _name, end in reversed(list(_metrics(expr))):
        rest = expr[end:]
        if rest.startswith("{"):
            inside = rest[1:].lstrip()
            expr = f"{expr[:end]}{{{selector}{'' if inside.startswith('}') else ','}{inside}"
        else:
            expr = f"{expr[:end]}{{{selector}}}{rest}"
    return expr


def with_thresholds(expr: str, replace: Callable[[str], str]) -> str:
    """Return the expression with what ``replace`` gives for each threshold's name, behind its comparison."""
    return COMPARED.sub(lambda match: f"{match[1]} {replace(match[2])}", expr)


def plain_thresholds(expr: str, values: Mapping[str, float]) -> str:
    """Return the expression with its numbers."""
    return with_thresholds(expr, lambda name: number(values[name]))


def number(value: float) -> str:
    """Return a number as a person would write it."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _metrics(expr: str) -> Iterator[tuple[str, int]]:
    skip_list = inside = False
    tokens = list(_TOKEN.finditer(expr))
    for index, token in enumerate(tokens):
        following = tokens[index + 1][0] if index + 1 < len(tokens) else ""
        if skip_list:
            skip_list = token[0] != ")"
        elif token["open"] or token["close"]:
            inside = bool(token["open"])
        elif token["name"] and not inside:
            word = token["name"].lower()
            skip_list = word in _LISTS and following == "("
            if word not in _LISTS | _WORDS | _AGGREGATIONS and following != "(":
                yield token["name"], token.end()
