"""What came in and where it stands, for those who keep the books. The ledger says the same in its own words."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, Text, cast, func, literal_column, or_, select

from domain.back_office.rules import (
    OVERDUE,
    PREPAID_AGES,
    MoneyInFlight,
    Pile,
    PrepaidAge,
    Takings,
    TakingsBy,
    check_period,
    money,
)
from domain.foundation.clock import SHOP_ZONE
from domain.foundation.database import Database, Reader
from domain.memberships.tables import purchases
from domain.orders.tables import lines, orders
from domain.payments.tables import payments, refunds

_m, _o, _p, _r = purchases.c, orders.c, payments.c, refunds.c
Question = Any
"""A SELECT of whatever columns."""
_PAID_WITH = (_p.payable == "order") & (_p.payable_id == _o.id)


async def takings(db: Database, *, first_day: date, end_day: date, by: TakingsBy) -> list[Takings]:
    """What came in and went back from the first day on and before the end day, in the shop's calendar; parts without
    either are left out.

    Money counts on the day on which the gateway had it, or had given it back; orders and units on the day on which the
    order was paid. Raises BadInput unless the period is 1 to 366 days.
    """
    check_period(first_day, end_day)
    begin, end = (datetime.combine(day, time(), SHOP_ZONE) for day in (first_day, end_day))
    async with db.reading() as reader:
        captured = await _sums(reader, _captured(by).where(_p.captured_at >= begin, _p.captured_at < end))
        refunded = await _sums(reader, _refunded(by).where(_r.refunded_at >= begin, _r.refunded_at < end))
        sold = await _sums(reader, _sold(by).where(_o.paid_at >= begin, _o.paid_at < end))
    keys = sorted(captured.keys() | refunded.keys() | sold.keys(), key=lambda key: (key is None, key))
    return [
        Takings(
            key,
            captured=money(captured.get(key, (0,))[0]),
            refunded=money(refunded.get(key, (0,))[0]),
            orders=sold.get(key, (0, 0))[0],
            units=int(sold.get(key, (0, 0))[1]),
        )
        for key in keys
    ]


async def money_in_flight(db: Database, *, now: datetime) -> MoneyInFlight:
    """Captured and matched with no order or membership yet, owed back and not given back yet, and paid for what nobody has yet.

    What the ledger has on RECEIPTS, REFUNDS and PREPAID.
    """
    async with db.reading() as reader:
        unmatched = await _pile(reader, _UNMATCHED)
        due = await _pile(reader, _DUE)
        overdue = await _pile(reader, _DUE.where(_r.asked_at <= now - OVERDUE))
        prepaid = [
            PrepaidAge(younger, older, await _pile(reader, _prepaid(now, younger, older)))
            for younger, older in PREPAID_AGES
        ]
    return MoneyInFlight(unmatched, due, overdue, tuple(prepaid))


def _captured(by: TakingsBy) -> Question:
    key = _key(by, _p.captured_at)
    found = select(key.label("key"), func.sum(_p.amount_minor)).select_from(payments)
    return _with_orders(found, by).group_by(literal_column("key"))


def _refunded(by: TakingsBy) -> Question:
    key = _key(by, _r.refunded_at)
    found = select(key.label("key"), func.sum(_r.amount_minor)).select_from(refunds.join(payments))
    return _with_orders(found, by).group_by(literal_column("key"))


def _sold(by: TakingsBy) -> Question:
    """Orders and units. A free order was paid through no gateway."""
    units = select(func.sum(lines.c.quantity)).where(lines.c.order_id == _o.id).scalar_subquery()
    found = select(_key(by, _o.paid_at).label("key"), func.count(), func.sum(units))
    found = found.select_from(orders.outerjoin(payments, _p.id == _o.paid_with))
    return found.group_by(literal_column("key"))


def _key(by: TakingsBy, at: ColumnElement[datetime]) -> ColumnElement[str]:
    keys: Mapping[TakingsBy, ColumnElement[Any]] = {
        TakingsBy.DAY: cast(func.timezone(literal_column("'Asia/Shanghai'"), at), Date),
        TakingsBy.STORE: _o.store_id,
        TakingsBy.SOURCE: _o.source,
        TakingsBy.GATEWAY: _p.gateway,
    }
    return cast(keys[by], Text)


def _with_orders(found: Question, by: TakingsBy) -> Question:
    return found.outerjoin(orders, _PAID_WITH) if by in {TakingsBy.STORE, TakingsBy.SOURCE} else found


async def _sums(reader: Reader, question: Question) -> dict[str | None, tuple[Any, ...]]:
    return {row[0]: tuple(row[1:]) for row in await reader.rows(question)}


def _totals(amount: ColumnElement[int], since: ColumnElement[datetime]) -> Question:
    return select(func.sum(amount), func.count(), func.min(since))


async def _pile(reader: Reader, question: Question) -> Pile:
    [(amount, count, oldest_at)] = await reader.rows(question)
    return Pile(money(amount), count, oldest_at)


_kept = select(_o.id).where(_o.paid_with == _p.id, _o.paid_at.isnot(None)).exists()
_kept_for_membership = select(_m.id).where(_m.paid_with == _p.id, _m.state == "paid").exists()
_UNMATCHED = _totals(_p.amount_minor, _p.captured_at).where(_p.state == "captured", ~_kept, ~_kept_for_membership)
# written out, not bound: a plan uses a partial index only if it can see that its condition holds
_DUE = _totals(_r.amount_minor, _r.asked_at).where(_r.state == literal_column("'due'"))


def _prepaid(now: datetime, younger: int, older: int | None) -> Question:
    """Orders that are paid for and not received, by the days since they were paid."""
    owed = _totals(_o.total_minor - _o.refunded_minor, _o.paid_at)
    aged = [_o.paid_at <= now - timedelta(days=younger)] if younger else []
    if older is not None:
        aged.append(_o.paid_at > now - timedelta(days=older))
    waits = or_(_o.state == "paid", _o.state == "shipped")
    return owed.where(waits, _o.total_minor > _o.refunded_minor, *aged)
