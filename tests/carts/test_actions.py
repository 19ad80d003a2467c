from datetime import timedelta

import pytest
from sqlalchemy import select, update

from domain.carts import actions
from domain.carts.rules import Availability, Cart, CartFull, CartLineFull, Holder, guest_hash
from domain.carts.tables import carts
from domain.foundation import clock
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.products.rules import State, Variant
from domain.products.tables import products, skus
from tests.statements import count_statements
from workers import carts as chores
from workers.context import WorkerContext


@pytest.fixture
async def shopper(given):
    return Holder(shopper_id=await given.shopper())


def quantities(cart):
    return {line.sku_id: line.quantity for line in cart.lines}


async def many_skus(given, count):
    variants = tuple(Variant((str(number),), 100) for number in range(count))
    return (await given.product(option_names=("款",), variants=variants, units=1)).sku_ids


async def test_what_is_put_in_again_adds_up_and_stands_first(given, shopper):
    tea, wine = await given.sku(), await given.sku()

    await actions.add(given.db, shopper, sku_id=tea, quantity=2, now=given.now)
    await actions.add(given.db, shopper, sku_id=wine, quantity=1, now=given.now + timedelta(seconds=1))
    cart, token = await actions.add(given.db, shopper, sku_id=tea, quantity=3, now=given.now + timedelta(seconds=2))

    assert list(quantities(cart).items()) == [(tea, 5), (wine, 1)]
    assert (cart.units, token) == (6, None)
    assert await given.cart_again(shopper) == cart


async def test_a_line_shows_what_it_is_and_what_it_costs(given, shopper):
    product = await given.product(
        "T恤",
        option_names=("颜色",),
        variants=(Variant(("红",), 4900, image_url="https://pictures.test/red.png"),),
        units=7,
    )

    cart = await given.in_cart(shopper, *product.sku_ids, quantity=2)

    (line,) = cart.lines
    assert (line.product_id, line.sku_id) == (product.id, product.sku_ids[0])
    assert (line.title, line.options, line.image_url) == ("T恤", ["红"], "https://pictures.test/red.png")
    assert (line.price, line.seen_price, line.price_drift) == (Money(4900), Money(4900), Money(0))
    assert (line.availability, line.free, line.is_chosen) == (Availability.AVAILABLE, 7, True)


async def test_the_drift_is_against_the_price_it_was_put_in_at(given, shopper):
    sku_id = await given.sku(price_minor=1990)
    await given.in_cart(shopper, sku_id)
    async with given.db.transaction() as tx:
        await tx.execute(update(skus).values(price_minor=2190))

    drifted = await given.cart_again(shopper)
    seen_again = await given.in_cart(shopper, sku_id)

    assert (drifted.lines[0].price_drift, seen_again.lines[0].price_drift) == (Money(200), Money(0))


async def test_lines_that_cannot_be_bought_stay_and_are_marked(given, shopper):
    gone, few, draft = await given.product(units=0), await given.product(units=2), await given.product(units=9)
    cart = await given.in_cart(shopper, gone.sku_ids[0], few.sku_ids[0], draft.sku_ids[0], quantity=3)
    async with given.db.transaction() as tx:
        await tx.execute(update(products).where(products.c.id == draft.id).values(state=State.DRAFT, published_at=None))

    cart = await given.cart_again(shopper)

    marks = {line.sku_id: (line.availability, line.free) for line in cart.lines}
    assert marks == {
        gone.sku_ids[0]: (Availability.SOLD_OUT, 0),
        few.sku_ids[0]: (Availability.TOO_FEW, 2),
        draft.sku_ids[0]: (Availability.NOT_SOLD_ANY_MORE, 9),
    }


async def test_what_is_not_for_sale_is_not_put_in(given, shopper):
    draft = await given.product(state=State.DRAFT)

    for sku_id in (draft.sku_ids[0], new_id()):
        with pytest.raises(NotFound):
            await actions.add(given.db, shopper, sku_id=sku_id, quantity=1, now=given.now)

    assert await given.db.rows(select(carts)) == []


async def test_a_line_holds_999_units(given, shopper):
    sku_id = await given.sku()
    await given.in_cart(shopper, sku_id, quantity=998)

    with pytest.raises(CartLineFull) as refused:
        await given.in_cart(shopper, sku_id, quantity=2)
    cart = await given.in_cart(shopper, sku_id)

    assert (refused.value.in_cart, refused.value.most_units) == (998, 999)
    assert quantities(cart) == {sku_id: 999}


async def test_a_cart_holds_120_lines(given, shopper):
    *fits, one_more = await many_skus(given, 121)
    await given.in_cart(shopper, *fits)

    with pytest.raises(CartFull):
        await given.in_cart(shopper, one_more)
    cart = await given.in_cart(shopper, fits[0])

    assert len(cart.lines) == 120
    assert cart.units == 121


async def test_lines_are_changed_chosen_and_taken_out(given, shopper):
    tea, wine, cake = [await given.sku() for _ in range(3)]
    await given.in_cart(shopper, tea, wine, cake, quantity=2)

    changed = await actions.set_quantity(given.db, shopper, sku_id=tea, quantity=7, now=given.now)
    unticked = await actions.choose(given.db, shopper, sku_ids=[tea, new_id()], is_chosen=False, now=given.now)
    less = await actions.remove(given.db, shopper, sku_ids=[wine, new_id()], now=given.now)
    again = await actions.remove(given.db, shopper, sku_ids=[wine], now=given.now)
    empty = await actions.clear(given.db, shopper, now=given.now)

    assert quantities(changed) == {tea: 7, wine: 2, cake: 2}
    assert {line.sku_id: line.is_chosen for line in unticked.lines} == {tea: False, wine: True, cake: True}
    assert quantities(less) == quantities(again) == {tea: 7, cake: 2}
    assert empty == await given.cart_again(shopper) == Cart()


