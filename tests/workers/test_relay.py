"""The relay: every event is heard at least once, in the order of its aggregate, whatever fails."""

import asyncio
import time
from collections import Counter, defaultdict

import pytest
from sqlalchemy import func, insert, select, text

from domain.foundation.locks import OUTBOX_LANES
from domain.foundation.outbox import LANES, MOST_ATTEMPTS, Backlog, backlog, events, lane_of, revive_dead
from tests.given.bells import BellRang, new_bell, ring
from tests.workers.conftest import running, until
from workers import relay as relays
from workers.hearing import hears, runs_ahead
from workers.relay import Relay

LANE = 3


class Ears:
    """Hears every bell and notes its number; `trouble[number]` is what happens before it is heard."""

    def __init__(self):
        self.heard = []
        self.trouble = {}

    async def hear(self, context, rang):
        if trouble := self.trouble.get(rang.number):
            await trouble(rang)
        self.heard.append((rang.bell_id, rang.number))

    @property
    def numbers(self):
        return [number for _, number in self.heard]


@pytest.fixture
def ears():
    ears = Ears()
    hears(BellRang)(ears.hear)
    return ears


@pytest.fixture
async def new_relay(context):
    """Makes relays, each with connections of its own."""
    made = []

    def new_relay():
        made.append(Relay(context))
        return made[-1]

    yield new_relay
    for relay in made:
        await relay._db.close()


async def fail(rang):
    raise RuntimeError("nobody is at home")


async def never_end(rang):
    await asyncio.sleep(3600)


async def is_all_delivered(db):
    return (await db.value(select(func.count()).where(events.c.delivered_at.is_(None)))) == 0


async def test_two_relays_carry_every_event_once_and_each_bell_in_order(db, new_relay, ears):
    bells = [new_bell() for _ in range(20)]

    async def ring_often(bell):
        for first in range(0, 10, 2):
            await ring(db, BellRang(bell, first), BellRang(bell, first + 1))

    async with running(new_relay().run(), new_relay().run()):
        await asyncio.gather(*(ring_often(bell) for bell in bells))
        await until(lambda: is_all_delivered(db))

    in_order = defaultdict(list)
    for bell, number in ears.heard:
        in_order[bell].append(number)
    assert in_order == {bell: list(range(10)) for bell in bells}
    assert await db.value(select(func.count(events.c.delivered_at))) == 200
    assert await backlog(db) == Backlog(waiting=0, retrying=0, dead=0)


async def test_what_was_recorded_while_no_relay_ran_is_carried_by_the_first(db, new_relay, ears):
    bell = new_bell()
    await ring(db, *(BellRang(bell, number) for number in range(250)))  # more than two batches

    async with running(new_relay().run()):
        await until(lambda: is_all_delivered(db))

    assert ears.numbers == list(range(250))


async def test_an_event_that_nobody_wants_to_hear_is_delivered(db, new_relay):
    await ring(db, BellRang(new_bell(LANE), 1))

    assert await new_relay().carry_lane(LANE) == 1
    assert await is_all_delivered(db)


async def test_a_relay_is_woken_by_the_commit_and_need_not_look(db, new_relay, ears, monkeypatch):
    monkeypatch.setattr(relays, "LOOK_AGAIN_SECONDS", 60)
    bell = new_bell()
    took = []

    async with running(new_relay().run()):
        await until(lambda: is_listening(db))
        for number in range(5):
            started = time.monotonic()
            await ring(db, BellRang(bell, number))
            await until(lambda number=number: number in ears.numbers, seconds=5)
            took.append(time.monotonic() - started)

    assert min(took) < 0.1
    assert sorted(took)[2] < 0.4


async def test_a_relay_that_lost_its_ear_looks_by_itself_and_listens_again(db, new_relay, ears):
    async with running(new_relay().run()):
        await until(lambda: is_listening(db))
        await db.value(text(f"SELECT pg_terminate_backend(pid) FROM ({LISTENERS}) AS listeners"))
        await ring(db, BellRang(new_bell(), 1))
        await until(lambda: ears.numbers == [1], seconds=5)


