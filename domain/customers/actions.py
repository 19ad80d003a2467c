"""What staff do: say what user value means."""

from dataclasses import asdict, replace
from datetime import datetime
from uuid import UUID

from domain.customers import rules, store
from domain.customers.rules import ValueRules
from domain.foundation.database import Database
from domain.trail import store as trail
from domain.trail.rules import HOUSE


async def set_rules(db: Database, new: ValueRules, *, by: UUID, now: datetime) -> ValueRules:
    """The next version of the rules, whatever `new` says of its version; the next refresh works out everybody by it.

    What stands already is not set again: a repeated call changes nothing. Raises BadInput.
    """
    rules.check_rules(new)
    async with db.transaction() as tx:
        await store.lock(tx)
        standing = await store.rules(tx)
        if replace(new, version=standing.version) == standing:
            return standing
        new = replace(new, version=standing.version + 1)
        await store.add_rules(tx, new, by=by, now=now)
        await trail.note(tx, by=by, deed="set_value_rules", subject="house", subject_id=HOUSE, now=now, **asdict(new))
    return new
