"""Which orders staff find, and in which order."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from domain.addresses.rules import Destination
from domain.after_sales.rules import AfterSaleState
from domain.back_office import finding, seeking
from domain.back_office.rules import WantedOrders
from domain.foundation import ids
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.orders import actions, queries
from domain.orders.rules import Fulfilment, LateOutcome, Order, OrderState
from domain.orders.tables import orders
from domain.products.rules import Variant
from tests.audit import assert_clean
from tests.conftest import NOON
from tests.given.after_sales import Goods

HOUR = timedelta(hours=1)


@pytest.fixture
def found(db):
    """`await found(text="...")`: the ids of the first page, or of all pages of this size."""

    async def found(*, first: int = 100, **narrowing) -> list:
        wanted, after, every = WantedOrders(**narrowing), None, []
        while True:
            page = await finding.page(db, wanted, first=first, after=after)
            every += [order.id for order in page.rows]
            if not page.has_next:
                return every
            after = page.cursors[-1]

    return found


@pytest.fixture
def seen(monkeypatch):
    """Both ways of looking for a page find the same: the walk alone, and, where it ends at once, gathering."""
    return lambda steps: monkeypatch.setattr(finding, "WALK", steps)


def ids_of(placed: Sequence[Order]) -> list:
    return [order.id for order in placed]


async def placed_at_hours(given, *skus, count: int) -> list[Order]:
    """Orders of different shoppers, one an hour, the newest first; their ids do not tell."""
    placed = []
    for at in range(count):
        order = await given.order(*skus)
        async with given.db.transaction() as tx:
            await tx.execute(
                update(orders).where(orders.c.id == order.id).values(placed_at=NOON + (at * 7 % count) * HOUR)
            )
        placed.append(await given.order_again(order.id))
    return sorted(placed, key=lambda order: order.placed_at, reverse=True)


@pytest.mark.parametrize("walk", [1, 3, 3000])
@pytest.mark.parametrize("first", [1, 2, 7, 100])
async def test_every_order_is_on_one_page_newest_first(given, found, seen, walk, first):
    seen(walk)
    placed = await placed_at_hours(given, await given.stocked_sku(20), count=9)
    for order in placed[::2]:
        await given.money_for(order)
    await given.hear_payments()

    paid = [order for order in placed if order in placed[::2]]
    days = {"placed_from": NOON + 2 * HOUR, "placed_to": NOON + 6 * HOUR}

    assert await found(first=first) == ids_of(placed)
    assert await found(first=first, states=(OrderState.PAID, OrderState.PLACED)) == ids_of(placed)
    assert await found(first=first, states=(OrderState.PAID,)) == ids_of(paid)
    assert await found(first=first, **days) == ids_of(
        order for order in placed if NOON + 2 * HOUR <= order.placed_at < NOON + 6 * HOUR
    )
    assert await found(first=first, states=(OrderState.PAID,), paid_from=NOON, paid_to=NOON + HOUR) == ids_of(paid)
    assert await found(first=first, states=(OrderState.PAID,), paid_to=NOON) == []


@pytest.mark.parametrize("walk", [1, 3000])
async def test_orders_placed_at_one_instant_are_all_found(given, found, seen, walk):
    seen(walk)
    sku_id = await given.stocked_sku(9)
    placed = [await given.order(sku_id) for _ in range(5)]

    assert await found(first=2) == sorted(ids_of(placed), reverse=True)


@pytest.mark.parametrize("walk", [1, 3000])
async def test_how_they_go_and_who_sends_them(given, found, seen, walk, market):
    seen(walk)
    supplier_id = await given.some_supplier()
    supplied = await given.bought(Goods(supplier_id=supplier_id, cost_minor=500), Goods())
    delivered = await given.bought()
    fetched = await given.bought(fulfilment=Fulfilment.PICKUP)
    sale = await given.order(await given.stocked_sku(1), source="live_room")

    assert await found(supplier_id=supplier_id) == [supplied.id]
    assert await found(supplier_id=new_id()) == []
    assert set(await found(fulfilment=Fulfilment.DELIVERY)) == {supplied.id, delivered.id}
    assert await found(fulfilment=Fulfilment.PICKUP) == await found(store_id=fetched.store_id) == [fetched.id]
    assert await found(store_id=fetched.store_id, states=(OrderState.PLACED,)) == []
    assert await found(source="live_room") == [sale.id]
    await assert_clean(market, in_flight=True)


@pytest.mark.parametrize("walk", [1, 3000])
async def test_open_after_sales_and_late_money(given, found, seen, walk):
    seen(walk)
    late = await given.order(await given.stocked_sku(1))
    await given.payment(late)
    await actions.lapse_due(given.db, now=late.pay_by, limit=1)
    await given.money_for(late)
    await given.hear_payments()
    asked, decided = await given.bought(), await given.bought()
    await given.after_sale(asked)
    await given.after_sale(decided, state=AfterSaleState.REJECTED)

    assert await found(has_open_after_sale=True) == [asked.id]
    assert set(await found(has_open_after_sale=False)) == {late.id, decided.id}
    assert await found(late_outcome=LateOutcome.REVIVED) == [late.id]
    assert await found(late_outcome=LateOutcome.REFUNDED) == []


@pytest.mark.parametrize("walk", [1, 3000])
async def test_what_a_text_means(given, found, seen, walk):
    seen(walk)
    cakes = await given.product("苏州桂花糕", variants=(Variant((), 1990, "CAKE-1"),))
    soup = await given.product("桂花酒酿", variants=(Variant((), 990, "26111100000001"),))
    both = await given.order(cakes.sku_ids[0], soup.sku_ids[0])
    soups = await given.order(soup.sku_ids[0])
    to_lin = await given.bought()
    parcel_id = await given.units_leave(to_lin, {1: 1})
    number = (await given.db.rows(text("SELECT tracking_number FROM shipments")))[0][0]

    assert parcel_id and await found(text=number) == [to_lin.id]
    assert await found(text=both.number) == await found(text=str(int(both.number[6:]))) == [both.id]
    assert await found(text=ids.encode("order", both.id)) == [both.id]
    assert await found(text="林晚") == await found(text=" 13812345678 ") == [to_lin.id]
    assert await found(text="CAKE-1") == await found(text="桂花糕") == [both.id]
    assert await found(text="26111100000001") == await found(text="酒酿") == [soups.id, both.id]
    assert await found(text="桂花", states=(OrderState.CANCELLED,)) == []
    assert await found(text="  ") == [to_lin.id, soups.id, both.id]


@pytest.mark.parametrize(
    "hostile",
    [
        "' OR 1=1 --",
        "%",
        "_",
        "\\",
        "{}[]()<>:*&|!",
        "'a':1 & 'b'",
        "=cmd|' /C calc'!A0",
        "9" * 100,
        "1e9",
        "-1",
        "０",
        "²",
        "🦊" * 50,
    ],
)
async def test_a_hostile_text_finds_nothing(given, found, hostile):
    await given.order(await given.stocked_sku(1))

    assert await found(text=hostile) == []


async def test_what_nothing_can_be_called_by_is_refused(db):
    for narrowing in ({"text": "a\0b"}, {"text": "x" * 101}, {"source": "\0"}, {"source": "x" * 21}):
        with pytest.raises(BadInput):
            await finding.page(db, WantedOrders(**narrowing), first=1)


async def test_another_days_number_is_no_number(given, found):
    order = await given.order(await given.stocked_sku(1))

    assert await found(text="260101" + order.number[6:]) == []


async def test_words_that_say_too_little_are_refused(given, db, monkeypatch):
    monkeypatch.setattr(seeking, "MOST_SKUS", 1)
    for _ in range(2):
        await given.product("桂花糕")

    with pytest.raises(BadInput, match="桂花"):
        await finding.page(db, WantedOrders(text="桂花"), first=1)


async def test_a_cursor_of_another_list_is_refused(given, db):
    order = await given.order(await given.stocked_sku(1))
    theirs = (await queries.of_shopper(db, order.shopper_id, first=1)).cursors[0]

    for cursor in (theirs, "nonsense", "W10"):
        with pytest.raises(BadInput):
            await finding.page(db, WantedOrders(), first=1, after=cursor)


async def test_the_person_on_the_parcel_may_have_an_apostrophe(given, found):
    order = await given.bought()
    home = Destination("O'Neil", "+8613800000000", "上海市", "上海市", "静安区", "310106", "1")
    async with given.db.transaction() as tx:
        await tx.execute(update(orders).where(orders.c.id == order.id).values(destination=asdict(home)))

    assert await found(text="O'Neil") == await found(text="+8613800000000") == [order.id]
