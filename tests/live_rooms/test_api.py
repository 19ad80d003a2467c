"""Live rooms over HTTP: scheduled by merchandisers, run by their crews, watched and reserved by everybody."""

from datetime import datetime, timedelta

import pytest

from domain.accounts import people
from domain.accounts.rules import Role
from domain.flash_sales import queries as flash_sales
from domain.foundation import clock
from domain.foundation.ids import decode, encode, new_id
from domain.live_rooms import actions, queries, running
from domain.live_rooms.rules import RoomState
from domain.pricing.freight import Zone
from domain.products.rules import Image
from tests.api.conftest import api, app, ask, post
from tests.given import Given
from tests.live_rooms.documents import crew_does, page_of
from tests.statements import count_statements

__all__ = ["api", "app", "ask", "post"]

SHOWN = """__typename ... on Room { id title state startsAt coverUrl graceSeconds lastEvent store { id } hosts { name }
  crew { accountId duty } items { position pitch product { title } } } ... on UserError { code }"""
CREATE = f"mutation ($input: CreateLiveRoomInput!) {{ createLiveRoom(input: $input) {{ {SHOWN} }} }}"
EDIT = f"mutation ($input: EditLiveRoomInput!) {{ editLiveRoom(input: $input) {{ {SHOWN} }} }}"
STOCK = f"mutation ($input: SetRoomShelfInput!) {{ setRoomShelf(input: $input) {{ {SHOWN} }} }}"
CANCEL = f"mutation ($id: ID!) {{ cancelLiveRoom(id: $id) {{ {SHOWN} }} }}"
SHELF = """query ($id: ID!) { roomShelf(roomId: $id) { item { position isPinned } prices { skuId floor { minor }
  livePrice { minor } } } }"""
RESERVE = """mutation ($id: ID!) { reserveRoom(id: $id) { __typename ... on Room { isReserved reservations }
  ... on UserError { code } } }"""
UNRESERVE = RESERVE.replace("reserveRoom", "cancelRoomReservation")
LIST = "{ liveRooms { nodes { id } } }"


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
async def staff(given):
    """A merchandiser."""
    return {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}


@pytest.fixture
async def wish(given):
    """What a room is created from."""
    host, helper = await given.shopper("听澜"), await given.shopper("小满")
    return {
        "title": "夜市直播间",
        "startsAt": (given.now + timedelta(hours=1)).isoformat(),
        "crew": [
            {"accountId": encode("account", helper), "duty": "ASSISTANT"},
            {"accountId": encode("account", host)},
        ],
        "storeId": encode("store", await given.pickup_store()),
        "idempotencyKey": "a-new-room",
    }


def asking(room):
    return {"id": encode("room", room.id)}


def host_of(room):
    return {"by": room.host.account_id, "roles": [Role.HOST]}


async def test_a_merchandiser_schedules_a_room_and_stocks_its_shelf(ask, given, staff, wish):
    kept = await given.product("桂花酒酿", images=(Image("https://img.example/1.jpg", ""),))
    prices = [{"skuId": encode("sku", kept.sku_ids[0]), "liveMinor": 1590, "floorMinor": 990}]
    shelf = [{"productId": encode("product", kept.id), "pitch": "今晚必囤", "prices": prices}]

    created = [(await ask(CREATE, {"input": wish}, **staff)).data for _ in range(2)]
    named = {"id": created[0]["id"]}
    stocked = (await ask(STOCK, {"input": {"roomId": named["id"], "items": shelf}}, **staff)).data
    seen = (await ask(SHELF, named, **staff)).data
    listed = (await ask(LIST)).data["nodes"]

    assert created[0] == created[1]
    assert created[0] == {
        "__typename": "Room",
        **named,
        "title": "夜市直播间",
        "state": "SCHEDULED",
        "startsAt": wish["startsAt"],
        "coverUrl": None,
        "graceSeconds": 300,
        "lastEvent": 0,
        "store": {"id": wish["storeId"]},
        "hosts": [{"name": "听澜"}],
        "crew": [{**wish["crew"][1], "duty": "HOST"}, wish["crew"][0]],
        "items": [],
    }
    items = [{"position": 1, "pitch": "今晚必囤", "product": {"title": "桂花酒酿"}}]
    assert stocked == {**created[0], "items": items, "lastEvent": 1, "coverUrl": "https://img.example/1.jpg"}
    frame = {"skuId": prices[0]["skuId"], "floor": {"minor": 990}, "livePrice": {"minor": 1590}}
    assert seen == [{"item": {"position": 1, "isPinned": False}, "prices": [frame]}]
    assert listed == [named]


