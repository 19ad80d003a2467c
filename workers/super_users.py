"""Who has become a super user, and who is one no more, as customers were last worked out."""

from domain.super_users import actions
from workers.context import WorkerContext
from workers.timetable import every


@every(seconds=60.0)
async def derive(context: WorkerContext) -> None:
    """Let them come and go. Safe to run twice: who is as the rules say stays as they are."""
    await actions.derive(context.market.db, now=context.now())
