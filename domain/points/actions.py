"""What staff do with points, and what becomes of an order's points when something becomes of the order.

It is the order's state that decides, under its lock, and not the news that led here: those may come twice and late.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from domain.accounts.queries import names_by_ids
from domain.foundation import idempotency
from domain.foundation.database import Database
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id
from domain.orders import store as orders
from domain.orders.rules import Line, OrderState
from domain.points import queries, rules, store
from domain.points.purse import Reason
from domain.points.rules import Cause, Earning, Move, MoveKind, Rules, SpentLine, Terms
from domain.pricing.rules import Rule
from domain.trail import store as trail
from domain.trail.rules import HOUSE

ENDED = frozenset({OrderState.LAPSED, OrderState.CANCELLED, OrderState.REFUNDED})
"""Orders that cost no points any more."""


async def set_rules(db: Database, terms: Terms, *, by: UUID, now: datetime) -> Rules:
    """The rules from now on: what is earned and spent later follows them. Those that are in force already stay as they are.

    Raises BadInput.
    """
    rules.check_terms(terms)
    async with db.transaction() as tx:
        await store.lock_rules(tx)
        before = await queries.rules_in_force(tx)
        if before.terms == terms:
            return before
        new = Rules(before.version + 1, terms, set_at=now, set_by=by)
        await store.add_rules(tx, new)
        await trail.note(
            tx,
            by=by,
            deed="set_point_rules",
            subject="house",
            subject_id=HOUSE,
            now=now,
            version=new.version,
            **asdict(terms),
        )
        return new


async def adjust(
    db: Database, *, account_id: UUID, points: int, reason: str, by: UUID, idempotency_key: str, now: datetime
) -> Move:
    """Give somebody points, or, below zero, take them back, which they owe where they have spent them.

    The same key again changes nothing. Raises NotFound without such an account, NotYourOwnPoints, BadInput,
    IdempotencyConflict.
    """
    reason = rules.check_adjustment(points, reason)
    if account_id == by:
        raise rules.NotYourOwnPoints(account_id=account_id)
    if account_id not in await names_by_ids(db, [account_id]):
        raise NotFound.of("account", account_id)
    request = {"account": account_id, "points": points, "reason": reason}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="adjust_points", request=request
        )
        if replay:
            return await queries.move(tx, UUID(replay.answer))
        purse = await store.open_purse(tx, account_id, now=now)
        why = Reason(Cause.STAFF, new_id(), note=reason)
        if points > 0:
            terms = (await queries.rules_in_force(tx)).terms
            purse.give(points, why, expires_at=terms.expiry(now), now=now)
        else:
            purse.take_back(-points, why, now=now)
        await store.write(tx, [purse], now=now)
        await trail.note(
            tx,
            by=by,
            deed="adjust_points",
            subject="account",
            subject_id=account_id,
            now=now,
            points=points,
            reason=reason,
        )
        move_id = purse.moves[-1].id
        await idempotency.finish(tx, owner_id=by, key=idempotency_key, answer=str(move_id))
        return await queries.move(tx, move_id)


async def earn(db: Database, *, order_id: UUID, points_percent: int, now: datetime) -> None:
    """What a received order earns: for what was paid for its goods and not given back since, at a percentage of what others
    earn. A second call changes nothing.
    """
    async with db.transaction() as tx:
        order = await orders.lock(tx, order_id)
        if order.received_at is None or await store.earning_of(tx, order_id) is not None:
            return
        in_force = (await queries.rules_in_force(tx)).terms
        goods_minor = _paid_for_goods(await orders.lines_of(tx, order_id))
        points = rules.earned(goods_minor, in_force.earned_per_yuan, points_percent)
        lot_id = None
        if points:
            purse = await store.open_purse(tx, order.shopper_id, now=now)
            reason = Reason(Cause.ORDER, order_id, order_id)
            lot_id = purse.give(points, reason, expires_at=in_force.expiry(now), now=now)
            await store.write(tx, [purse], now=now)
        # also where it is nothing: it stays nothing, whatever the rules become
        await store.add_earning(tx, order_id, Earning(in_force.earned_per_yuan, points_percent, points, lot_id))


async def give_back(db: Database, *, order_id: UUID, cause: Cause, cause_id: UUID, now: datetime) -> None:
    """An order ended, or some of its units went back: so do the points that were spent on them, and those they had earned.

    A cause moves points once; what more there is to move is left to its own.
    """
    # most orders have none: they cost one question
    if not await store.has_points(db, order_id):
        return
    async with db.transaction() as tx:
        order = await orders.lock(tx, order_id)
        lines = await orders.lines_of(tx, order_id)
        purse = await store.open_purse(tx, order.shopper_id, now=now, order_id=order_id)
        reason = Reason(cause, cause_id, order_id)
        back = purse.used - _kept(order.state, lines)
        if back > 0 and not await store.has_moved(tx, MoveKind.RETURNED, cause, cause_id):
            purse.put_back(back, reason, now=now)
        earning = await store.earning_of(tx, order_id)
        taken = earning.to_take_back(_paid_for_goods(lines)) if earning else 0
        if earning and taken and not await store.has_moved(tx, MoveKind.TAKEN_BACK, cause, cause_id):
            purse.take_back(taken, reason, now=now, lot_id=earning.lot_id)
            await store.add_taken_back(tx, order_id, taken)
        await store.write(tx, [purse], now=now)


async def spend_again(db: Database, *, order_id: UUID, now: datetime) -> None:
    """An order that late money has revived costs its points after all; what the shopper has no more is owed.

    A second call changes nothing.
    """
    if not await store.has_points(db, order_id):
        return
    async with db.transaction() as tx:
        order = await orders.lock(tx, order_id)
        if order.late_outcome is None or order.paid_with is None:
            return
        lines = await orders.lines_of(tx, order_id)
        purse = await store.open_purse(tx, order.shopper_id, now=now, order_id=order_id)
        missing = _kept(order.state, lines) - purse.used
        if missing > 0 and not await store.has_moved(tx, MoveKind.SPENT, Cause.LATE_MONEY, order.paid_with):
            purse.spend_or_owe(missing, Reason(Cause.LATE_MONEY, order.paid_with, order_id), now=now)
        await store.write(tx, [purse], now=now)


async def expire_due(db: Database, *, now: datetime, limit: int) -> int:
    """Points whose time is over are gone, those of at most `limit` lots' owners in one transaction; of how many people.

    Safe side by side: an account that somebody is at work on is left out, and its owner's points are none the more.
    """
    async with db.transaction() as tx:
        purses = await store.lock_due(tx, now=now, limit=limit)
        await store.write(tx, purses, now=now)
    return len(purses)


def _kept(state: OrderState, lines: Sequence[Line]) -> int:
    """The points that an order costs as it stands."""
    if state in ENDED:
        return 0
    return rules.kept(SpentLine(_points_of(line), line.quantity, line.refunded) for line in lines)


def _points_of(line: Line) -> int:
    return sum(step["facts"]["points"] for step in line.explanation if step["rule"] == Rule.POINTS)


def _paid_for_goods(lines: Sequence[Line]) -> int:
    return sum(line.total.minor - line.refunded_goods_minor for line in lines)
