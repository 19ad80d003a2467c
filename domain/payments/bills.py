"""What is done with the gateways' daily bills: compared with our books, day by day, and what differs settled by people.

No transaction is open while a gateway is asked. A day is compared once; what a comparison finds missing in our books goes
the way that every word of a gateway goes, through `actions`.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

import structlog

from domain.foundation.clock import shop_midnight
from domain.foundation.database import Database
from domain.foundation.errors import NotFound
from domain.foundation.ids import encode
from domain.payments import actions, bill_queries, bill_rules, bill_store, queries, store
from domain.payments.bill_rules import Booked, Books, Line, lines_of
from domain.payments.bill_store import ComparedBill, KeptDifference
from domain.payments.gateways import Gateway
from domain.payments.rules import BillKind, GatewayFailed, NoticeMismatch, Refund
from domain.trail import store as trail

log = structlog.get_logger(__name__)


async def compare_due(db: Database, gateway: Gateway, *, now: datetime) -> int:
    """Compare every day whose bill is out and that was not compared, oldest first; how many were.

    Stops at a day whose bill is not to be had: the next run begins with it. Safe to run twice and side by side.
    """
    since = bill_rules.newest_published(now) - bill_rules.CATCH_UP
    first = await bill_queries.first_money_at(db, gateway=gateway.name, since=shop_midnight(since))
    compared = await bill_queries.days_compared(db, gateway=gateway.name, since=since)
    due = bill_rules.days_to_compare(first, compared, now=now)
    for done, day in enumerate(due):
        try:
            await compare(db, gateway, day, now=now)
        except GatewayFailed as error:
            log.warning("bill_not_to_be_had", gateway=gateway.name, day=day.isoformat(), error=str(error))
            return done
    return len(due)


async def compare(db: Database, gateway: Gateway, day: date, *, now: datetime) -> ComparedBill:
    """Compare a day's bill with our books, book what a lost notice did not tell, post the fees, keep what differs.

    A second call changes nothing and gives the first one's result. Raises GatewayFailed, and then nothing is kept.
    """
    known = await bill_queries.bill_of_day(db, gateway=gateway.name, day=day)
    if known is not None:
        return known
    bill = await gateway.bill(day)
    lines = lines_of(bill.rows)
    before = await _books_of(db, lines)
    await _repair(db, gateway, bill_rules.missed(gateway.name, lines, before), now)
    after = await _books_of(db, lines)
    expected = await _expected(db, gateway, day, lines)
    found = list(bill_rules.differences(gateway.name, lines, before=before, after=after, expected=expected))
    async with db.transaction() as tx:
        is_new = await bill_store.keep(tx, gateway=gateway.name, day=day, rows=bill.rows, differences=found, now=now)
    kept = await bill_queries.bill_of_day(db, gateway=gateway.name, day=day)
    assert kept is not None, "kept by somebody, just now or before"
    if is_new and found:
        log.warning("bill_differs", gateway=gateway.name, day=day.isoformat(), differences=len(found))
    return kept


async def settle_difference(
    db: Database, *, difference_id: UUID, words: str, by: UUID, now: datetime
) -> KeptDifference:
    """Somebody says what a difference was. One that is settled stays as it was settled first.

    Raises NotFound, and BadInput for words that are none.
    """
    words = bill_rules.check_words(words)
    async with db.transaction() as tx:
        difference = await bill_store.lock_difference(tx, difference_id)
        if difference is None:
            raise NotFound("billdifference", encode("billdifference", difference_id))
        if difference.settled_at is None:
            await bill_store.settle(tx, difference_id, by=by, words=words, now=now)
            await trail.note(
                tx,
                by=by,
                deed="settle_bill_difference",
                subject="billdifference",
                subject_id=difference_id,
                now=now,
                words=words,
                theirs_minor=difference.theirs_minor,
                ours_minor=difference.ours_minor,
            )
    settled = await bill_queries.difference_by_id(db, difference_id)
    assert settled is not None
    return settled


async def retry_refund(db: Database, gateway: Gateway, *, refund_id: UUID, by: UUID, now: datetime) -> Refund:
    """Ask the gateway for a due refund now, not at its next turn; the refund as it is then, with the gateway's error if any.

    One that is refunded stays so, and nobody is asked. Safe to repeat: the gateway gives a refund's id back once.
    """
    async with db.transaction() as tx:
        due = await store.take_refund(tx, refund_id, now=now)
        if due is not None:
            facts = {"attempts": due.attempts, "amount_minor": due.amount.minor, "error": due.error}
            await trail.note(tx, by=by, deed="retry_refund", subject="refund", subject_id=refund_id, now=now, **facts)
    if due is not None:
        await actions.try_refund(db, gateway, due, now=now)
    return (await bill_queries.refunds_by_ids(db, [refund_id]))[refund_id]


async def _books_of(db: Database, lines: Iterable[Line]) -> Books:
    ids: dict[BillKind, list[UUID]] = {kind: [] for kind in BillKind}
    for line in lines:
        if line.id is not None:
            ids[line.kind].append(line.id)
    return await bill_queries.booked(db, ids[BillKind.PAYMENT], ids[BillKind.REFUND])


async def _expected(db: Database, gateway: Gateway, day: date, lines: Iterable[Line]) -> list[Booked]:
    """What must stand in the day's bill: all that moved on the day, but what the gateway booked just before midnight."""
    since, until = shop_midnight(day), shop_midnight(day + timedelta(days=1))
    ours = await bill_queries.moved_between(db, gateway=gateway.name, since=since, until=until)
    billed = {(line.kind, line.id) for line in lines}
    is_early = [one for one in ours if one.done_at and one.done_at < since + bill_rules.EDGE]
    if any((one.kind, one.id) not in billed for one in is_early):
        yesterday = {(line.kind, line.id) for line in lines_of((await gateway.bill(day - timedelta(days=1))).rows)}
        return [one for one in ours if one not in is_early or (one.kind, one.id) not in yesterday]
    return ours


async def _repair(db: Database, gateway: Gateway, missed: Iterable[Booked], now: datetime) -> None:
    """Ask the gateway itself about what its bill told first; its answers are believed like notices."""
    for ours in missed:
        try:
            if ours.kind is BillKind.PAYMENT:
                payment = (await queries.by_ids(db, [ours.id]))[ours.id]
                await actions.look(db, gateway, payment, now=now)
            else:
                await _ask_for_refund(db, gateway, ours.id, now)
        except NoticeMismatch as error:
            log.warning("bill_contradicts_books", kind=ours.kind, id=str(ours.id), error=str(error))


async def _ask_for_refund(db: Database, gateway: Gateway, refund_id: UUID, now: datetime) -> None:
    async with db.transaction() as tx:
        due = await store.take_refund(tx, refund_id, now=now)
    if due is not None:
        await actions.try_refund(db, gateway, due, now=now)
