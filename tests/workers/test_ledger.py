"""The ledger's job: balances are kept when there is something to keep, and once."""

from sqlalchemy import text

from domain.ledger.rules import CHECKPOINT_AFTER
from workers import ledger


async def test_balances_are_kept_every_hour_in_which_something_was_posted(given, db, context, ahead):
    async def checkpoints():
        return await db.column(text("SELECT DISTINCT position FROM ledger_checkpoints ORDER BY 1"))

    await ledger.keep_balances(context)
    assert await checkpoints() == []

    await given.posted(given.movement())
    await ledger.keep_balances(context)
    await ledger.keep_balances(context)
    assert await checkpoints() == [2]

    await given.posted(given.movement())
    await ledger.keep_balances(context)
    assert await checkpoints() == [2]

    ahead.seconds = CHECKPOINT_AFTER.total_seconds()
    await ledger.keep_balances(context)
    assert await checkpoints() == [2, 4]
