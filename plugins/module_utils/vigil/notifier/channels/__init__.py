# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The channels. A channel is one file, one import and one line here: the module packer ships only what is imported by name."""

from __future__ import annotations

from ..channel import Channel
from . import aliyun_sms, apprise, dingtalk, feishu, mail, ntfy, slack, sms_http, telegram, tencent_sms, twilio, webhook, wecom

CHANNELS: dict[str, Channel] = {
    channel.name: channel
    for channel in (
        aliyun_sms.CHANNEL,
        apprise.CHANNEL,
        dingtalk.CHANNEL,
        feishu.CHANNEL,
        mail.CHANNEL,
        ntfy.CHANNEL,
        slack.CHANNEL,
        sms_http.CHANNEL,
        telegram.CHANNEL,
        tencent_sms.CHANNEL,
        twilio.CHANNEL,
        webhook.CHANNEL,
        wecom.CHANNEL,
    )
}
