"""The outbox as its tables tell it: what waits, in which order, and what becomes of what nobody can hear."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select, text

from domain.foundation.ids import new_id
from domain.foundation.outbox import (
    LANES,
    MOST_ATTEMPTS,
    Backlog,
    Event,
    backlog,
    event,
    event_of,
    events,
    forget_delivered,
    lane_of,
    mark_delivered,
    mark_failed,
    retry_wait,
    revive_dead,
    row_of,
    waiting,
)
from tests.given.bells import BellRang, new_bell, ring
from tests.statements import count_statements

LANE = 3


@pytest.fixture
def post(db, now):
    return Post(db, now)


class Post:
    """One lane's letters, looked at and marked as the relay does it."""

    def __init__(self, db, now):
        self.db = db
        self.now = now

    async def waiting(self, *, later=0.0, limit=100):
        async with self.db.reading() as reader:
            return await waiting(reader, lane=LANE, now=self.now + timedelta(seconds=later), limit=limit)

    async def numbers(self, **when):
        """The numbers that the waiting bells were given."""
        return [letter.payload["number"] for letter in await self.waiting(**when)]

    async def deliver(self, *letters):
        async with self.db.transaction() as tx:
            await mark_delivered(tx, positions=[letter.position for letter in letters], now=self.now)

    async def fail(self, letter, *, error="no", later=0.0):
        async with self.db.transaction() as tx:
            return await mark_failed(tx, letter, error=error, now=self.now + timedelta(seconds=later))

    async def fail_for_good(self):
        """Fail the first letter until it is dead."""
        for _ in range(MOST_ATTEMPTS):
            [letter, *_] = await self.waiting(later=86_400)
            is_dead = await self.fail(letter)
        assert is_dead


@given(st.uuids(), st.integers(-(2**63), 2**63 - 1))
def test_every_event_comes_back_from_its_row(bell, number):
    row = row_of(BellRang(bell, number))

    assert event_of(row["kind"], row["payload"]) == BellRang(bell, number)
    assert (row["aggregate_id"], row["lane"]) == (bell, lane_of(bell))


@pytest.mark.parametrize(("aggregate", "lane"), [(0, 5), (1, 3), (2, 1), (2**128 - 1, 2)])
def test_the_lane_of_an_aggregate_never_changes(aggregate, lane):
    assert lane_of(UUID(int=aggregate)) == lane


@given(st.uuids())
def test_every_aggregate_has_a_lane(aggregate):
    assert 0 <= lane_of(aggregate) < LANES


def test_two_events_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"two events are called 'test\.bell_rang'"):

        @event("test.bell_rang", aggregate="gong_id")
        class GongRang(Event):
            gong_id: UUID


def test_an_event_without_its_aggregate_is_refused():
    with pytest.raises(ValueError, match="GongRang has no field 'bell_id'"):

        @event("test.gong_rang", aggregate="bell_id")
        class GongRang(Event):
            gong_id: UUID


def test_a_kind_that_nobody_knows_and_a_bad_payload_are_told_apart():
    with pytest.raises(KeyError, match=r"test\.unknown"):
        event_of("test.unknown", {})
    with pytest.raises(ValidationError, match="bell_id"):
        event_of("test.bell_rang", {"number": 1})


def test_an_event_is_tried_for_about_40_minutes():
    waits = [retry_wait(attempts).total_seconds() for attempts in range(1, MOST_ATTEMPTS)]

    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert retry_wait(MOST_ATTEMPTS).total_seconds() == 600
    assert 17 * 60 < sum(waits) < 41 * 60


async def test_letters_wait_in_the_order_they_were_recorded_each_in_its_lane(db, post):
    bells = [new_bell(LANE), new_bell(LANE)]
    await ring(db, BellRang(bells[0], 1), BellRang(new_bell(LANE + 1), 2), BellRang(bells[1], 3))
    await ring(db, BellRang(bells[0], 4))

    assert await post.numbers() == [1, 3, 4]
    assert await post.numbers(limit=2) == [1, 3]


async def test_what_is_delivered_waits_no_more(db, post):
    bell = new_bell(LANE)
    await ring(db, *(BellRang(bell, number) for number in (1, 2, 3)))

    await post.deliver(*(await post.waiting(limit=2)))

    assert await post.numbers() == [3]
    assert await backlog(db) == Backlog(waiting=1, retrying=0, dead=0)


async def test_after_a_failure_the_whole_aggregate_waits_and_others_go_on(db, post):
    failing, healthy = new_bell(LANE), new_bell(LANE)
    await ring(db, BellRang(failing, 1), BellRang(healthy, 2), BellRang(failing, 3), BellRang(healthy, 4))

    is_dead = await post.fail((await post.waiting())[0])

    assert not is_dead
    assert await post.numbers() == [2, 4]
    assert await post.numbers(later=0.499) == [2, 4]
    assert await post.numbers(later=0.5) == [1, 2, 3, 4]
    assert await backlog(db) == Backlog(waiting=4, retrying=1, dead=0)


async def test_the_last_failure_makes_a_dead_letter_and_frees_the_aggregate(db, post):
    bell = new_bell(LANE)
    await ring(db, BellRang(bell, 1), BellRang(bell, 2))

    await post.fail_for_good()

    assert await post.numbers() == [2]
    assert await backlog(db) == Backlog(waiting=1, retrying=0, dead=1)


async def test_a_dead_letter_that_is_revived_starts_afresh(db, post):
    bell = new_bell(LANE)
    await ring(db, BellRang(bell, 1), BellRang(bell, 2))
    await post.fail_for_good()

    async with db.transaction() as tx:
        revived = await revive_dead(tx)

    assert revived == 1
    assert [(letter.payload["number"], letter.attempts) for letter in await post.waiting()] == [(1, 0), (2, 0)]
    assert await backlog(db) == Backlog(waiting=2, retrying=0, dead=0)


async def test_an_error_is_kept_to_4000_characters(db, post):
    await ring(db, BellRang(new_bell(LANE), 1))

    await post.fail((await post.waiting())[0], error="字" * 10_000)

    assert await db.value(select(events.c.last_error)) == "字" * 4000


async def test_old_delivered_letters_are_forgotten_so_many_at_a_time_and_no_others(db, post, now):
    bell = new_bell(LANE)
    await ring(db, *(BellRang(bell, number) for number in range(1, 7)))
    await post.deliver(*(await post.waiting(limit=4)))

    async with db.transaction() as tx:
        too_early = await forget_delivered(tx, before=now)
        some = await forget_delivered(tx, before=now + timedelta(seconds=1), limit=3)
        rest = await forget_delivered(tx, before=now + timedelta(seconds=1), limit=3)

    assert (too_early, some, rest) == (0, 3, 1)
    assert await post.numbers() == [5, 6]


async def test_the_figures_of_the_outbox_do_not_read_what_was_delivered(db):
    await ring(db, *(BellRang(new_id(), number) for number in range(3000)))
    async with db.reading() as reader:
        await reader.connection.execute(text("UPDATE outbox_events SET delivered_at = now()"))
        await reader.connection.execute(text("ANALYZE outbox_events"))

    with count_statements(db) as sent:
        assert await backlog(db) == Backlog(waiting=0, retrying=0, dead=0)

    [question] = sent
    plan = "\n".join(await db.column(text(f"EXPLAIN {question}".replace("$1::SMALLINT", "0"))))
    assert "Seq Scan" not in plan