async def test_a_room_that_is_to_come_is_changed_or_called_off(ask, given, staff, wish):
    room = (await ask(CREATE, {"input": wish}, **staff)).data
    named = {"id": room["id"]}
    del wish["idempotencyKey"], wish["storeId"]
    later = wish | {"roomId": room["id"], "title": "改期", "coverUrl": "https://img.example/2.jpg", "graceSeconds": 0}

    edited = (await ask(EDIT, {"input": later}, **staff)).data
    cancelled = [(await ask(CANCEL, named, **staff)).data for _ in range(2)]
    too_late = (await ask(EDIT, {"input": later}, **staff)).data
    listed = (await ask(LIST)).data["nodes"]
    everything = (await ask("{ allLiveRooms { nodes { id state } } }", **staff)).data["nodes"]

    assert edited == room | {
        "title": "改期",
        "coverUrl": "https://img.example/2.jpg",
        "graceSeconds": 0,
        "store": None,
    }
    assert cancelled[0] == cancelled[1] == edited | {"state": "CANCELLED", "lastEvent": 1}
    assert too_late == {"__typename": "WrongRoomState", "code": "WRONG_ROOM_STATE"}
    assert listed == []
    assert everything == [{**named, "state": "CANCELLED"}]


async def test_a_room_that_cannot_be_is_refused(ask, given, staff, wish):
    nobody = encode("account", new_id())

    async def told(**more):
        answer = await ask(CREATE, {"input": wish | {"idempotencyKey": f"room-{new_id()}"} | more}, **staff)
        return answer.codes[0] if "errors" in answer.json else answer.data["code"]

    assert {
        "no title": await told(title=" "),
        "nobody sells": await told(crew=[wish["crew"][0]]),
        "somebody twice": await told(crew=[wish["crew"][1], {**wish["crew"][1], "duty": "ASSISTANT"}]),
        "nobody we know": await told(crew=[{"accountId": nobody}]),
        "no such store": await told(storeId=encode("store", new_id())),
        "next year": await told(startsAt=(given.now + timedelta(days=91)).isoformat()),
        "a cover that ends a text": await told(coverUrl="https://img.example/\0.jpg"),
        "a cover without TLS": await told(coverUrl="http://img.example/1.jpg"),
        "prices that hold too long": await told(graceSeconds=3601),
    } == {
        "no title": "BAD_USER_INPUT",
        "nobody sells": "BAD_USER_INPUT",
        "somebody twice": "BAD_USER_INPUT",
        "nobody we know": "NOT_FOUND",
        "no such store": "NOT_FOUND",
        "next year": "BAD_USER_INPUT",
        "a cover that ends a text": "BAD_USER_INPUT",
        "a cover without TLS": "BAD_USER_INPUT",
        "prices that hold too long": "BAD_USER_INPUT",
    }
    assert (await ask(LIST)).data["nodes"] == []


async def test_the_crew_runs_the_room_and_a_repeat_changes_nothing(ask, given):
    room = await given.live_room(items=2, is_live=False)
    named = asking(room)
    first, second = (encode("roomitem", item.id) for item in room.items)

    async def twice(name, **values):
        answers = [
            (
                await ask(
                    crew_does(name), {"input": {"roomId": named["id"], **values}} if values else named, **host_of(room)
                )
            )
            for _ in range(2)
        ]
        assert answers[0].data == answers[1].data
        return answers[0].data

    live = await twice("goLive")
    on_air = await twice("putOnAir", itemId=first)
    pinned = await twice("pinRoomItem", itemId=second)
    next_one = await twice("putOnAir", itemId=second)
    quiet = await twice("setRoomChat", isOpen=False, slowSeconds=5)
    paused = await twice("pauseRoom")
    resumed = await twice("goLive")
    unpinned = await twice("unpinRoomItem", itemId=second)
    off_air = await twice("takeOffAir")
    ended = await twice("endRoom")

    states = [each["state"] for each in (live, on_air, paused, resumed, ended)]
    assert states == ["LIVE", "LIVE", "PAUSED", "LIVE", "ENDED"]
    assert on_air["onAir"] == {"id": first, "isOnAir": True, "isPinned": False}
    assert next_one["onAir"] == paused["onAir"] == {"id": second, "isOnAir": True, "isPinned": True}
    assert [item["isPinned"] for item in pinned["items"]] == [False, True]
    assert [item["isPinned"] for item in unpinned["items"]] == [False, False]
    assert (quiet["isChatOpen"], quiet["slowSeconds"]) == (False, 5)
    assert off_air["onAir"] is None
    # shelf, live, on air, pinned, off and on air, chat, paused, resumed, unpinned, off air, ended
    assert ended["lastEvent"] == 12
    assert [chapter["item"]["id"] for chapter in ended["chapters"]] == [first, second]
    assert all(chapter["endedAt"] for chapter in ended["chapters"])


