"""Messages that people have agreed to in a mini-program (订阅消息), shown to one of them at a time.

`/cgi-bin/message/subscribe/send`, as developers.weixin.qq.com describes it: a person gets as many messages as they have agreed
to, by `wx.requestSubscribeMessage`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.foundation.clock import SHOP_ZONE
from domain.foundation.wechat_platform import BUSY, WechatPlatform

log = structlog.get_logger(__name__)

LONGEST_THING = 20
"""Characters of a message's `thing`."""
WANTS_NONE = 43101
"""The person has agreed to no further message."""


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A template that WeChat has approved, with the names of its fields."""

    platform: WechatPlatform
    id: str
    fields: tuple[str, ...]

    async def show(self, openid: str, values: Sequence[str], *, page: str, now: datetime) -> bool:
        """Show a message with these values, in the order of the fields; it opens the page.

        False when it is to be tried again; somebody who wants none gets none. Raises PlatformFailed: it is not known whether
        it was shown.
        """
        shown = {name: {"value": value} for name, value in zip(self.fields, values, strict=True)}
        message = {"touser": openid, "template_id": self.id, "page": page, "data": shown}
        answer = await self.platform.ask_with_token("/cgi-bin/message/subscribe/send", message, now=now)
        code = answer.get("errcode")
        if code not in {0, BUSY, WANTS_NONE}:
            log.error("message_refused", template=self.id, errcode=code, errmsg=str(answer.get("errmsg"))[:300])
        return code != BUSY


def shown_time(moment: datetime) -> str:
    """A moment, as a message's `time` has it."""
    return f"{moment.astimezone(SHOP_ZONE):%Y年%m月%d日 %H:%M}"