async def test_one_relay_at_a_time_works_a_lane(db, new_relay, ears):
    may_end = asyncio.Event()
    ears.trouble[1] = lambda rang: may_end.wait()
    await ring(db, BellRang(new_bell(LANE), 1), BellRang(new_bell(LANE + 1), 2))
    first = asyncio.create_task(new_relay().carry_lane(LANE))
    await until(lambda: is_held(db, LANE))

    other = new_relay()
    assert await other.carry_lane(LANE) == 0
    assert await other.carry_lane(LANE + 1) == 1

    may_end.set()
    assert await first == 1
    assert ears.numbers == [2, 1]


async def test_after_a_failure_the_bell_waits_and_others_go_on(db, new_relay, ears, ahead):
    relay = new_relay()
    failing, healthy = new_bell(LANE), new_bell(LANE)
    await ring(db, BellRang(failing, 1), BellRang(healthy, 2), BellRang(failing, 3), BellRang(healthy, 4))
    ears.trouble[1] = fail

    assert await relay.carry_lane(LANE) == 3
    assert ears.numbers == [2, 4]
    assert await backlog(db) == Backlog(waiting=2, retrying=1, dead=0)

    assert await relay.carry_lane(LANE) == 0  # its half second is not over
    del ears.trouble[1]
    ahead.seconds = 1
    assert await relay.carry_lane(LANE) == 2
    assert ears.numbers == [2, 4, 1, 3]
    assert await is_all_delivered(db)


async def test_a_running_relay_tries_again_by_itself(db, new_relay, ears):
    bell = new_bell()
    failures = []

    async def fail_twice(rang):
        if len(failures) < 2:
            failures.append(rang.number)
            raise RuntimeError("nobody is at home")

    ears.trouble[1] = fail_twice
    await ring(db, BellRang(bell, 1), BellRang(bell, 2))

    async with running(new_relay().run()):
        await until(lambda: is_all_delivered(db))

    assert failures == [1, 1]
    assert ears.numbers == [1, 2]
    assert await db.column(select(events.c.attempts).order_by(events.c.position)) == [2, 0]


async def test_an_event_that_always_fails_dies_and_frees_its_bell(db, new_relay, ears, ahead):
    relay, bell = new_relay(), new_bell(LANE)
    await ring(db, BellRang(bell, 1), BellRang(bell, 2))
    ears.trouble[1] = fail

    for attempt in range(MOST_ATTEMPTS):
        assert ears.heard == []
        ahead.seconds = attempt * 3600
        assert await relay.carry_lane(LANE) == 1

    assert await backlog(db) == Backlog(waiting=1, retrying=0, dead=1)
    assert await relay.carry_lane(LANE) == 1
    assert ears.numbers == [2]
    assert await db.column(select(events.c.last_error).where(events.c.dead_at.isnot(None))) == [
        "RuntimeError('nobody is at home')"
    ]


async def test_a_dead_event_that_is_revived_is_heard(db, new_relay, ears, ahead):
    relay = new_relay()
    await ring(db, BellRang(new_bell(LANE), 1))
    ears.trouble[1] = fail
    for attempt in range(MOST_ATTEMPTS):
        ahead.seconds = attempt * 3600
        await relay.carry_lane(LANE)
    del ears.trouble[1]

    async with db.transaction() as tx:
        assert await revive_dead(tx) == 1
    await relay.carry_lane(LANE)

    assert ears.numbers == [1]
    assert await backlog(db) == Backlog(waiting=0, retrying=0, dead=0)


async def test_when_one_hearer_fails_all_hear_it_again(db, new_relay, ears, ahead):
    relay = new_relay()
    failures = []

    @hears(BellRang)
    async def second(context, rang):
        if not failures:
            failures.append(rang.number)
            raise RuntimeError("nobody is at home")

    await ring(db, BellRang(new_bell(LANE), 1))

    await relay.carry_lane(LANE)
    ahead.seconds = 1
    await relay.carry_lane(LANE)

    assert ears.numbers == [1, 1]
    assert await is_all_delivered(db)


