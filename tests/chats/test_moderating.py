"""What a crew does to keep its chat decent, and what of it stands in the trail."""

from datetime import timedelta
from time import process_time

import pytest

from domain.accounts.rules import Principal, Role
from domain.chats import moderating, queries
from domain.chats.rules import ChatWordsChanged, CommentState, SilenceKind
from domain.chats.tables import silences
from domain.chats.words import Word, WordAction
from domain.foundation.errors import BadInput, NotAllowed, NotFound
from domain.foundation.ids import new_id
from domain.live_rooms.rules import EventKind
from domain.live_rooms.tables import crew
from domain.trail import queries as trail
from tests.audit import assert_clean

MERCHANDISER = frozenset({Role.MERCHANDISER})


async def assistant(given, room):
    """Somebody who helps in the room."""
    helper = await given.viewer("小助")
    async with given.db.transaction() as tx:
        row = {"room_id": room.id, "account_id": helper.account_id, "duty": "assistant"}
        await tx.execute(crew.insert().values(row))
    return helper


async def deeds(given, room):
    """What the trail has of the room, the latest first: who did what, with which facts."""
    page = await trail.page(given.db, subject_id=room.id, first=100, after=None)
    return [(deed.by, deed.deed, deed.facts) for deed in page.rows if deed.deed.endswith(("_viewer", "_comment"))]


async def silenced(given, room, *, now=None):
    page = await queries.silenced(given.db, room.id, now=now or given.now, first=10)
    return [(silence.kind, silence.account_id, silence.until) for silence in page.rows]


def deed(given, by, reason="广告"):
    return {"by": by, "reason": reason, "now": given.now}


async def test_a_removed_comment_is_read_by_nobody_and_stays_kept(given):
    room = await given.live_room()
    first, second = await given.comment(room.id, "加我"), await given.comment(room.id, "好看")

    removed = await moderating.remove(
        given.db, given.bus, comment_id=first.comment.id, **deed(given, room.host, " 广告 ")
    )
    again = await moderating.remove(given.db, given.bus, comment_id=first.comment.id, **deed(given, room.host, "再删"))

    assert removed == again
    assert (removed.state, removed.removed_by, removed.removed_at, removed.removed_why) == (
        CommentState.REMOVED,
        room.host.account_id,
        given.now,
        "广告",
    )
    assert [shown.id for shown in (await queries.shown(given.db, room.id, first=10)).rows] == [second.comment.id]
    [kept] = (await queries.kept(given.db, room.id, state=CommentState.REMOVED, first=10)).rows
    assert (kept.comment, kept.shown.text) == (removed, "加我")
    [told] = await given.told(room.id, EventKind.COMMENT_REMOVED)
    assert told.facts == {"comment_id": str(first.comment.id)}
    facts = {"comment": str(first.comment.id), "reason": "广告"}
    assert await deeds(given, room) == [(room.host.account_id, "remove_comment", facts)]
    await assert_clean(given.market)


async def test_a_withheld_comment_is_not_there_to_be_removed(given):
    await given.words(withhold=["加微信"])
    room = await given.live_room()
    withheld = await given.comment(room.id, "加微信")

    same = await moderating.remove(given.db, given.bus, comment_id=withheld.comment.id, **deed(given, room.host))

    assert same.state is CommentState.WITHHELD
    assert await given.told(room.id, EventKind.COMMENT_REMOVED) == []
    assert await deeds(given, room) == []


async def test_a_mute_ends_by_itself_or_by_the_crew_and_a_later_one_takes_its_place(given):
    room, viewer = await given.live_room(), await given.viewer()
    posted = await given.comment(room.id, by=viewer)
    mute = {"comment_id": posted.comment.id, **deed(given, room.host)}

    await moderating.mute(given.db, minutes=None, **mute)
    assert await silenced(given, room) == [(SilenceKind.MUTE, viewer.account_id, None)]
    await moderating.mute(given.db, minutes=5, **mute)
    until = given.now + timedelta(minutes=5)
    assert await silenced(given, room) == [(SilenceKind.MUTE, viewer.account_id, until)]
    assert await silenced(given, room, now=until) == []
    lift = {"room_id": room.id, "account_id": viewer.account_id, "by": room.host, "now": given.now}
    assert await moderating.unmute(given.db, **lift)
    assert not await moderating.unmute(given.db, **lift)

    assert [(what, facts.get("until")) for _, what, facts in await deeds(given, room)] == [
        ("unmute_viewer", None),
        ("mute_viewer", until.isoformat()),
        ("mute_viewer", None),
    ]


async def test_a_ban_is_kept_once_and_lifted_once(given):
    room, viewer = await given.live_room(), await given.viewer()
    posted = await given.comment(room.id, by=viewer)

    first = await moderating.ban(given.db, given.bus, comment_id=posted.comment.id, **deed(given, room.host))
    again = await moderating.ban(given.db, given.bus, comment_id=posted.comment.id, **deed(given, room.host, "再"))

    assert first == again
    assert (first.account_id, first.reason, first.until) == (viewer.account_id, "广告", None)
    assert await queries.is_banned(given.db, room.id, viewer.account_id)
    assert not await queries.is_banned(given.db, (await given.live_room()).id, viewer.account_id)
    lift = {"room_id": room.id, "account_id": viewer.account_id, "by": room.host, "now": given.now}
    assert await moderating.unban(given.db, given.bus, **lift)
    assert not await moderating.unban(given.db, given.bus, **lift)
    assert not await queries.is_banned(given.db, room.id, viewer.account_id)
    assert [what for _, what, _ in await deeds(given, room)] == ["unban_viewer", "ban_viewer"]


