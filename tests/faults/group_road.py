"""The road of a group of two, in steps that whoever takes them takes again after a crash: until it is full, or until its
time is over and everybody has their money back.

Shoppers repeat a request with its key, WeChat Pay is asked anyway, the relay delivers an event again, sweeps come round.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from domain.foundation.database import Database
from domain.foundation.runtime import Market
from domain.group_buys import ending, joining, outcomes
from domain.group_buys.rules import Group, Seat
from domain.group_buys.store import GROUP_COLUMNS, SEAT_COLUMNS, g, group_of, s, seat_of
from domain.orders import actions as orders
from domain.orders import queries as order_queries
from domain.orders.rules import HAS_MONEY
from domain.payments import actions as payments
from domain.payments.gateways import gateway_of
from domain.payments.store import COLUMNS, p, payment_of


@dataclass(frozen=True)
class GroupJourney:
    """Who buys what together; the group has a seat more than there are shoppers where it is to expire."""

    campaign_id: UUID
    item_id: UUID
    opener_id: UUID
    joiner_id: UUID
    now: datetime

    @property
    def over(self) -> datetime:
        """When the group's hour is over."""
        return self.now + timedelta(hours=1)


async def open_group(market: Market, journey: GroupJourney) -> None:
    """The opener opens it."""
    await joining.open_group(
        market.db,
        campaign_id=journey.campaign_id,
        item_id=journey.item_id,
        quantity=1,
        shopper_id=journey.opener_id,
        idempotency_key="road-open",
        now=journey.now,
    )


async def join(market: Market, journey: GroupJourney) -> None:
    """The joiner joins it."""
    await joining.join(
        market.db,
        group_id=(await group_of_journey(market.db, journey)).id,
        item_id=journey.item_id,
        quantity=1,
        shopper_id=journey.joiner_id,
        idempotency_key="road-join",
        now=journey.now,
    )


async def ask(market: Market, journey: GroupJourney) -> list[payments.Asked]:
    """Both ask how to pay."""
    gateway = gateway_of(market.settings)
    return [
        await orders.pay(
            market.db,
            gateway,
            order_id=seat.order_id,
            shopper_id=seat.shopper_id,
            idempotency_key="road-pay",
            now=journey.now,
        )
        for seat in await seats_of_journey(market.db, journey)
    ]


async def hear_of_money(market: Market, journey: GroupJourney) -> None:
    """The sweep asks WeChat Pay how the payments stand: what notices would have told. It comes round again."""
    for minutes in (1, 20):
        later = journey.now + timedelta(minutes=minutes)
        await payments.reconcile_pending(market.db, gateway_of(market.settings), now=later)


async def take_money(market: Market, journey: GroupJourney) -> None:
    """The relay hands the money to the orders."""
    ids = [seat.order_id for seat in await seats_of_journey(market.db, journey)]
    for row in await market.db.rows(select(*COLUMNS).where(p.payable_id.in_(ids), p.captured_at.isnot(None))):
        payment = payment_of(row)
        assert payment.captured_at is not None
        await orders.take_payment(
            market.db,
            payable_id=payment.payable_id,
            payment_id=payment.id,
            amount_minor=payment.amount.minor,
            captured_at=payment.captured_at,
            now=journey.now,
        )


async def note_paid(market: Market, journey: GroupJourney) -> None:
    """The relay tells the seats: the last one fills a group that has no more."""
    seats = await seats_of_journey(market.db, journey)
    found = await order_queries.by_ids(market.db, [seat.order_id for seat in seats])
    for seat in seats:
        if found[seat.order_id].state in HAS_MONEY:
            await outcomes.paid(market.db, seat_id=seat.id, paid_at=journey.now)


async def expire(market: Market, journey: GroupJourney) -> None:
    """The timetable ends the group."""
    await ending.expire_due(market.db, now=journey.over, limit=10)


async def refund(market: Market, journey: GroupJourney) -> None:
    """The timetable gives the money back."""
    await ending.refund_due(market.db, now=journey.over, limit=10)


async def note_given_back(market: Market, journey: GroupJourney) -> None:
    """The relay tells the seats."""
    for seat in await seats_of_journey(market.db, journey):
        await outcomes.given_back(market.db, seat_id=seat.id, now=journey.over)


async def ask_refund(market: Market, journey: GroupJourney) -> None:
    """The sweep asks WeChat Pay to give the money back; WeChat Pay says that it is at work on it."""
    await payments.refund_due(market.db, gateway_of(market.settings), now=journey.over)


async def hear_of_refund(market: Market, journey: GroupJourney) -> None:
    """The sweep asks again, later, and again: it is done."""
    for hours in (1, 2):
        later = journey.over + timedelta(hours=hours)
        if await payments.refund_due(market.db, gateway_of(market.settings), now=later):
            await asyncio.sleep(0.1)  # WeChat Pay needs a moment


async def group_of_journey(db: Database, journey: GroupJourney) -> Group:
    """The only group of its campaign."""
    [row] = await db.rows(select(*GROUP_COLUMNS).where(g.campaign_id == journey.campaign_id))
    return group_of(row)


async def seats_of_journey(db: Database, journey: GroupJourney) -> list[Seat]:
    """Its seats, by number."""
    group = await group_of_journey(db, journey)
    return [
        seat_of(row) for row in await db.rows(select(*SEAT_COLUMNS).where(s.group_id == group.id).order_by(s.number))
    ]
