"""Writing in a room: what is kept, what the room is told, and what it costs."""

from asyncio import gather
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.accounts.rules import Principal, Role
from domain.chats import moderating, queries, store
from domain.chats.desk import CommentDesk
from domain.chats.rules import BannedFromRoom, CommentState, CommentTooSoon, MutedInRoom, RoomChatClosed
from domain.chats.tables import comments
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound, NotSignedIn
from domain.foundation.ids import new_id
from domain.live_rooms import running
from domain.live_rooms.rules import EventKind, RoomNotOn
from tests.audit import assert_clean
from tests.statements import count_statements

BATCH_STATEMENTS = 6


@pytest.fixture
async def desk(given):
    """Where comments are taken in this process."""
    return CommentDesk(given.db, given.bus)


async def write(desk, room, by, text="好看", *, key=None, now=None):
    return await desk.post(
        room_id=room.id, by=by, text=text, idempotency_key=key or str(new_id()), now=now or room.room.live_at
    )


async def kept(given):
    return await given.db.rows(comments.select().order_by(comments.c.number, comments.c.id))


async def test_a_comment_is_kept_and_told_without_whose_it_is(given, desk):
    room = await given.live_room()
    viewer = await given.viewer("林晚")

    posted = await write(desk, room, viewer, " 这个\n好看 ")

    assert posted.comment.text == posted.shown_text == "这个 好看"
    assert (posted.comment.state, posted.comment.author_id) == (CommentState.SHOWN, viewer.account_id)
    [event] = await given.told(room.id, EventKind.COMMENTED)
    assert event.number == posted.comment.number
    assert event.happened_at == posted.comment.posted_at == given.now
    facts = {"comment_id": str(posted.comment.id), "author": "林**", "badge": None, "text": "这个 好看"}
    assert event.facts == facts
    await assert_clean(given.market)


async def test_the_crew_and_staff_have_badges_and_only_the_host_a_name(given, desk):
    room = await given.live_room()
    staff = Principal(await given.shopper("店长"), frozenset({Role.MERCHANDISER}))

    await write(desk, room, room.host)
    await write(desk, room, staff)

    told = await given.told(room.id, EventKind.COMMENTED)
    assert [(event.facts["author"], event.facts["badge"]) for event in told] == [("顾客", "host"), ("店**", "staff")]


async def test_a_masked_word_is_read_by_nobody_and_kept_as_it_was_written(given, desk):
    await given.words(mask=["傻瓜"])
    room = await given.live_room()

    posted = await write(desk, room, await given.viewer(), "你是傻 瓜吗")

    assert (posted.comment.state, posted.comment.text) == (CommentState.MASKED, "你是傻 瓜吗")
    [event] = await given.told(room.id, EventKind.COMMENTED)
    assert posted.shown_text == event.facts["text"] == "你是***吗"


async def test_a_withheld_comment_is_kept_and_the_room_is_told_nothing(given, desk):
    await given.words(withhold=["加微信"])
    room = await given.live_room()

    first = await write(desk, room, await given.viewer(), "加 微 信")
    second = await write(desk, room, await given.viewer(), "好看")

    assert (first.comment.state, first.shown_text) == (CommentState.WITHHELD, "加 微 信")
    assert [event.number for event in await given.told(room.id, EventKind.COMMENTED)] == [second.comment.number]
    assert first.comment.number == second.comment.number - 1
    await assert_clean(given.market)


async def test_a_list_that_was_just_set_judges_the_next_comment_on_every_process(given, desk):
    room, viewer = await given.live_room(), await given.viewer()
    other = CommentDesk(given.db, given.bus)
    for each in (desk, other):
        assert (await write(each, room, viewer, "傻瓜")).comment.state is CommentState.SHOWN

    words = await given.words(mask=["傻瓜"])
    masked = [(await write(each, room, viewer, "傻瓜")).comment.state for each in (desk, other)]
    await given.words(version=words.version)
    shown = [(await write(each, room, viewer, "傻瓜")).comment.state for each in (desk, other)]

    assert (masked, shown) == ([CommentState.MASKED] * 2, [CommentState.SHOWN] * 2)


async def test_a_list_that_another_room_has_just_brought_judges_this_one_too(given, desk, monkeypatch):
    room, other, viewer = await given.live_room(), await given.live_room(), await given.viewer()
    asks = store.known

    async def known_a_little_later(tx, room_id, asked):
        if room_id == room.id:
            await given.words(mask=["傻瓜"])
            await write(desk, other, viewer)
        return await asks(tx, room_id, asked)

    monkeypatch.setattr(store, "known", known_a_little_later)

    assert (await write(desk, room, viewer, "傻瓜")).comment.state is CommentState.MASKED