async def test_a_line_for_everybody_is_shown_as_often_as_it_is_sent(ask, given):
    room = await given.live_room()
    said = {"input": {"roomId": encode("room", room.id), "text": "福利马上来"}}

    first, again = [(await ask(crew_does("announceInRoom"), said, **host_of(room))).data for _ in range(2)]

    assert again["lastEvent"] == first["lastEvent"] + 1


async def test_who_does_not_run_the_room_is_not_let_do_anything_in_it(ask, given):
    room = await given.live_room(is_on_air=True)
    item = {"roomId": encode("room", room.id), "itemId": encode("roomitem", room.item.id)}
    another_host = {"by": await given.shopper(), "roles": [Role.HOST]}
    before = (await queries.by_ids(given.db, [room.id]))[room.id]

    tried = {
        "goLive": asking(room),
        "pauseRoom": asking(room),
        "endRoom": asking(room),
        "takeOffAir": asking(room),
        "putOnAir": {"input": item},
        "pinRoomItem": {"input": item},
        "unpinRoomItem": {"input": item},
        "setRoomChat": {"input": {"roomId": item["roomId"], "isOpen": False, "slowSeconds": 0}},
        "announceInRoom": {"input": {"roomId": item["roomId"], "text": "我来了"}},
    }
    codes = {name: (await ask(crew_does(name), wish, **another_host)).codes for name, wish in tried.items()}

    assert codes == {name: ["FORBIDDEN"] for name in tried}
    assert (await ask(SHELF, asking(room), **another_host)).codes == ["FORBIDDEN"]
    assert (await queries.by_ids(given.db, [room.id]))[room.id] == before


async def test_what_the_crew_cannot_do_now_is_refused(ask, given):
    coming = await given.live_room(is_live=False)
    other = await given.live_room()
    elsewhere = {"roomId": encode("room", other.id), "itemId": encode("roomitem", coming.item.id)}
    too_soon = {"roomId": encode("room", coming.id), "itemId": encode("roomitem", coming.item.id)}

    assert {
        "an item before it begins": (await ask(crew_does("putOnAir"), {"input": too_soon}, **host_of(coming))).data,
        "a pause before it begins": (await ask(crew_does("pauseRoom"), asking(coming), **host_of(coming))).data,
        "another room's item": (await ask(crew_does("putOnAir"), {"input": elsewhere}, **host_of(other))).data,
        "no such room": (await ask(crew_does("goLive"), {"id": encode("room", new_id())}, **host_of(other))).data,
    } == {
        "an item before it begins": {"__typename": "RoomNotOn", "code": "ROOM_NOT_ON"},
        "a pause before it begins": {"__typename": "WrongRoomState", "code": "WRONG_ROOM_STATE"},
        "another room's item": {"__typename": "NotOnTheShelf", "code": "NOT_ON_THE_SHELF"},
        "no such room": {"__typename": "NotFound", "code": "NOT_FOUND"},
    }


