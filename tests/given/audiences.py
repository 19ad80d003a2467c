"""Builders for audiences: doors of sales, segments, and people of a crowd."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from domain.audiences import queries, refreshing, segment_actions
from domain.audiences.rules import Crowd, CrowdKind, Door, Doors
from domain.audiences.segment_rules import Segment, SegmentRule
from domain.flash_sales import actions
from domain.flash_sales.admission import AdmissionDesk
from domain.flash_sales.doors import set_doors
from domain.flash_sales.passes import PassDesk
from domain.foundation.database import Database
from domain.foundation.ids import encode, new_id
from domain.foundation.runtime import Market
from domain.memberships import refunding
from domain.super_users.tables import moves, super_users
from tests.given.flash_sales import OneItem

MEMBERS = Crowd(CrowdKind.MEMBERS)
SUPER_USERS = Crowd(CrowdKind.SUPER_USERS)
MEMBERS_ONLY = Doors((Door(MEMBERS),), lets_others_in=False)
SUPER_USERS_EARLY = Doors((Door(SUPER_USERS, 10),), lets_others_in=True)


class AudiencesGiven:
    """Builders for audiences."""

    market: Market
    db: Database
    now: datetime

    async def sale_with_doors(self, doors: Doors, *, opens_at: datetime, warm: bool = True, **about: Any) -> OneItem:
        """A flash sale with these doors that opens then, warm unless told otherwise."""
        draft = await self.flash_sale(opens_at=opens_at, warm=False, **about)  # type: ignore[attr-defined]
        sale_id = draft.sale.id
        await set_doors(self.db, sale_id=sale_id, doors=doors, by=new_id(), now=self.now)
        if warm:
            await actions.schedule(self.db, sale_id=sale_id, by=new_id(), now=self.now)
            await actions.warm(self.db, self.market.gate, sale_id=sale_id, now=self.now)
        return await self.reread(sale_id)  # type: ignore[attr-defined, no-any-return]

    def pass_desk(self) -> PassDesk:
        """A pass desk as an API process has one."""
        settings = self.market.settings
        line = AdmissionDesk(self.market.gate, key=settings.signing_secret)
        return PassDesk(self.db, line, seconds=settings.pass_seconds)

    async def member(self, *, plan: Any = None) -> UUID:
        """Somebody with a paid yearly card, or of this plan."""
        account_id: UUID = await self.shopper()  # type: ignore[attr-defined]
        bought = await self.purchase(plan or await self.plan(), account_id)  # type: ignore[attr-defined]
        await self.pay_membership(bought)  # type: ignore[attr-defined]
        return account_id

    async def end_membership(self, account_id: UUID) -> None:
        """The membership is given back, and ends now."""
        due = (await refunding.preview(self.db, account_id=account_id, now=self.now)).refunding.amount
        key = f"refund-{new_id()}"
        await refunding.refund(
            self.db, account_id=account_id, amount_minor=due.minor, idempotency_key=key, now=self.now
        )

    async def known_super_users(self, count: int) -> list[UUID]:
        """Super users since an hour, of whom no order is known."""
        who: list[UUID] = await self.shoppers(count)  # type: ignore[attr-defined]
        since = self.now - timedelta(hours=1)
        facts = {"has_become": True, "version": 1, "facts": {}, "moved_at": since}
        async with self.db.transaction() as tx:
            await tx.execute(insert(super_users), [{"account_id": one, "since": since, "version": 1} for one in who])
            await tx.execute(insert(moves), [{"account_id": one, **facts} for one in who])
        return who

    async def segment(self, rule: SegmentRule, *, name: str = "", **about: Any) -> Segment:
        """A segment by a rule, refreshed."""
        key = f"segment-{new_id()}"
        segment = await segment_actions.create(
            self.db, name=name or key, rule=rule, by=new_id(), idempotency_key=key, now=self.now, **about
        )
        return await self.refreshed_segment(segment.id)

    async def listed(self, people: Sequence[UUID], *, name: str = "") -> Segment:
        """A list of these people."""
        key = f"segment-{new_id()}"
        made = await segment_actions.create(
            self.db, name=name or key, rule=None, by=new_id(), idempotency_key=key, now=self.now
        )
        for start in range(0, len(people), segment_actions.MOST_NAMED):
            rows = "\n".join(encode("account", id) for id in people[start : start + segment_actions.MOST_NAMED])
            made = await segment_actions.name_people(
                self.db, segment_id=made.id, people=rows, by=new_id(), now=self.now
            )
        return made

    async def refreshed_segment(self, segment_id: UUID, *, limit: int = 1_000, now: datetime | None = None) -> Segment:
        """The segment once the refresh that is under way has come to its end."""
        while await refreshing.advance(self.db, segment_id=segment_id, limit=limit, now=now or self.now):
            pass
        return (await queries.segments_by_ids(self.db, [segment_id]))[segment_id]

    async def held_by(self, segment: Segment) -> set[UUID]:
        """Whom the segment holds."""
        page = await queries.members(self.db, segment, first=100)
        return set(page.rows)
