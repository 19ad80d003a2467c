"""A whole way with a real card: bought, used for everything it grants, and given back, with the goods or without them."""

from asyncio import gather
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from api.offers import OFFERS
from domain.after_sales import arriving
from domain.after_sales import queries as after_sales
from domain.after_sales.rules import AfterSaleState, Kind
from domain.benefits.rules import BenefitKind
from domain.checkout.rules import PriceChanged
from domain.foundation.ids import new_id
from domain.levels.queries import standing_of
from domain.memberships import ending, queries, refunding
from domain.memberships.rules import MembershipAmountChanged, NoMembership
from domain.memberships.tables import terms
from domain.orders import actions as orders
from domain.orders.rules import OrderState
from tests.audit import assert_clean
from tests.audit.evening import Listener
from tests.given.memberships import MEMBER_PRICES, YEAR_MINOR
from workers import benefits as _benefits  # noqa: F401 - importing registers the hearers
from workers import coupons as _coupons  # noqa: F401
from workers import levels as _levels  # noqa: F401
from workers import memberships as _memberships  # noqa: F401
from workers import points as _points  # noqa: F401

K = BenefitKind


@pytest.fixture
async def listener(market, given):
    """A relay that carries letters when it is told to."""
    listener = Listener(market, now=given.now)
    yield listener
    await listener.close()


@pytest.fixture
async def plan(given):
    """95 % of the list price, free delivery, a coupon of ¥10 each month and twice as many points; 100 points are ¥1."""
    await given.point_rules()
    await given.freight()
    batch = await given.given_batch(threshold_minor=0)
    free, more = given.benefit(K.FREE_DELIVERY, from_minor=0), given.benefit(K.POINTS_MULTIPLIER, percent=200)
    return await given.plan(benefits=[MEMBER_PRICES, free, more, given.monthly_coupons(batch)])


@pytest.fixture
async def shopper(given):
    """Somebody with 500 points."""
    return await given.shopper_with_points(500)


async def everything(given, shopper_id, sku_ids):
    """All that somebody has and all that the shop has. What was sold and came back is two sides of one income."""
    books = Counter(await given.account_balances())
    books["sales less returns"] = books.pop("sales", 0) + books.pop("returns", 0)
    return {
        "points": await given.has_and_owes(shopper_id),
        "lots": await given.point_lots(shopper_id),
        "growth": (await standing_of(given.db, shopper_id, now=given.now)).growth,
        "card": await queries.current_of(given.db, [shopper_id], now=given.now),
        "stock": [await given.stock_of(sku_id) for sku_id in sku_ids],
        "books": {account: minor for account, minor in books.items() if minor},
    }


async def card_and_coupon(given, listener, plan, shopper_id):
    """The card is bought, and the timetable gives its first coupon."""
    card = await given.card(plan, shopper_id)
    await listener.hear()
    await given.timetable(given.now)
    (grant,) = await given.grants_of(shopper_id)
    (coupon_id,) = await given.coupons_of(grant)
    return card, await given.coupon_again(coupon_id)


async def bought_and_received(given, listener, wish):
    order = await given.placed(wish, source=OFFERS)
    await given.money_for(order)
    await listener.hear()
    await given.all_units_leave(order)
    await given.units_arrive(order)
    await listener.hear()
    return await given.order_again(order.id)


async def sent_back(given, listener, order):
    asked = await given.after_sale(order, None, kind=Kind.RETURN, state=AfterSaleState.SENT_BACK)
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


async def card_given_back(given, listener, shopper_id):
    """How much goes back, and it goes."""
    shown = (await refunding.preview(given.db, account_id=shopper_id, now=given.now)).refunding
    await refund(given, shopper_id, shown.amount.minor)
    await given.give_back_at_gateway()
    await listener.hear()
    return shown


async def refund(given, shopper_id, amount_minor, *, now=None):
    return await refunding.refund(
        given.db,
        account_id=shopper_id,
        amount_minor=amount_minor,
        idempotency_key=f"refund-{new_id()}",
        now=now or given.now,
    )


async def test_goods_and_card_given_back_leave_everything_as_it_was(given, listener, plan, shopper):
    tea = await given.sku(price_minor=4000, units=9)
    before = await everything(given, shopper, [tea])
    card, coupon = await card_and_coupon(given, listener, plan, shopper)
    wish = await given.delivery_wish({tea: 3}, shopper, coupon_code=coupon.code, points=400)

    order = await bought_and_received(given, listener, wish)
    assert (order.goods.minor, order.discount.minor, order.freight.minor) == (3 * 3800, 1000 + 400, 0)
    assert await given.has_and_owes(shopper) == (100 + 2 * 100, 0)
    assert (await everything(given, shopper, [tea]))["growth"] > before["growth"]
    await assert_clean(given.market)
    await sent_back(given, listener, order)
    shown = await card_given_back(given, listener, shopper)

    assert (shown.amount.minor, shown.used_benefits_minor) == (YEAR_MINOR, 0)
    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    assert await everything(given, shopper, [tea]) == before
    assert (await given.coupon_again(coupon.id)).usable_until == coupon.claimed_at
    assert (await given.membership_again(card.id)).ended_at == given.now
    await assert_clean(given.market)