async def test_the_same_key_gives_the_same_comment_again(given, desk):
    await given.words(mask=["傻瓜"])
    room, viewer = await given.live_room(), await given.viewer()

    first = await write(desk, room, viewer, "傻瓜", key="comment-1")
    await running.end(given.db, given.bus, room_id=room.id, by=room.host, now=given.now)
    await given.words(version=1)
    again = await write(CommentDesk(given.db, given.bus), room, viewer, "傻瓜", key="comment-1")

    assert again == replace(first, author=again.author)
    assert len(await kept(given)) == 1
    with pytest.raises(IdempotencyConflict):
        await write(desk, room, viewer, "聪明", key="comment-1")


async def test_a_comment_sent_twice_at_once_is_one(given, desk):
    room, viewer = await given.live_room(), await given.viewer()

    twice = await gather(*(write(desk, room, viewer, key="comment-1") for _ in range(2)))

    assert twice[0].comment == twice[1].comment
    assert len(await given.told(room.id, EventKind.COMMENTED)) == 1


async def test_nothing_is_written_where_nobody_may_write(given, desk):
    room, viewer = await given.live_room(is_live=False), await given.viewer()
    at = {"now": given.now}
    with pytest.raises(RoomNotOn):
        await write(desk, room, viewer, **at)
    await running.go_live(given.db, given.bus, room_id=room.id, by=room.host, now=given.now)
    chat = {"room_id": room.id, "by": room.host, "now": given.now, "slow_seconds": 0}
    await running.set_chat(given.db, given.bus, is_open=False, **chat)
    with pytest.raises(RoomChatClosed):
        await write(desk, room, viewer, **at)
    with pytest.raises(NotFound):
        await write(desk, replace(room, room=replace(room.room, id=new_id())), viewer, **at)
    with pytest.raises(NotSignedIn):
        await write(desk, room, Principal(new_id()), **at)
    with pytest.raises(BadInput):
        await write(desk, room, viewer, "", **at)
    with pytest.raises(BadInput):
        await write(desk, room, viewer, key="short", **at)

    assert await kept(given) == []
    assert (await write(desk, room, room.host, **at)).comment.state is CommentState.SHOWN


async def test_slow_mode_holds_for_viewers_and_not_for_the_crew(given, desk):
    room, viewer = await given.live_room(), await given.viewer()
    chat = {"room_id": room.id, "by": room.host, "now": given.now}
    await running.set_chat(given.db, given.bus, is_open=True, slow_seconds=10, **chat)

    await write(desk, room, viewer)
    await gather(*(write(desk, room, room.host) for _ in range(3)))

    with pytest.raises(CommentTooSoon) as refused:
        await write(desk, room, viewer, now=given.now + timedelta(seconds=9))
    assert refused.value.retry_at == given.now + timedelta(seconds=10)
    assert await write(desk, room, viewer, now=given.now + timedelta(seconds=10))
    assert len(await kept(given)) == 5


async def test_a_muted_and_a_banned_viewer_are_silenced_at_once_on_every_process(given, desk):
    room = await given.live_room()
    other = CommentDesk(given.db, given.bus)
    muted, banned = [await given.viewer(name) for name in ("李雷", "韩梅梅")]
    first, second = await gather(write(desk, room, muted), write(desk, room, banned))
    deed = {"by": room.host, "reason": "广告", "now": given.now}

    await moderating.mute(given.db, comment_id=first.comment.id, minutes=10, **deed)
    await moderating.ban(given.db, given.bus, comment_id=second.comment.id, **deed)

    for each in (desk, other):
        with pytest.raises(MutedInRoom) as refused:
            await write(each, room, muted, now=given.now + timedelta(seconds=599))
        assert refused.value.until == given.now + timedelta(minutes=10)
        with pytest.raises(BannedFromRoom):
            await write(each, room, banned)
    assert await queries.is_banned(given.db, room.id, banned.account_id)
    assert not await queries.is_banned(given.db, room.id, muted.account_id)
    assert len(await kept(given)) == 2
    assert await write(other, room, muted, now=given.now + timedelta(minutes=10))


async def test_a_tick_of_comments_costs_six_statements(given, desk):
    await given.words(mask=["傻瓜"], withhold=["加微信"])
    room, viewers = await given.live_room(), await given.viewers(60)
    await write(desk, room, viewers[0])  # the word list is read once
    texts = ["好看", "傻瓜", "加微信"] * 20

    with count_statements(given.db) as sent:
        await gather(*(write(desk, room, by, text) for by, text in zip(viewers, texts, strict=True)))

    assert len(sent) == BATCH_STATEMENTS, "\n".join(sent)
    assert len(await kept(given)) == 61
    assert len(await given.told(room.id, EventKind.COMMENTED)) == 41
