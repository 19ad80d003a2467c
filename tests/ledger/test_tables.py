"""What the database itself refuses, whoever asks: an entry comes whole and balanced, once, and stays as it is."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.foundation.ids import new_id
from domain.ledger import actions, store
from domain.ledger.rules import Account, Entry, EntryKind, Posting

ENTRY = """
    INSERT INTO ledger_entries (id, kind, cause_id, postings, occurred_at, recorded_at)
    VALUES (:id, 'captured', :id, {count}, :now, :now)
"""
POSTINGS = """
    INSERT INTO ledger_postings ({position}entry_id, number, account, currency, amount_minor, recorded_at)
    {forced} VALUES {postings}
"""


def posting(number: int, amount: int, account: str = "gateway", *, currency: str = "CNY", at: str = ":now") -> str:
    return f"(:id, {number}, '{account}', '{currency}', {amount}, {at})"


def added(*postings: str, position: str = "", forced: str = "") -> str:
    """Postings of an entry that stands already."""
    return POSTINGS.format(position=position, forced=forced, postings=", ".join(postings))


def written(*postings: str, count: int = 2, **changes: str) -> str:
    """An entry with its postings, in one statement as `store.post` writes it."""
    return f"WITH entry AS ({ENTRY.format(count=count)}) {added(*postings, **changes)}"


BALANCED = (posting(1, 100), posting(2, -100, "receipts"))
ALSO_BALANCED = (posting(3, 100), posting(4, -100, "receipts"))
IN_HONG_KONG = (posting(3, 100, currency="HKD"), posting(4, -100, "receipts", currency="HKD"))


def at_positions(first: int) -> tuple[str, str]:
    return BALANCED[0].replace("(", f"({first}, "), BALANCED[1].replace("(", f"({first + 1}, ")


async def run(db, now, *statements: str, entry_id=None):
    """Raw SQL, all in one transaction."""
    async with db.transaction() as tx:
        for statement in statements:
            named = {"id": entry_id or new_id(), "now": now}
            wanted = {name: value for name, value in named.items() if f":{name}" in statement}
            typed = statement.replace(":id", "CAST(:id AS uuid)").replace(":now", "CAST(:now AS timestamptz)")
            await tx.execute(text(typed), wanted)


async def rows(db):
    return await db.value(text("SELECT (SELECT count(*) FROM ledger_entries) + (SELECT count(*) FROM ledger_postings)"))


async def test_a_balanced_entry_is_taken(db, now):
    await run(db, now, written(*BALANCED))

    assert await rows(db) == 3


@pytest.mark.parametrize(
    ("what", "statement", "message"),
    [
        ("off by a fen", written(BALANCED[0], posting(2, -99)), "does not balance"),
        (
            "balanced over two currencies only",
            written(BALANCED[0], posting(2, -100, currency="HKD")),
            "does not balance",
        ),
        ("one posting less than it says", written(*BALANCED, count=3), "not whole"),
        ("more postings than it says", written(*BALANCED, *ALSO_BALANCED), "not whole"),
        ("numbered from 0", written(posting(0, 100), BALANCED[1]), "number_check"),
        ("numbered with a gap", written(BALANCED[0], posting(3, -100)), "not whole"),
        ("numbered twice the same", written(posting(2, 100), BALANCED[1]), "entry_id_number_key"),
        ("recorded later", written(BALANCED[0], posting(2, -100, at=":now + interval '1 s'")), "not whole"),
        ("nothing moved", written(posting(1, 0), posting(2, 0)), "amount_check"),
        ("an account outside the chart", written(posting(1, 100, "salse"), BALANCED[1]), "account_check"),
        ("a single posting", written(BALANCED[0], count=1), "postings_check"),
        ("no entry", added(*BALANCED), "foreign key"),
        ("no postings", ENTRY.format(count=2), "lacks postings"),
        ("a position of one's own", written(*at_positions(7), position="position, "), "non-DEFAULT value"),
    ],
)
async def test_a_malformed_entry_is_refused(db, now, what, statement, message):
    with pytest.raises(DBAPIError) as refused:
        await run(db, now, statement)

    assert re.search(message, str(refused.value.orig))
    assert await rows(db) == 0


@pytest.mark.parametrize(
    ("what", "later"),
    [
        ("with numbers that follow", added(*ALSO_BALANCED)),
        ("with its own numbers again", added(*BALANCED)),
        ("in another currency", added(*IN_HONG_KONG)),
        ("one of them", added(ALSO_BALANCED[0])),
    ],
)
async def test_nothing_is_added_to_an_entry_later(db, now, what, later):
    entry_id = new_id()
    await run(db, now, written(*BALANCED), entry_id=entry_id)

    with pytest.raises(DBAPIError):
        await run(db, now, later, entry_id=entry_id)

    assert await rows(db) == 3


@pytest.mark.parametrize("later", [added(*ALSO_BALANCED), added(*IN_HONG_KONG)])
async def test_nor_in_the_transaction_that_wrote_it(db, now, later):
    with pytest.raises(DBAPIError):
        await run(db, now, written(*BALANCED), later, entry_id=new_id())

    assert await rows(db) == 0


async def test_an_entry_is_not_put_together_from_two_statements(db, now):
    """Neither entry first and postings afterwards, nor a half each, nor by putting the check off."""
    entry = ENTRY.format(count=2)

    for statements in [
        (entry, added(*BALANCED)),
        ("SET CONSTRAINTS ALL DEFERRED", entry, added(*BALANCED)),
        (written(BALANCED[0]), added(BALANCED[1])),
    ]:
        with pytest.raises(DBAPIError):
            await run(db, now, *statements, entry_id=new_id())

    assert await rows(db) == 0


async def test_a_savepoint_that_is_left_leaves_nothing(db, given):
    bad = replace(given.movement(), postings=(Posting(Account.BANK, 100), Posting(Account.FEES, -99)))

    async with db.transaction() as tx:
        with pytest.raises(DBAPIError, match="does not balance"):
            async with tx.savepoint():
                await store.post(tx, [bad], now=given.now)
        await store.post(tx, [given.movement()], now=given.now)

    assert await rows(db) == 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_postings SET amount_minor = amount_minor",
        "UPDATE ledger_entries SET kind = 'refunded'",
        "UPDATE ledger_checkpoints SET debit_minor = debit_minor + 1",
        "DELETE FROM ledger_postings",
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_checkpoints",
        "TRUNCATE ledger_postings",
        "TRUNCATE ledger_entries CASCADE",
        "TRUNCATE ledger_checkpoints",
        "INSERT INTO ledger_entries SELECT * FROM ledger_entries ON CONFLICT (id) DO UPDATE SET kind = 'refunded'",
        "MERGE INTO ledger_postings AS old USING ledger_postings AS new ON old.position = new.position"
        " WHEN MATCHED THEN DELETE",
    ],
)
async def test_what_is_written_stays(db, given, now, change):
    await given.posted(given.movement())
    assert await actions.checkpoint(db, now=now) == 2

    with pytest.raises(DBAPIError, match="append-only"):
        await run(db, now, change)

    assert await rows(db) == 3


async def test_a_cause_moves_money_once(db, given):
    entry = given.movement()
    await given.posted(entry)

    with pytest.raises(DBAPIError, match="duplicate key"):
        await given.posted(entry)

    assert await rows(db) == 3


async def test_nothing_comes_in_before_a_checkpoint(db, given, now):
    await given.posted(given.movement(), given.movement())
    await actions.checkpoint(db, now=now)
    backwards = written(*at_positions(-8), position="position, ", forced="OVERRIDING SYSTEM VALUE")

    with pytest.raises(DBAPIError, match="comes too late"):
        await run(db, now, backwards)

    assert await rows(db) == 6


async def test_one_bad_entry_refuses_all_of_its_statement(db, given, now):
    bad = replace(given.movement(), postings=(Posting(Account.BANK, 100), Posting(Account.FEES, -99)))

    with pytest.raises(DBAPIError, match="does not balance"):
        await given.posted(given.movement(), bad, given.movement())

    assert await rows(db) == 0


async def test_an_entry_may_have_several_currencies_each_balanced(db, given, now):
    both = Entry(
        EntryKind.PAID_OUT,
        new_id(),
        None,
        now,
        tuple(
            Posting(account, sign * 100, currency=currency)
            for currency in ("CNY", "HKD")
            for account, sign in ((Account.BANK, 1), (Account.FEES, -1))
        ),
    )

    await given.posted(both)

    assert await rows(db) == 5