async def test_a_live_price_is_shown_while_it_holds(ask, given):
    room = await given.live_room(is_on_air=True)
    db, bus = given.db, given.bus

    async def prices():
        return (await ask(page_of("livePrices { skuId price { minor } listPrice { minor } until }"), asking(room))).data

    on_air = await prices()
    await running.take_off_air(db, bus, room_id=room.id, by=room.host, now=clock.now())
    in_grace = await prices()
    chapter = (await queries.chapters_by_room_ids(db, [room.id]))[room.id][0]
    no_grace = await given.live_room(grace_seconds=0, is_on_air=True)
    await running.take_off_air(db, bus, room_id=no_grace.id, by=no_grace.host, now=clock.now())
    over = (await ask(page_of("livePrices { skuId }"), asking(no_grace))).data

    price = {"skuId": encode("sku", room.sku_id), "price": {"minor": 1590}, "listPrice": {"minor": 1990}}
    assert on_air["items"] == [{"livePrices": [price | {"until": None}]}]
    (shown,) = in_grace["items"][0]["livePrices"]
    assert shown | {"until": None} == price | {"until": None}
    assert datetime.fromisoformat(shown["until"]) == chapter.prices_until
    assert over["items"] == [{"livePrices": []}]


async def test_a_chapter_says_where_a_replay_jumps_to(ask, given):
    room = await given.live_room(is_live=False)
    db, bus, by = given.db, given.bus, {"room_id": room.id, "by": room.host}
    await running.go_live(db, bus, now=given.now, **by)
    await running.put_on_air(db, bus, item_id=room.item.id, now=given.now + timedelta(seconds=90), **by)
    await running.end(db, bus, now=given.now + timedelta(seconds=150), **by)

    told = (await ask("query ($id: ID!) { liveRoom(id: $id) { chapters { startsAfterSeconds beganAt endedAt } } }",
                      asking(room))).data  # fmt: skip

    (chapter,) = told["chapters"]
    assert chapter["startsAfterSeconds"] == 90
    assert datetime.fromisoformat(chapter["endedAt"]) - datetime.fromisoformat(chapter["beganAt"]) == timedelta(
        minutes=1
    )


async def test_whoever_waits_for_a_room_reserves_it_once(ask, given):
    room = await given.live_room(is_live=False)
    one, other = {"by": await given.shopper()}, {"by": await given.shopper()}

    reserved = [(await ask(RESERVE, asking(room), **one)).data for _ in range(2)]
    second = (await ask(RESERVE, asking(room), **other)).data
    given_up = [(await ask(UNRESERVE, asking(room), **one)).data for _ in range(2)]
    await running.go_live(given.db, given.bus, room_id=room.id, by=room.host, now=given.now)
    too_late = (await ask(RESERVE, asking(room), **one)).data

    assert reserved == [{"__typename": "Room", "isReserved": True, "reservations": 1}] * 2
    assert second == {"__typename": "Room", "isReserved": True, "reservations": 2}
    assert given_up == [{"__typename": "Room", "isReserved": False, "reservations": 1}] * 2
    assert too_late == {"__typename": "WrongRoomState", "code": "WRONG_ROOM_STATE"}
    assert await queries.reservations_by_room_ids(given.db, [room.id]) == {room.id: 1}


async def test_who_may_run_a_room_is_told_so_and_finds_it_among_their_own(ask, given, staff):
    room = await given.live_room()
    asked = "query ($id: ID!) { liveRoom(id: $id) { runsHere } }"
    mine = "{ myLiveRooms { nodes { id } } }"

    runs = {
        "host": (await ask(asked, asking(room), **host_of(room))).data["runsHere"],
        "merchandiser": (await ask(asked, asking(room), **staff)).data["runsHere"],
        "another host": (await ask(asked, asking(room), by=new_id(), roles=[Role.HOST])).data["runsHere"],
        "guest": (await ask(asked, asking(room))).data["runsHere"],
    }

    assert runs == {"host": True, "merchandiser": True, "another host": False, "guest": False}
    assert (await ask(mine, **host_of(room))).data["nodes"] == [asking(room)]
    assert (await ask(mine, **staff)).data["nodes"] == []


async def test_a_merchandiser_finds_the_hosts(ask, given, staff):
    await given.shopper("路人")
    host = await given.shopper("听澜")
    await people.give_role(given.db, account_id=host, role=Role.HOST, by=new_id(), now=given.now)

    found = (await ask("{ liveRoomHosts { nodes { accountId name duty } } }", **staff)).data["nodes"]

    assert found == [{"accountId": encode("account", host), "name": "听澜", "duty": "HOST"}]


