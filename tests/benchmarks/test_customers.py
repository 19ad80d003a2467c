"""What the benchmark of customers makes up: it is as much as was asked for, and what is worked out of it is what it says."""

from sqlalchemy import text

from benchmarks.customers import TODAY, fill, measure
from domain.audit import customers, running


async def test_a_made_up_market_is_worked_out_lived_in_and_asked(db):
    told = []
    await fill(db, people=300, orders=900, progress=told.append)

    measured = await measure(db, people=300, a_days_orders=30)

    assert told == [900] == [await db.value(text("SELECT count(*) FROM orders WHERE paid_at < :now"), {"now": TODAY})]
    assert all(figure.value > 0 for figure in measured)
    async with running.snapshot(db) as ledger:
        lines = [line for check in customers.CHECKS for line in await check.lines(ledger, {"now": TODAY})]
    assert [line for line in lines if line.ok is False] == []
    async with db.transaction() as tx:
        await tx.execute(text("DROP TABLE numbered"))
