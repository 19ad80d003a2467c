"""Trust in the background: what happened becomes evidence, and tiers follow.

Everything here is safe to run twice: evidence stands once for each cause, and a tier is derived of what stands.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from uuid import UUID

from domain.accounts.events import AccountSignedIn
from domain.chats import queries as chats
from domain.foundation.database import Reader
from domain.orders.events import OrderGivenBack, OrderPaid
from domain.super_users import queries as super_users
from domain.super_users.events import SuperUserLeft, SuperUserMade
from domain.trust import deriving, recording, store, sweeping
from domain.trust.rules import EvidenceKind
from domain.trust.sweeping import Kept
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

SWEPT_AT_ONCE = 5_000
REVIEWED_AT_ONCE = 500


@hears(OrderPaid)
async def note_purchase(context: WorkerContext, event: OrderPaid) -> None:
    """Whose share the order came of, sharing has noted before."""
    await recording.settle_order(context.market.db, order_id=event.order_id, now=context.now())


@hears(OrderGivenBack)
async def take_purchase_back(context: WorkerContext, event: OrderGivenBack) -> None:
    """What is refunded in part stays a purchase."""
    if event.is_whole:
        await recording.settle_order(context.market.db, order_id=event.order_id, now=context.now())


@hears(AccountSignedIn)
async def note_visits(context: WorkerContext, event: AccountSignedIn) -> None:
    """Shares that led here; sharing has made them this person's before."""
    await recording.note_visits(context.market.db, visitor_id=event.account_id, now=context.now())


@hears(SuperUserMade)
async def note_super_user(context: WorkerContext, event: SuperUserMade) -> None:
    """Being a super user is evidence until it ends; news that comes after the end, as of a dead letter, is none."""
    made = store.Piece(event.account_id, EvidenceKind.SUPER_USER, event.made_at, event.made_at.isoformat())
    async with context.market.db.transaction() as tx:
        if await super_users.are_super_users(tx, [event.account_id]):
            await store.record(tx, [made], now=context.now())


@hears(SuperUserLeft)
async def forget_super_user(context: WorkerContext, event: SuperUserLeft) -> None:
    """Ends only what had begun by then: the news may come again after that of a new beginning."""
    kind, left_at = EvidenceKind.SUPER_USER, event.left_at
    async with context.market.db.transaction() as tx:
        await store.withdraw(tx, event.account_id, kind, begun_by=left_at, now=context.now())


@every(seconds=30.0)
async def sweep(context: WorkerContext) -> None:
    """What was written, claimed and come for since the last time; and who has come new."""
    db, now = context.market.db, context.now()
    for kind, source in (
        (EvidenceKind.COMMENT, _comments),
        (EvidenceKind.COUPON_CLAIM, sweeping.coupon_claims),
        (EvidenceKind.CHECK_IN, sweeping.check_ins_kept),
    ):
        await _until_few(partial(sweeping.sweep, db, kind, source, now=now, limit=SWEPT_AT_ONCE), SWEPT_AT_ONCE)
    await _until_few(partial(sweeping.enrol_new, db, now=now, limit=SWEPT_AT_ONCE), SWEPT_AT_ONCE)


@every(seconds=5.0)
async def review(context: WorkerContext) -> None:
    """Who has new evidence, whose evidence is too old by now, and whom earlier rules have judged."""
    db, limit = context.market.db, REVIEWED_AT_ONCE

    async def both() -> int:
        # in turns: new rules take minutes for a million people, and fresh evidence waits for none of them
        due = await deriving.review_due(db, now=context.now(), limit=limit)
        return max(due, await deriving.review_by_new_rules(db, now=context.now(), limit=limit))

    await _until_few(both, limit)


@every(seconds=60.0)
async def count_tiers(context: WorkerContext) -> None:
    """How many people are of each tier, for the merchant's page. Safe to run twice: the later count stands."""
    async with context.market.db.transaction() as tx:
        await store.count_tiers(tx, now=context.now())


async def _comments(reader: Reader, after: UUID, before: UUID, limit: int) -> Sequence[Kept]:
    return [Kept(*row) for row in await chats.written_between(reader, after, before, limit)]


async def _until_few(step: Callable[[], Awaitable[int]], at_once: int) -> None:
    while await step() == at_once:
        pass