async def test_an_item_that_has_left_the_shelf_is_still_known_to_its_chapter(ask, given):
    room = await given.live_room(is_on_air=True)
    await running.end(given.db, given.bus, room_id=room.id, by=room.host, now=given.now)
    left = await given.live_room(is_on_air=True)
    await actions.set_shelf(given.db, given.bus, room_id=left.id, shelf=[], by=new_id(), now=given.now)

    told = (await ask("query ($id: ID!) { liveRoom(id: $id) { items { id } chapters { item { id isOnShelf } } } }",
                      asking(left))).data  # fmt: skip

    item = {"id": encode("roomitem", left.item.id), "isOnShelf": False}
    assert told == {"items": [], "chapters": [{"item": item}]}


async def test_the_page_of_a_room_with_twenty_items_costs_a_known_number_of_statements(api, ask, given):
    room = await given.live_room(items=20, is_on_air=True)
    await given.live_room(items=3)

    for by, most in ((None, PAGE_STATEMENTS), (await given.shopper(), PAGE_STATEMENTS + 1)):
        with count_statements(api.market.db) as sent:
            page = (await ask(PAGE, asking(room), by=by)).data
        assert len(page["items"]) == 20
        assert [len(item["livePrices"]) for item in page["items"]] == [1] + [0] * 19
        assert len(sent) == most, "\n".join(sent)


async def test_a_page_of_rooms_costs_a_known_number_of_statements(api, ask, given):
    for _ in range(3):
        await given.live_room(items=2)

    with count_statements(api.market.db) as sent:
        listed = (await ask("{ liveRooms { nodes { title coverUrl hosts { name } onAir { id } reservations } } }")).data

    assert len(listed["nodes"]) == 3
    assert len(sent) == LIST_STATEMENTS, "\n".join(sent)


PAGE = """query ($id: ID!) { liveRoom(id: $id) { title state coverUrl startsAt serverTime isReserved reservations runsHere
  hosts { name } onAir { id product { title } } items { id pitch isOnAir isPinned livePrices { skuId price { minor }
  listPrice { minor } } product { title images { url } skus { id price { minor } available } } } } }"""
PAGE_STATEMENTS = 12
LIST_STATEMENTS = 8


async def test_a_flash_sale_is_started_in_the_room_at_once(ask, given):
    room = await given.live_room()
    wish = {
        "roomId": encode("room", room.id),
        "itemId": encode("roomitem", room.item.id),
        "title": "直播间秒杀",
        "offers": [{"skuId": encode("sku", room.sku_id), "salePriceMinor": 990, "units": 5}],
        "seconds": 60,
        "idempotencyKey": "sale-0001",
    }

    started = [(await ask(START_SALE, {"input": wish}, **host_of(room))).data for _ in range(2)]
    seen = (await ask(STARTED, asking(room))).data
    too_cheap = wish | {"idempotencyKey": "sale-0002", "offers": [wish["offers"][0] | {"salePriceMinor": 989}]}
    refused = (await ask(START_SALE, {"input": too_cheap}, **host_of(room))).data
    too_many = wish | {"idempotencyKey": "sale-0003", "offers": [wish["offers"][0] | {"units": 6}]}
    short = (await ask(START_SALE, {"input": too_many}, **host_of(room))).data
    stranger = await ask(START_SALE, {"input": wish | {"idempotencyKey": "sale-0004"}}, by=await given.shopper())

    assert started[0] == started[1]
    assert (started[0]["state"], started[0]["isOpen"], started[0]["title"]) == ("WARM", True, "直播间秒杀")
    assert seen["flashSales"] == [{"id": started[0]["id"]}]
    assert refused == {"__typename": "BelowTheFloor", "code": "BELOW_THE_FLOOR", "floor": {"minor": 990}}
    assert short == {"__typename": "NotEnoughStock", "code": "NOT_ENOUGH_STOCK"}
    assert stranger.codes == ["FORBIDDEN"]
    sale = decode("flashsale", started[0]["id"])
    assert (await flash_sales.sales_by_ids(given.db, [sale]))[sale].items[0].units == 5


