"""Who is banned leaves the rooms they watch: at once by the live bus, and within seconds where the bus has lost the word."""

import asyncio
from collections import defaultdict
from uuid import UUID

from domain.chats import queries
from domain.foundation.database import Database
from domain.foundation.reporting import note_failure
from domain.live_rooms.watching import RoomWatch

LOOK_SECONDS = 2.0


class BanWatch:
    """Turns out the banned who watch a room on a socket of this process. One per process and event loop."""

    def __init__(self, db: Database, watch: RoomWatch) -> None:
        self._db, self._watch = db, watch

    async def run(self) -> None:
        """Look again and again. Runs until cancelled; a failure is logged, and made up for by the next look."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception as error:
                note_failure("bans_not_seen", error)

    async def look(self) -> None:
        """Tell whoever watches though they are banned; one statement for all rooms, none where nobody watches."""
        rooms = list(self._watch.rooms())
        if not rooms:
            return
        banned: dict[UUID, set[UUID]] = defaultdict(set)
        for room_id, account_id in await queries.bans(self._db, rooms):
            banned[room_id].add(account_id)
        for room_id, account_ids in banned.items():
            here = account_ids.intersection(self._watch.viewers(room_id).values())
            if here and (feed := await self._watch.open(room_id)) is not None:
                feed.poke([(account_id, "banned", room_id) for account_id in here])
