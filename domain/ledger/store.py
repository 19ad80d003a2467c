"""How the ledger grows: the only SQL that writes entries and postings."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from domain.foundation.database import Transaction
from domain.foundation.ids import new_id
from domain.ledger.rules import Entry

# One statement for all: the database checks an entry's balance when the statement ends.
_POST = text("""
    WITH entry AS (
        INSERT INTO ledger_entries (id, kind, cause_id, about_id, postings, occurred_at, recorded_at)
        SELECT *, CAST(:now AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:cause_ids AS uuid[]),
                    CAST(:about_ids AS uuid[]), CAST(:counts AS smallint[]), CAST(:occurred_at AS timestamptz[]))
    )
    INSERT INTO ledger_postings (entry_id, account, subject, currency, amount_minor)
    SELECT * FROM unnest(CAST(:entry_ids AS uuid[]), CAST(:accounts AS text[]), CAST(:subjects AS text[]),
                         CAST(:currencies AS text[]), CAST(:amounts AS bigint[]))
""")


async def post(tx: Transaction, entries: Sequence[Entry], *, now: datetime) -> None:
    """Write entries, all in one statement.

    An entry that does not balance, or one whose kind and cause stand in the books already, is refused by the database:
    whoever posts has made sure by its own state that it happens once.
    """
    if not entries:
        return
    numbered = [(new_id(), entry) for entry in entries]
    posted = [(entry_id, posting) for entry_id, entry in numbered for posting in entry.postings]
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
            "entry_ids": [entry_id for entry_id, _ in posted],
            "accounts": [posting.account for _, posting in posted],
            "subjects": [posting.subject for _, posting in posted],
            "currencies": [posting.currency for _, posting in posted],
            "amounts": [posting.amount_minor for _, posting in posted],
        },
    )
