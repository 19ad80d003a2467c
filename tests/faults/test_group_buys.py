"""Group-buys under attack: crowds at many groups with every outcome of paying, and kill -9 at every statement.

`make faults` lets 50 shoppers come to each of 100 groups at once, and dies everywhere; the tests a few times.
"""

import asyncio
import logging
import os
from collections import Counter
from functools import partial
from random import Random

import pytest
from sqlalchemy import func, select, text

from domain.audit import running
from domain.audit.rules import is_clean
from domain.foundation import clock
from domain.foundation.runtime import Market
from domain.group_buys.rules import GroupState, OpenerBenefit, SeatState
from domain.group_buys.tables import groups
from domain.orders.tables import orders
from domain.payments.tables import payments, refunds
from tests.audit import assert_clean
from tests.audit.evening import Listener
from tests.faults import group_road as road
from tests.faults.dying import die
from tests.faults.group_crowd import Crowds
from tests.faults.group_road import GroupJourney
from tests.given.group_buys import GROUP_PRICE_MINOR
from tests.given.wechat import company, wechat  # noqa: F401 - fixtures
from workers import group_buys as _group_buys  # noqa: F401 - importing registers the hearers
from workers import payments as _payments  # noqa: F401

IS_LONG = "FAULT_RUNS" in os.environ
GROUPS, JOINERS = (100, 50) if IS_LONG else (8, 12)
EVERY = 1 if IS_LONG else 28
LONGEST_STEP = 150

TOGETHER = (road.open_group, road.join, road.ask, road.hear_of_money, road.take_money, road.note_paid)
FILLED = TOGETHER
EXPIRED = (*TOGETHER, road.expire, road.refund, road.note_given_back, road.ask_refund, road.hear_of_refund)


@pytest.fixture
async def listener(market, given):
    listener = Listener(market, now=given.now)
    yield listener
    await listener.close()


