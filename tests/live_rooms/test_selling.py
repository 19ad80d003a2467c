"""Sales that are started from a room: at once, told once, and never below the floor."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.accounts.rules import Principal
from domain.flash_sales import actions as flash_sales
from domain.flash_sales.rules import FlashSaleClosed, SaleState
from domain.foundation.errors import BadInput, IdempotencyConflict, NotAllowed, NotFound
from domain.group_buys import joining
from domain.group_buys.rules import CampaignState
from domain.group_buys.rules import NewItem as GroupItem
from domain.live_rooms import queries, running, selling, store, telling, timeline
from domain.live_rooms.rules import BelowTheFloor, EventKind, NotOnTheShelf, PromotionKind, RoomNotOn
from domain.live_rooms.selling import RoomFlashSale, RoomGroupBuy
from domain.stock.rules import NotEnoughStock
from tests.audit import assert_clean
from tests.given.live_rooms import FLOOR_MINOR


def flash_sale(one, *, price_minor=FLOOR_MINOR, units=5, **about):
    item = flash_sales.NewItem(one.sku_id, price_minor, units)
    return RoomFlashSale(**{"title": "限时秒杀", "items": (item,), "seconds": 60} | about)


def group_buy(one, *, price_minor=FLOOR_MINOR, units=6, **about):
    wish = {"title": "三人团", "seconds": 600, "seats": 3, "fill_seconds": 3600}
    return RoomGroupBuy(**{**wish, "items": (GroupItem(one.sku_id, price_minor, units),), **about})


async def start(given, one, wish, *, by=None, item_id=None, key="start-a-sale"):
    about = {"room_id": one.id, "item_id": item_id or one.item.id, "wish": wish, "by": by or one.host}
    about |= {"idempotency_key": key, "now": given.now}
    if isinstance(wish, RoomFlashSale):
        return await selling.start_flash_sale(given.db, given.market.gate, given.bus, **about)
    return await selling.start_group_buy(given.db, given.bus, **about)


async def started(given, one):
    """What the room was told of sales."""
    async with given.db.reading() as reader:
        events = await timeline.since(reader, one.id, 0)
    return [event for event in events if event.kind.endswith("_started")]


async def noted(given, one):
    """How many sales the trail says were started in the room."""
    deeds = "SELECT count(*) FROM staff_deeds WHERE subject_id = :room_id AND deed LIKE 'start_room_%'"
    return await given.db.value(text(deeds), {"room_id": one.id})


async def test_a_flash_sale_is_open_at_once_and_told_once(given):
    one = await given.live_room()

    sale = await start(given, one, flash_sale(one))
    again = await start(given, one, flash_sale(one))

    assert sale.state is SaleState.WARM and sale.is_open(given.now)
    assert again.id == sale.id
    (event,) = await started(given, one)
    assert (event.kind, event.facts["flash_sale_id"]) == (EventKind.FLASH_SALE_STARTED, str(sale.id))
    promotions = await queries.promotions_by_room_ids(given.db, [one.id])
    assert promotions == {one.id: [(PromotionKind.FLASH_SALE, sale.id)]}
    await assert_clean(given.market)


async def test_an_order_of_a_flash_sale_is_found_to_be_the_rooms(given):
    one, shopper_id = await given.live_room(), await given.shopper()
    sale = await start(given, one, flash_sale(one))
    item = sale.items[0]
    await given.desk().claim(
        leave=given.leave(item, shopper_id), shopper_id=shopper_id, request_id="request-1", quantity=1, now=given.now
    )
    await given.reserved_all(item)

    ticket_id = await given.db.value(text("SELECT id FROM flash_sale_tickets"))
    async with given.db.reading() as reader:
        assert await store.room_of_order(reader, "flash_sale", ticket_id) == one.id
        assert await store.room_of_order(reader, "flash_sale", one.id) is None
        assert await store.room_of_order(reader, None, None) is None


async def test_groups_can_be_opened_at_once_and_their_orders_are_the_rooms(given):
    one, shopper_id = await given.live_room(), await given.shopper()

    campaign = await start(given, one, group_buy(one))
    again = await start(given, one, group_buy(one))
    joined = await joining.open_group(
        given.db,
        campaign_id=campaign.id,
        item_id=campaign.items[0].id,
        quantity=1,
        shopper_id=shopper_id,
        idempotency_key="open-a-group",
        now=given.now,
    )

    assert (campaign.state, again.id) == (CampaignState.LIVE, campaign.id)
    assert [event.kind for event in await started(given, one)] == [EventKind.GROUP_BUY_STARTED]
    async with given.db.transaction() as tx:
        assert await store.room_of_order(tx, "group_buy", joined.seat.id) == one.id
    await assert_clean(given.market)


@pytest.mark.parametrize("make", [flash_sale, group_buy])
async def test_nothing_is_sold_below_the_floor(given, make):
    one = await given.live_room()

    with pytest.raises(BelowTheFloor) as refused:
        await start(given, one, make(one, price_minor=FLOOR_MINOR - 1))

    assert refused.value.floor.minor == FLOOR_MINOR
    assert await started(given, one) == []
    assert await given.db.value(text("SELECT count(*) FROM live_room_promotions")) == 0


async def test_without_a_floor_the_list_price_is_one(given):
    one = await given.live_room()
    async with given.db.transaction() as tx:
        await tx.execute(text("DELETE FROM live_room_prices"))

    with pytest.raises(BelowTheFloor) as refused:
        await start(given, one, flash_sale(one, price_minor=1989))

    assert refused.value.floor.minor == 1990
    await start(given, one, flash_sale(one, price_minor=1990))


@pytest.mark.parametrize("make", [flash_sale, group_buy])
async def test_only_the_crew_starts_sales_of_the_shelf_while_the_room_is_on(given, make):
    one, other, coming = await given.live_room(), await given.live_room(), await given.live_room(is_live=False)

    with pytest.raises(NotAllowed):
        await start(given, one, make(one), by=Principal(await given.shopper()))
    with pytest.raises(RoomNotOn):
        await start(given, coming, make(coming))
    with pytest.raises(NotOnTheShelf):
        await start(given, one, make(one), item_id=other.item.id)
    with pytest.raises(NotOnTheShelf):
        await start(given, one, make(other))
    with pytest.raises(BadInput):
        await start(given, one, replace(make(one), seconds=9))

    assert await started(given, one) == []
    await assert_clean(given.market)


async def test_a_key_is_for_one_wish(given):
    one = await given.live_room()
    await start(given, one, flash_sale(one))

    with pytest.raises(IdempotencyConflict):
        await start(given, one, flash_sale(one, units=4))


async def test_a_sale_without_stock_is_cancelled_and_not_told(given):
    one = await given.live_room(units=3)

    with pytest.raises(NotEnoughStock):
        await start(given, one, flash_sale(one, units=4))

    assert await given.db.value(text("SELECT state FROM flash_sales")) == SaleState.CANCELLED
    assert await started(given, one) == []
    assert await queries.promotions_by_room_ids(given.db, [one.id]) == {}
    await assert_clean(given.market)


@pytest.mark.parametrize("dies_at", range(5))
async def test_whoever_dies_in_between_goes_on_with_the_same_sale(given, monkeypatch, dies_at):
    """Every step is a transaction of its own: after a death before any of them, a repeat ends where the whole would have."""
    one = await given.live_room()
    steps = ["create", "_belongs", "schedule", "warm", "tell"]
    place = flash_sales if hasattr(flash_sales, steps[dies_at]) else selling

    async def die(*_, **__):
        raise ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(place, steps[dies_at], die)
        with pytest.raises(ConnectionError):
            await start(given, one, flash_sale(one))
    sale = await start(given, one, flash_sale(one))

    assert sale.state is SaleState.WARM
    assert len(await started(given, one)) == 1
    assert await given.db.value(text("SELECT count(*) FROM flash_sales")) == 1
    assert await noted(given, one) == 1
    await assert_clean(given.market)


async def dead_before(given, one, monkeypatch, step, wish):
    """Somebody who wants to start a sale dies before a step of it."""

    async def die(*_, **__):
        raise ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(*step, die)
        with pytest.raises(ConnectionError):
            await start(given, one, wish)


@pytest.mark.parametrize(("make", "step"), [(flash_sale, "_belongs"), (group_buy, "_belongs"), (flash_sale, "_begin")])
async def test_a_repeat_starts_nothing_in_a_room_that_has_ended(given, monkeypatch, make, step):
    one = await given.live_room()
    await dead_before(given, one, monkeypatch, (selling, step), make(one))
    await running.end(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)

    with pytest.raises(RoomNotOn):
        await start(given, one, make(one))

    assert await started(given, one) == []
    assert await given.db.value(text("SELECT count(*) FROM live_room_promotions")) == await noted(given, one) == 0
    await assert_clean(given.market)


async def test_a_repeat_after_the_end_of_a_sale_that_never_opened_does_not_open_it(given, monkeypatch):
    one = await given.live_room()
    await dead_before(given, one, monkeypatch, (flash_sales, "schedule"), flash_sale(one, seconds=60))

    given.now += timedelta(seconds=60)
    with pytest.raises(FlashSaleClosed):
        await start(given, one, flash_sale(one, seconds=60))

    assert await given.db.value(text("SELECT state FROM flash_sales")) == SaleState.DRAFT
    assert await started(given, one) == []


@pytest.mark.parametrize("make", [flash_sale, group_buy])
async def test_a_sale_of_which_nobody_told_is_told_of_by_the_timetable_once(given, monkeypatch, make):
    one = await given.live_room()
    await dead_before(given, one, monkeypatch, (selling, "tell"), make(one))
    with pytest.raises(NotEnoughStock):
        await start(given, one, make(one, units=99), key="too-many-units")

    about = {"db": given.db, "bus": given.bus, "limit": 9}
    assert await telling.tell_untold(**about, now=given.now + timedelta(seconds=9)) == 0
    assert await telling.tell_untold(**about, now=given.now + timedelta(seconds=10)) == 1
    assert await telling.tell_untold(**about, now=given.now + timedelta(seconds=20)) == 0
    sale = await start(given, one, make(one))

    (event,) = await started(given, one)
    assert set(event.facts.values()) == {str(sale.id), str(one.item.id)}


@pytest.mark.parametrize("make", [flash_sale, group_buy])
async def test_a_repeat_of_a_sale_that_runs_is_answered_also_when_its_room_has_ended(given, make):
    one = await given.live_room()
    sale = await start(given, one, make(one))
    await running.end(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)

    assert (await start(given, one, make(one))).id == sale.id
    assert len(await started(given, one)) == await noted(given, one) == 1


async def test_whoever_has_left_the_crew_repeats_nothing(given):
    one = await given.live_room()
    await start(given, one, flash_sale(one))
    async with given.db.transaction() as tx:
        await tx.execute(text("DELETE FROM live_room_crew"))

    with pytest.raises(NotAllowed):
        await start(given, one, flash_sale(one))


@pytest.mark.parametrize("make", [flash_sale, group_buy])
async def test_a_sale_that_cannot_be_is_no_deed(given, make):
    one = await given.live_room()

    with pytest.raises(BadInput):
        await start(given, one, make(one, pay_seconds=0))

    assert await noted(given, one) == 0


async def test_the_crew_stops_what_its_room_has_started_also_once_it_is_over(given):
    one, other = await given.live_room(units=20), await given.live_room()
    sale, campaign = await given.room_flash_sale(one), await given.room_group_buy(one)
    await running.end(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)
    gate, stranger = given.market.gate, Principal(await given.shopper())

    async def stop(room, by):
        about = {"room_id": room.id, "by": by, "now": given.now}
        stopped = await selling.stop_flash_sale(given.db, gate, sale_id=sale.id, **about)
        return stopped, await selling.stop_group_buy(given.db, campaign_id=campaign.id, **about)

    with pytest.raises(NotAllowed):
        await stop(one, stranger)
    with pytest.raises(NotFound):
        await stop(other, other.host)
    for _ in range(2):
        stopped = await stop(one, one.host)

    assert [each.state for each in stopped] == [SaleState.STOPPED, CampaignState.STOPPED]
    await assert_clean(given.market)
