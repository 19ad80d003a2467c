"""The part of the WeChat platform that leads into the mini-program: its codes (小程序码) and the links that browsers open it by.

`/wxa/getwxacodeunlimit` and `/wxa/generate_urllink`, as developers.weixin.qq.com describes them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.foundation.settings import Settings
from domain.foundation.wechat_platform import BUSY, PlatformFailed, WechatPlatform, complaint, platform_of

CODE_PIXELS = 430
LINK_DAYS = 30
"""What WeChat allows at most."""
ASK_LATER = frozenset({BUSY, 45009, 45011})
"""Busy, or too many calls for now."""


class CodeRefused(Exception):
    """WeChat makes no such code or link, however often it is asked: there is no such page (41030), or we may not."""


@dataclass(frozen=True, slots=True)
class MiniProgram:
    """The mini-program, and the page of it that opens a share link."""

    platform: WechatPlatform
    page: str

    async def code(self, token: str, *, now: datetime) -> bytes:
        """The picture of the code that opens the page with this token as its scene. Raises PlatformFailed, CodeRefused."""
        wish = {"scene": token, "page": self.page, "check_path": True, "env_version": "release", "width": CODE_PIXELS}
        answer = await self.platform.fetch_with_token("/wxa/getwxacodeunlimit", wish, now=now)
        if isinstance(answer, bytes):
            return answer
        raise _failure(answer)

    async def link(self, token: str, *, now: datetime) -> str:
        """An address that opens the same page from a browser, for `LINK_DAYS`. Raises PlatformFailed, CodeRefused."""
        wish = {
            "path": f"/{self.page}",
            "query": f"scene={token}",
            "env_version": "release",
            "expire_type": 1,
            "expire_interval": LINK_DAYS,
        }
        answer = await self.platform.ask_with_token("/wxa/generate_urllink", wish, now=now)
        found = answer.get("url_link")
        if isinstance(found, str) and found.startswith("https://"):
            return found
        raise _failure(answer)


def mini_program_of(settings: Settings) -> MiniProgram | None:
    """The configured mini-program; None where there is none."""
    platform = platform_of(settings)
    return MiniProgram(platform, settings.wechat_share_page) if platform else None


def _failure(answer: dict[str, Any]) -> Exception:
    return (PlatformFailed if answer.get("errcode") in ASK_LATER else CodeRefused)(complaint(answer))