async def campaigns_for(given, joiners):
    """Small groups and large ones, some of which cannot fill; units for nearly everybody."""
    more = {"units": GROUPS * joiners // 4, "skus": 2, "pay_seconds": 600, "per_shopper": 2}
    return [
        await given.campaign(seats=2, **more),
        await given.campaign(seats=max(joiners // 5, 2), opener_benefit=OpenerBenefit.FREE, **more),
        await given.campaign(
            seats=joiners // 2, opener_benefit=OpenerBenefit.DISCOUNT, opener_discount_minor=90, **more
        ),
        await given.campaign(seats=joiners, newcomers_only=True, **more),
    ]


async def audit(market, *, now):
    """The books are clean at every moment, also between two steps."""
    async with running.snapshot(market.db) as ledger:
        lines = await running.of_ledger(ledger, now=now)
    assert is_clean(lines), [line for line in lines if line.ok is False]


async def test_crowds_at_many_groups_end_with_members_who_have_paid_and_money_for_all_others(
    given, listener, market, db
):
    seed = os.environ.get("HISTORY_SEED") or Random().randrange(2**32)
    logging.warning("the crowds of seed %s", seed)  # shown when it fails
    crowds = Crowds(given, listener, Random(seed))
    campaigns = await campaigns_for(given, JOINERS)
    for number in range(GROUPS):
        await crowds.gather_at(campaigns[number % len(campaigns)], joiners=JOINERS)

    await crowds.live(beside=partial(audit, market))

    logging.warning("%s", crowds.told)
    states = Counter(await db.column(select(groups.c.state)))
    assert sum(states.values()) == GROUPS and not states["open"] and states["filled"] and states["expired"]
    members = await db.rows(
        text("""
        SELECT of_seat.state, of_seat.seats, count(*) FILTER (WHERE seat.state = 'paid') AS paid,
               count(*) FILTER (WHERE orders.is_confirmed AND orders.state = 'paid') AS confirmed,
               count(*) FILTER (WHERE orders.state = 'refunded') AS refunded, count(refund.id) AS refunds,
               count(*) FILTER (WHERE seat.paid_at IS NOT NULL AND total_minor > 0) AS had_paid
        FROM group_buys AS of_seat JOIN group_buy_seats AS seat ON seat.group_id = of_seat.id
        JOIN orders ON orders.id = seat.order_id LEFT JOIN refunds AS refund ON refund.cause_id = seat.id
        GROUP BY of_seat.id
    """)
    )
    for group in members:
        if group.state == "filled":
            assert group.paid == group.confirmed == group.seats
            assert group.refunded == group.refunds == 0
        else:
            assert group.paid == group.confirmed == 0
            assert group.refunds == group.had_paid
    assert crowds.told["refunded"] == sum(group.refunded for group in members)
    assert set(crowds.given_back) == set(await db.column(select(refunds.c.id)))
    assert set(crowds.given_back.values()) <= {1}

    async def fen(column, *conditions):
        return await db.value(select(func.coalesce(func.sum(column), 0)).where(*conditions))

    kept = await fen(orders.c.total_minor, orders.c.is_confirmed)
    assert (
        await fen(payments.c.amount_minor, payments.c.captured_at.isnot(None)) - await fen(refunds.c.amount_minor)
        == kept
    )
    await assert_clean(market)


@pytest.fixture
async def paying_market(market, wechat, clean):  # noqa: F811
    """The market with WeChat Pay as its gateway, which gives money back within a moment."""
    await wechat.behave(refund_ms=10)
    market = Market.open(wechat.settings(market.settings))
    yield market
    await market.close()


async def new_journey(given, *, seats):
    given.now = clock.now()  # WeChat Pay has a clock of its own
    campaign = await given.campaign(units=3, seats=seats)
    opener, joiner = await given.shoppers(2)
    return GroupJourney(campaign.id, campaign.items[0].id, opener, joiner, given.now)


async def walk(market, wechat, journey, steps):  # noqa: F811
    """Take these steps; in between the shoppers' wallets pay, and WeChat Pay needs a moment for a refund."""
    for step in steps:
        await step(market, journey)
        if step is road.ask:
            for asked in await road.ask(market, journey):
                assert await wechat.pay(asked) == 200
        if step is road.ask_refund:
            await asyncio.sleep(0.1)


async def deaths_of(step, steps, given, market, wechat, *, seats, then):  # noqa: F811
    """Let the step die at every few of its meetings with the ledger, and take the road to its end each time; how often."""
    place = steps.index(step)
    for at in range(0, LONGEST_STEP, EVERY):
        journey = await new_journey(given, seats=seats)
        await walk(market, wechat, journey, steps[:place])
        has_died = await die(market.settings, step, at=at, journey=journey)
        await walk(market, wechat, journey, steps[place:])
        await then(journey)
        if not has_died:
            return at // EVERY
    raise AssertionError(f"{step.__name__} is longer than {LONGEST_STEP} meetings")


@pytest.mark.parametrize(
    "step", [road.open_group, road.join, road.take_money, road.note_paid], ids=lambda step: step.__name__
)
async def test_a_step_to_a_full_group_that_dies_anywhere_fills_it_once(step, given, paying_market, wechat):  # noqa: F811
    async def is_filled(journey):
        group = await road.group_of_journey(given.db, journey)
        seats = await road.seats_of_journey(given.db, journey)
        assert (group.state, group.taken, group.paid) == (GroupState.FILLED, 2, 2)
        assert [(seat.number, seat.shopper_id, seat.state) for seat in seats] == [
            (1, journey.opener_id, SeatState.PAID),
            (2, journey.joiner_id, SeatState.PAID),
        ]
        assert {(await given.order_again(seat.order_id)).is_confirmed for seat in seats} == {True}

    assert await deaths_of(step, FILLED, given, paying_market, wechat, seats=2, then=is_filled), "nothing was tried"
    await assert_clean(paying_market, in_flight=True)


@pytest.mark.parametrize(
    "step",
    [
        road.expire,
        road.refund,
        # the gateway's stages are those of every refund: `test_road` has them in the everyday run
        *(
            pytest.param(step, marks=pytest.mark.faults)
            for step in (road.note_given_back, road.ask_refund, road.hear_of_refund)
        ),
    ],
    ids=lambda step: step.__name__,
)
async def test_a_step_to_everybodys_money_that_dies_anywhere_gives_it_back_once(step, given, paying_market, wechat):  # noqa: F811
    before = Counter()

    async def is_refunded(journey):
        group = await road.group_of_journey(given.db, journey)
        seats = await road.seats_of_journey(given.db, journey)
        assert (group.state, group.taken, group.paid) == (GroupState.EXPIRED, 2, 2)
        assert [(seat.state, seat.refund_at) for seat in seats] == [(SeatState.REFUNDED, None)] * 2
        made = select(refunds.c.amount_minor).where(refunds.c.cause_id.in_([seat.id for seat in seats]))
        refunded = await given.db.column(made.where(refunds.c.state == "refunded"))
        assert refunded == [GROUP_PRICE_MINOR] * 2 == await given.db.column(made)
        before["given back"] += 2
        assert (await wechat.payments_taken_and_given_back())[1] == before["given back"]

    assert await deaths_of(step, EXPIRED, given, paying_market, wechat, seats=3, then=is_refunded), "nothing was tried"
    await assert_clean(paying_market, in_flight=True)
