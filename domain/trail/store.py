"""How the trail grows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from domain.foundation.database import Transaction
from domain.trail.tables import deeds


async def note(
    tx: Transaction, *, by: UUID, deed: str, subject: str, subject_id: UUID, now: datetime, **facts: Any
) -> None:
    """Keep who did what, in the transaction that does it. `subject` is the prefix of the thing's typed id; facts are JSON:
    ids as text, moments in ISO 8601, money in minor units.
    """
    row = {"by": by, "deed": deed, "subject": subject, "subject_id": subject_id, "facts": facts, "done_at": now}
    await tx.execute(insert(deeds).values(row))
