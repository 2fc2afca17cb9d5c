# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixed words of messages, by language."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "firing": "FIRING", "resolved": "RESOLVED", "digest": "DIGEST", "test": "TEST", "severity": "severity", "since": "since",
        "until": "until", "more": "{count} more", "alerts": "{count} alerts", "labels": "labels", "runbook": "runbook",
        "ack": "Acknowledge",
        "ack_text": "Acknowledge (stops the escalation)", "acked": "Acknowledged. Nobody else will be called for these alerts.",
        "ack_ask": "Acknowledge these alerts?", "step": "Escalation, step {step}: nobody has acknowledged this yet",
    },
    "zh": {
        "firing": "告警", "resolved": "恢复", "digest": "汇总", "test": "测试", "severity": "级别", "since": "开始时间",
        "until": "结束时间", "more": "另有 {count} 条", "alerts": "{count} 条告警", "labels": "标签", "runbook": "处理手册", "ack": "确认",
        "ack_text": "确认（停止升级通知）", "acked": "已确认，这些告警不再升级通知他人。",
        "ack_ask": "确认这些告警？", "step": "升级通知，第 {step} 步：尚无人确认",
    },
}


def word(language: str, name: str, **values: object) -> str:
    """Return a phrase; of a language that is not there, the English one."""
    return WORDS.get(language, WORDS["en"])[name].format(**values)