async def test_a_crash_between_hearing_and_marking_lets_it_be_heard_again(db, new_relay, ears):
    bell = new_bell(LANE)
    await ring(db, BellRang(bell, 1), BellRang(bell, 2))

    async def lose_the_connection(rang):
        if not ears.numbers.count(2):
            await db.value(text(f"SELECT pg_terminate_backend(pid, 2000) FROM ({HOLDERS}) AS holders"), holder(LANE))

    ears.trouble[2] = lose_the_connection

    with pytest.raises(Exception, match=r"connection|closed|terminat"):
        await new_relay().carry_lane(LANE)
    assert not await is_all_delivered(db)
    await new_relay().carry_lane(LANE)

    assert ears.numbers == [1, 2, 1, 2]
    assert await is_all_delivered(db)


async def test_a_running_relay_outlives_the_loss_of_all_its_connections(db, new_relay, ears):
    bell = new_bell()
    ours = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

    async with running(new_relay().run()):
        await until(lambda: is_listening(db))
        await db.engine.dispose()
        await db.value(text(f"SELECT count(pg_terminate_backend(pid)) FROM ({ours}) AS ours"))
        await ring(db, BellRang(bell, 1))
        await until(lambda: is_all_delivered(db))

    assert Counter(ears.numbers) == {1: 1}


async def test_an_event_of_an_unknown_kind_and_a_spoilt_one_die_and_the_others_go_on(db, new_relay, ears, ahead):
    relay = new_relay()
    bells = [new_bell(LANE), new_bell(LANE), new_bell(LANE)]
    spoilt = [("test.unknown", {"bell_id": str(bells[0])}), ("test.bell_rang", {"bell_id": "?"})]
    async with db.transaction() as tx:
        for bell, (kind, payload) in zip(bells, spoilt, strict=False):
            row = {"lane": LANE, "kind": kind, "aggregate_id": bell, "payload": payload}
            await tx.execute(insert(events).values(row))
    await ring(db, BellRang(bells[2], 1))

    tried = []
    for attempt in range(MOST_ATTEMPTS):
        ahead.seconds = attempt * 3600
        tried.append(await relay.carry_lane(LANE))

    assert tried == [3] + [2] * (MOST_ATTEMPTS - 1)
    assert ears.numbers == [1]
    assert await backlog(db) == Backlog(waiting=0, retrying=0, dead=2)
    ahead.seconds = 100_000
    assert await relay.carry_lane(LANE) == 0


async def test_a_hearer_that_hangs_has_failed_and_holds_up_nobody_else(db, new_relay, ears, monkeypatch):
    monkeypatch.setattr(relays, "LETTER_SECONDS", 0.05)
    await ring(db, BellRang(new_bell(LANE), 1), BellRang(new_bell(LANE), 2))
    ears.trouble[1] = never_end

    assert await new_relay().carry_lane(LANE) == 2

    assert ears.numbers == [2]
    assert await db.value(select(events.c.last_error).where(events.c.attempts == 1)) == "TimeoutError()"


async def test_two_hundred_letters_that_fail_write_few_bytes(db, new_relay, ears, logged):
    for number in range(200):
        ears.trouble[number] = fail
    await ring(db, *(BellRang(new_bell(LANE), number) for number in range(200)))
    relay = new_relay()

    tried = [await relay.carry_lane(LANE) for _ in range(2)]

    assert tried == [100, 100]
    told = [line for line in logged if line["event"] == "event_not_heard"]
    assert ["exc_info" in line for line in told] == [True] + [False] * 5
    assert len(str(told)) < 2_000
    assert await backlog(db) == Backlog(waiting=200, retrying=200, dead=0)