async def test_whoever_is_banned_or_let_in_again_is_told_at_once(given, monkeypatch):
    room, viewer, told = await given.live_room(), await given.viewer(), []
    posted, bus = await given.comment(room.id, by=viewer), given.bus

    async def tell(*said):
        assert await queries.is_banned(given.db, room.id, viewer.account_id) == (said[2] == "banned")
        told.append(said)

    monkeypatch.setattr(bus, "tell", tell)
    await moderating.ban(given.db, bus, comment_id=posted.comment.id, **deed(given, room.host))
    lift = {"room_id": room.id, "account_id": viewer.account_id, "by": room.host, "now": given.now}
    await moderating.unban(given.db, bus, **lift)

    assert told == [(room.id, viewer.account_id, kind, room.id) for kind in ("banned", "unbanned")]


async def test_only_who_runs_the_room_moderates_it(given):
    room = await given.live_room()
    posted = await given.comment(room.id)
    stranger = (await given.live_room()).host
    lift = {"room_id": room.id, "account_id": posted.author.id, "now": given.now}
    for by in (await given.viewer("路人"), stranger, Principal(new_id(), frozenset({Role.FINANCE}))):
        wish = {"comment_id": posted.comment.id, **deed(given, by)}
        for refused in (
            moderating.remove(given.db, given.bus, **wish),
            moderating.mute(given.db, minutes=1, **wish),
            moderating.ban(given.db, given.bus, **wish),
            moderating.unmute(given.db, by=by, **lift),
            moderating.unban(given.db, given.bus, by=by, **lift),
        ):
            with pytest.raises(NotAllowed):
                await refused

    assert await deeds(given, room) == []
    assert await given.db.rows(silences.select()) == []
    assert await given.told(room.id, EventKind.COMMENT_REMOVED) == []


async def test_an_assistant_silences_viewers_and_hosts_and_merchandisers_the_crew_too(given):
    room = await given.live_room()
    helper = await assistant(given, room)
    of_host, of_helper = await given.comment(room.id, by=room.host), await given.comment(room.id, by=helper)
    of_viewer = await given.comment(room.id)

    for posted in (of_host, of_helper):
        with pytest.raises(NotAllowed):
            await moderating.mute(given.db, comment_id=posted.comment.id, minutes=1, **deed(given, helper))
        with pytest.raises(NotAllowed):
            await moderating.ban(given.db, given.bus, comment_id=posted.comment.id, **deed(given, helper))
    assert await silenced(given, room) == []

    await moderating.mute(given.db, comment_id=of_viewer.comment.id, minutes=1, **deed(given, helper))
    await moderating.mute(given.db, comment_id=of_helper.comment.id, minutes=1, **deed(given, room.host))
    merchandiser = Principal(new_id(), MERCHANDISER)
    await moderating.ban(given.db, given.bus, comment_id=of_host.comment.id, **deed(given, merchandiser))
    assert len(await silenced(given, room)) == 3


async def test_a_deed_without_a_reason_or_a_comment_is_refused(given):
    room = await given.live_room()
    posted = await given.comment(room.id)
    for reason in ("", " ", "字" * 201, "a\0"):
        with pytest.raises(BadInput):
            await moderating.ban(given.db, given.bus, comment_id=posted.comment.id, **deed(given, room.host, reason))
    for refused in (
        moderating.remove(given.db, given.bus, comment_id=new_id(), **deed(given, room.host)),
        moderating.mute(given.db, comment_id=new_id(), minutes=1, **deed(given, room.host)),
        moderating.unban(given.db, given.bus, room_id=new_id(), account_id=new_id(), by=room.host, now=given.now),
    ):
        with pytest.raises(NotFound):
            await refused

    assert await deeds(given, room) == []


async def test_a_word_list_takes_the_place_of_the_one_that_was_read(given):
    first = await given.words(mask=["傻瓜"])
    same = await given.words(mask=["傻瓜"])
    with pytest.raises(ChatWordsChanged) as refused:
        await given.words(mask=["笨蛋"])
    second = await given.words(mask=["傻瓜"], withhold=["加微信"], version=first.version)

    assert refused.value.version == first.version == same.version == 1
    assert second.version == 2
    assert second.words == (Word("傻瓜", WordAction.MASK), Word("加微信", WordAction.WITHHOLD))
    page = await trail.page(given.db, deed="set_chat_words", first=10, after=None)
    assert [deed.facts for deed in page.rows] == [
        {"version": 2, "added": ["加微信"], "dropped": []},
        {"version": 1, "added": ["傻瓜"], "dropped": []},
    ]


async def test_a_full_list_takes_the_place_of_another_without_holding_up_the_process(given):
    first = await given.words(mask=[f"词{number}" for number in range(5_000)])
    began = process_time()

    await given.words(mask=[f"词{number}" for number in range(4_999, -1, -1)], version=first.version)

    assert process_time() - began < 1.0
