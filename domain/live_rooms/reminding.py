"""Reminders (开播提醒): whoever reserved a room is told shortly before it begins, or when it does, at most once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import select, update

from domain.accounts.queries import openid_of
from domain.foundation.database import Database
from domain.foundation.ids import encode
from domain.foundation.reporting import note_failure
from domain.foundation.settings import Settings
from domain.foundation.wechat_messages import LONGEST_THING, MessageTemplate, shown_time
from domain.foundation.wechat_platform import PlatformFailed, PlatformMisconfigured, platform_of
from domain.live_rooms.rules import ON, REMIND_AHEAD, RoomState
from domain.live_rooms.tables import reservations, rooms

log = structlog.get_logger(__name__)

AT_ONCE = 10
"""Messages under way together: at half a second each, twelve thousand in the ten minutes."""

c, r = reservations.c, rooms.c


@dataclass(frozen=True, slots=True)
class Reminder:
    """A room that begins, and one of those who wait for it."""

    room_id: UUID
    shopper_id: UUID
    title: str
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Messenger:
    """The message's template, of a title and a time, and the page of the mini-program that it opens."""

    template: MessageTemplate
    page: str

    async def remind(self, openid: str, reminder: Reminder, *, now: datetime) -> bool:
        """Show it; False when it is to be tried again. Raises PlatformFailed: it is not known whether it was shown."""
        values = (reminder.title[:LONGEST_THING], shown_time(reminder.starts_at))
        page = f"{self.page}?id={encode('room', reminder.room_id)}"
        return await self.template.show(openid, values, page=page, now=now)


def messenger_of(settings: Settings) -> Messenger | None:
    """Whoever shows messages; None without a mini-program or a template."""
    platform = platform_of(settings)
    if platform is None or not settings.wechat_reminder_template:
        return None
    fields = tuple(settings.wechat_reminder_fields.split(","))
    return Messenger(MessageTemplate(platform, settings.wechat_reminder_template, fields), settings.wechat_room_page)


async def remind(db: Database, messenger: Messenger, *, now: datetime, limit: int) -> int:
    """Remind some of those who are due; how many were taken in hand.

    They count as reminded before they are: one of whom it is not known whether the message was shown gets no second one. What
    WeChat was too busy for is due again.
    """
    due = await _take(db, now=now, limit=limit)
    for start in range(0, len(due), AT_ONCE):
        some = due[start : start + AT_ONCE]
        outcomes = await asyncio.gather(*(_remind_one(db, messenger, each, now=now) for each in some))
        await _put_back(db, [each for each, outcome in zip(some, outcomes, strict=True) if outcome is not True])
        mistake = next((outcome for outcome in outcomes if isinstance(outcome, PlatformMisconfigured)), None)
        if mistake is not None:
            await _put_back(db, due[start + AT_ONCE :])
            note_failure("reminders_not_sent", mistake)
            return start + outcomes.count(True)
    return len(due)


async def _remind_one(
    db: Database, messenger: Messenger, reminder: Reminder, *, now: datetime
) -> bool | PlatformMisconfigured:
    """True once nothing more is to be done for them, False when it is to be tried again; or why nobody can be reminded."""
    try:
        openid = await openid_of(db, reminder.shopper_id)
        return openid is None or await messenger.remind(openid, reminder, now=now)
    except PlatformMisconfigured as error:
        return error
    except PlatformFailed as error:
        note_failure("reminder_not_sent", error, room=str(reminder.room_id))
        return True


async def _take(db: Database, *, now: datetime, limit: int) -> Sequence[Reminder]:
    is_soon = (r.state == RoomState.SCHEDULED) & (r.starts_at <= now + REMIND_AHEAD)
    waiting = (
        select(c.room_id, c.shopper_id)
        .join(rooms, r.id == c.room_id)
        .where(c.reminded_at.is_(None), is_soon | r.state.in_(list(ON)))
        .order_by(c.room_id, c.shopper_id)
        .limit(limit)
        .with_for_update(of=reservations, skip_locked=True)
        .cte("waiting")
    )
    taken = (
        update(reservations)
        .where(c.room_id == waiting.c.room_id, c.shopper_id == waiting.c.shopper_id, r.id == c.room_id)
        .values(reminded_at=now)
        .returning(c.room_id, c.shopper_id, r.title, r.starts_at)
    )
    async with db.transaction() as tx:
        return [Reminder(*row) for row in await tx.rows(taken)]


async def _put_back(db: Database, reminders: Sequence[Reminder]) -> None:
    if not reminders:
        return
    async with db.transaction() as tx:
        for reminder in reminders:
            mine = (c.room_id == reminder.room_id) & (c.shopper_id == reminder.shopper_id)
            await tx.execute(update(reservations).where(mine).values(reminded_at=None))
