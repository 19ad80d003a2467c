"""Deals: the lowest price at which each SKU was really sold on each day of the shop. Kept for ever."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Date, ScalarSelect, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.foundation.clock import shop_day
from domain.foundation.database import Database, Transaction
from domain.pricing.tables import counted_deals, deal_days

DAYS_COMPARED = 7
"""Days before today whose lowest deal may be struck through (规范促销行为暂行规定, 第二十一条)."""


@dataclass(frozen=True, slots=True)
class Deal:
    """Units of a SKU that were sold for `total_minor` together, all discounts taken off."""

    sku_id: UUID
    units: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class DealDay:
    """The lowest price of one unit on a day, and how many units were sold on it."""

    sku_id: UUID
    day: date
    lowest_minor: int
    units: int


async def count(db: Database, *, order_id: UUID, deals: Iterable[Deal], sold_at: datetime, now: datetime) -> bool:
    """Count an order's deals to the day on which it was paid; False, and nothing changes, when that was done before.

    What is given back later stays counted: it was sold at that price all the same.
    """
    days = days_of(deals, day=shop_day(sold_at))
    async with db.transaction() as tx:
        is_new = await tx.execute(
            insert(counted_deals).values(order_id=order_id, counted_at=now).on_conflict_do_nothing()
        )
        if is_new and days:
            await _write(tx, days)
    return bool(is_new)


def days_of(deals: Iterable[Deal], *, day: date) -> list[DealDay]:
    """What deals of a day come to, SKU by SKU in the order of their ids.

    The price of a unit is rounded down: what may be struck through is never above what somebody really paid. Lines that
    cost nothing are left out: a gift is not sold at a price, and the last sold step of a ladder is counted anyway.
    """
    lowest: dict[UUID, int] = {}
    units: dict[UUID, int] = defaultdict(int)
    for deal in deals:
        if deal.total_minor == 0:
            continue
        unit_minor = deal.total_minor // deal.units
        lowest[deal.sku_id] = min(unit_minor, lowest.get(deal.sku_id, unit_minor))
        units[deal.sku_id] += deal.units
    return [DealDay(sku_id, day, lowest[sku_id], units[sku_id]) for sku_id in sorted(lowest)]


def lowest_between(sku_id: ColumnElement[UUID]) -> ScalarSelect[int]:
    """For a question about SKUs: the lowest deal from the day `:from_day` until before the day `:to_day`."""
    d = deal_days.c
    return (
        select(func.min(d.lowest_minor))
        .where(d.sku_id == sku_id, d.day >= bindparam("from_day", type_=Date), d.day < bindparam("to_day", type_=Date))
        .scalar_subquery()
    )


async def _write(tx: Transaction, days: list[DealDay]) -> None:
    # in the order of their ids: two orders of the same SKUs must lock their days in the same order
    new = insert(deal_days).values(
        [
            {"sku_id": each.sku_id, "day": each.day, "lowest_minor": each.lowest_minor, "units": each.units}
            for each in days
        ]
    )
    await tx.execute(
        new.on_conflict_do_update(
            index_elements=[deal_days.c.sku_id, deal_days.c.day],
            set_={
                "lowest_minor": func.least(deal_days.c.lowest_minor, new.excluded.lowest_minor),
                "units": deal_days.c.units + new.excluded.units,
            },
        )
    )
