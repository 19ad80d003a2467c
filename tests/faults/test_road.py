"""kill -9 at every statement of every step from the basket to the refund: no yuan and no unit is lost or doubled.

A step dies at one meeting with the ledger, is taken again as in production, and the road goes on to its end. `make
faults` tries every meeting of every step, the tests every few.
"""

import asyncio
import os

import pytest

from domain.after_sales.rules import AfterSaleState
from domain.foundation import clock
from domain.foundation.ids import new_id
from domain.foundation.runtime import Market
from domain.orders.rules import OrderState
from domain.stock.rules import Level
from tests.audit import assert_clean
from tests.faults import road
from tests.faults.dying import die
from tests.faults.road import Journey
from tests.given.wechat import company, wechat  # noqa: F401 - fixtures

EVERY = 1 if "FAULT_RUNS" in os.environ else 28
LONGEST_STEP = 60

ROAD = (
    road.place,
    road.ask,
    road.hear_of_money,
    road.take_money_together,
    road.take_money,
    road.ship_first,
    road.ship_rest,
    road.confirm,
    road.ask_back,
    road.agree,
    road.send_back,
    road.accept_goods,
    road.ask_refund,
    road.hear_of_refund,
    road.end_after_sale,
)
ONE, OTHER = 1990, 3300


@pytest.fixture
async def paying_market(market, wechat, clean):  # noqa: F811
    """The market with WeChat Pay as its gateway."""
    market = Market.open(wechat.settings(market.settings))
    yield market
    await market.close()


async def new_journey(given):
    shopper_id = await given.shopper()
    return Journey(
        shopper_id=shopper_id,
        address_id=await given.home_of(shopper_id),
        staff_id=new_id(),
        sku_ids=(await given.sku(units=5, price_minor=ONE), await given.sku(units=5, price_minor=OTHER)),
        total_minor=2 * ONE + OTHER,
        now=clock.now(),  # WeChat Pay has a clock of its own
    )


async def walk(market, wechat, journey, steps):  # noqa: F811
    """Take these steps; in between the shopper's wallet pays, and WeChat Pay needs a moment for a refund."""
    for step in steps:
        await step(market, journey)
        if step is road.ask:
            assert await wechat.pay(await road.ask(market, journey)) == 200
        if step is road.ask_refund:
            await asyncio.sleep(0.5)


@pytest.mark.parametrize(
    "step",
    [pytest.param(step, marks=[pytest.mark.faults] if place % 2 else []) for place, step in enumerate(ROAD)],
    ids=lambda step: step.__name__,
)
async def test_a_step_that_dies_anywhere_and_is_taken_again_loses_nothing(step, given, paying_market, wechat):  # noqa: F811
    place = ROAD.index(step)
    deaths = 0
    for at in range(0, LONGEST_STEP, EVERY):
        journey = await new_journey(given)
        await walk(paying_market, wechat, journey, ROAD[:place])

        has_died = await die(paying_market.settings, step, at=at, journey=journey)
        await walk(paying_market, wechat, journey, ROAD[place:])

        await assert_sold_and_given_back(paying_market, given, journey)
        deaths += has_died
        if not has_died:
            break

    assert deaths > 0, "nothing was tried"
    await assert_clean(paying_market, in_flight=True)


async def assert_sold_and_given_back(market, given, journey):
    """Two and one were bought and one came back."""
    order, asked = await road.order_of(market, journey), await road.after_sale_of(market, journey)
    one, other = journey.sku_ids
    assert (order.state, asked.state) == (OrderState.RECEIVED, AfterSaleState.REFUNDED)
    assert (order.total.minor, order.refunded.minor) == (journey.total_minor, ONE)
    assert await given.stock_of(one) == Level(one, free=4, held=0, sold=1)
    assert await given.stock_of(other) == Level(other, free=4, held=0, sold=1)
