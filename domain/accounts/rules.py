"""Who a person may be."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import Refusal


class Role(StrEnum):
    """What a person may do. Everybody is a shopper; the others are given by an admin."""

    SHOPPER = "shopper"
    HOST = "host"
    LEADER = "leader"
    MERCHANDISER = "merchandiser"
    FINANCE = "finance"
    ADMIN = "admin"


STAFF = frozenset({Role.MERCHANDISER, Role.FINANCE, Role.ADMIN})


@dataclass(frozen=True)
class Account:
    """A person."""

    id: UUID
    display_name: str
    roles: frozenset[Role]
    created_at: datetime
    disabled_at: datetime | None = None
    tokens_valid_from: datetime | None = None
    """Access tokens of an earlier moment are refused."""


@dataclass(frozen=True)
class Principal:
    """Who is asking: what an access token proves. The token's roles hold until it ends or is revoked."""

    account_id: UUID
    roles: frozenset[Role] = field(default_factory=frozenset)
    session_id: UUID | None = field(default=None, compare=False)
    """The session the token belongs to; none for the tokens of seeds and tests."""
    issued_at: float = field(default=0.0, compare=False)
    """Seconds since 1970."""
    expires_at: float = field(default=0.0, compare=False)

    @property
    def is_staff(self) -> bool:
        """Whether one of the roles works behind the counter."""
        return bool(self.roles & STAFF)


DEVICE_LENGTH = 100
"""Characters of a device's name, at most."""
REFRESH_GRACE = timedelta(seconds=30)
"""How long a used refresh token is still answered: the answer to its first use may have been lost on its way, after a
client's patience of ten seconds, and the next try waits in a crowd.
"""
ANSWERS = 5
"""How often a refresh token is answered within that: each answer is a token more, and no client loses so many."""
USED_TOKENS_KEPT = timedelta(days=7)
"""How long a used refresh token is known: one that comes back later is told no more than one that we never gave."""
STAFF_SESSION = timedelta(hours=12)
"""How long somebody with a role behind the counter stays signed in, refreshed or not: a working day. What is left running
in the shop overnight is nobody's way in.
"""


@dataclass(frozen=True)
class Session:
    """A device on which somebody is signed in: a family of refresh tokens, of which each rotation is a generation."""

    id: UUID
    account_id: UUID
    device: str
    started_at: datetime
    refreshed_at: datetime
    generation: int = 0
    ended_at: datetime | None = None


class Worth(Enum):
    """What a refresh token of a living session is good for."""

    ROTATES = "rotates"
    """It is the session's newest: it makes the next generation."""
    REPEATS = "repeats"
    """It has just made the newest generation, of which nothing was used yet: it gets another token of that one."""
    NOTHING = "nothing"
    """As before, but it was answered often enough. The session goes on with what was answered: ending it would let
    whoever sends a token too often sign somebody out."""
    BETRAYS = "betrays"
    """It was used before, so two have it. Who of them is the thief cannot be told."""


def worth(session: Session, generation: int, now: datetime, *, newest: int) -> Worth:
    """What a refresh token of this generation is worth to its session, which the caller has locked.

    `newest`: how many tokens the newest generation has.
    """
    if generation == session.generation:
        return Worth.ROTATES
    if generation == session.generation - 1 and now < session.refreshed_at + REFRESH_GRACE:
        return Worth.REPEATS if newest < ANSWERS else Worth.NOTHING
    return Worth.BETRAYS


def last_moment(started_at: datetime, roles: frozenset[Role], *, unvisited: datetime) -> datetime:
    """From when on a session is over: `unvisited`, when nobody comes back before; for whoever works behind the counter
    twelve hours after its start at the latest.
    """
    return min(unvisited, started_at + STAFF_SESSION) if roles & STAFF else unvisited


@dataclass(eq=False)
class SessionEnded(Refusal):
    """The session is over, or the refresh token is none of ours: sign in again."""

    code: ClassVar[str] = "SESSION_ENDED"
    zh: ClassVar[str] = "登录已失效，请重新登录"
    en: ClassVar[str] = "this session is over; sign in again"


@dataclass(eq=False)
class LoginSwitchedOff(Refusal):
    """This way to sign in exists only where it is switched on."""

    code: ClassVar[str] = "LOGIN_SWITCHED_OFF"
    zh: ClassVar[str] = "此登录方式未开启"
    en: ClassVar[str] = "this way to sign in is switched off"


@dataclass(eq=False)
class AccountDisabled(Refusal):
    """The account was disabled by staff."""

    disabled_at: datetime

    code: ClassVar[str] = "ACCOUNT_DISABLED"
    zh: ClassVar[str] = "账户已停用"
    en: ClassVar[str] = "this account was disabled at {disabled_at:%Y-%m-%d %H:%M} UTC"


@dataclass(eq=False)
class WechatCodeRefused(Refusal):
    """WeChat does not know the code: it works once, for five minutes. Get another and try again."""

    code: ClassVar[str] = "WECHAT_CODE_REFUSED"
    zh: ClassVar[str] = "微信授权已失效，请重试"
    en: ClassVar[str] = "WeChat refused the code; get a new one and try again"


@dataclass(eq=False)
class WechatUserBlocked(Refusal):
    """WeChat counts this user as a risk and lets them into no mini-program."""

    code: ClassVar[str] = "WECHAT_USER_BLOCKED"
    zh: ClassVar[str] = "当前微信账号存在风险，暂时无法登录"
    en: ClassVar[str] = "WeChat has blocked this user"


@dataclass(eq=False)
class WechatBusy(Refusal):
    """WeChat does not answer now, or counts too many tries of this user. The code may still work then."""

    retry_after: int
    """Seconds."""

    code: ClassVar[str] = "WECHAT_BUSY"
    zh: ClassVar[str] = "微信繁忙，请在 {retry_after} 秒后重试"
    en: ClassVar[str] = "WeChat is busy; try again in {retry_after} seconds"


@dataclass(eq=False)
class PhoneTaken(Refusal):
    """The phone number belongs to another account."""

    code: ClassVar[str] = "PHONE_TAKEN"
    zh: ClassVar[str] = "该手机号已绑定其他账户"
    en: ClassVar[str] = "this phone number belongs to another account"


CHINA = "+86"


def masked_name(name: str) -> str:
    """A name as strangers may read it: its first character, whatever its length."""
    return f"{name[:1]}**"


def masked(phone: str) -> str:
    """A number in E.164 as its owner is shown it: 138****5678, and with its country where that is not China."""
    return f"{phone[:-8].removeprefix(CHINA)}****{phone[-4:]}"
