"""A batch of activation codes as a CSV file, for whoever made it."""

from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy import select

from domain.foundation.database import Database
from domain.foundation.sheets import cells, heading
from domain.memberships import code_rules
from domain.memberships.code_rules import Code
from domain.memberships.code_store import COLUMNS, c

CODES_AT_A_TIME = 1_000
HEADINGS = (("激活码", "Activation code"), ("有效期至", "Valid until"), ("激活时间", "Activated at"))


async def rows(db: Database, *, batch_id: UUID, secret: bytes) -> AsyncIterator[bytes]:
    """A heading, and one row for each code. One that was made with another key than `secret` cannot be shown: its cell is empty.

    Reads a thousand at a time, on no connection in between.
    """
    yield heading(HEADINGS)
    found = select(*COLUMNS).where(c.batch_id == batch_id).order_by(c.id).limit(CODES_AT_A_TIME)
    some = [Code(*row) for row in await db.rows(found)]
    while some:
        for code in some:
            yield cells([code_rules.shown(secret, code), code.valid_until, code.used_at])
        some = [Code(*row) for row in await db.rows(found.where(c.id > some[-1].id))]
