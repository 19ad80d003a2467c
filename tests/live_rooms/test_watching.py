"""Watching a room: every event once and in order, whatever the bus does; the newest counters; one's own affairs."""

import asyncio
from time import monotonic

import pytest

from domain.foundation.embedded.valkey import Valkey
from domain.foundation.ids import new_id
from domain.foundation.redis import connect
from domain.live_rooms import feeds, timeline, watching
from domain.live_rooms.bus import LiveBus, channel_of
from domain.live_rooms.watching import RoomWatch
from tests.live_rooms.hearing import COMMENT, NOTICE, SHELF, Heard, Silent, happen, open_heard, told
from tests.statements import count_statements


@pytest.fixture
async def watch(market, clean):
    watch = RoomWatch(market.db, market.gate)
    yield watch
    await watch.close()


@pytest.fixture
async def room_id(given):
    return (await given.live_room()).id


@pytest.fixture
def second(monkeypatch):
    """What may wait is told once a second: time enough to look."""
    monkeypatch.setattr(feeds, "TOGETHER_SECONDS", 1.0)


@pytest.fixture
def no_looks(monkeypatch):
    """Nobody looks in the ledger without being asked."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 60)


async def many(given, room_id, count, *, bus=None):
    """Comments, and nothing else, so many."""
    return await happen(given, room_id, *[COMMENT] * count, bus=bus or Silent(given.market.gate))


async def all_since(feed, number):
    """What `since` gives, asked until there is no more."""
    found = []
    while part := await feed.since(found[-1].number if found else number):
        found.extend(part)
    return found


async def test_a_listener_is_told_what_happens_as_it_stands_in_the_ledger(watch, given, db, room_id):
    feed, heard = await open_heard(watch, room_id), Heard()
    before = feed.last
    feed.listen(heard)

    await happen(given, room_id, NOTICE, SHELF)
    happened = await happen(given, room_id, COMMENT)
    await heard.until(happened[-1].number)

    async with db.reading() as reader:
        assert heard.events == await timeline.since(reader, room_id, before)
    assert feed.last == happened[-1].number == before + 3


async def test_there_is_no_feed_of_a_room_that_is_not_there(watch):
    assert await watch.open(new_id()) is None


async def test_many_who_open_a_room_at_once_ask_the_ledger_once(watch, db, room_id):
    with count_statements(db) as sent:
        opened = await asyncio.gather(*(watch.open(room_id) for _ in range(1_000)))

    assert len({id(feed) for feed in opened}) == 1
    assert len(sent) <= 2  # and one look, when the room is heard


async def test_whoever_has_stopped_listening_is_told_nothing_more(watch, given, room_id):
    feed, gone, stays = await open_heard(watch, room_id), Heard(), Heard()
    stop, again = feed.listen(gone), feed.listen(stays)
    stop()
    stop()

    happened = await happen(given, room_id, NOTICE)
    await stays.until(happened[-1].number)

    assert gone.calls == []
    again()


async def test_a_listener_that_fails_does_not_keep_the_others_from_hearing(watch, given, room_id):
    class Failing(Heard):
        def on_events(self, events):
            raise RuntimeError("a bug")

    feed, heard = await open_heard(watch, room_id), Heard()
    for listener in (Failing(), heard, Failing()):
        feed.listen(listener)

    for _ in range(2):
        happened = await happen(given, room_id, NOTICE)
    await heard.until(happened[-1].number)

    assert len(heard.events) == 2


async def test_what_was_committed_and_never_told_is_found_within_a_second(watch, given, room_id):
    feed, heard = await open_heard(watch, room_id), Heard()
    feed.listen(heard)

    happened = await happen(given, room_id, NOTICE, NOTICE, bus=Silent(given.market.gate))
    await heard.until(happened[-1].number, seconds=2.5)

    assert heard.events == list(happened)


async def test_what_was_never_told_is_found_at_once_when_something_later_is(watch, given, room_id, no_looks):
    feed, heard = await open_heard(watch, room_id), Heard()
    feed.listen(heard)

    await happen(given, room_id, NOTICE, bus=Silent(given.market.gate))
    happened = await happen(given, room_id, NOTICE)
    await heard.until(happened[-1].number)

    assert heard.numbers == [happened[-1].number - 1, happened[-1].number]


async def test_events_that_overtake_one_another_on_the_bus_are_told_in_order_without_asking_the_ledger(
    watch, given, db, room_id, no_looks
):
    feed, heard = await open_heard(watch, room_id), Heard()
    feed.listen(heard)
    happened = await happen(given, room_id, NOTICE, NOTICE, NOTICE, bus=Silent(given.market.gate))

    with count_statements(db) as sent:
        for event in (happened[2], happened[1], happened[0], happened[1]):
            await given.bus.publish([event])
        await heard.until(happened[-1].number)

    assert heard.events == list(happened)
    assert [statement for statement in sent if "live_room_events" in statement] == []


async def test_comments_are_told_together_and_all_else_at_once(watch, given, room_id, second):
    feed, heard = await open_heard(watch, room_id), Heard()
    feed.listen(heard)

    await happen(given, room_id, COMMENT)
    await told(5, lambda: heard.calls)  # nothing was told just now: the first need not wait
    for _ in range(3):
        await happen(given, room_id, COMMENT)
    await asyncio.sleep(0.05)
    assert len(heard.calls) == 1

    happened = await happen(given, room_id, NOTICE)
    await heard.until(happened[-1].number)
    assert [len(events) for events in heard.calls] == [1, 4]

    for _ in range(3):
        happened = await happen(given, room_id, COMMENT)
    await heard.until(happened[-1].number)
    assert [len(events) for events in heard.calls] == [1, 4, 3]
    assert heard.numbers == list(range(happened[-1].number - 7, happened[-1].number + 1))


async def test_whoever_begins_to_listen_while_comments_wait_is_told_them_with_the_others(watch, given, room_id, second):
    feed, first, late = await open_heard(watch, room_id), Heard(), Heard()
    feed.listen(first)
    await happen(given, room_id, COMMENT)
    await told(5, lambda: first.calls)
    happened = await happen(given, room_id, COMMENT)
    await asyncio.sleep(0.05)

    known = feed.last
    feed.listen(late)
    await late.until(happened[-1].number)

    assert known == happened[-1].number - 1
    assert late.numbers == [happened[-1].number]


async def test_only_the_newest_counters_are_told_and_no_more_than_four_times_a_second(watch, given, room_id):
    feed, heard = await open_heard(watch, room_id), Heard()
    feed.listen(heard)

    began = monotonic()
    for likes in range(20):
        await given.bus.publish_counters(room_id, {"likes": likes})
        await asyncio.sleep(0.02)
    await told(5, lambda: heard.counters and heard.counters[-1] == {"likes": 19})
    await given.bus.publish_counters(room_id, {"likes": 19})
    await asyncio.sleep(0.3)

    assert len(heard.counters) <= 1 + (monotonic() - began) / feeds.TOGETHER_SECONDS
    assert feed.counters == {"likes": 19}


async def test_a_process_that_comes_later_knows_the_newest_counters(watch, given, room_id):
    await given.bus.publish_counters(room_id, {"likes": 7})

    assert (await watch.open(room_id)).counters == {"likes": 7}


async def test_what_is_somebodys_own_is_told_with_whose_it_is(watch, given, room_id):
    feed, heard, mine, order_id = await open_heard(watch, room_id), Heard(), new_id(), new_id()
    feed.listen(heard)
    tickets = [(new_id(), "ticket", new_id()) for _ in range(600)]

    await given.bus.tell(room_id, mine, "order", order_id)
    await given.bus.tell_many(room_id, tickets)
    await told(5, lambda: len(heard.personal) == 601)

    assert heard.personal == [(mine, "order", order_id), *tickets]


async def test_what_is_no_message_of_ours_is_let_go(watch, given, gate, room_id):
    feed, heard = await open_heard(watch, room_id), Heard()
    feed.listen(heard)

    for nonsense in (b"", b"e", b"e[[1]]", b"p{}", b"x", b'e[[3,"no such kind",{},"2026-11-11T04:00:00Z"]]'):
        await gate.execute_command("SPUBLISH", channel_of(room_id), nonsense)
    happened = await happen(given, room_id, NOTICE)
    await heard.until(happened[-1].number)

    assert heard.events == list(happened)


async def test_whoever_comes_back_is_told_what_was_missed_from_memory(watch, given, db, room_id):
    feed = await open_heard(watch, room_id)
    before = feed.last
    happened = await many(given, room_id, 700, bus=given.bus)
    await told(2, lambda: feed.last == happened[-1].number)

    with count_statements(db) as sent:
        part = await feed.since(before)
        rest = await feed.since(part[-1].number)

    assert (len(part), [*part, *rest]) == (500, list(happened))
    assert await feed.since(happened[-1].number) == ()
    assert sent == []


async def test_a_process_that_has_just_begun_tells_what_was_missed_from_the_stream(watch, given, db, room_id):
    happened = await many(given, room_id, 800, bus=given.bus)
    feed = await open_heard(watch, room_id)

    with count_statements(db) as sent:
        found = await asyncio.gather(*(all_since(feed, number) for number in range(2, happened[-1].number)))

    assert [[event.number for event in events] for events in found[::100]] == [
        list(range(number + 1, happened[-1].number + 1)) for number in range(2, happened[-1].number, 100)
    ]
    assert found[0] == list(happened)
    assert [statement for statement in sent if "live_room_events" in statement] == []


async def test_what_the_stream_has_lost_is_told_from_the_ledger_and_asked_for_once(watch, given, db, gate, room_id):
    happened = await many(given, room_id, 800)
    feed = await open_heard(watch, room_id)

    with count_statements(db) as sent:
        found = await asyncio.gather(*(all_since(feed, number) for number in range(2, happened[-1].number)))

    assert found[0] == list(happened)
    assert [events[0].number for events in found] == list(range(3, happened[-1].number + 1))
    assert len([statement for statement in sent if "live_room_events" in statement]) <= 2


async def test_whoever_is_very_far_behind_is_told_everything_in_parts(watch, given, db, room_id):
    await many(given, room_id, 2_000)
    feed = await watch.open(room_id)

    with count_statements(db) as sent:
        found = await asyncio.gather(*(all_since(feed, 0) for _ in range(50)))

    assert {tuple(event.number for event in events) for events in found} == {tuple(range(1, feed.last + 1))}
    assert len([statement for statement in sent if "live_room_events" in statement]) <= 6


async def test_those_who_are_very_far_behind_read_the_same_pages_from_whichever_number(watch, given, db, room_id):
    await many(given, room_id, 2_000)
    feed = await watch.open(room_id)
    numbers = range(100, 900, 7)

    with count_statements(db) as sent:
        found = await asyncio.gather(*(feed.since(number) for number in numbers))

    assert [[event.number for event in events] for events in found] == [
        list(range(number + 1, number - number % 500 + 501)) for number in numbers
    ]
    assert len([statement for statement in sent if "live_room_events" in statement]) == 2


async def test_whoever_is_ahead_of_this_process_is_caught_up_with(watch, given, db, room_id):
    feed, heard = await open_heard(watch, room_id), Heard()
    feed.listen(heard)
    happened = await many(given, room_id, 3)

    with count_statements(db) as sent:
        found = await asyncio.gather(*(feed.since(happened[1].number) for _ in range(100)))

    assert all(events == [happened[2]] for events in found)
    assert heard.events == list(happened)
    assert len(sent) <= 3
    assert await feed.since(10_000) == ()


async def test_a_room_is_heard_on_one_connection_and_let_go_some_seconds_after_the_last_has_left(
    watch, given, gate, room_id, monkeypatch
):
    monkeypatch.setattr(feeds, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.05)
    other_id = (await given.live_room()).id
    feed = await open_heard(watch, room_id)
    stops = [feed.listen(Heard()) for _ in range(100)]
    await open_heard(watch, other_id)
    assert await listening(gate, room_id) == 1

    await told(5, lambda: not watch._ear.hears(other_id))
    assert watch._ear.hears(room_id)
    assert await listening(gate, room_id) == 1

    for stop in stops:
        stop()
    await told(5, lambda: not watch._ear.hears(room_id))
    await asyncio.sleep(0.05)
    assert await listening(gate, room_id) == 0
    with pytest.raises(RuntimeError, match="open it again"):
        feed.listen(Heard())

    again, heard = await open_heard(watch, room_id), Heard()
    again.listen(heard)
    happened = await happen(given, room_id, NOTICE)
    await heard.until(happened[-1].number)
    assert heard.events == list(happened)


async def listening(gate, room_id):
    [(_, count)] = await gate.pubsub_shardnumsub(channel_of(room_id))
    return count


def test_a_viewer_on_two_sockets_counts_once_until_both_are_gone(market):
    watch, room_id, other_id, shopper_id = RoomWatch(market.db, market.gate), new_id(), new_id(), new_id()
    assert (dict(watch.viewers(room_id)), list(watch.rooms())) == ({}, [])

    for viewed_id, key, who in (
        (room_id, "a", shopper_id),
        (room_id, "a", shopper_id),
        (room_id, "b", None),
        (other_id, "a", shopper_id),
    ):
        watch.note_viewer(viewed_id, key, who)
    watch.forget_viewer(room_id, "a")
    watch.forget_viewer(room_id, "b")
    watch.forget_viewer(other_id, "a")
    assert dict(watch.viewers(room_id)) == {"a": shopper_id}
    assert list(watch.rooms()) == [room_id]

    watch.forget_viewer(room_id, "a")
    assert (dict(watch.viewers(room_id)), list(watch.rooms())) == ({}, [])


@pytest.fixture
async def own_gate(tmp_path):
    """A server of the test's own, to be killed, and a client of it."""
    server = Valkey(tmp_path / "gate", instead_of="REDIS_URL")
    server.start()
    gate = connect(server.url)
    yield server, gate
    await gate.aclose()
    server.stop()


