"""How the ledger grows: the only SQL that writes entries, postings and checkpoints."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text

from domain.foundation.database import Transaction
from domain.foundation.ids import new_id
from domain.foundation.locks import PAYOUTS
from domain.ledger.queries import BALANCES
from domain.ledger.rules import Entry

# One statement for all: the database checks an entry's balance when the statement ends.
_POST = text("""
    WITH entry AS (
        INSERT INTO ledger_entries (id, kind, cause_id, about_id, postings, occurred_at, recorded_at)
        SELECT *, CAST(:now AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:cause_ids AS uuid[]),
                    CAST(:about_ids AS uuid[]), CAST(:counts AS smallint[]), CAST(:occurred_at AS timestamptz[]))
    )
    INSERT INTO ledger_postings (entry_id, number, account, subject, currency, amount_minor, recorded_at)
    SELECT *, CAST(:now AS timestamptz)
    FROM unnest(CAST(:entry_ids AS uuid[]), CAST(:numbers AS smallint[]), CAST(:accounts AS text[]),
                CAST(:subjects AS text[]), CAST(:currencies AS text[]), CAST(:amounts AS bigint[]))
""")

LOCK_WAIT_MS = 200
"""So long, at most, whoever posts waits behind a checkpoint that waits for a slow transaction."""
_SUMMING_UP = "SET LOCAL statement_timeout = '10min'"  # the first checkpoint of an old ledger reads all of it
_KEEP_BALANCES = text(f"""
    INSERT INTO ledger_checkpoints (position, account, subject, currency, debit_minor, credit_minor, made_at)
    SELECT :at_position, balance.*, CAST(:now AS timestamptz) FROM ({BALANCES}) AS balance
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - made of the queries' own text


async def post(tx: Transaction, entries: Sequence[Entry], *, now: datetime) -> list[UUID]:
    """Write entries, all in one statement; their ids.

    An entry that does not balance, or one whose kind and cause stand in the books already, is refused by the database:
    whoever posts has made sure by its own state that it happens once.
    """
    if not entries:
        return []
    numbered = [(new_id(), entry) for entry in entries]
    posted = [
        (entry_id, number, posting) for entry_id, entry in numbered for number, posting in enumerate(entry.postings, 1)
    ]
    await tx.execute(
        _POST,
        {
            "ids": [entry_id for entry_id, _ in numbered],
            "kinds": [entry.kind for _, entry in numbered],
            "cause_ids": [entry.cause_id for _, entry in numbered],
            "about_ids": [entry.about_id for _, entry in numbered],
            "counts": [len(entry.postings) for _, entry in numbered],
            "occurred_at": [entry.occurred_at for _, entry in numbered],
            "now": now,
            "entry_ids": [entry_id for entry_id, _, _ in posted],
            "numbers": [number for _, number, _ in posted],
            "accounts": [posting.account for _, _, posting in posted],
            "subjects": [posting.subject for _, _, posting in posted],
            "currencies": [posting.currency for _, _, posting in posted],
            "amounts": [posting.amount_minor for _, _, posting in posted],
        },
    )
    return [entry_id for entry_id, _ in numbered]


async def lock_payouts(tx: Transaction) -> None:
    """Nobody else writes a payout down until the transaction ends."""
    await tx.value(select(func.pg_advisory_xact_lock(PAYOUTS)))


async def lock_horizon(tx: Transaction) -> int:
    """The position up to which every posting is committed, now and for ever; 0 for an empty ledger.

    Positions are given out before the commit, so a lower one may appear after a higher one. Whoever posts holds a lock
    that this one does not go with: once we have it nobody is in between. The caller ends the transaction at once, for
    nobody can post before. Raises DBAPIError (lock not available) while somebody posts in a transaction that lasts, or
    PostgreSQL vacuums the table.
    """
    await tx.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_MS}ms'"))
    await tx.execute(text("LOCK TABLE ledger_postings IN SHARE MODE"))
    return int(await tx.value(text("SELECT coalesce(max(position), 0) FROM ledger_postings")))


async def keep_balances(tx: Transaction, horizon: int, *, now: datetime) -> None:
    """Write the balances at a position up to which everything is committed. Again, and it changes nothing."""
    await tx.execute(text(_SUMMING_UP))
    await tx.execute(_KEEP_BALANCES, {"at_position": horizon, "now": now})
