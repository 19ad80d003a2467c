"""Rooms in which hundreds write at once: nothing of the banned after their ban, no gaps, and slow mode to the comment."""

from asyncio import gather
from collections import Counter

from domain.chats import moderating, store
from domain.chats.desk import CommentDesk, Posted
from domain.chats.rules import BannedFromRoom, CommentTooSoon, MutedInRoom
from domain.chats.tables import comments
from domain.foundation.ids import new_id
from domain.live_rooms import queries, running
from domain.live_rooms.rules import EventKind
from tests.audit import assert_clean


def desks(given, count=2):
    """Processes that take comments."""
    return [CommentDesk(given.db, given.bus) for _ in range(count)]


async def write(desk, room, by, text="好看", key=None):
    return await desk.post(
        room_id=room.id, by=by, text=text, idempotency_key=key or str(new_id()), now=room.room.live_at
    )


async def test_nothing_of_the_banned_is_shown_after_their_ban_was_answered(given):
    room, (first, second) = await given.live_room(), desks(given)
    others = await given.viewers(199)
    banned = await given.viewer("刷屏的人")
    posted = await write(first, room, banned)
    last_of_banned = []

    async def ban():
        deed = {"by": room.host, "reason": "刷屏", "now": given.now}
        await moderating.ban(given.db, given.bus, comment_id=posted.comment.id, **deed)
        last_of_banned.append((await queries.by_ids(given.db, [room.id]))[room.id].events)

    async def keep_writing(desk):
        # one after another, and without end but for the ban's
        outcomes = []
        while not outcomes or isinstance(outcomes[-1], Posted):
            outcomes += await gather(write(desk, room, banned), return_exceptions=True)
        return outcomes

    *wrote, outcomes, others_outcomes, _ = await gather(
        *(write((first, second)[at % 2], room, by) for at, by in enumerate(others)),
        keep_writing(first),
        keep_writing(second),
        ban(),
    )

    assert Counter(map(type, wrote)) == {Posted: 199}
    assert isinstance(outcomes[-1], BannedFromRoom) and isinstance(others_outcomes[-1], BannedFromRoom)
    told = await given.told(room.id, EventKind.COMMENTED)
    of_banned = [event.number for event in told if event.facts["author"] == "刷**"]
    assert max(of_banned) <= last_of_banned[0]
    assert len(of_banned) == 1 + sum(isinstance(one, Posted) for one in outcomes + others_outcomes)
    assert len(told) == 199 + len(of_banned)
    await assert_clean(given.market)


async def test_of_twenty_comments_at_once_slow_mode_lets_one_through(given):
    room, viewer = await given.live_room(), await given.viewer()
    chat = {"is_open": True, "slow_seconds": 10, "by": room.host, "now": given.now}
    await running.set_chat(given.db, given.bus, room_id=room.id, **chat)

    outcomes = await gather(
        *(write(desk, room, viewer) for desk in desks(given, 4) for _ in range(5)), return_exceptions=True
    )

    assert Counter(map(type, outcomes)) == {Posted: 1, CommentTooSoon: 19}
    assert len(await given.told(room.id, EventKind.COMMENTED)) == 1
    await assert_clean(given.market)


async def test_a_comment_that_is_sent_again_everywhere_at_once_is_shown_once(given):
    room, viewer = await given.live_room(), await given.viewer()

    outcomes = await gather(*(write(desk, room, viewer, key="comment-1") for desk in desks(given, 4) for _ in range(5)))

    assert len({posted.comment for posted in outcomes}) == 1
    assert len(await given.told(room.id, EventKind.COMMENTED)) == 1


async def test_twenty_who_set_the_word_list_at_once_leave_one_list(given):
    outcomes = await gather(*(given.words(mask=[f"坏话{number}"]) for number in range(20)), return_exceptions=True)

    set_by = [words for words in outcomes if not isinstance(words, Exception)]
    assert [words.version for words in set_by] == [1]
    async with given.db.reading() as reader:
        assert (await store.words(reader)).words == set_by[0].words


async def test_a_mute_and_the_end_of_a_room_come_between_two_comments_and_never_into_one(given):
    room, (first, second) = await given.live_room(), desks(given)
    viewers = await given.viewers(40)
    muted = [await write(first, room, by) for by in viewers[:5]]

    *outcomes, _, _ = await gather(
        *(write((first, second)[at % 2], room, by) for at, by in enumerate(viewers)),
        gather(
            *(
                moderating.mute(
                    given.db, comment_id=one.comment.id, minutes=None, by=room.host, reason="刷屏", now=given.now
                )
                for one in muted
            )
        ),
        running.end(given.db, given.bus, room_id=room.id, by=room.host, now=given.now),
        return_exceptions=True,
    )

    ended = (await given.told(room.id, EventKind.ENDED))[0].number
    told = await given.told(room.id, EventKind.COMMENTED)
    assert all(event.number < ended for event in told)
    assert len(told) == 5 + sum(isinstance(one, Posted) for one in outcomes)
    assert {type(one).__name__ for one in outcomes} <= {"Posted", MutedInRoom.__name__, "RoomNotOn"}
    assert len(await given.db.rows(comments.select())) == len(told)
    await assert_clean(given.market)
