"""What staff do with stores. Each deed is on the trail."""

from dataclasses import replace
from datetime import datetime, time
from typing import Any
from uuid import UUID

from domain.foundation import ids
from domain.foundation.database import Database
from domain.foundation.errors import BadInput, NotFound
from domain.stores import rules, store
from domain.stores.rules import Store, StoreCodeTaken
from domain.trail import store as trail


async def create(db: Database, new: Store, *, by: UUID, now: datetime) -> Store:
    """Open a store. Raises BadInput for what `check` does not allow, StoreCodeTaken for a code that another has."""
    rules.check(new)
    async with db.transaction() as tx:
        if not await store.add(tx, new, now=now):
            raise StoreCodeTaken(store_code=new.code)
        await trail.note(
            tx, by=by, deed="create_store", subject="store", subject_id=new.id, now=now, code=new.code, name=new.name
        )
    return new


async def update(db: Database, *, store_id: UUID, changes: dict[str, Any], by: UUID, now: datetime) -> Store:
    """Change what is named in `changes`, by the names of Store's fields; nothing is noted when nothing changes.

    The code stays: it is printed, and other books know the store by it. Raises BadInput for what `check` does not allow,
    NotFound without such a store.
    """
    if not changes.keys() <= _CHANGEABLE:
        raise BadInput(f"{', '.join(sorted(changes.keys() - _CHANGEABLE))} cannot be changed")
    async with db.transaction() as tx:
        before = await store.lock(tx, store_id)
        if before is None:
            raise NotFound("store", ids.encode("store", store_id))
        after = replace(before, **changes)
        rules.check(after)
        if after != before:
            await store.write(tx, after, now=now)
            facts = {name: _noted(value) for name, value in changes.items() if getattr(before, name) != value}
            await trail.note(tx, by=by, deed="update_store", subject="store", subject_id=store_id, now=now, **facts)
    return after


_CHANGEABLE = frozenset(Store.__slots__) - {"id", "code"}


def _noted(value: Any) -> Any:
    return f"{value:%H:%M}" if isinstance(value, time) else value
