"""The checks of coupons: clean after shoppers used, gave back and took again, and then exactly one thing is wrong."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from domain.audit import coupons
from domain.coupons.rules import Coupon
from domain.foundation.ids import encode
from domain.orders import actions as orders
from domain.orders.rules import Order
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after
from workers import coupons as _coupons  # noqa: F401 - importing registers the hearers


@dataclass(frozen=True)
class Counter:
    """A shopper at the counter: one coupon in use, one given back, and one whose late order stands without it."""

    used: Coupon
    using: Order
    back: Coupon
    ended: Order
    without: Order
    instead: Order


@pytest.fixture
async def counter(given, listener) -> Counter:
    """Orders with coupons, of every fate, and every event was heard."""
    shopper_id, sku_id = await given.shopper(), await given.sku(price_minor=6000)
    claimed = [await given.coupon(shopper_id) for _ in range(3)]

    async def bought(coupon):
        wish = await given.delivery_wish({sku_id: 1}, shopper_id, coupon_code=coupon.code)
        return await given.placed(wish, source=given.coupons)

    ended, late = [await bought(coupon) for coupon in claimed[1:]]
    await orders.lapse_due(given.db, now=given.now + timedelta(hours=1), limit=10)
    await listener.hear()
    using, instead = [await bought(coupon) for coupon in (claimed[0], claimed[2])]
    await given.money_for(late)
    await listener.hear()
    return Counter(claimed[0], using, claimed[1], ended, late, instead)


def names_of(counter: Counter) -> dict[str, UUID]:
    """What the corruptions name."""
    return {
        "batch": counter.used.batch_id,
        "used": counter.used.id,
        "shopper": counter.used.shopper_id,
        "using": counter.using.id,
        "back": counter.back.id,
        "ended": counter.ended.id,
        "without": counter.without.id,
        "instead": counter.instead.id,
    }


def batches(*names):
    return lambda counter: {encode("couponbatch", getattr(counter, name).batch_id) for name in names}


def shopper(counter):
    return {encode("account", counter.used.shopper_id)}


def used(counter):
    return {encode("coupon", counter.used.id)}


def order(name):
    return lambda counter: {encode("order", getattr(counter, name).id)}


CORRUPTIONS = [
    Corruption(
        "a piece that was not counted",
        "UPDATE coupon_batches SET claimed = 0 WHERE id = :batch",
        (coupons.CLAIMED,),
        batches("used"),
    ),
    Corruption(
        "a coupon of another batch",
        "UPDATE coupons SET batch_id = :batch WHERE id = :back",
        (coupons.PER_SHOPPER, coupons.CLAIMED),
        lambda counter: shopper(counter) | batches("used", "back")(counter),
    ),
    Corruption(
        "a coupon that is used for an order that has lapsed",
        "UPDATE coupon_uses SET given_back_at = NULL WHERE order_id = :ended",
        (coupons.USED,),
        lambda counter: {encode("coupon", counter.back.id)},
    ),
    Corruption(
        "a coupon that is used for nothing",
        "UPDATE coupon_uses SET order_id = :stranger WHERE order_id = :using",
        (coupons.USED, coupons.TAKEN_OFF),
        lambda counter: used(counter) | order("using")(counter),
    ),
    Corruption(
        "a coupon of somebody else",
        "UPDATE coupons SET shopper_id = :stranger WHERE id = :used",
        (coupons.USED,),
        used,
    ),
    Corruption(
        "a discount that no coupon gave",
        "DELETE FROM coupon_uses WHERE order_id = :using",
        (coupons.TAKEN_OFF,),
        order("using"),
    ),
    Corruption(
        "a living order whose coupon was given back",
        "UPDATE coupon_uses SET given_back_at = used_at WHERE order_id = :using",
        (coupons.TAKEN_OFF,),
        order("using"),
    ),
    Corruption(
        "an order that stands without its coupon though nobody else has it by right",
        "UPDATE coupon_uses SET given_back_at = used_at, without_since = used_at WHERE order_id = :using",
        (coupons.TAKEN_OFF,),
        order("using"),
    ),
    Corruption(
        "an order that was revived and has lost its coupon",
        "UPDATE coupon_uses SET without_since = NULL WHERE order_id = :without",
        (coupons.TAKEN_OFF,),
        order("without"),
    ),
]


async def test_shoppers_with_coupons_leave_clean_books(given, counter):
    lines = await assert_clean(given.market)

    (note,) = [line for line in lines if line.check == coupons.WITHOUT.name]
    assert note.found == "1 order, ¥10.00"


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.what)
async def test_a_check_finds_what_was_corrupted(given, counter, corruption):
    lines = await found_after(given.db, corruption.sql, names_of(counter), now=given.now)

    check_found(lines, corruption, counter)
