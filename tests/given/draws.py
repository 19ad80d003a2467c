"""Builders for lucky draws: one in a room that is on, people in it, and its end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.accounts.rules import Principal
from domain.draws import actions, entering, queries, sealing
from domain.draws.entering import Wish
from domain.draws.rules import Draw, Entry, NewDraw, OpenTo, Prize
from domain.foundation.errors import Refusal
from domain.foundation.ids import new_id
from domain.foundation.runtime import Market
from domain.live_rooms.bus import LiveBus
from tests.given.live_rooms import RoomGiven

PRIZES = (Prize("空气炸锅", 29_900, 1), Prize("优惠礼包", 1_990, 2))
OPEN_FOR = timedelta(minutes=5)


class DrawsGiven:
    """Builders for lucky draws."""

    market: Market
    now: datetime
    bus: LiveBus

    @property
    def seal_key(self) -> bytes:
        """What seeds are sealed with."""
        return sealing.seal_key(self.market.settings)

    async def new_draw(self, room: RoomGiven, **about: Any) -> NewDraw:
        """A wish for a draw of three pieces, open to everybody for five minutes. `about` are other fields of NewDraw."""
        wish: dict[str, Any] = {
            "room_id": room.id,
            "title": "整点抽奖",
            "open_to": OpenTo.EVERYBODY,
            "prizes": PRIZES,
            "closes_at": self.now + OPEN_FOR,
            "prizes_until": self.now + OPEN_FOR + timedelta(days=7),
        }
        wish["store_id"] = about.pop("store_id", None) or await self.pickup_store()  # type: ignore[attr-defined]
        return NewDraw(**wish | about)

    async def lucky_draw(
        self, room: RoomGiven | None = None, *, entrants: int = 0, key: str = "", **about: Any
    ) -> Draw:
        """A draw, opened by the room's host, in which so many have entered."""
        room = room or await self.live_room()  # type: ignore[attr-defined]
        draw = await actions.open_draw(
            self.market.db,
            self.bus,
            await self.new_draw(room, **about),
            key=self.seal_key,
            by=room.host,
            idempotency_key=key or f"draw-{new_id()}",
            now=self.now,
        )
        if entrants:
            await self.entered(draw, await self.shoppers(entrants))  # type: ignore[attr-defined]
        return await self.draw_again(draw.id)

    async def entered(
        self, draw: Draw, shopper_ids: Sequence[UUID], *, now: datetime | None = None
    ) -> Sequence[Entry | Refusal]:
        """What became of the wishes of these people, all at once."""
        wishes = [Wish(shopper_id, now or self.now) for shopper_id in shopper_ids]
        return await entering.enter(self.market.db, draw_id=draw.id, wishes=wishes)

    async def drawn(self, draw: Draw, *, by: Principal | None = None, now: datetime | None = None) -> Draw:
        """The draw, drawn when it closes: by the timetable, unless it is said who does it."""
        return await actions.draw(
            self.market.db, self.bus, draw_id=draw.id, key=self.seal_key, by=by, now=now or draw.closes_at
        )

    async def draw_again(self, draw_id: UUID) -> Draw:
        """The draw as it is now."""
        return (await queries.by_ids(self.market.db, [draw_id]))[draw_id]
