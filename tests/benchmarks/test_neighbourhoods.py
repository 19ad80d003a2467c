"""What the benchmarks of group-buys make up: it is as much as was asked for, and nothing in it contradicts itself."""

from sqlalchemy import text

from benchmarks.neighbourhood_load import fill
from benchmarks.neighbourhoods import Size
from domain.audit import group_buys, orders, payments, running, sharing, stock
from domain.foundation import clock

SIZE = Size(leaders=5, people=300, busiest=20, keenest=12)


async def test_made_up_neighbourhoods_pass_the_audit(db, settings):
    told = []
    await fill(settings.database_url.get_secret_value(), size=SIZE, now=clock.now(), progress=told.append)

    assert told[-1] == await db.value(text("SELECT count(*) FROM accounts")) == SIZE.people
    assert await db.value(text("SELECT count(DISTINCT leader_id) FROM group_buys")) == SIZE.leaders
    seats_of_the_keenest = text("SELECT count(*) FROM group_buy_seats WHERE state = 'paid' GROUP BY shopper_id")
    assert sorted(await db.column(seats_of_the_keenest))[-2] >= SIZE.keenest
    checks = (*stock.CHECKS, *orders.CHECKS, *payments.CHECKS, *group_buys.CHECKS, *sharing.CHECKS)
    async with running.snapshot(db) as ledger:
        lines = [line for check in checks for line in await check.lines(ledger, {"now": clock.now()})]
    assert [line for line in lines if line.ok is False] == []


async def test_there_is_as_much_of_everything_as_there_are_people():
    assert Size.of(1_100_000) == Size() == Size(9_100, 1_100_000, 5_000, 600)
    assert Size.of(11_000) == Size(91, 11_000, 50, 6)
