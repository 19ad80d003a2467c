"""The checks of room chat: clean after an evening's talk, and then exactly one thing is wrong."""

from dataclasses import dataclass
from uuid import UUID

import pytest

from domain.audit import chats
from domain.chats import moderating
from domain.foundation.ids import encode
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after


@dataclass
class Talk:
    """A room's comments, one of each fate."""

    room_id: UUID
    shown: UUID
    withheld: UUID
    removed: UUID


@pytest.fixture
async def talk(given) -> Talk:
    """Three have written."""
    await given.words(withhold=["加微信"])
    room = await given.live_room()
    shown, withheld, removed = [
        (await given.comment(room.id, text)).comment.id for text in ("好看", "加微信", "刷屏刷屏")
    ]
    deed = {"by": room.host, "reason": "刷屏", "now": given.now}
    await moderating.remove(given.db, given.bus, comment_id=removed, **deed)
    return Talk(room.id, shown, withheld, removed)


def comment(name):
    return lambda talk: {encode("comment", getattr(talk, name))}


CORRUPTIONS = [
    Corruption(
        "a comment that the room was never told",
        "DELETE FROM live_room_events WHERE facts ->> 'comment_id' = CAST(:shown AS text)",
        (chats.COMMENTS_ARE_TOLD,),
        comment("shown"),
    ),
    Corruption(
        "an event of a comment that nobody wrote",
        "DELETE FROM room_comments WHERE id = :shown",
        (chats.COMMENTS_ARE_TOLD,),
        comment("shown"),
    ),
    Corruption(
        "a comment with the number of another event",
        "UPDATE room_comments SET number = 1 WHERE id = :shown",
        (chats.COMMENTS_ARE_TOLD,),
        comment("shown"),
    ),
    Corruption(
        "a withheld comment that says shown",
        "UPDATE room_comments SET state = 'shown' WHERE id = :withheld",
        (chats.COMMENTS_ARE_TOLD,),
        comment("withheld"),
    ),
    Corruption(
        "a shown comment that says withheld",
        "UPDATE room_comments SET state = 'withheld' WHERE id = :shown",
        (chats.COMMENTS_ARE_TOLD,),
        comment("shown"),
    ),
    Corruption(
        "a removed comment that still stands on the phones",
        "DELETE FROM live_room_events WHERE kind = 'comment_removed' AND room_id = :room_id",
        (chats.REMOVED_COMMENTS_ARE_TOLD,),
        comment("removed"),
    ),
    Corruption(
        "a comment that came back",
        "UPDATE room_comments SET state = 'shown', removed_at = NULL, removed_by = NULL, removed_why = NULL"
        " WHERE id = :removed",
        (chats.REMOVED_COMMENTS_ARE_TOLD,),
        comment("removed"),
    ),
]


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.what)
async def test_what_is_wrong_is_found_and_named(given, talk, corruption):
    await assert_clean(given.market)

    lines = await found_after(given.db, corruption.sql, vars(talk), now=given.now)

    check_found(lines, corruption, talk)
