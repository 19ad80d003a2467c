"""What viewers and the crew read of a chat, what is exported, and what is forgotten."""

import csv
from datetime import timedelta
from io import StringIO

import pytest
from sqlalchemy import update

from domain.chats import exporting, forgetting, moderating, queries
from domain.chats.rules import KEPT, CommentState
from domain.chats.tables import comments, silences
from domain.foundation.errors import BadInput
from domain.foundation.ids import encode
from domain.foundation.pages import cursor
from domain.live_rooms import queries as rooms
from domain.live_rooms import running, timeline
from domain.live_rooms.rules import EventKind
from domain.live_rooms.tables import rooms as room_table
from tests.audit import assert_clean
from workers import chats
from workers.context import WorkerContext


async def chatter(given):
    """A room in which five have written: the second is masked, the third withheld, the fourth removed."""
    await given.words(mask=["傻瓜"], withhold=["加微信"])
    room = await given.live_room()
    written = [await given.comment(room.id, text) for text in ("一", "傻瓜", "加微信", "四", "=五()")]
    deed = {"by": room.host, "now": given.now}
    await moderating.remove(given.db, given.bus, comment_id=written[3].comment.id, reason="刷屏", **deed)
    return room, [posted.comment for posted in written]


async def test_viewers_read_what_is_shown_the_newest_first_page_by_page(given):
    room, (first, second, _, _, fifth) = await chatter(given)

    page = await queries.shown(given.db, room.id, first=2)
    rest = await queries.shown(given.db, room.id, first=2, before=page.cursors[-1])

    assert [(shown.id, shown.text) for shown in page.rows] == [(fifth.id, "=五()"), (second.id, "**")]
    assert [(shown.id, shown.text) for shown in rest.rows] == [(first.id, "一")]
    assert (page.has_next, rest.has_next) == (True, False)
    assert {(shown.author, shown.badge, shown.posted_at) for shown in page.rows} == {("林**", None, given.now)}
    with pytest.raises(BadInput):
        await queries.shown(given.db, room.id, first=2, before=cursor("x"))


async def test_the_crew_reads_all_of_it_or_what_is_in_one_state(given):
    room, written = await chatter(given)

    page = await queries.kept(given.db, room.id, first=10)
    assert [(kept.comment.id, kept.comment.state, kept.comment.text) for kept in page.rows] == [
        (written[4].id, CommentState.SHOWN, "=五()"),
        (written[3].id, CommentState.REMOVED, "四"),
        (written[2].id, CommentState.WITHHELD, "加微信"),
        (written[1].id, CommentState.MASKED, "傻瓜"),
        (written[0].id, CommentState.SHOWN, "一"),
    ]
    assert [kept.shown and kept.shown.text for kept in page.rows] == ["=五()", "四", None, "**", "一"]
    assert {kept.author for kept in page.rows} == {"林晚"}
    for state in CommentState:
        found = (await queries.kept(given.db, room.id, state=state, first=10)).rows
        assert [kept.comment.id for kept in found] == [
            kept.comment.id for kept in page.rows if kept.comment.state is state
        ]


async def test_the_export_has_every_comment_with_what_became_of_it_and_runs_no_formula(given, monkeypatch):
    room, written = await chatter(given)
    monkeypatch.setattr(exporting, "AT_A_TIME", 2)

    pieces = [piece async for piece in exporting.comments_file(given.db, room.id)]

    head, *rows = csv.reader(StringIO(b"".join(pieces).decode("utf-8-sig")))
    assert len(pieces) > 2
    assert head == [f"{zh} {en}" for zh, en in exporting.COLUMNS]
    assert [row[1] for row in rows] == [encode("comment", comment.id) for comment in written]
    assert [row[6:9] for row in rows] == [
        ["shown", "一", "一"],
        ["masked", "傻瓜", "**"],
        ["withheld", "加微信", ""],
        ["removed", "四", "四"],
        ["shown", "'=五()", "'=五()"],
    ]
    assert rows[3][9:] == ["2026-11-11 12:00:00", encode("account", room.host.account_id), "刷屏"]
    assert rows[0][2:6] == ["2026-11-11 12:00:00", encode("account", written[0].author_id), "林晚", ""]


async def test_a_room_is_forgotten_three_years_after_its_end_and_its_numbers_go_on(given, monkeypatch):
    room, (first, *_) = await chatter(given)
    young = await given.live_room()
    kept = await given.comment(young.id)
    deed = {"by": room.host, "reason": "广告", "now": given.now}
    await moderating.ban(given.db, given.bus, comment_id=first.id, **deed)
    await running.end(given.db, given.bus, room_id=room.id, by=room.host, now=given.now)
    last = (await rooms.by_ids(given.db, [room.id]))[room.id].events

    assert await forgetting.rooms_to_forget(given.db, now=given.now + KEPT, limit=10) == []
    due = given.now + KEPT + timedelta(microseconds=1)
    assert await forgetting.rooms_to_forget(given.db, now=due, limit=10) == [room.id]
    monkeypatch.setattr(forgetting, "A_STRETCH", 3)
    assert await forgetting.forget(given.db, room.id)
    there = await timeline.since(given.db, room.id, 0)
    assert [event.number for event in there] == list(range(4, last + 1))
    while await forgetting.forget(given.db, room.id):
        pass

    assert [event.number for event in await timeline.since(given.db, room.id, 0)] == [last]
    assert await given.db.column(comments.select().with_only_columns(comments.c.id)) == [kept.comment.id]
    assert await given.db.rows(silences.select()) == []
    assert (await rooms.by_ids(given.db, [room.id]))[room.id].events == last
    assert await forgetting.rooms_to_forget(given.db, now=due, limit=10) == []
    assert len(await given.told(young.id, EventKind.COMMENTED)) == 1


async def test_the_books_are_clean_while_a_room_is_being_forgotten(given, monkeypatch):
    room, _ = await chatter(given)
    await running.end(given.db, given.bus, room_id=room.id, by=room.host, now=given.now)
    long_ago = given.now - 2 * KEPT
    async with given.db.transaction() as tx:
        await tx.execute(update(room_table).where(room_table.c.id == room.id).values(ended_at=long_ago))
    monkeypatch.setattr(forgetting, "A_STRETCH", 5)

    assert await forgetting.forget(given.db, room.id)
    assert len(await timeline.since(given.db, room.id, 0)) > 1
    await assert_clean(given.market)

    await chats.forget_rooms(WorkerContext(given.market, send=None))
    await chats.forget_rooms(WorkerContext(given.market, send=None))

    assert len(await timeline.since(given.db, room.id, 0)) == 1
    assert await given.db.rows(comments.select()) == []
    await assert_clean(given.market)