async def test_a_group_buy_is_started_in_the_room_at_once(ask, given):
    room = await given.live_room()
    wish = {
        "roomId": encode("room", room.id),
        "itemId": encode("roomitem", room.item.id),
        "title": "直播间拼团",
        "offers": [{"skuId": encode("sku", room.sku_id), "groupPriceMinor": 990, "units": 6}],
        "seconds": 600,
        "seats": 2,
        "fillSeconds": 3600,
        "idempotencyKey": "group-0001",
    }

    started = [(await ask(START_GROUP_BUY, {"input": wish}, **host_of(room))).data for _ in range(2)]
    seen = (await ask(STARTED, asking(room))).data
    coming = await given.live_room(is_live=False)
    too_soon = wish | {"roomId": encode("room", coming.id), "idempotencyKey": "group-0002"}
    refused = (await ask(START_GROUP_BUY, {"input": too_soon}, **host_of(coming))).data

    assert started[0] == started[1]
    assert (started[0]["state"], started[0]["isOpen"]) == ("LIVE", True)
    assert seen == {"flashSales": [], "groupBuyCampaigns": [{"id": started[0]["id"]}]}
    assert refused == {"__typename": "RoomNotOn", "code": "ROOM_NOT_ON"}


STARTED = "query ($id: ID!) { liveRoom(id: $id) { flashSales { id } groupBuyCampaigns { id } } }"
START_SALE = """mutation ($input: StartRoomFlashSaleInput!) { startRoomFlashSale(input: $input) { __typename
  ... on FlashSale { id title state isOpen } ... on BelowTheFloor { floor { minor } } ... on UserError { code } } }"""
START_GROUP_BUY = """mutation ($input: StartRoomGroupBuyInput!) { startRoomGroupBuy(input: $input) { __typename
  ... on GroupBuyCampaign { id title state isOpen } ... on UserError { code } } }"""


async def test_who_names_the_room_at_checkout_has_its_live_price_while_it_holds(ask, given):
    room = await given.live_room(is_on_air=True, grace_seconds=0)
    shopper = await given.shopper()
    home = {"delivery": {"addressId": encode("address", await given.home_of(shopper))}}
    elsewhere = {"lines": [{"skuId": encode("sku", room.sku_id), "quantity": 2}], "fulfilment": home}
    basket = elsewhere | {"roomId": encode("room", room.id)}

    async def order(key):
        return (await ask(PLACE, {"input": basket | {"expectedTotal": 3180, "idempotencyKey": key}}, by=shopper)).data

    await given.freight(Zone((), first_minor=0, more_minor=0))
    usual = (await ask(QUOTE, {"input": elsewhere}, by=shopper)).data
    quote = (await ask(QUOTE, {"input": basket}, by=shopper)).data
    ordered = await order("order-in-a-room")
    await running.take_off_air(given.db, given.bus, room_id=room.id, by=room.host, now=clock.now())
    too_late = await order("order-too-late")
    again = await order("order-in-a-room")

    assert usual["total"] == {"minor": 3980}
    assert quote["total"] == {"minor": 3180}
    assert [step["rule"] for step in quote["lines"][0]["explanation"]][:2] == ["LIST", "LIVE_PRICE"]
    assert ordered == again == {"__typename": "Order", "total": {"minor": 3180}}
    assert too_late == {"__typename": "PriceChanged", "code": "PRICE_CHANGED"}


QUOTE = "query ($input: QuoteInput!) { quote(input: $input) { total { minor } lines { explanation { rule } } } }"
PLACE = """mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename ... on Order { total { minor } }
  ... on UserError { code } } }"""


async def test_an_unknown_room_is_none(ask, given):
    assert (await ask("query ($id: ID!) { liveRoom(id: $id) { id } }", {"id": encode("room", new_id())})).data is None


async def test_rooms_are_found_by_their_ids_in_any_state(ask, given):
    room = await given.live_room(is_live=False)
    await actions.cancel(given.db, given.bus, room_id=room.id, by=new_id(), now=given.now)

    found = (await ask("query ($id: ID!) { node(id: $id) { ... on Room { state } } }", asking(room))).data
    item = {"id": encode("roomitem", room.item.id)}
    of_item = (await ask("query ($id: ID!) { node(id: $id) { ... on RoomItem { pitch } } }", item)).data

    assert found == {"state": RoomState.CANCELLED.name}
    assert of_item == {"pitch": "第 1 件"}
