"""Builders for room chat: people who write in a room, and what the room has told."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.accounts.rules import Principal, Role
from domain.chats import moderating
from domain.chats.desk import CommentDesk, Posted
from domain.chats.words import Word, WordAction, WordList
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.live_rooms import timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import EventKind, RoomEvent

VIEWER = frozenset({Role.SHOPPER})


class ChatsGiven:
    """Builders for room chat."""

    db: Database
    bus: LiveBus
    now: datetime

    async def viewer(self, name: str = "林晚") -> Principal:
        """Somebody who may write in a room; the same person for the same name."""
        return Principal(await self.shopper(name), VIEWER)  # type: ignore[attr-defined]

    async def viewers(self, count: int) -> list[Principal]:
        """Many who may."""
        return [Principal(account_id, VIEWER) for account_id in await self.shoppers(count)]  # type: ignore[attr-defined]

    async def comment(self, room_id: UUID, text: str = "好看", *, by: Principal | None = None) -> Posted:
        """A comment of somebody, written now."""
        author = by or await self.viewer()
        desk = CommentDesk(self.db, self.bus)
        return await desk.post(room_id=room_id, by=author, text=text, idempotency_key=str(new_id()), now=self.now)

    async def words(self, *, mask: Sequence[str] = (), withhold: Sequence[str] = (), version: int = 0) -> WordList:
        """The word list from now on."""
        words = [Word(word, WordAction.MASK) for word in mask] + [Word(word, WordAction.WITHHOLD) for word in withhold]
        return await moderating.set_words(self.db, words=words, version=version, by=new_id(), now=self.now)

    async def told(self, room_id: UUID, *kinds: EventKind) -> list[RoomEvent]:
        """What the room's timeline has of these kinds; it is numbered without gaps."""
        events = await timeline.since(self.db, room_id, 0, limit=10_000)
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        return [event for event in events if event.kind in kinds]
