"""What is told of a room: the same to everybody, what is one's own to each, and to those who poll what sockets are told."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from api import audiences, room_chat
from api.audiences import Audience
from domain.accounts.rules import Principal, Role
from domain.chats import moderating
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.live_rooms import running, timeline
from domain.live_rooms.rules import EventKind, NewEvent
from domain.live_rooms.watching import RoomWatch
from tests.api.conftest import api, app, ask, post
from tests.given import Given
from tests.sockets.conftest import open_socket

__all__ = ["api", "app", "ask", "open_socket", "post"]

NEWS = """{ __typename
  ... on RoomNews { lastEvent state pollAfterMs counters { viewers likes }
    events { number kind item { id isOnAir product { title } } notice comment { author text } commentId
             chat { isOpen slowSeconds } } }
  ... on RoomPersonalNews { tickets { id state } orders { id state } groupBuys { id } }
  ... on UserError { code message } }"""
EVENTS = f"subscription ($room: ID!, $since: Long) {{ roomEvents(roomId: $room, since: $since) {NEWS} }}"
ASKED = EVENTS.replace("subscription", "query")


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


def asked(room, since=None):
    return {"room": encode("room", room.id), "since": since}


async def news(talk, *, events=True):
    """The next news of the room, those of its counters alone left out."""
    while True:
        told = (await talk.hear())["payload"]["data"]["roomEvents"]
        if told["__typename"] != "RoomNews" or told["events"] or not events:
            return told


async def polled(ask, variables, query=ASKED, **who):
    """What a poll is told."""
    return (await ask(query, variables, **who)).json["data"]["roomEvents"]


async def say(given, room, *texts):
    """As many notices of the crew, each an event of its own."""
    for notice in texts:
        async with given.db.transaction() as tx:
            await timeline.append(tx, given.bus, room.id, [NewEvent(EventKind.NOTICE, {"text": notice})], now=given.now)


async def test_a_viewer_is_told_how_it_stands_at_once_and_then_what_happens(open_socket, given):
    room = await given.live_room()
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, asked(room))
        first = await news(talk, events=False)
        await running.put_on_air(
            given.db, given.bus, room_id=room.id, item_id=room.item.id, by=room.host, now=clock.now()
        )
        second = await news(talk)

    assert first == {
        "__typename": "RoomNews",
        "lastEvent": 2,
        "state": "LIVE",
        "pollAfterMs": 2000,
        "counters": {"viewers": 0, "likes": 0},
        "events": [],
    }
    [on_air] = second["events"]
    assert second["lastEvent"] == 3
    assert on_air == {
        "number": 3,
        "kind": "ON_AIR",
        "item": {"id": encode("roomitem", room.item.id), "isOnAir": True, "product": {"title": "夜市好物 1"}},
        "notice": None,
        "comment": None,
        "commentId": None,
        "chat": None,
    }


async def test_each_kind_of_event_brings_what_belongs_to_it(open_socket, given, ask):
    room = await given.live_room()
    posted = await given.comment(room.id, "多少钱")
    await running.set_chat(
        given.db, given.bus, room_id=room.id, is_open=True, slow_seconds=5, by=room.host, now=clock.now()
    )
    await say(given, room, "九点抽奖")

    told = await polled(ask, asked(room, since=2))
    comment, chat, notice = told["events"]

    assert [each["kind"] for each in told["events"]] == ["COMMENTED", "CHAT_CHANGED", "NOTICE"]
    assert comment["comment"] == {"author": "林**", "text": "多少钱"}
    assert comment["commentId"] == encode("comment", posted.comment.id)
    assert chat["chat"] == {"isOpen": True, "slowSeconds": 5}
    assert notice["notice"] == "九点抽奖"


async def test_whoever_comes_back_is_told_what_they_missed_before_anything_else(open_socket, given):
    room = await given.live_room()
    socket = await open_socket()
    await say(given, room, "一", "二")
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, asked(room, since=2))
        missed = await news(talk)
        await say(given, room, "三")
        then = await news(talk)

    assert [(each["number"], each["notice"]) for each in missed["events"]] == [(3, "一"), (4, "二")]
    assert [(each["number"], each["notice"]) for each in then["events"]] == [(5, "三")]


@pytest.mark.parametrize("since", [4, 999_999])
async def test_a_number_that_the_room_has_not_reached_counts_as_its_last(open_socket, given, ask, since):
    room = await given.live_room()
    await say(given, room, "一", "二")
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, asked(room, since=since))
        first = await news(talk, events=False)
        await say(given, room, "三")
        then = await news(talk)

    assert (first["lastEvent"], first["events"]) == (4, [])
    assert [each["number"] for each in then["events"]] == [5]
    assert (await polled(ask, asked(room, since=since)))["lastEvent"] == 5


async def test_very_much_is_told_in_parts(open_socket, given):
    room = await given.live_room()
    async with given.db.transaction() as tx:
        many = [NewEvent(EventKind.NOTICE, {"text": str(number)}) for number in range(1_100)]
        await timeline.append(tx, given.bus, room.id, many, now=given.now)
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, asked(room, since=0))
        parts = [await news(talk) for _ in range(3)]

    assert [len(each["events"]) for each in parts] == [500, 500, 102]
    assert [each["number"] for part in parts for each in part["events"]] == list(range(1, 1_103))


async def test_those_who_are_very_far_behind_are_told_one_after_another(open_socket, given, monkeypatch):
    room = await given.live_room()
    async with given.db.transaction() as tx:
        many = [NewEvent(EventKind.NOTICE, {"text": str(number)}) for number in range(1_100)]
        await timeline.append(tx, given.bus, room.id, many, now=given.now)
    run, under_way, most = Audience._run, 0, 0

    async def counted(self, event, context):
        nonlocal under_way, most
        is_far = len(event.events) == 500
        under_way += is_far
        most = max(most, under_way)
        answer = await run(self, event, context)
        await asyncio.sleep(0.01)
        under_way -= is_far
        return answer

    monkeypatch.setattr(Audience, "_run", counted)
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet()
        for since in (0, 1, 2, 1_000):
            await talk.ask(EVENTS, asked(room, since=since), id=str(since))
        heard = {since: [] for since in (0, 1, 2, 1_000)}
        while any(numbers[-1:] != [1_102] for numbers in heard.values()):
            told = await talk.hear()
            heard[int(told["id"])] += [each["number"] for each in told["payload"]["data"]["roomEvents"]["events"]]

    assert most == 1
    assert heard == {since: list(range(since + 1, 1_103)) for since in (0, 1, 2, 1_000)}


async def test_what_does_not_fit_into_one_answer_comes_in_more_of_them(open_socket, given, monkeypatch):
    room = await given.live_room()
    await say(given, room, *"一二三四五六")
    run = Audience._run

    async def bounded(self, event, context):
        answer = await run(self, event, context)
        return answer._replace(has_data=False, outcome="client_error") if len(event.events) > 3 else answer

    monkeypatch.setattr(Audience, "_run", bounded)
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, asked(room, since=2))
        parts = [await news(talk) for _ in range(2)]

    assert [[each["number"] for each in part["events"]] for part in parts] == [[3, 4, 5], [6, 7, 8]]


async def test_a_room_that_there_is_not_ends_the_subscription(open_socket, given, ask):
    socket = await open_socket()
    nowhere = {"room": encode("room", new_id()), "since": None}
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, nowhere)
        told, end = await news(talk), await talk.hear()

    assert told["code"] == "NOT_FOUND"
    assert end == {"id": "1", "type": "complete"}
    assert (await polled(ask, nowhere))["code"] == "NOT_FOUND"


async def test_a_number_below_nothing_is_the_clients_fault(open_socket, given, ask):
    room = await given.live_room()
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, asked(room, since=-1))
        error = await talk.hear()

    assert (error["type"], error["payload"][0]["extensions"]["code"]) == ("error", "BAD_USER_INPUT")
    assert (await ask(ASKED, asked(room, since=-1))).json["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_what_is_ones_own_is_told_to_nobody_else(open_socket, given):
    room = await given.live_room()
    mine, theirs = await given.shopper(), await given.shopper()
    order_id = (await given.order(room.sku_id, shopper_id=mine)).id
    await placed_in(given, room.id, order_id, mine)
    socket = await open_socket()
    async with socket() as me, socket() as them, socket() as guest:
        for talk, shopper_id in ((me, mine), (them, theirs), (guest, None)):
            await talk.greet(given.token(shopper_id) if shopper_id else None)
            await talk.ask(EVENTS, asked(room))
            assert (await news(talk, events=False))["__typename"] == "RoomNews"
        at_first = await news(me)
        await given.bus.tell(room.id, mine, "order", order_id)
        changed = await news(me)
        await say(given, room, "一")
        then = [await news(talk) for talk in (me, them, guest)]

    assert at_first == {
        "__typename": "RoomPersonalNews",
        "tickets": [],
        "orders": [{"id": encode("order", order_id), "state": "PLACED"}],
        "groupBuys": [],
    }
    assert changed == at_first
    assert [each["__typename"] for each in then] == ["RoomNews"] * 3
    assert then[0] == then[1] == then[2]


async def test_what_is_ones_own_is_told_anew_when_the_bus_was_not_heard(open_socket, given):
    """A restart of Redis: whatever was told to single shoppers meanwhile has not come."""
    room, mine = await given.live_room(), await given.shopper()
    socket = await open_socket()
    async with socket() as me, socket() as guest:
        await me.greet(given.token(mine))
        await guest.greet(None)
        for talk in (me, guest):
            await talk.ask(EVENTS, asked(room))
            await news(talk, events=False)
        order_id = (await given.order(room.sku_id, shopper_id=mine)).id
        await placed_in(given, room.id, order_id, mine)
        await given.market.gate.client_kill_filter(_type="pubsub", skipme=False)
        told = await news(me)
        await say(given, room, "一")
        then = [await news(talk) for talk in (me, guest)]

    assert [each["id"] for each in told["orders"]] == [encode("order", order_id)]
    assert then[0] == then[1]


async def test_a_poke_with_somebody_elses_order_shows_nothing(open_socket, given):
    room = await given.live_room()
    mine, theirs = await given.shopper(), await given.shopper()
    order_id = (await given.order(room.sku_id, shopper_id=theirs)).id
    socket = await open_socket()
    async with socket() as me:
        await me.greet(given.token(mine))
        await me.ask(EVENTS, asked(room))
        await news(me, events=False)
        await given.bus.tell(room.id, mine, "unbanned", room.id)  # of which nothing is told
        await given.bus.tell(room.id, mine, "order", order_id)
        told = await news(me)

    assert told == {"__typename": "RoomPersonalNews", "tickets": [], "orders": [], "groupBuys": []}


async def test_whoever_polls_is_told_the_same_and_what_is_their_own(given, ask):
    room = await given.live_room()
    shopper_id = await given.shopper()
    order_id = (await given.order(room.sku_id, shopper_id=shopper_id)).id
    await placed_in(given, room.id, order_id, shopper_id)
    query = ASKED.replace("lastEvent", "lastEvent mine { orders { id } }", 1)

    as_shopper = await polled(ask, asked(room, since=0), query, by=shopper_id)
    as_guest = await polled(ask, asked(room, since=0), query)

    assert as_shopper.pop("mine") == {"orders": [{"id": encode("order", order_id)}]}
    assert as_guest.pop("mine") is None
    assert as_shopper == as_guest
    assert [each["kind"] for each in as_guest["events"]] == ["SHELF_CHANGED", "WENT_LIVE"]


async def test_a_removed_comment_is_told_to_nobody_who_comes_later(open_socket, given, ask, monkeypatch):
    room = await given.live_room()
    gone, kept = await given.comment(room.id, "加我"), await given.comment(room.id, "好看")
    deed = {"by": room.host, "reason": "广告", "now": given.now}
    await moderating.remove(given.db, given.bus, comment_id=gone.comment.id, **deed)
    monkeypatch.setattr(room_chat, "JUST_NOW", timedelta(0))
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, asked(room, since=2))
        told = await news(talk)
    asks = await polled(ask, asked(room, since=2))

    for events in (told["events"], asks["events"]):
        assert [(each["kind"], each["comment"] and each["comment"]["text"], each["commentId"]) for each in events] == [
            ("COMMENTED", None, encode("comment", gone.comment.id)),
            ("COMMENTED", "好看", encode("comment", kept.comment.id)),
            ("COMMENT_REMOVED", None, encode("comment", gone.comment.id)),
        ]


async def test_in_the_shared_news_nothing_is_anybodys_own(open_socket, given):
    room = await given.live_room()
    shopper_id = await given.shopper()
    order_id = (await given.order(room.sku_id, shopper_id=shopper_id)).id
    await placed_in(given, room.id, order_id, shopper_id)
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet(given.token(shopper_id))
        await talk.ask(EVENTS.replace("lastEvent", "lastEvent mine { orders { id } }", 1), asked(room))

        assert (await news(talk, events=False))["mine"] is None


async def test_whoever_is_banned_is_told_so_and_nothing_more(open_socket, given, ask):
    room = await given.live_room()
    shopper_id = await given.shopper()
    token = given.token(shopper_id)
    comment = (await given.comment(room.id, by=Principal(shopper_id, frozenset({Role.SHOPPER})))).comment
    socket = await open_socket()
    async with socket() as talk, socket() as other:
        await talk.greet(token, language="en")
        await talk.ask(EVENTS, asked(room))
        await other.greet(given.token(await given.shopper()))
        await other.ask(EVENTS, asked(room))
        for each in (talk, other):
            await news(each, events=False)
        await moderating.ban(given.db, given.bus, comment_id=comment.id, by=room.host, reason="刷屏", now=clock.now())
        told, end = await news(talk), await talk.hear()
        await talk.ask(EVENTS, asked(room))
        again, end_again = await news(talk), await talk.hear()
        await say(given, room, "一")

        assert (await news(other))["__typename"] == "RoomNews"

    banned = {"__typename": "BannedFromRoom", "code": "BANNED_FROM_ROOM", "message": "you are banned from this room"}
    assert told == again == banned
    assert end == end_again == {"id": "1", "type": "complete"}
    assert (await polled(ask, asked(room), by=shopper_id))["code"] == "BANNED_FROM_ROOM"


async def test_viewers_with_the_same_document_share_every_execution(open_socket, given, monkeypatch):
    shown = count_executions(monkeypatch)
    room = await given.live_room()
    socket = await open_socket()
    talks = []
    async with AsyncExitStack() as stack:
        for number in range(20):
            talk = await stack.enter_async_context(socket())
            await talk.greet()
            # where one goes on from is one's own, and so is the name of the operation
            await talk.ask(EVENTS, asked(room, since=None if number % 2 else 2), id=f"operation {number}")
            talks.append(talk)
        for talk in talks:
            await news(talk, events=False)
        before = len(shown)
        await say(given, room, "一")
        told = [await talk.hear() for talk in talks]

    assert len(shown) == before + 1
    assert before <= 5
    assert {each["id"] for each in told} == {f"operation {number}" for number in range(20)}
    assert len({str(each["payload"]) for each in told}) == 1


async def test_what_comes_while_an_event_is_executed_for_many_is_told_with_it(open_socket, given, monkeypatch):
    monkeypatch.setattr(audiences, "AT_A_TIME", 0)  # one is many
    room = await given.live_room()
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, asked(room))
        await news(talk, events=False)
        run, second = Audience._run, asyncio.Event()

        async def slow(self, event, context):
            answer = await run(self, event, context)
            await second.wait()
            return answer

        monkeypatch.setattr(Audience, "_run", slow)
        await say(given, room, "一", "二")
        await asyncio.sleep(0.2)
        second.set()
        told = await news(talk)

    assert [each["notice"] for each in told["events"]] == ["一", "二"]


async def test_another_language_or_another_variable_is_another_audience(open_socket, given, monkeypatch):
    shown = count_executions(monkeypatch)
    room = await given.live_room()
    document = EVENTS.replace("$since: Long", "$since: Long, $with: Boolean = true").replace(
        "notice", "notice @include(if: $with)", 1
    )
    socket = await open_socket()
    async with socket() as zh, socket() as en, socket() as without:
        for talk, language, more in ((zh, "zh", {}), (en, "en", {}), (without, "zh", {"with": False})):
            await talk.greet(language=language)
            await talk.ask(document, asked(room) | more)
            await news(talk, events=False)
        shown.clear()
        await say(given, room, "一")
        told = [(await news(talk))["events"][0] for talk in (zh, en, without)]

    assert len(shown) == 3
    assert [each.get("notice", "left out") for each in told] == ["一", "一", "left out"]


async def test_while_the_ledger_does_not_answer_viewers_wait_and_miss_nothing(open_socket, given, monkeypatch):
    monkeypatch.setattr(audiences, "AGAIN_SECONDS", 0.05)
    room = await given.live_room()
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, asked(room))
        await news(talk, events=False)
        fail = iter([True, True, False])
        show = Audience._run

        async def failing(self, event, context):
            answer = await show(self, event, context)
            return answer._replace(has_data=False, outcome="unavailable") if next(fail, False) else answer

        monkeypatch.setattr(Audience, "_run", failing)
        await say(given, room, "一")
        told = await news(talk)

    assert [each["number"] for each in told["events"]] == [3]


async def test_viewers_who_cannot_be_told_are_ended_rather_than_left_with_a_gap(open_socket, given, monkeypatch):
    room = await given.live_room()
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, asked(room))
        await news(talk, events=False)
        show = Audience._run

        async def failing(self, event, context):
            answer = await show(self, event, context)
            return answer._replace(has_data=False, outcome="internal", body=b'{"errors":[{"message":"no"}]}')

        with monkeypatch.context() as broken:
            broken.setattr(Audience, "_run", failing)
            await say(given, room, "一")
            error = await talk.hear()
        await talk.ask(EVENTS, asked(room, since=2))
        told = await news(talk)

    assert error == {"id": "1", "type": "error", "payload": [{"message": "no"}]}
    assert [each["number"] for each in told["events"]] == [3]


async def test_counters_that_cannot_be_told_end_nobodys_subscription(open_socket, given, monkeypatch):
    room = await given.live_room()
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet()
        await talk.ask(EVENTS, asked(room))
        await news(talk, events=False)
        failed, show = asyncio.Event(), Audience._run

        async def failing(self, event, context):
            answer = await show(self, event, context)
            failed.set()
            return answer._replace(has_data=False, outcome="internal", body=b'{"errors":[{"message":"no"}]}')

        with monkeypatch.context() as broken:
            broken.setattr(Audience, "_run", failing)
            async with asyncio.timeout(5):
                while not failed.is_set():
                    await given.bus.publish_counters(room.id, {"viewers": 7})
                    await asyncio.sleep(0.01)
        await say(given, room, "一")
        told = await news(talk)

    assert [each["number"] for each in told["events"]] == [3]


async def test_who_watches_is_known_while_they_do(open_socket, given, monkeypatch):
    room = await given.live_room()
    noted = []
    come, go = RoomWatch.note_viewer, RoomWatch.forget_viewer
    monkeypatch.setattr(RoomWatch, "note_viewer", lambda *a: (noted.append(("came", a[3])), come(*a)))
    monkeypatch.setattr(RoomWatch, "forget_viewer", lambda *a: (noted.append(("left", None)), go(*a)))
    shopper_id = await given.shopper()
    socket = await open_socket()
    async with socket() as talk:
        await talk.greet(given.token(shopper_id))
        await talk.ask(EVENTS, asked(room))
        await news(talk, events=False)
        await talk.say({"type": "complete", "id": "1"})
        await talk.answer("{ serverTime }", id="2")
        await talk.ask(EVENTS, asked(room))
        await news(talk, events=False)
    async with asyncio.timeout(3):
        while len(noted) < 4:
            await asyncio.sleep(0.01)

    assert noted == [("came", shopper_id), ("left", None)] * 2


def count_executions(monkeypatch):
    """What is executed for an audience, from now on."""
    shown: list[object] = []
    run = Audience._run

    async def counted(self, event, context):
        shown.append(event)
        return await run(self, event, context)

    monkeypatch.setattr(Audience, "_run", counted)
    return shown


async def placed_in(given, room_id: UUID, order_id: UUID, shopper_id: UUID) -> None:
    """The order was placed in the room."""
    async with given.db.transaction() as tx:
        await tx.execute(
            text("INSERT INTO live_room_orders VALUES (:order_id, :room_id, :shopper_id, 'shelf', now())"),
            {"order_id": order_id, "room_id": room_id, "shopper_id": shopper_id},
        )
