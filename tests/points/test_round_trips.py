"""There and back again: bought with a member price, a coupon and points, received, refunded, and everything is as it was."""

from collections import Counter
from datetime import timedelta

import pytest

from api.offers import OFFERS
from domain.after_sales import arriving
from domain.after_sales import queries as after_sales
from domain.after_sales.rules import AfterSaleState, Kind
from domain.foundation.ids import new_id
from domain.orders.rules import OrderState
from domain.stock.rules import Level
from tests.audit import assert_clean

DAY = timedelta(days=1)


@pytest.fixture
async def shopper(given):
    """A member with 5,000 points of two ages and a coupon of ¥10."""
    await given.point_rules()
    me = await given.holder(90)
    await given.points(me, 2000, given_at=given.now)
    given.now += DAY
    await given.points(me, 3000, given_at=given.now)
    return me


async def everything(given, shopper_id, coupon, sku_ids):
    """All that somebody has and all that the shop has. What was sold and came back is two sides of one income."""
    books = Counter(await given.account_balances())
    books["sales less returns"] = books.pop("sales", 0) + books.pop("returns", 0)
    return {
        "points": await given.has_and_owes(shopper_id),
        "lots": await given.point_lots(shopper_id),
        "coupon": (await given.coupon_again(coupon.id)).state(given.now),
        "stock": [await given.stock_of(sku_id) for sku_id in sku_ids],
        "books": {account: minor for account, minor in books.items() if minor},
    }


async def bought_and_received(given, listener, wish):
    listener.now = given.now
    order = await given.placed(wish, source=OFFERS)
    await given.money_for(order)
    await listener.hear()
    await given.all_units_leave(order)
    await given.units_arrive(order)
    await listener.hear()
    return await given.order_again(order.id)


async def sent_back(given, listener, order, units=None):
    """The units come back, and their money, coupon and points go."""
    asked = await given.after_sale(order, units, kind=Kind.RETURN, state=AfterSaleState.SENT_BACK)
    lines = (await after_sales.lines_by_ids(given.db, [asked.id]))[asked.id]
    await arriving.accept_goods(
        given.db,
        after_sale_id=asked.id,
        by=new_id(),
        restock={line.position: line.quantity for line in lines},
        idempotency_key=f"here-{asked.id}",
        now=given.now,
    )
    await listener.hear()
    await given.give_back_at_gateway()
    await listener.hear()


@pytest.mark.parametrize("parts", [[None], [{1: 1}, {1: 2, 2: 1}, {2: 1}]], ids=["at once", "part by part"])
async def test_everything_is_as_before(given, listener, shopper, parts):
    coupon = await given.coupon(shopper)
    tea, wine = await given.sku(price_minor=3333, units=9), await given.sku(price_minor=4001, units=9)
    before = await everything(given, shopper, coupon, (tea, wine))
    wish = await given.delivery_wish({tea: 3, wine: 2}, shopper, coupon_code=coupon.code, points=4321)

    order = await bought_and_received(given, listener, wish)
    assert (order.goods.minor, order.discount.minor, order.total.minor) == (2999 * 3 + 3600 * 2, 5321, 10_876)
    assert await given.has_and_owes(shopper) == (5000 - 4321 + 108, 0)
    await assert_clean(given.market)
    for units in parts:
        await sent_back(given, listener, order, units)

    await assert_clean(given.market)
    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    assert await everything(given, shopper, coupon, (tea, wine)) == before
    assert before["stock"] == [Level(tea, 9, 0, 0), Level(wine, 9, 0, 0)]


async def test_what_was_earned_and_spent_meanwhile_is_owed_until_it_comes_back_too(given, listener, shopper):
    coupon = await given.coupon(shopper)
    sku_id = await given.sku(price_minor=6000, units=9)
    before = await everything(given, shopper, coupon, [sku_id])
    wish = await given.delivery_wish({sku_id: 2}, shopper, coupon_code=coupon.code)
    first = await bought_and_received(given, listener, wish)  # ¥98.00: 98 points
    with_all = await given.delivery_wish({sku_id: 1}, shopper, points=5098)
    second = await bought_and_received(given, listener, with_all)  # 302 fen paid: 3 points

    await sent_back(given, listener, first)
    assert await given.has_and_owes(shopper) == (0, 95)
    await sent_back(given, listener, second)

    after = await everything(given, shopper, coupon, [sku_id])
    assert after.pop("lots") != before.pop("lots")  # those of the first order paid for the second
    assert after == before
    await assert_clean(given.market)
