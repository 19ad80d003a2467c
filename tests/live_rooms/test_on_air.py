"""What is on air: one item at a time, its chapter, and a live price that holds at the quote as at the charge."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.accounts.rules import Principal
from domain.checkout import actions as checkout
from domain.checkout.rules import PriceChanged
from domain.foundation.errors import NotAllowed
from domain.foundation.ids import new_id
from domain.live_rooms import actions, queries, running, store
from domain.live_rooms.offers import LivePrices
from domain.live_rooms.rules import Channel, LivePrice, NotOnTheShelf, RoomNotOn, ShelfItem
from domain.pricing.rules import Rule
from tests.audit import assert_clean
from tests.given.live_rooms import LIVE_MINOR
from tests.statements import count_statements

LIST_MINOR = 1990
SOURCE = LivePrices()


async def quoted(given, one, *, after=0, room_id=None):
    wish = await given.delivery_wish({one.sku_id: 2}, room_id=room_id or one.id)
    given.now += timedelta(seconds=after)
    quote = await given.quote(wish, source=SOURCE)
    given.now -= timedelta(seconds=after)
    return quote.lines[0].unit_price_minor


async def test_an_item_on_air_costs_its_live_price_in_its_room_only(given):
    one, other = await given.live_room(is_on_air=True), await given.live_room()

    assert await quoted(given, one) == LIVE_MINOR
    assert await quoted(given, one, room_id=other.id) == LIST_MINOR
    assert await quoted(given, one, room_id=new_id()) == LIST_MINOR
    outside = await given.quote(await given.delivery_wish({one.sku_id: 2}), source=SOURCE)
    assert outside.lines[0].unit_price_minor == LIST_MINOR


async def test_a_live_price_holds_for_the_grace_period_to_the_second(given):
    one = await given.live_room(is_on_air=True, grace_seconds=60)
    await running.take_off_air(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)

    assert await quoted(given, one, after=59) == LIVE_MINOR
    assert await quoted(given, one, after=60) == LIST_MINOR


async def test_a_price_that_has_ended_since_the_quote_is_not_charged(given):
    one = await given.live_room(is_on_air=True, grace_seconds=60)
    wish = await given.delivery_wish({one.sku_id: 2}, room_id=one.id)
    total = (await given.quote(wish, source=SOURCE)).total_minor
    await running.end(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)

    given.now += timedelta(seconds=60)
    with pytest.raises(PriceChanged):
        await given.placed(wish, expected=total, source=SOURCE)
    given.now -= timedelta(seconds=1)
    order = await given.placed(wish, expected=total, source=SOURCE)

    assert order.goods.minor == 2 * LIVE_MINOR
    await assert_clean(given.market)


async def test_an_order_at_a_live_price_says_so_and_belongs_to_the_room(given):
    one = await given.live_room(is_on_air=True)
    wish = await given.delivery_wish({one.sku_id: 2}, room_id=one.id)

    order = await given.placed(wish, source=SOURCE)

    (line,) = (await given.db.rows(text("SELECT explanation FROM order_lines")))[0]
    assert [step["rule"] for step in line] == [Rule.LIST, Rule.LIVE_PRICE]
    (kept,) = await given.db.rows(text("SELECT order_id, room_id, shopper_id, channel FROM live_room_orders"))
    assert tuple(kept) == (order.id, one.id, wish.shopper_id, Channel.SHELF)
    await assert_clean(given.market)


async def test_an_order_belongs_to_no_room_once_its_prices_are_over(given):
    one, coming = await given.live_room(grace_seconds=60), await given.live_room(is_live=False)
    await running.end(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)

    for after, room_id, count in ((60, one.id, 0), (0, coming.id, 0), (0, new_id(), 0), (59, one.id, 1)):
        given.now += timedelta(seconds=after)
        await given.placed(await given.delivery_wish({one.sku_id: 1}, room_id=room_id), source=SOURCE)
        given.now -= timedelta(seconds=after)
        assert await given.db.value(text("SELECT count(*) FROM live_room_orders")) == count


async def test_a_refused_order_is_nobodys(given):
    one = await given.live_room(is_on_air=True)
    wish = await given.delivery_wish({one.sku_id: 2}, room_id=one.id)

    with pytest.raises(PriceChanged):
        await given.placed(wish, expected=1, source=SOURCE)

    assert await given.db.value(text("SELECT count(*) FROM live_room_orders")) == 0


async def test_only_an_order_in_a_room_asks_for_live_prices(given):
    one = await given.live_room(is_on_air=True)
    outside = await given.delivery_wish({one.sku_id: 1})
    inside = await given.delivery_wish({one.sku_id: 1}, room_id=one.id)
    counts = []

    for wish, total in ((outside, LIST_MINOR), (inside, LIVE_MINOR)):
        with count_statements(given.db) as statements:
            await given.placed(wish, expected=total, source=SOURCE)
        counts.append(len(statements))

    assert counts[1] - counts[0] == 3  # the prices, whether the room is on, and that the order is its


async def test_the_next_item_takes_the_air_from_the_last(given):
    one = await given.live_room(items=2)
    first, second = one.items
    about = {"room_id": one.id, "by": one.host}

    await running.put_on_air(given.db, given.bus, item_id=first.id, now=given.now, **about)
    again = await running.put_on_air(given.db, given.bus, item_id=first.id, now=given.now, **about)
    later = given.now + timedelta(seconds=90)
    await running.put_on_air(given.db, given.bus, item_id=second.id, now=later, **about)

    before, after = (await queries.chapters_by_room_ids(given.db, [one.id]))[one.id]
    assert before == replace(again, ended_at=later, prices_until=later + timedelta(seconds=300))
    assert (after.item_id, after.began_at, after.ended_at) == (second.id, later, None)
    assert await quoted(given, one, after=90 + 299) == LIVE_MINOR
    assert await quoted(given, one, after=90 + 300) == LIST_MINOR


async def test_a_new_price_counts_once_the_item_is_put_on_air_anew(given):
    one = await given.live_room(is_on_air=True)
    cheaper = ShelfItem(one.item.product_id, prices=(LivePrice(one.sku_id, 1290, 990),))
    await actions.set_shelf(given.db, given.bus, room_id=one.id, shelf=[cheaper], by=new_id(), now=given.now)
    assert await quoted(given, one) == LIVE_MINOR

    await running.put_on_air(given.db, given.bus, room_id=one.id, item_id=one.item.id, by=one.host, now=given.now)

    assert await quoted(given, one) == 1290
    assert len((await queries.chapters_by_room_ids(given.db, [one.id]))[one.id]) == 2


async def test_live_prices_are_withdrawn_at_once(given):
    one = await given.live_room(items=2)
    about = {"room_id": one.id, "by": one.host, "now": given.now}
    for item in one.items:
        await running.put_on_air(given.db, given.bus, item_id=item.id, **about)
    assert await quoted(given, one) == LIVE_MINOR

    for _ in range(2):
        await running.withdraw_prices(given.db, given.bus, **about)

    assert await quoted(given, one) == LIST_MINOR
    chapters = (await queries.chapters_by_room_ids(given.db, [one.id]))[one.id]
    assert [chapter.prices_until for chapter in chapters] == [given.now] * 2
    with pytest.raises(NotAllowed):
        await running.withdraw_prices(given.db, given.bus, **about | {"by": Principal(new_id())})


async def test_only_what_stands_on_the_shelf_goes_on_air(given):
    one, other = await given.live_room(), await given.live_room()

    for item_id in (other.item.id, new_id()):
        with pytest.raises(NotOnTheShelf):
            await running.put_on_air(given.db, given.bus, room_id=one.id, item_id=item_id, by=one.host, now=given.now)


@pytest.mark.parametrize("_", range(3))
async def test_of_many_who_switch_at_once_one_item_is_on_air(given, _):
    one = await given.live_room(items=5)

    await asyncio.gather(
        *(
            running.put_on_air(given.db, given.bus, room_id=one.id, item_id=item.id, by=one.host, now=given.now)
            for item in one.items
        )
    )

    async with given.db.reading() as reader:
        on_air = await store.on_air(reader, one.id)
    chapters = (await queries.chapters_by_room_ids(given.db, [one.id]))[one.id]
    assert len(chapters) == 5
    assert [chapter for chapter in chapters if chapter.ended_at is None] == [on_air]


async def test_a_price_is_charged_or_refused_while_it_ends(given):
    """Orders and the end of an item's air time at once: whoever pays the live price was quoted it in time."""
    one = await given.live_room(is_on_air=True, grace_seconds=0, units=20)
    wishes = [await given.delivery_wish({one.sku_id: 1}, room_id=one.id) for _ in range(10)]

    async def place(wish):
        return await checkout.place(
            given.db,
            wish,
            expected_total_minor=LIVE_MINOR,
            idempotency_key=f"order-{new_id()}",
            pay_within=timedelta(minutes=5),
            source=SOURCE,
            now=given.now,
        )

    placed = await asyncio.gather(
        *map(place, wishes[:5]),
        running.take_off_air(given.db, given.bus, room_id=one.id, by=one.host, now=given.now),
        *map(place, wishes[5:]),
        return_exceptions=True,
    )

    orders = [each for each in placed if getattr(each, "goods", None)]
    assert all(order.goods.minor == LIVE_MINOR for order in orders)
    assert all(isinstance(each, PriceChanged) for each in placed if isinstance(each, Exception))
    assert await given.db.value(text("SELECT count(*) FROM live_room_orders")) == len(orders)
    await assert_clean(given.market)


async def test_nothing_happens_any_more_in_a_room_that_is_over(given):
    one = await given.live_room()
    about = {"room_id": one.id, "by": one.host, "now": given.now}
    await running.pin(given.db, given.bus, item_id=one.item.id, **about)
    ended = await running.end(given.db, given.bus, **about)

    for deed in (
        running.pin(given.db, given.bus, item_id=one.item.id, **about),
        running.unpin(given.db, given.bus, item_id=one.item.id, **about),
        running.set_chat(given.db, given.bus, is_open=False, slow_seconds=0, **about),
        running.announce(given.db, given.bus, text="谢谢大家", **about),
    ):
        with pytest.raises(RoomNotOn):
            await deed

    assert (await queries.by_ids(given.db, [one.id]))[one.id] == ended
