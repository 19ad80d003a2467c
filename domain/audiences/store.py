"""The only SQL that writes who was let in."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import text

from domain.audiences.rules import Opening
from domain.foundation.database import Transaction

_LET_IN = text("""
    INSERT INTO sale_entrances AS known (sale_id, account_id, door, opened_at, first_at, last_at)
    SELECT :sale_id, account_id, CAST(door AS jsonb), opened_at, :now, :now
    FROM unnest(CAST(:account_ids AS uuid[]), CAST(:doors AS text[]), CAST(:opened_at AS timestamptz[]))
      AS came (account_id, door, opened_at)
    ORDER BY account_id
    ON CONFLICT (sale_id, account_id) DO UPDATE SET last_at = greatest(known.last_at, excluded.last_at)
""")


async def note_entrances(tx: Transaction, sale_id: UUID, openings: Mapping[UUID, Opening], *, now: datetime) -> None:
    """Keep by which doors these accounts were let in now; of whoever was let in before only that they are again."""
    came = [(account_id, each.door, each.at) for account_id, each in openings.items() if each.door is not None]
    if not came:
        return
    account_ids, doors, opened_at = zip(*came, strict=True)
    parameters = {
        "sale_id": sale_id,
        "account_ids": list(account_ids),
        "doors": [orjson.dumps(door.kept()).decode() for door in doors],
        "opened_at": list(opened_at),
        "now": now,
    }
    await tx.execute(_LET_IN, parameters)
