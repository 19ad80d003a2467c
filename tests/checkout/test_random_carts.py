"""Random carts against the real ledger: what is quoted is what is charged is what the lines sum to, whatever the rules."""

import random

import pytest

from domain.checkout.rules import Wish
from domain.foundation.ids import new_id
from domain.orders import queries
from domain.orders.rules import OrderState
from domain.pricing.freight import Measure, Zone
from domain.pricing.rules import Coupon, Fulfilment, Offers, Step, Wanted
from domain.products.rules import Variant
from tests.audit import assert_clean
from tests.given.benefits import keep_saved
from tests.given.coupons import keep_used

CARTS = 25


class Grants:
    """Whatever was drawn for this cart."""

    def __init__(self, offers):
        self.granted = offers

    async def offers(self, reader, wish, sku_ids, *, now):
        return self.granted

    async def redeem(self, tx, offers, wish, quote, *, order_id, now):
        assert offers == self.granted
        await keep_saved(tx, offers, wish, quote, order_id=order_id, now=now)
        if offers.coupon is not None:
            await keep_used(tx, offers.coupon, shopper_id=wish.shopper_id, order_id=order_id, now=now)


def coupon(draw):
    worth = draw.choice([{"amount_minor": draw.randint(1, 9999)}, {"percent": draw.randint(1, 100)}])
    return Coupon(new_id(), **worth, stacks_with_sale_prices=draw.random() < 0.5)


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_quoted_is_charged(given, seed):
    draw = random.Random(seed)
    skus = []
    for number in range(8):
        variant = Variant((str(number),), draw.choice([0, 1, 99, 1990, 33333]), grams=draw.randint(0, 3000))
        product = await given.product(option_names=("款",), variants=(variant,), units=10_000)
        skus.append(product.sku_ids[0])
        if draw.random() < 0.4:
            await given.sale_price(skus[-1], draw.randint(0, 2000))
    far = Zone(("65",), first_measure=1000, first_minor=1800, more_measure=500, more_minor=777)
    near = Zone((), first_measure=1000, first_minor=601, more_measure=1000, more_minor=203, free_from_minor=50_000)
    await given.freight(far, near, measure=draw.choice(list(Measure)))
    shopper_id, store_id = await given.shopper(), await given.pickup_store()
    address_id = await given.home_of(shopper_id)

    for _ in range(CARTS):
        wanted = tuple(Wanted(sku_id, draw.randint(1, 40)) for sku_id in draw.sample(skus, draw.randint(1, 8)))
        wish = draw.choice(
            [
                Wish(shopper_id, wanted, Fulfilment.DELIVERY, address_id=address_id),
                Wish(shopper_id, wanted, Fulfilment.PICKUP, store_id=store_id),
            ]
        )
        members = {sku_id: draw.randint(0, 30_000) for sku_id in skus if draw.random() < 0.3}
        source = Grants(Offers(members, coupon(draw) if draw.random() < 0.6 else None))
        quote = await given.quote(wish, source=source)
        if quote.problems:
            continue

        order = await given.placed(wish, expected=quote.total_minor, source=source, unpaid_at_most=CARTS)

        lines = (await queries.lines_by_order_ids(given.db, [order.id]))[order.id]
        assert order.total.minor == quote.total_minor >= 0
        assert order.total.minor == sum(line.total.minor + line.freight.minor for line in lines)
        assert order.goods.minor == sum(line.unit_price.minor * line.quantity for line in lines)
        assert order.discount.minor == sum(line.discount.minor for line in lines)
        assert order.freight.minor == sum(line.freight.minor for line in lines)
        assert order.state is (OrderState.PLACED if order.total.minor else OrderState.PAID)
        for line in lines:
            steps = [Step.read(step) for step in line.explanation]
            assert sum(step.minor for step in steps) == line.total.minor + line.freight.minor
            assert min(line.total.minor, line.freight.minor, line.discount.minor) >= 0
    assert (await given.order_states()).total() > CARTS // 2
    await assert_clean(given.market, in_flight=True)
