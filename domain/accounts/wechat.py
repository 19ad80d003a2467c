"""Who somebody is to WeChat, and which phone is theirs, in exchange for a code that their phone has got.

`/sns/jscode2session` and `/wxa/business/getuserphonenumber`, as developers.weixin.qq.com describes them. No code, openid or
session key is logged, and no session key is kept.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from domain.accounts.rules import WechatBusy, WechatCodeRefused, WechatUserBlocked
from domain.foundation.wechat_platform import BUSY, PlatformFailed, PlatformMisconfigured, WechatPlatform

log = structlog.get_logger(__name__)

CODE_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,128}")
NAME_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""An openid or a unionid."""
E164 = re.compile(r"\+[1-9][0-9]{7,14}")

CODE_REFUSED = frozenset({40029, 40163})
TOO_OFTEN = frozenset({45009, 45011})
USER_BLOCKED = 40226
NOT_OUR_CODE = 40013
"""Of a phone's code: another mini-program has got it."""
SOON_SECONDS, MINUTE_SECONDS = 3, 60


class WechatFault(Exception):
    """A fault of ours that WeChat complains of, such as a wrong secret, or an answer that is not what it describes."""


@dataclass(frozen=True, slots=True)
class Person:
    """What WeChat calls somebody: here, and in all mini-programs of the merchant, where it says so."""

    openid: str = field(repr=False)
    unionid: str | None = field(repr=False)


async def who_is(platform: WechatPlatform, code: str) -> Person:
    """Whose phone got the code from wx.login. Raises WechatCodeRefused, WechatUserBlocked, WechatBusy, WechatFault."""
    check_code(code)
    try:
        answer = await platform.ask_with_secret("/sns/jscode2session", js_code=code, grant_type="authorization_code")
    except PlatformFailed as failure:
        raise _unheard(failure) from None
    _complain(answer)
    unionid = answer.get("unionid")
    return Person(_name(answer.get("openid")), _name(unionid) if unionid else None)


async def phone_of(platform: WechatPlatform, code: str, *, now: datetime) -> str:
    """The number, in E.164, that the code from the button getPhoneNumber stands for. Raises as `who_is` does."""
    check_code(code)
    try:
        answer = await platform.ask_with_token("/wxa/business/getuserphonenumber", {"code": code}, now=now)
    except PlatformMisconfigured as mistake:
        raise WechatFault(str(mistake)) from None
    except PlatformFailed as failure:
        raise _unheard(failure) from None
    if answer.get("errcode") == NOT_OUR_CODE:
        raise WechatCodeRefused()
    _complain(answer)
    try:
        info = answer["phone_info"]
        app_id, phone = info["watermark"]["appid"], f"+{info['countryCode']}{info['purePhoneNumber']}"
    except (KeyError, TypeError):
        raise WechatFault("the answer has no phone_info") from None
    if app_id != platform.app_id:
        raise WechatCodeRefused()
    if not E164.fullmatch(phone):
        raise WechatFault("the answer has no phone number")
    return phone


def check_code(code: str) -> None:
    """Raises WechatCodeRefused for what can be no code."""
    if not CODE_SHAPE.fullmatch(code):
        raise WechatCodeRefused()


def _complain(answer: dict[str, Any]) -> None:
    errcode = answer.get("errcode", 0)
    if errcode == 0:
        return
    if errcode in CODE_REFUSED:
        raise WechatCodeRefused()
    if errcode == USER_BLOCKED:
        raise WechatUserBlocked()
    if errcode == BUSY:
        raise WechatBusy(retry_after=SOON_SECONDS)
    if errcode in TOO_OFTEN:
        raise WechatBusy(retry_after=MINUTE_SECONDS)
    # not its words: what they quote is not known
    raise WechatFault(f"errcode {errcode}")


def _unheard(failure: PlatformFailed) -> WechatBusy:
    log.warning("wechat_unheard", error=str(failure))
    return WechatBusy(retry_after=SOON_SECONDS)


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME_SHAPE.fullmatch(value):
        raise WechatFault("the answer has no openid")
    return value
