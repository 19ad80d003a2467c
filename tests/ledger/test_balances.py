"""Balances and checkpoints: the newest checkpoint and what came since are always all there is."""

import asyncio
import random
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.foundation.ids import new_id
from domain.ledger import actions, queries, store
from domain.ledger.rules import CHECKPOINT_AFTER, CHECKPOINT_POSTINGS, Account, Balance, EntryKind, moved

FULL_SUM = text("""
    SELECT account, subject, currency, coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0)::bigint AS debit,
           coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0)::bigint AS credit
    FROM ledger_postings GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")


async def full_sum(reader):
    return [Balance(Account(row.account), *row[1:]) for row in await reader.rows(FULL_SUM)]


async def kept(db):
    """The positions of all checkpoints, and how many balances each has."""
    found = await db.rows(text("SELECT position, count(*) FROM ledger_checkpoints GROUP BY 1 ORDER BY 1"))
    return [tuple(row) for row in found]


async def test_an_empty_ledger_has_no_balances(db, now):
    assert await actions.checkpoint(db, now=now) == 0

    assert await queries.trial_balance(db) == []
    assert await kept(db) == []


async def test_a_trial_balance_has_both_sides_in_the_order_of_the_chart(db, given):
    await given.posted(
        given.movement(1990, debit=Account.GATEWAY, debit_subject="stripe", credit=Account.RECEIPTS),
        given.movement(1990),
        given.movement(500, debit=Account.PREPAID, credit=Account.REFUNDS),
    )

    found = await queries.trial_balance(db)

    assert found == [
        Balance(Account.GATEWAY, "stripe", "CNY", 1990, 0),
        Balance(Account.RECEIPTS, "", "CNY", 1990, 1990),
        Balance(Account.PREPAID, "", "CNY", 500, 1990),
        Balance(Account.REFUNDS, "", "CNY", 0, 500),
    ]
    assert [balance.balance_minor for balance in found] == [1990, 0, -1490, -500]


async def test_a_checkpoint_changes_no_balance(db, given, now):
    await given.posted(given.movement(1990))
    before = await queries.trial_balance(db)

    assert await actions.checkpoint(db, now=now) == 2
    at_checkpoint = await queries.trial_balance(db)
    await given.posted(given.movement(10), given.movement(5, debit=Account.PREPAID, credit=Account.SALES))

    assert at_checkpoint == before
    async with db.reading() as reader:
        assert await queries.balances(reader) == await full_sum(reader)


async def test_a_checkpoint_is_kept_once(db, given, now):
    await given.posted(given.movement())

    positions = [await actions.checkpoint(db, now=now + timedelta(days=day)) for day in range(3)]

    assert positions == [2, 2, 2]
    assert await kept(db) == [(2, 2)]


async def test_a_checkpoint_builds_on_the_one_before(db, given, now):
    await given.posted(given.movement(1990))
    await actions.checkpoint(db, now=now)
    await given.posted(given.movement(10, debit=Account.PREPAID, credit=Account.SALES))
    await actions.checkpoint(db, now=now)

    # an account without news is kept all the same
    assert await kept(db) == [(2, 2), (4, 3)]
    async with db.reading() as reader:
        then, today = await queries.balances(reader, at_position=2), await queries.balances(reader)
        assert today == await full_sum(reader)
    assert [(balance.account, balance.balance_minor) for balance in then] == [
        (Account.PREPAID, -1990),
        (Account.RECEIPTS, 1990),
    ]


@pytest.mark.parametrize("position", range(9))
async def test_a_balance_at_any_position_is_the_sum_up_to_it(db, given, now, position):
    for amount in (100, 200, 300, 400):
        await given.posted(given.movement(amount))
        if amount in (200, 300):
            await actions.checkpoint(db, now=now)

    async with db.reading() as reader:
        found = await queries.balances(reader, at_position=position)

    expected = [100, 200, 300, 400]
    assert sum(balance.debit_minor for balance in found) == sum(expected[: (position + 1) // 2])
    assert sum(balance.credit_minor for balance in found) == sum(expected[: position // 2])


async def test_a_posting_that_is_not_committed_yet_is_never_before_a_checkpoint(db, given, now):
    """Its position is lower than one that is committed: a checkpoint that went by the highest would lose it."""
    slow = given.movement(77)
    async with db.transaction() as tx:
        await store.post(tx, [slow], now=now)
        await given.posted(given.movement(1990))

        while_it_is_open = await actions.checkpoint(db, now=now)

    assert while_it_is_open is None
    assert await kept(db) == []
    assert await actions.checkpoint(db, now=now) == 4
    async with db.reading() as reader:
        assert await queries.balances(reader) == await full_sum(reader)


async def test_whoever_posts_waits_only_a_moment_for_a_checkpoint(db, given, now):
    async with db.transaction() as tx:
        await store.post(tx, [given.movement()], now=now)
        waiting = asyncio.create_task(actions.checkpoint(db, now=now))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(store.LOCK_WAIT_MS / 1000 + 2):
            await given.posted(given.movement())
        assert await waiting is None


async def test_a_checkpoint_is_due_after_an_hour_with_postings(db, given, now):
    assert await actions.checkpoint_due(db, now=now) is None
    await given.posted(given.movement())
    assert await actions.checkpoint_due(db, now=now) == 2

    later = now + CHECKPOINT_AFTER
    assert await actions.checkpoint_due(db, now=later) is None
    await given.posted(given.movement())
    assert await actions.checkpoint_due(db, now=later - timedelta(seconds=1)) is None
    assert await actions.checkpoint_due(db, now=later) == 4


async def test_a_checkpoint_is_due_after_many_postings(db, given, now):
    await given.posted(given.movement())
    await actions.checkpoint(db, now=now)

    await given.posted(*(given.movement() for _ in range(CHECKPOINT_POSTINGS // 2)))

    assert await actions.checkpoint_due(db, now=now) == CHECKPOINT_POSTINGS + 2


async def test_checkpoint_and_rest_are_the_full_sum_at_every_moment_while_many_post(db, given, now):
    """Eight post in transactions of all lengths, two keep balances, and one compares in snapshots."""
    dice = random.Random(7)
    over = asyncio.Event()
    gateways = ("stripe", "wechat")

    async def posts():
        for _ in range(25):
            async with db.transaction() as tx:
                for _ in range(dice.randint(1, 3)):
                    entry = moved(
                        EntryKind.CAPTURED,
                        cause_id=new_id(),
                        about_id=None,
                        at=now,
                        amount_minor=dice.randint(1, 9999),
                        debit=Account.GATEWAY,
                        debit_subject=dice.choice(gateways),
                        credit=Account.RECEIPTS,
                    )
                    await store.post(tx, [entry], now=now)
                    await asyncio.sleep(dice.random() / 200)

    async def keeps():
        while not over.is_set():
            await actions.checkpoint(db, now=now)
            await asyncio.sleep(0.005)

    async def compares():
        count = 0
        while not over.is_set():
            async with db.engine.connect() as connection, connection.begin():
                await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
                reader = queries.Reader(connection)
                assert await queries.balances(reader) == await full_sum(reader)
            count += 1
        return count

    async def everybody_posts():
        await asyncio.gather(*(posts() for _ in range(8)))
        over.set()

    _, _, _, compared = await asyncio.gather(everybody_posts(), keeps(), keeps(), compares())
    assert await actions.checkpoint(db, now=now) is not None

    assert compared > 5
    assert len(await kept(db)) > 2
    async with db.reading() as reader:
        assert await queries.balances(reader) == await full_sum(reader)
