"""Cards: what a shared thing shows of itself, and that only what shoppers see has one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.foundation.clock import SHOP_ZONE, shop_day
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.live_rooms import actions as rooms
from domain.live_rooms import running
from domain.live_rooms.rules import Duty, NewRoom, ShelfItem
from domain.posters.cards import card_of
from domain.posters.rules import Card
from domain.products.rules import Image, State, Variant


@pytest.fixture
def card(db, given):
    async def card(kind, target_id, *, now=None):
        return await card_of(db, kind=kind, target_id=target_id, now=now or given.now)

    return card


async def test_a_product_shows_its_cheapest_price_and_its_first_picture(given, card):
    dear, cheap = Variant(("大",), 2990), Variant(("小",), 1990)
    product = await given.product(
        variants=(dear, cheap), option_names=("规格",), images=(Image("https://a/1.jpg"), Image("https://a/2.jpg"))
    )

    assert await card("product", product.id) == Card(
        title="桂花酒酿",
        price=Money(1990),
        struck_price=None,
        picture_url="https://a/1.jpg",
        note="",
        subtitle="",
        is_open=True,
    )


async def test_a_sale_price_counts_and_only_a_real_deal_is_struck_through(given, card):
    product = await given.product(price_minor=1990)
    await given.deal_day(product.sku_ids[0], shop_day(given.now) - timedelta(days=2), 1790)
    before = await card("product", product.id)
    await given.sale_price(product.sku_ids[0], 990)

    after = await card("product", product.id)

    assert (before.price, before.struck_price) == (Money(1990), None)
    assert (after.price, after.struck_price) == (Money(990), Money(1790))


async def test_what_costs_nothing_costs_nothing(given, card):
    product = await given.product(price_minor=0)

    assert (await card("product", product.id)).price == Money(0)


async def test_a_group_shows_how_many_are_missing_until_it_is_over(given, card):
    campaign = await given.campaign(price_minor=990)
    group = await given.group(campaign, members=2)
    await given.deal_day(campaign.items[0].sku_id, shop_day(given.now) - timedelta(days=1), 1980)

    now = await card("group_buy", group.id)
    over = await card("group_buy", group.id, now=group.expires_at)

    assert now == Card(
        title="三人同行",
        price=Money(990),
        struck_price=Money(1980),
        picture_url=None,
        note="3人成团",
        subtitle="3人团 · 还差1人",
        is_open=True,
        ends_at=group.expires_at,
    )
    assert (over.subtitle, over.is_open) == ("3人团 · 已结束", False)


async def test_a_group_that_is_full_for_now_and_one_that_has_filled_say_so(given, card):
    full = await given.group(members=3)
    filled = await given.group(members=3, paid=3)

    assert [
        (c.subtitle, c.is_open) for c in (await card("group_buy", full.id), await card("group_buy", filled.id))
    ] == [
        ("3人团 · 席位已满", False),
        ("3人团 · 已成团", False),
    ]


async def test_a_flash_sale_shows_its_first_item_before_it_opens_and_while_it_is_on(given, card):
    coming = await given.flash_sale(opens_at=given.now + timedelta(minutes=30))
    sale = (await given.flash_sale()).sale

    shown = await card("flash_sale", sale.id)

    assert (shown.title, shown.price, shown.note, shown.ends_at) == ("午夜抢购", Money(990), "限时抢购", sale.closes_at)
    assert shown.is_open and (await card("flash_sale", coming.sale.id)).is_open
    assert not (await card("flash_sale", sale.id, now=sale.closes_at)).is_open


async def test_drafts_and_what_there_is_not_have_no_card(given, card):
    draft = await given.product(state=State.DRAFT)
    sale = await given.flash_sale(warm=False)

    found = [await card(kind, new_id()) for kind in ("product", "group_buy", "flash_sale")]

    assert [*found, await card("product", draft.id), await card("flash_sale", sale.sale.id)] == [None] * 5
    with pytest.raises(KeyError):
        await card("room", new_id())


async def test_a_room_says_when_it_begins_that_it_is_on_and_that_it_is_over(given, card):
    room = await given.live_room(is_live=False)
    at = room.room.starts_at.astimezone(SHOP_ZONE)
    begins = f"{at.month}月{at.day}日 {at:%H:%M} 开播"
    by = {"room_id": room.id, "by": room.host, "now": given.now}

    coming = await card("live_room", room.id)
    await running.go_live(given.db, given.bus, **by)
    on = await card("live_room", room.id)
    await running.pause(given.db, given.bus, **by)
    paused = await card("live_room", room.id)
    await running.end(given.db, given.bus, **by)
    over = await card("live_room", room.id)

    assert coming == Card(
        title="夜市直播间",
        price=None,
        struck_price=None,
        picture_url=None,
        note=begins,
        subtitle=begins,
        is_open=True,
    )
    assert on == paused == replace(coming, subtitle="直播中")
    assert over == replace(coming, subtitle="已结束", is_open=False)


async def test_a_room_shows_its_cover_or_the_first_of_its_shelf_and_none_once_it_is_called_off(given, card):
    room = await given.live_room(is_live=False)
    goods = await given.product(images=(Image("https://img.example/first.jpg", ""),))
    shelf = [ShelfItem(goods.id)]
    await rooms.set_shelf(given.db, given.bus, room_id=room.id, shelf=shelf, by=new_id(), now=given.now)
    covered = NewRoom(
        "夜市直播间", room.room.starts_at, {room.host.account_id: Duty.HOST}, cover_url="https://img.example/cover.jpg"
    )

    of_the_shelf = await card("live_room", room.id)
    await rooms.edit(given.db, room_id=room.id, wish=covered, by=new_id(), now=given.now)
    of_its_own = await card("live_room", room.id)
    await rooms.cancel(given.db, given.bus, room_id=room.id, by=new_id(), now=given.now)

    assert of_the_shelf.picture_url == "https://img.example/first.jpg"
    assert of_its_own.picture_url == "https://img.example/cover.jpg"
    assert await card("live_room", room.id) is None
