"""How many messages somebody bears: so many of their tier within its days, and none once they have opted out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import Refusal
from domain.trust.rules import Rung, Tier


class MessagePurpose(StrEnum):
    """What a message is for."""

    MARKETING = "marketing"
    CARE = "care"
    ORDER = "order"
    REFUND = "refund"


TRANSACTIONAL = frozenset({MessagePurpose.ORDER, MessagePurpose.REFUND})
"""About what somebody has bought: never counted, and sent to whoever has opted out, too."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was sent, by the cap of that moment; none has one that is transactional."""

    id: UUID
    account_id: UUID
    purpose: MessagePurpose
    key: str
    sent_at: datetime
    cap: int | None = None
    cap_days: int | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """What somebody of a tier still bears. `next_at`: when the next message may be sent; None: never, as things stand."""

    tier: Tier
    cap: int
    cap_days: int
    left: int
    next_at: datetime | None
    has_opted_out: bool

    @property
    def may_message(self) -> bool:
        """Whether one may be sent now."""
        return self.left > 0 and not self.has_opted_out


def pace(rung: Rung, sent: Sequence[datetime], *, has_opted_out: bool, now: datetime) -> Pace:
    """What is left of a cap that counts the `per_days` days before now; `sent` are the moments of counted messages."""
    window = timedelta(days=rung.per_days)
    within = sorted(moment for moment in sent if moment > now - window)
    left = max(rung.messages - len(within), 0)
    if has_opted_out or rung.messages == 0:
        next_at = None
    else:
        next_at = now if left else within[-rung.messages] + window
    return Pace(rung.tier, rung.messages, rung.per_days, left, next_at, has_opted_out)


def check(found: Pace) -> None:
    """Raises MessagesOptedOut and MessageCapReached."""
    if found.has_opted_out:
        raise MessagesOptedOut()
    if not found.left:
        raise MessageCapReached(cap=found.cap, days=found.cap_days, next_at=found.next_at)


@dataclass(eq=False)
class MessageCapReached(Refusal):
    """Somebody of this tier bears no more messages now; `next_at` null: none at all."""

    cap: int
    days: int
    next_at: datetime | None

    code: ClassVar[str] = "MESSAGE_CAP_REACHED"
    zh: ClassVar[str] = "已达触达上限：{days} 天内最多 {cap} 条"
    en: ClassVar[str] = "the message cap is reached: {cap} within {days} days"


@dataclass(eq=False)
class MessagesOptedOut(Refusal):
    """They do not want messages."""

    code: ClassVar[str] = "MESSAGES_OPTED_OUT"
    zh: ClassVar[str] = "该客户已退订消息"
    en: ClassVar[str] = "they have opted out of messages"