async def test_a_slow_batch_is_marked_in_parts_and_nothing_is_heard_twice(db, new_relay, ears, monkeypatch):
    monkeypatch.setattr(relays, "BATCH_SECONDS", 0.1)
    relay, bell = new_relay(), new_bell(LANE)
    for number in range(12):
        ears.trouble[number] = lambda rang: asyncio.sleep(0.03)
    await ring(db, *(BellRang(bell, number) for number in range(12)))

    tried = []
    while sum(tried) < 12:
        tried.append(await relay.carry_lane(LANE))

    assert all(0 < count < 12 for count in tried)
    assert ears.numbers == list(range(12))


async def test_a_cancellation_out_of_a_hearer_is_a_failure_and_the_relay_goes_on(db, new_relay, ears):
    bell = new_bell()

    async def wait_for_somebody_who_was_cancelled(rang):
        if rang.number not in tried:
            tried.append(rang.number)
            raise asyncio.CancelledError

    tried = []
    ears.trouble[1] = wait_for_somebody_who_was_cancelled

    async with running(new_relay().run()):
        await ring(db, BellRang(bell, 1))
        await until(lambda: is_all_delivered(db))

    assert ears.numbers == [1]


async def test_a_relay_that_is_told_to_end_ends_in_the_middle_of_a_hearer(db, new_relay, ears):
    ears.trouble[1] = never_end
    await ring(db, BellRang(new_bell(LANE), 1))

    async with running(new_relay().run()) as [task]:
        await until(lambda: is_held(db, LANE))
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done == {task}

    assert ears.heard == []
    assert not await is_held(db, LANE)
    assert await backlog(db) == Backlog(waiting=1, retrying=0, dead=0)


def test_every_lane_has_one_carrier():
    lanes = [lane for carrier in range(relays.CARRIERS) for lane in range(LANES) if lane % relays.CARRIERS == carrier]

    assert sorted(lanes) == list(range(LANES))
    assert {lane_of(new_bell(lane)) for lane in range(LANES)} == set(range(LANES))


LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
HOLDERS = """
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def holder(lane):
    return {"lock": OUTBOX_LANES + lane}


async def is_listening(db):
    return await db.value(text(f"SELECT count(*) > 0 FROM ({LISTENERS}) AS listeners"))


async def is_held(db, lane):
    return await db.value(text(f"SELECT count(*) > 0 FROM ({HOLDERS}) AS holders"), holder(lane))


async def test_who_runs_ahead_gets_the_first_letter_of_each_aggregate_at_once(db, new_relay, ears):
    ahead = []

    @runs_ahead(BellRang)
    async def run_ahead(context, events):
        ahead.append(sorted(event.number for event in events))

    bells = [bell for bell in (new_bell() for _ in range(60)) if lane_of(bell) == LANE][:3]
    for number, bell in enumerate(bells):
        await ring(db, BellRang(bell, number), BellRang(bell, 10 + number))

    await new_relay().carry_lane(LANE)

    assert ahead == [list(range(len(bells)))]
    assert sorted(ears.numbers) == sorted([*range(len(bells)), *range(10, 10 + len(bells))])


async def test_a_failure_ahead_delays_nobody(db, new_relay, ears):
    @runs_ahead(BellRang)
    async def fail_ahead(context, events):
        raise RuntimeError("the road is closed")

    bells = [bell for bell in (new_bell() for _ in range(60)) if lane_of(bell) == LANE][:2]
    await ring(db, *(BellRang(bell, 1) for bell in bells))

    await new_relay().carry_lane(LANE)

    assert ears.numbers == [1, 1]
    assert await is_all_delivered(db)


async def test_who_runs_ahead_and_hangs_leaves_time_for_the_letters(db, new_relay, ears, monkeypatch):
    monkeypatch.setattr(relays, "AHEAD_SECONDS", 0.3)
    monkeypatch.setattr(relays, "BATCH_SECONDS", 0.2)

    @runs_ahead(BellRang)
    async def hang(context, events):
        await asyncio.sleep(3600)

    bells = [bell for bell in (new_bell() for _ in range(60)) if lane_of(bell) == LANE][:2]
    await ring(db, *(BellRang(bell, 1) for bell in bells))

    await new_relay().carry_lane(LANE)

    assert ears.numbers == [1, 1]
    assert await is_all_delivered(db)
