"""Polls: super users vote once each, otherwise if they like, and until the poll closes."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.super_users import actions, queries
from domain.super_users.rules import NewPoll, PollNotOpen, SuperUsersOnly

INSTANT = timedelta(microseconds=1)


@pytest.fixture
async def poll(given):
    return await given.poll()


@pytest.fixture
async def options(db, poll):
    """The ids of the poll's options."""
    return [option.id for option in (await queries.options_by_poll_ids(db, [poll.id]))[poll.id]]


async def counted(db, poll):
    return [option.votes for option in (await queries.options_by_poll_ids(db, [poll.id]))[poll.id]]


async def test_a_vote_counts_once_and_may_be_changed(given, db, poll, options):
    [fan, other] = await given.super_users(2)
    votes = [(fan, options[0])] * 20 + [(other, options[1])]
    await asyncio.gather(
        *(actions.vote(db, poll_id=poll.id, option_id=option, account_id=who, now=given.now) for who, option in votes)
    )
    assert await counted(db, poll) == [1, 1]

    await actions.vote(db, poll_id=poll.id, option_id=options[1], account_id=fan, now=given.now)

    assert await counted(db, poll) == [0, 2]
    assert await queries.votes_of(db, fan, [poll.id]) == {poll.id: options[1]}


async def test_only_super_users_vote(given, db, poll, options):
    with pytest.raises(SuperUsersOnly):
        await actions.vote(db, poll_id=poll.id, option_id=options[0], account_id=await given.shopper(), now=given.now)

    assert await counted(db, poll) == [0, 0]


async def test_a_poll_takes_votes_until_the_instant_it_closes(given, db, poll, options):
    [fan] = await given.super_users(1)
    vote = {"poll_id": poll.id, "option_id": options[0], "account_id": fan}

    for too_early_or_late in (poll.opens_at - INSTANT, poll.closes_at):
        with pytest.raises(PollNotOpen):
            await actions.vote(db, **vote, now=too_early_or_late)
    assert await counted(db, poll) == [0, 0]

    await actions.vote(db, **vote, now=poll.closes_at - INSTANT)
    assert await counted(db, poll) == [1, 0]


async def test_an_option_of_another_poll_is_none_of_this(given, db, poll):
    [fan] = await given.super_users(1)
    other = await given.poll()
    [foreign, _] = (await queries.options_by_poll_ids(db, [other.id]))[other.id]

    for poll_id, option_id in ((poll.id, foreign.id), (new_id(), foreign.id)):
        with pytest.raises(NotFound):
            await actions.vote(db, poll_id=poll_id, option_id=option_id, account_id=fan, now=given.now)

    assert await counted(db, other) == [0, 0]


async def test_a_closed_poll_stays_closed(given, db, poll, options):
    [fan] = await given.super_users(1)
    later = given.now + timedelta(minutes=1)

    closed = [await actions.close_poll(db, poll_id=poll.id, by=new_id(), now=at) for at in (later, later + INSTANT)]

    assert {each.closes_at for each in closed} == {later}
    with pytest.raises(PollNotOpen):
        await actions.vote(db, poll_id=poll.id, option_id=options[0], account_id=fan, now=later)
    assert [each.id for each in (await queries.open_polls(db, now=later, first=9)).rows] == []
    assert [each.id for each in (await queries.all_polls(db, first=9)).rows] == [poll.id]


async def test_a_poll_that_is_closed_before_it_opens_never_opens_and_is_closed_once(given, db):
    product_ids = tuple([(await given.product()).id for _ in range(2)])
    hour = timedelta(hours=1)
    wish = NewPoll("选一款", product_ids, given.now + hour, given.now + 2 * hour)
    poll = await actions.create_poll(db, wish, by=new_id(), idempotency_key="poll-key-1", now=given.now)

    closed = [await actions.close_poll(db, poll_id=poll.id, by=new_id(), now=given.now) for _ in range(2)]

    assert [each.closes_at for each in closed] == [poll.opens_at] * 2
    assert await db.value(text("SELECT count(*) FROM staff_deeds WHERE deed = 'close_product_poll'")) == 1


async def test_a_poll_is_made_once_for_each_key(given, db):
    product_ids = tuple([(await given.product()).id for _ in range(2)])
    wish = NewPoll("选一款", product_ids, given.now, given.now + timedelta(hours=1))
    by = new_id()

    made = [await actions.create_poll(db, wish, by=by, idempotency_key="poll-key-1", now=given.now) for _ in range(2)]

    assert made[0] == made[1]
    with pytest.raises(IdempotencyConflict):
        other = NewPoll("另选", product_ids, given.now, given.now + timedelta(hours=1))
        await actions.create_poll(db, other, by=by, idempotency_key="poll-key-1", now=given.now)


@pytest.mark.parametrize(
    ("title", "products", "hours", "says"),
    [
        ("", 2, 1, "title has 0 characters"),
        ("选", 1, 1, "2 to 10 different products"),
        ("选", 2, 0, "a poll closes after it opens"),
        ("选", 2, 721, "within 30 days"),
    ],
)
async def test_what_cannot_be_asked(given, db, title, products, hours, says):
    product_ids = tuple([(await given.product()).id for _ in range(products)])
    wish = NewPoll(title, product_ids, given.now, given.now + timedelta(hours=hours))

    with pytest.raises(BadInput, match=says):
        await actions.create_poll(db, wish, by=new_id(), idempotency_key="poll-key-1", now=given.now)

    assert (await queries.all_polls(db, first=9)).rows == []
