"""Builders for what prices are made of."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.pricing import actions, queries
from domain.pricing.freight import Measure, Template, Zone
from domain.pricing.ladders import Ladder
from domain.pricing.rules import Offers, Quote, Wanted
from domain.pricing.tables import deal_days
from domain.trail.tables import deeds


class PricingGiven:
    """Builders for ladders, templates and deals, and quotes of what they come to."""

    db: Database
    now: datetime

    async def ladder(self, store_id: UUID, *sku_ids: UUID) -> Ladder:
        """From 19:00 on 10 % off, every half hour 10 % more, free at 23:30, for these SKUs."""
        ladder = Ladder(store_id, time(19), 30, 10, time(23, 30))
        await actions.set_ladder(self.db, ladder, sku_ids=sku_ids, by=new_id(), now=self.now)
        return ladder

    async def freight_of(self, product_id: UUID, *zones: Zone, measure: Measure = Measure.WEIGHT) -> Template:
        """A freight template of the product's own."""
        template = Template(new_id(), f"t-{new_id()}", measure, zones)
        await actions.write_template(self.db, template, by=new_id(), now=self.now, is_new=True)
        await actions.set_template_of_product(
            self.db, product_id=product_id, template_id=template.id, by=new_id(), now=self.now
        )
        return template

    async def deal_day(self, sku_id: UUID, day: date, lowest_minor: int) -> None:
        """A day on which one unit was sold."""
        row = {"sku_id": sku_id, "day": day, "lowest_minor": lowest_minor, "units": 1}
        async with self.db.transaction() as tx:
            await tx.execute(insert(deal_days).values(row))

    async def priced(
        self, units: Mapping[UUID, int], *, offers: Offers | None = None, now: datetime | None = None, **how: Any
    ) -> Quote:
        """The quote of so many units of each SKU; for nobody and nowhere unless told otherwise."""
        how = {"fulfilment": None, "region_code": None, "store_id": None} | how
        async with self.db.reading() as reader:
            return await queries.quote(
                reader, self.wanted(units), offers=offers or Offers(), now=now or self.now, **how
            )

    def wanted(self, units: Mapping[UUID, int]) -> Sequence[Wanted]:
        """So many units of each SKU."""
        return [Wanted(sku_id, quantity) for sku_id, quantity in units.items()]

    async def noted_deeds(self) -> list[tuple[str, str]]:
        """What staff did, in order, and to what kind of thing."""
        c = deeds.c
        return [(row.deed, row.subject) for row in await self.db.rows(select(c.deed, c.subject).order_by(c.position))]
