"""Group-buys under attack: crowds at many groups with every outcome of paying, and kill -9 at every statement.

`make faults` lets 50 shoppers come to each of 100 groups at once, and dies everywhere; the tests a few times.
"""

import logging
import os
from collections import Counter
from random import Random

import pytest
from sqlalchemy import func, select, text

from domain.group_buys.rules import OpenerBenefit
from domain.group_buys.tables import groups
from domain.orders.tables import orders
from domain.payments.tables import payments, refunds
from tests.audit import assert_clean
from tests.audit.evening import Listener
from tests.faults.group_crowd import Crowds
from workers import group_buys as _group_buys  # noqa: F401 - importing registers the hearers
from workers import payments as _payments  # noqa: F401

IS_LONG = "FAULT_RUNS" in os.environ
GROUPS, JOINERS = (100, 50) if IS_LONG else (8, 12)


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


async def test_crowds_at_many_groups_end_with_members_who_have_paid_and_money_for_all_others(
    given, listener, market, db
):
    seed = os.environ.get("HISTORY_SEED") or Random().randrange(2**32)
    logging.warning("the crowds of seed %s", seed)  # shown when it fails
    crowds = Crowds(given, listener, Random(seed))
    campaigns = await campaigns_for(given, JOINERS)
    for number in range(GROUPS):
        await crowds.gather_at(campaigns[number % len(campaigns)], joiners=JOINERS)

    await crowds.live()

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
