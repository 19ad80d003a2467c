"""A room's comments as a CSV file, the oldest first: all that were written, with what became of them."""

from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy import func as sql

from domain.chats.queries import KeptComment, kept_comments, kept_of
from domain.chats.store import c
from domain.foundation import ids
from domain.foundation.database import Database
from domain.foundation.sheets import cells, heading

AT_A_TIME = 1_000
COLUMNS = (
    ("编号", "number"), ("评论", "comment"), ("发表时间", "posted at"), ("账户", "account"), ("昵称", "name"), ("身份", "badge"),
    ("状态", "state"), ("原文", "as written"), ("展示内容", "as shown"), ("删除时间", "removed at"), ("删除人", "removed by"),
    ("删除原因", "removed because"),
)  # fmt: skip


async def comments_file(db: Database, room_id: UUID) -> AsyncIterator[bytes]:
    """The file in pieces of some hundred kilobytes; no transaction stays open between two, however slowly they are fetched.

    What is written meanwhile may be in it or not.
    """
    yield heading(COLUMNS)
    in_order = kept_comments(room_id).order_by(c.number, c.id).limit(AT_A_TIME)
    found = await db.rows(in_order)
    while found:
        yield b"".join(_row(kept_of(row)) for row in found)
        last = found[-1]
        found = await db.rows(in_order.where(sql.row(c.number, c.id) > sql.row(last.number, last.id)))


def _row(kept: KeptComment) -> bytes:
    comment, shown = kept.comment, kept.shown
    return cells(
        [
            comment.number,
            ids.encode("comment", comment.id),
            comment.posted_at,
            ids.encode("account", comment.author_id),
            kept.author,
            shown.badge if shown else None,
            comment.state,
            comment.text,
            shown.text if shown else None,
            comment.removed_at,
            comment.removed_by and ids.encode("account", comment.removed_by),
            comment.removed_why,
        ]
    )
