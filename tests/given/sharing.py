"""Builders for share links and who opened them."""

from datetime import datetime
from uuid import UUID

from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.sharing import actions, attributing, queries, visiting
from domain.sharing.rules import Funnel, Link, TargetKind

SHARE_DAYS = 7


class SharingGiven:
    """Builders for share links."""

    db: Database
    now: datetime

    async def link(
        self,
        sharer_id: UUID | None = None,
        *,
        target_kind: TargetKind = TargetKind.PRODUCT,
        target_id: UUID | None = None,
        channel: str = "friend",
        campaign: str = "",
    ) -> Link:
        """Somebody's share of something, of a product that there is not unless told."""
        return await actions.share(
            self.db,
            sharer_id=sharer_id or await self.shopper(),  # type: ignore[attr-defined]
            target_kind=target_kind,
            target_id=target_id or new_id(),
            channel=channel,
            campaign=campaign,
            now=self.now,
        )

    async def visit(
        self, link: Link, *, by: UUID | None = None, on: str = "", at: datetime | None = None
    ) -> visiting.Opened:
        """A link is opened: by somebody signed in where `by` is given, on a device of their own unless `on` names one."""
        return await visiting.open_link(
            self.db,
            token=link.token,
            visitor=on or (by or new_id()).hex,
            shopper_id=by,
            share_days=SHARE_DAYS,
            now=at or self.now,
        )

    async def attributed(
        self, shopper_id: UUID, *, at: datetime | None = None, order_id: UUID | None = None
    ) -> UUID | None:
        """The link that an order of the shopper's comes of, which is noted with it; there need be no such order."""
        async with self.db.transaction() as tx:
            return await attributing.attribute(
                tx, order_id=order_id or new_id(), shopper_id=shopper_id, placed_at=at or self.now
            )

    async def funnel(self, link: Link) -> Funnel:
        """What came of a link."""
        return (await queries.funnels_by_link_ids(self.db, [link.id])).get(link.id, Funnel())
