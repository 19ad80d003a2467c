"""Who asks at the doors of a sale: those of one event-loop tick are looked up, and let in, together."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.audiences import letting_in
from domain.audiences.rules import Doors, Opening
from domain.foundation.database import Database
from domain.foundation.together import Together

MOST_AT_ONCE = 256


class _Asker(NamedTuple):
    account_id: UUID
    doors: Doors
    opens_at: datetime
    now: datetime


class DoorDesk:
    """Lets people in to sales with doors. One per process and event loop; it remembers nobody."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._asked: Together[UUID, _Asker, Opening | None] = Together(self._answer, at_most=MOST_AT_ONCE)

    async def ask(
        self, sale_id: UUID, doors: Doors, *, opens_at: datetime, account_id: UUID, now: datetime
    ) -> Opening | None:
        """From when on the sale is open to somebody; None: never. Whoever may come in now by a door is kept as let in.

        For all who ask within a tick a statement for each kind of crowd, and one more where somebody is let in.
        """
        return await self._asked.ask(sale_id, _Asker(account_id, doors, opens_at, now))

    async def _answer(self, sale_id: UUID, askers: list[_Asker]) -> list[Opening | None]:
        _, doors, opens_at, now = askers[-1]
        account_ids = {asker.account_id for asker in askers}
        async with self._db.transaction() as tx:
            opened = await letting_in.openings(tx, sale_id, doors, opens_at=opens_at, account_ids=account_ids, now=now)
        return [opened[asker.account_id] for asker in askers]