async def test_only_what_is_in_the_cart_can_be_changed(given, shopper):
    sku_id = await given.sku()

    for whose in (shopper, Holder(), Holder(guest_token="nobody's")):
        with pytest.raises(NotFound):
            await actions.set_quantity(given.db, whose, sku_id=sku_id, quantity=1, now=given.now)

    assert await actions.remove(given.db, shopper, sku_ids=[sku_id], now=given.now) == Cart()
    assert await actions.choose(given.db, Holder(), sku_ids=[sku_id], is_chosen=True, now=given.now) == Cart()
    assert await actions.clear(given.db, shopper, now=given.now) == Cart()


async def test_a_guest_gets_a_token_once_and_only_its_hash_is_kept(given):
    tea, wine = await given.sku(), await given.sku()

    _, token = await actions.add(given.db, Holder(), sku_id=tea, quantity=1, now=given.now)
    guest = Holder(guest_token=token)
    cart, again = await actions.add(given.db, guest, sku_id=wine, quantity=1, now=given.now)

    assert (quantities(cart), again) == ({tea: 1, wine: 1}, None)
    assert await given.db.column(select(carts.c.guest_hash)) == [guest_hash(token)]
    assert await given.cart_again(Holder(guest_token=token + "x")) == await given.cart_again(Holder()) == Cart()


async def test_a_guests_cart_is_merged_once(given, shopper):
    tea, wine, cake = [await given.sku() for _ in range(3)]
    guest = await given.guest(tea, wine, quantity=600)
    await given.in_cart(shopper, wine, cake, quantity=500)

    def merge():
        return actions.merge(
            given.db, shopper_id=shopper.shopper_id, guest_token=guest.guest_token, now=given.now + timedelta(days=1)
        )

    merged = await merge()
    await actions.set_quantity(given.db, shopper, sku_id=tea, quantity=1, now=given.now)
    again = await merge()

    assert quantities(merged) == {tea: 600, wine: 999, cake: 500}
    assert quantities(again) == {tea: 1, wine: 999, cake: 500}
    assert await given.cart_again(guest) == Cart()


async def test_a_spent_token_opens_a_new_cart(given, shopper):
    sku_id = await given.sku()
    guest = await given.guest(sku_id)
    await actions.merge(given.db, shopper_id=shopper.shopper_id, guest_token=guest.guest_token, now=given.now)

    cart, token = await actions.add(given.db, guest, sku_id=sku_id, quantity=2, now=given.now)

    assert quantities(cart) == {sku_id: 2}
    assert token not in (None, guest.guest_token)
    assert quantities(await given.cart_again(shopper)) == {sku_id: 1}


async def test_merging_leaves_out_the_oldest_lines_that_find_no_room(given, shopper):
    ids = await many_skus(given, 123)
    await given.in_cart(shopper, *ids[:118])
    guest = await given.guest(ids[0], *ids[118:])  # the first is in both

    merged = await actions.merge(given.db, shopper_id=shopper.shopper_id, guest_token=guest.guest_token, now=given.now)

    assert len(merged.lines) == 120
    assert quantities(merged)[ids[0]] == 2


async def test_a_token_that_nobody_knows_merges_nothing(given, shopper):
    sku_id = await given.sku()
    await given.in_cart(shopper, sku_id)

    cart = await actions.merge(given.db, shopper_id=shopper.shopper_id, guest_token="\0nobody's", now=given.now)

    assert quantities(cart) == {sku_id: 1}


async def test_guests_who_stay_away_for_30_days_are_forgotten(given, shopper):
    sku_id = await given.sku()
    guest = await given.guest(sku_id)
    await given.in_cart(shopper, sku_id)
    in_30_days = given.now + timedelta(days=30)

    at_last = await actions.forget(given.db, now=in_30_days, limit=10)
    kept = await given.cart_again(guest)
    after = await actions.forget(given.db, now=in_30_days + timedelta(microseconds=1), limit=10)

    assert (at_last, len(kept.lines), after) == (0, 1, 1)
    assert await given.cart_again(guest) == Cart()
    assert quantities(await given.cart_again(shopper)) == {sku_id: 1}


async def test_the_chore_forgets_every_guest_who_stayed_away(given, monkeypatch):
    monkeypatch.setattr(chores, "AT_ONCE", 2)
    sku_id = await given.sku()
    for days in (31, 31, 31, 29):
        given.now = clock.now() - timedelta(days=days)
        await given.guest(sku_id)

    await chores.forget_guests(WorkerContext(given.market, send=None))

    assert len(await given.db.rows(select(carts))) == 1


@pytest.mark.parametrize("count", [1, 40])
async def test_a_cart_costs_two_statements_however_long_it_is(given, shopper, count):
    await given.in_cart(shopper, *await many_skus(given, count))

    with count_statements(given.db) as sent:
        cart = await given.cart_again(shopper)

    assert (len(cart.lines), len(sent)) == (count, 2)


async def test_putting_in_costs_five_statements(given, shopper):
    sku_id = await given.sku()

    with count_statements(given.db) as sent:
        await actions.add(given.db, shopper, sku_id=sku_id, quantity=1, now=given.now)

    assert len(sent) == 5  # the price, the cart's lock, the line, the cart and its prices
