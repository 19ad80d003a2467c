"""What members are told of their cards' ends: that one comes, what will be charged, that a renewal has failed. Each once.

Who has agreed to no message in the mini-program gets none, and sees the same in the mini-program; of a charge WeChat Pay tells
them itself, besides.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.accounts.queries import openid_of
from domain.foundation.database import Database
from domain.foundation.money import Money
from domain.foundation.reporting import note_failure
from domain.foundation.settings import Settings
from domain.foundation.wechat_messages import LONGEST_THING, MessageTemplate, shown_time
from domain.foundation.wechat_platform import PlatformFailed, PlatformMisconfigured, platform_of
from domain.memberships.renewal_rules import (
    REMINDED_BEFORE_END,
    ContractState,
    MessageKind,
    first_charge_at,
    next_announcing,
)
from domain.memberships.renewal_tables import charges, contracts, messages
from domain.memberships.tables import memberships, plans

log = structlog.get_logger(__name__)

AT_ONCE = 10
STALE = timedelta(days=1)
"""What could not be sent for so long is not sent any more: it would tell of the past."""
WORDS = {
    MessageKind.WEEK: "即将到期",
    MessageKind.DAY: "明日到期",
    MessageKind.CHARGE: "将自动续费",
    MessageKind.GIVEN_UP: "续费未成功",
}

c, h, m, s = contracts.c, charges.c, memberships.c, messages.c


@dataclass(frozen=True, slots=True)
class Message:
    """What one member is told: of which card, and when it ends or is charged, for how much."""

    membership_id: UUID
    ends_at: datetime
    kind: MessageKind
    account_id: UUID
    name: str
    price: Money
    told_at: datetime

    @property
    def values(self) -> tuple[str, str, str]:
        """What happens, when, and the price, as the template's fields have them."""
        is_charge = self.kind is MessageKind.CHARGE
        at = first_charge_at(self.ends_at, told_at=self.told_at) if is_charge else self.ends_at
        words = WORDS[self.kind]
        return f"{self.name[: LONGEST_THING - len(words)]}{words}", shown_time(at), f"¥{self.price.amount}"


@dataclass(frozen=True, slots=True)
class Messenger:
    """The template of these messages, and the page of the mini-program that shows one's card."""

    template: MessageTemplate
    page: str


def messenger_of(settings: Settings) -> Messenger | None:
    """Whoever shows messages; None without a mini-program or a template."""
    platform = platform_of(settings)
    if platform is None or not settings.wechat_renewal_template:
        return None
    fields = tuple(settings.wechat_renewal_fields.split(","))
    return Messenger(MessageTemplate(platform, settings.wechat_renewal_template, fields), settings.wechat_member_page)


async def remind_due(db: Database, *, now: datetime) -> int:
    """Have those be told whose cards end in a week, or in a day, and do not renew themselves; how many are new.

    Safe to run twice and side by side: each end of a card is told of once a week and once a day before.
    """
    added = 0
    async with db.transaction() as tx:
        for kind, (before, least) in REMINDED_BEFORE_END.items():
            renews_itself = select(c.id).where(c.account_id == m.account_id, c.state == ContractState.SIGNED).exists()
            # what the index of living cards is sorted by; a card that has grace is being renewed
            over_at = func.coalesce(m.grace_until, m.ends_at)
            soon = (
                select(m.id, m.ends_at, literal(kind.value), literal(now))
                .join(plans, plans.c.id == m.plan_id)
                .where(m.ended_at.is_(None), over_at > now + least, over_at <= now + before)
                .where(m.grace_until.is_(None), plans.c.is_renewable, ~renews_itself)
            )
            columns = [s.membership_id, s.ends_at, s.kind, s.made_at]
            added += await tx.execute(insert(messages).from_select(columns, soon).on_conflict_do_nothing())
    return added


async def send(db: Database, messenger: Messenger, *, now: datetime, limit: int) -> int:
    """Send some of what was not sent yet, unless it is night at the shop; how many were taken in hand.

    They count as sent before they are: one of which it is not known whether it was shown is not sent again. What WeChat was
    too busy for is.
    """
    if next_announcing(now) > now:
        return 0
    due = await _take(db, now=now, limit=limit)
    for start in range(0, len(due), AT_ONCE):
        some = due[start : start + AT_ONCE]
        outcomes = await asyncio.gather(*(_send_one(db, messenger, each, now=now) for each in some))
        await _put_back(db, [each for each, outcome in zip(some, outcomes, strict=True) if outcome is not True])
        mistake = next((outcome for outcome in outcomes if isinstance(outcome, PlatformMisconfigured)), None)
        if mistake is not None:
            await _put_back(db, due[start + AT_ONCE :])
            note_failure("renewal_messages_not_sent", mistake)
            return start + outcomes.count(True)
    return len(due)


async def _send_one(
    db: Database, messenger: Messenger, message: Message, *, now: datetime
) -> bool | PlatformMisconfigured:
    """True once nothing more is to be done, False when it is to be tried again; or why nobody can be told."""
    try:
        openid = await openid_of(db, message.account_id)
        return openid is None or await messenger.template.show(openid, message.values, page=messenger.page, now=now)
    except PlatformMisconfigured as error:
        return error
    except PlatformFailed as error:
        note_failure("renewal_message_not_sent", error, membership=str(message.membership_id))
        return True


async def _take(db: Database, *, now: datetime, limit: int) -> Sequence[Message]:
    unsent = select(s.membership_id, s.ends_at, s.kind).where(s.sent_at.is_(None), s.made_at > now - STALE)
    waiting = unsent.order_by(s.made_at).limit(limit).with_for_update(skip_locked=True).cte("waiting")
    is_taken = (s.membership_id == waiting.c.membership_id) & (s.ends_at == waiting.c.ends_at)
    price = func.coalesce(
        select(h.amount_minor).where(h.membership_id == m.id, h.ends_at == s.ends_at).scalar_subquery(),
        plans.c.price_minor,
    )
    taken = (
        update(messages)
        .where(is_taken, s.kind == waiting.c.kind, m.id == s.membership_id, plans.c.id == m.plan_id)
        .values(sent_at=now)
        .returning(
            s.membership_id, s.ends_at, s.kind, m.account_id, plans.c.name, price.label("price_minor"), s.made_at
        )
    )
    async with db.transaction() as tx:
        return [
            Message(
                row.membership_id,
                row.ends_at,
                MessageKind(row.kind),
                row.account_id,
                row.name,
                Money(row.price_minor),
                row.made_at,
            )
            for row in await tx.rows(taken)
        ]


async def _put_back(db: Database, unsent: Sequence[Message]) -> None:
    if not unsent:
        return
    async with db.transaction() as tx:
        for message in unsent:
            mine = (s.membership_id == message.membership_id) & (s.ends_at == message.ends_at)
            await tx.execute(update(messages).where(mine, s.kind == message.kind).values(sent_at=None))
