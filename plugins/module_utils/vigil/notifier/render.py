# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From alerts to a message. Pure: plain functions; whatever came in labels and annotations is escaped, and nothing of it is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from .alerts import clean, web_url
from .channel import DIGEST, RESOLVED, Message
from .model import Alert
from .pace import rank
from .phrases import word

# So many alerts are told in full, so many in one line of a digest; the others are counted.
MOST_TOLD, MOST_LISTED = 10, 20
_TITLE, _SUMMARY = 200, 300
# Said in the summary, or of no use to a reader.
_HIDDEN = ("alertname", "severity")


@dataclass(frozen=True)
class Letter:
    """What a message is made of: its id, status and language, the alerts, the step of an escalation (0: none), and links."""

    id: str
    status: str
    language: str
    alerts: Sequence[Alert]
    step: int = 0
    ack: str = ""
    at: float = 0.0


def message(letter: Letter) -> Message:
    """Return the message. ``url`` is the link that acknowledges, else that of the first alert."""
    alerts = sorted(letter.alerts, key=lambda alert: rank(alert.severity))
    common = _common(alerts)
    return Message(
        id=letter.id, status=letter.status, severity=alerts[0].severity if alerts else "info", language=letter.language,
        title=clean(_title(letter, alerts, common), _TITLE), text=_text(letter, alerts), html=_html(letter, alerts),
        url=letter.ack or next((alert.url for alert in alerts if alert.url), ""), labels=common, count=len(alerts), at=letter.at,
    )


def summary(alert: Alert, language: str) -> str:
    """Return the line that says what is wrong: the annotation summary in that language, else summary, else the name and where."""
    given = alert.annotations.get(f"summary_{language}") or alert.annotations.get("summary") or ""
    where = alert.labels.get("instance") or alert.labels.get("host") or ""
    return clean(given.strip() or f"{alert.name} {where}".strip(), _SUMMARY)


def _title(letter: Letter, alerts: Sequence[Alert], common: Mapping[str, str]) -> str:
    head = word(letter.language, letter.status)
    if letter.status == DIGEST or len(alerts) != 1:
        names = ", ".join(f"{name} {count}" for name, count in Counter(alert.name for alert in alerts).most_common(3))
        return f"[{head}] {word(letter.language, 'alerts', count=len(alerts))}: {names}"
    return f"[{head}] {summary(alerts[0], letter.language)}"


def _common(alerts: Sequence[Alert]) -> dict[str, str]:
    """The labels that all alerts share."""
    if not alerts:
        return {}
    return {name: value for name, value in alerts[0].labels.items() if all(alert.labels.get(name) == value for alert in alerts[1:])}


def _shown(letter: Letter, alerts: Sequence[Alert]) -> Sequence[Alert]:
    return alerts[:MOST_LISTED if letter.status == DIGEST else MOST_TOLD]


def _text(letter: Letter, alerts: Sequence[Alert]) -> str:
    lines = [word(letter.language, "step", step=letter.step), ""] if letter.step else []
    for alert in _shown(letter, alerts):
        lines += [_line(alert, letter.language)] if letter.status == DIGEST else [*_block(alert, letter.language), ""]
    left = len(alerts) - len(_shown(letter, alerts))
    lines += [word(letter.language, "more", count=left)] if left else []
    lines += [f"{word(letter.language, 'ack_text')}: {letter.ack}"] if letter.ack else []
    return "\n".join(lines).strip()


def _line(alert: Alert, language: str) -> str:
    return f"{word(language, alert.status)} {alert.severity}: {summary(alert, language)}"


def _block(alert: Alert, language: str) -> list[str]:
    ended = alert.status == RESOLVED and alert.ends
    lines = [summary(alert, language), *_description(alert, language)]
    lines.append(f"{word(language, 'severity')}: {alert.severity}")
    lines.append(f"{word(language, 'since')}: {alert.starts}")
    lines += [f"{word(language, 'until')}: {alert.ends}"] if ended else []
    lines += [f"{word(language, 'labels')}: {_labels(alert)}"] if _labels(alert) else []
    runbook = web_url(alert.annotations.get("runbook_url"))
    return lines + ([f"{word(language, 'runbook')}: {runbook}"] if runbook else [])


def _description(alert: Alert, language: str) -> list[str]:
    given = alert.annotations.get(f"description_{language}") or alert.annotations.get("description") or ""
    return [given] if given else []


def _labels(alert: Alert) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()) if name not in _HIDDEN)[:2000]


def _html(letter: Letter, alerts: Sequence[Alert]) -> str:
    head = f"<p><strong>{escape(word(letter.language, 'step', step=letter.step))}</strong></p>" if letter.step else ""
    items = [_item(alert, letter) for alert in _shown(letter, alerts)]
    left = len(alerts) - len(items)
    more = f"<p>{escape(word(letter.language, 'more', count=left))}</p>" if left else ""
    ack = f'<p><a href="{escape(letter.ack)}">{escape(word(letter.language, "ack_text"))}</a></p>' if letter.ack else ""
    return (f'<!DOCTYPE html><html lang="{escape(letter.language)}"><head><meta charset="utf-8"></head>'
            f'<body style="font-family:sans-serif">{head}{"".join(items)}{more}{ack}</body></html>')


def _item(alert: Alert, letter: Letter) -> str:
    if letter.status == DIGEST:
        return f"<p>{escape(_line(alert, letter.language))}</p>"
    first, *others = _block(alert, letter.language)
    rest = "<br>".join(_linked(line, letter.language) for line in others)
    name = escape(f"{word(letter.language, alert.status)}: {first}")
    return f"<h3>{name}</h3><p>{rest}</p>"


def _linked(line: str, language: str) -> str:
    """The line of the runbook as a link; its URL was looked at by ``web_url``."""
    mark = f"{word(language, 'runbook')}: http"
    if not line.startswith(mark):
        return escape(line).replace("\n", "<br>")
    name, _colon, url = line.partition(": ")
    return f'{escape(name)}: <a href="{escape(url)}">{escape(url)}</a>'