async def test_what_was_used_on_goods_that_stay_is_exactly_what_the_card_brings_less(given, listener, plan, shopper):
    tea = await given.sku(price_minor=4000, units=9)
    _, coupon = await card_and_coupon(given, listener, plan, shopper)
    wish = await given.delivery_wish({tea: 3}, shopper, coupon_code=coupon.code, points=400)
    await bought_and_received(given, listener, wish)

    shown = await card_given_back(given, listener, shopper)

    price, freight, of_coupon, of_points = 3 * 200, 600 + 2 * 200, 1000, 100
    assert shown.used_benefits_minor == price + freight + of_coupon + of_points
    assert shown.amount.minor == YEAR_MINOR - shown.used_benefits_minor
    books = await given.account_balances()
    assert books["member_fees"] == -shown.used_benefits_minor
    assert "memberships" not in books
    assert await given.has_and_owes(shopper) == (100 + 2 * 100, 0)
    await assert_clean(given.market)


async def test_what_was_used_in_terms_that_are_over_is_not_counted_again(given, db):
    """A card that was renewed gives back the new term's days, whatever the year before was worth."""
    plan = await given.plan()
    card = await given.card(plan)
    await given.card(plan, card.account_id)
    tea = await given.sku(price_minor=4000, units=99)
    await given.placed(await given.delivery_wish({tea: 20}, card.account_id), source=OFFERS)  # ¥40 saved
    at = card.ends_at + timedelta(hours=1)

    in_the_first = await refunding.preview(db, account_id=card.account_id, now=given.now)
    in_the_second = await refunding.preview(db, account_id=card.account_id, now=at)

    assert in_the_first.refunding.used_benefits_minor == 20 * 200
    assert in_the_second.refunding.used_benefits_minor == 0
    assert in_the_second.refunding.amount.minor == YEAR_MINOR * 364 // 365


async def test_coupons_cannot_be_parked_in_orders_while_the_card_goes_back(given, listener, plan, shopper):
    """Used on little, a coupon costs the refund little: it must not come back whole when the order is never paid."""
    pin = await given.sku(price_minor=1100, units=9)
    _, coupon = await card_and_coupon(given, listener, plan, shopper)
    wish = await given.delivery_wish({pin: 1}, shopper, coupon_code=coupon.code)
    parked = await given.placed(wish, source=OFFERS)

    await card_given_back(given, listener, shopper)
    await orders.cancel(given.db, order_id=parked.id, shopper_id=shopper, idempotency_key="cancel-it-1", now=given.now)
    await listener.hear()

    assert (await given.coupon_again(coupon.id)).usable_until <= given.now
    await assert_clean(given.market)


async def test_twenty_notices_of_one_purchase_are_one_term(given, db):
    me = await given.shopper()
    purchase = await given.purchase(await given.plan(), me)
    payment = await given.membership_money(purchase)

    await gather(*(given.hear_money(payment) for _ in range(20)))

    assert await db.value(select(func.count()).select_from(terms)) == 1
    assert await given.payment_states() == {"captured": 1}
    await assert_clean(given.market, in_flight=True)


async def test_a_later_moment_that_comes_first_loses_nobody_a_term(given, db):
    """Two workers hear of two purchases, and the one whose moment is earlier gets the account later."""
    me, plan = await given.shopper(), await given.plan()
    first, second = [await given.membership_money(await given.purchase(plan, me)) for _ in range(2)]
    later = given.now + timedelta(milliseconds=5)

    await given.hear_money(second, now=later)
    with pytest.raises(NoMembership):
        await refund(given, me, YEAR_MINOR)
    await given.hear_money(first)

    card = await given.current(me, now=later)
    assert [term.number for term in await given.terms(card.id)] == [1, 2]
    assert card.began_at == later
    assert await refund(given, me, 2 * YEAR_MINOR, now=later) == card.id
    await assert_clean(given.market, in_flight=True)


async def test_an_expiry_at_the_instant_of_a_renewal_is_before_or_after_it(given, db):
    """At the end the sweep and whoever buys meet: the old card is ended once, and one card follows."""
    monthly = await given.monthly()
    cards = [await given.card(monthly) for _ in range(4)]
    at = cards[0].ends_at
    just_before = at - timedelta(microseconds=1)
    bought = [await given.purchase(monthly, card.account_id, now=just_before) for card in cards]
    money = [await given.membership_money(purchase, now=just_before) for purchase in bought]

    moments = [just_before, just_before, at, at]
    await gather(
        *(given.hear_money(each, now=moment) for each, moment in zip(money, moments, strict=True)),
        *(ending.end_due(db, now=at, limit=9) for _ in range(4)),
    )

    for card, moment in zip(cards, moments, strict=True):
        now = await given.current(card.account_id, now=at)
        # paid a moment before, it may be extended, or the sweep was there first and another begins
        assert now.began_at == at if now.id != card.id else moment < at < now.ends_at
        count = select(func.count()).select_from(terms).where(terms.c.account_id == card.account_id)
        assert await db.value(count) == 2
    await assert_clean(given.market, in_flight=True)


async def test_a_refund_and_a_checkout_at_once_count_each_other(given, db):
    """Either the order has the member price and the card brings less, or it has not, and all of it goes back."""
    plan = await given.plan()
    tea = await given.sku(price_minor=2000, units=99)

    async def race(lead):
        card = await given.card(plan)
        wish = await given.delivery_wish({tea: 1}, card.account_id)
        order, back = await gather(
            given.placed(wish, expected=1900, source=OFFERS),
            refund(given, card.account_id, YEAR_MINOR, now=given.now + lead),
            return_exceptions=True,
        )
        if isinstance(order, PriceChanged):
            assert back == card.id
        else:
            assert order.total.minor == 1900
            assert isinstance(back, MembershipAmountChanged) and back.amount.minor == YEAR_MINOR - 100

    # also when the refund's moment is after the checkout's, as of requests that overtake each other
    for _ in range(3):
        await gather(*(race(lead) for lead in (timedelta(0), timedelta(seconds=1))))
    await assert_clean(given.market, in_flight=True)
