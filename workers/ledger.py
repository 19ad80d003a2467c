"""What happens to the ledger by itself: its balances are kept every now and then."""

from domain.ledger import actions
from workers.context import WorkerContext
from workers.timetable import every


@every(seconds=10)
async def keep_balances(context: WorkerContext) -> None:
    """Make a checkpoint when one is due. Safe to run twice: without new postings nothing changes."""
    await actions.checkpoint_due(context.market.db, now=context.now())
