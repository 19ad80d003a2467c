"""Who a person may be."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
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


@dataclass(frozen=True)
class LoginSwitchedOff(Refusal):
    """The development login exists only where it is switched on."""

    code: ClassVar[str] = "LOGIN_SWITCHED_OFF"
    zh: ClassVar[str] = "此登录方式未开启"
    en: ClassVar[str] = "this way to sign in is switched off"


@dataclass(frozen=True)
class AccountDisabled(Refusal):
    """The account was disabled by staff."""

    disabled_at: datetime

    code: ClassVar[str] = "ACCOUNT_DISABLED"
    zh: ClassVar[str] = "账户已停用"
    en: ClassVar[str] = "this account was disabled at {disabled_at:%Y-%m-%d %H:%M} UTC"
