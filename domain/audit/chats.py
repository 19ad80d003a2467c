"""Room chat: what rooms have told of comments, and the comments, are the same."""

from domain.audit.checks import Check
from domain.chats.rules import KEPT

# Rooms that are being forgotten, stretch by stretch, are left out.
_STILL_KEPT = """
    kept AS (
        SELECT id FROM live_rooms
        WHERE coalesce(ended_at, cancelled_at) >= CAST(:now AS timestamptz) - CAST(:kept AS interval)
           OR coalesce(ended_at, cancelled_at) IS NULL
    )
"""

COMMENTS_ARE_TOLD = Check(
    "comments are told by their rooms, once, and withheld ones never",
    "评论与直播间动态一一对应",
    looks_at="""
        SELECT count(*) FILTER (WHERE state <> 'withheld') AS "told comments",
               count(*) FILTER (WHERE state = 'withheld') AS "withheld comments"
        FROM room_comments
    """,
    given=f"WITH {_STILL_KEPT},",
    differing="""
        told AS (
            SELECT room_id, number, CAST(facts ->> 'comment_id' AS uuid) AS id
            FROM live_room_events WHERE kind = 'commented' AND room_id IN (SELECT id FROM kept)
        ),
        written AS (
            SELECT room_id, number, id FROM room_comments
            WHERE state <> 'withheld' AND room_id IN (SELECT id FROM kept)
        )
        SELECT 'comment' AS kind, coalesce(written.id, told.id) AS id,
               coalesce(format('event %s', written.number), 'no event') AS expected,
               coalesce(format('event %s', told.number), 'no event') AS found
        FROM written FULL JOIN told USING (room_id, id)
        WHERE written.number IS DISTINCT FROM told.number
    """,
    parameters={"kept": KEPT},
)

REMOVED_COMMENTS_ARE_TOLD = Check(
    "removed comments are told by their rooms, once",
    "删除的评论均已通知",
    looks_at="""SELECT count(*) AS "removed comments" FROM room_comments WHERE state = 'removed'""",
    given=f"WITH {_STILL_KEPT},",
    differing="""
        told AS (
            SELECT CAST(facts ->> 'comment_id' AS uuid) AS id, count(*) AS times
            FROM live_room_events WHERE kind = 'comment_removed' AND room_id IN (SELECT id FROM kept)
            GROUP BY 1
        ),
        removed AS (
            SELECT id FROM room_comments WHERE state = 'removed' AND room_id IN (SELECT id FROM kept)
        )
        SELECT 'comment' AS kind, coalesce(removed.id, told.id) AS id,
               CASE WHEN removed.id IS NULL THEN 'not removed' ELSE 'removed once' END AS expected,
               format('removed %s times', coalesce(times, 0)) AS found
        FROM removed FULL JOIN told USING (id)
        WHERE removed.id IS NULL OR times IS DISTINCT FROM 1
    """,
    parameters={"kept": KEPT},
)

CHECKS = (COMMENTS_ARE_TOLD, REMOVED_COMMENTS_ARE_TOLD)