@pytest.mark.parametrize("comes_back", ["restart", "restart_empty"])
async def test_listeners_lose_and_repeat_nothing_over_a_restart_of_redis(given, db, room_id, own_gate, comes_back):
    server, gate = own_gate
    bus, watch, heard = LiveBus(gate), RoomWatch(db, gate), Heard()
    feed = await open_heard(watch, room_id)
    feed.listen(heard)
    before = feed.last
    kinds = [NOTICE, COMMENT, SHELF]

    async def keep_happening():
        for number in range(60):
            await happen(given, room_id, kinds[number % 3], bus=bus)
            await asyncio.sleep(0.02)

    happening = asyncio.create_task(keep_happening())
    await asyncio.sleep(0.3)
    if comes_back == "restart":
        server.crash()
        await asyncio.sleep(0.3)
    getattr(server, comes_back)()
    await happening
    await told(3, lambda: watch._ear.hears(room_id))
    happened = await happen(given, room_id, NOTICE, bus=bus)
    await heard.until(happened[-1].number)

    assert heard.numbers == list(range(before + 1, before + 62))
    later = RoomWatch(db, gate)
    resumed = await later.open(room_id)
    assert [event.number for event in await all_since(resumed, before)] == heard.numbers
    await watch.close()
    await later.close()


async def test_without_redis_nothing_is_later_than_a_second(given, db, room_id, tmp_path):
    gate = connect(f"unix://{tmp_path}/nobody?db=0")
    watch, heard = RoomWatch(db, gate), Heard()
    feed = await watch.open(room_id)
    feed.listen(heard)

    for _ in range(2):
        happened = await happen(given, room_id, NOTICE, COMMENT, bus=LiveBus(gate))
        await heard.until(happened[-1].number, seconds=2.5)

    assert heard.numbers == list(range(happened[-1].number - 3, happened[-1].number + 1))
    await watch.close()
    await gate.aclose()
