"""What staff do with prices. Each deed is on the trail, together with what it changed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.foundation import ids
from domain.foundation.database import Database
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.money import LARGEST_MINOR
from domain.pricing import freight, ladders, store
from domain.pricing.engine import SalePrice
from domain.pricing.freight import FreightNameTaken, Template
from domain.pricing.ladders import Ladder
from domain.pricing.rules import Fulfilment
from domain.trail import store as trail
from domain.trail.rules import HOUSE

MOST_LADDER_SKUS = 1_000


async def set_sale_price(
    db: Database, *, sku_id: UUID, price_minor: int, starts_at: datetime, ends_at: datetime, by: UUID, now: datetime
) -> SalePrice:
    """Give a SKU a price for a while; where several overlap, the lowest counts. Orders that stand keep theirs.

    The same wish again is the sale price that there is already. Raises BadInput for a price below 0 or above
    LARGEST_MINOR and for a window that is empty or over, NotFound without such a SKU.
    """
    if not 0 <= price_minor <= LARGEST_MINOR:
        raise BadInput(f"priceMinor is {price_minor} minor units; allowed: 0 to {LARGEST_MINOR}")
    if not max(starts_at, now) < ends_at:
        raise BadInput(f"endsAt is {ends_at.isoformat()}; allowed: after startsAt and after this moment")
    new = SalePrice(ids.new_id(), price_minor, starts_at, ends_at)
    async with db.transaction() as tx:
        if not await store.lock_sku(tx, sku_id):
            raise NotFound("sku", ids.encode("sku", sku_id))
        known = await store.same_sale_price(tx, sku_id, new)
        if known is not None:
            return known
        await store.add_sale_price(tx, sku_id, new, by=by, now=now)
        await trail.note(
            tx,
            by=by,
            deed="set_sale_price",
            subject="sku",
            subject_id=sku_id,
            now=now,
            sale_price_id=ids.encode("saleprice", new.id),
            price_minor=price_minor,
            starts_at=starts_at.isoformat(),
            ends_at=ends_at.isoformat(),
        )
    return new


async def end_sale_price(db: Database, *, sale_price_id: UUID, by: UUID, now: datetime) -> None:
    """End a sale price now instead of later; what has ended already stays as it is. Raises NotFound."""
    async with db.transaction() as tx:
        sku_id = await store.sku_of_sale_price(tx, sale_price_id)
        if sku_id is None:
            raise NotFound("saleprice", ids.encode("saleprice", sale_price_id))
        if await store.end_sale_price(tx, sale_price_id, by=by, now=now):
            await trail.note(
                tx,
                by=by,
                deed="end_sale_price",
                subject="sku",
                subject_id=sku_id,
                now=now,
                sale_price_id=ids.encode("saleprice", sale_price_id),
            )


async def set_ladder(db: Database, ladder: Ladder, *, sku_ids: Sequence[UUID], by: UUID, now: datetime) -> None:
    """Give a store a price ladder for these SKUs instead of what it had; without any SKU, it makes nothing cheaper.

    Raises BadInput for a ladder that `ladders.check` does not allow or too many SKUs, NotFound without such a store or
    SKU.
    """
    ladders.check(ladder)
    wanted = list(dict.fromkeys(sku_ids))
    if len(wanted) > MOST_LADDER_SKUS:
        raise BadInput(f"there are {len(wanted)} SKUs; allowed: at most {MOST_LADDER_SKUS}")
    async with db.transaction() as tx:
        if not await store.lock_store(tx, ladder.store_id):
            raise NotFound("store", ids.encode("store", ladder.store_id))
        if missing := await store.missing_skus(tx, wanted):
            raise NotFound("sku", ids.encode("sku", missing[0]))
        await store.write_ladder(tx, ladder, wanted, now=now)
        await trail.note(
            tx,
            by=by,
            deed="set_price_ladder",
            subject="store",
            subject_id=ladder.store_id,
            now=now,
            starts_at=f"{ladder.starts_at:%H:%M}",
            step_minutes=ladder.step_minutes,
            step_percent=ladder.step_percent,
            free_at=f"{ladder.free_at:%H:%M}",
            skus=len(wanted),
        )


async def write_template(db: Database, wished: Template, *, by: UUID, now: datetime, is_new: bool) -> Template:
    """Keep a freight template, a new one or another version of one; quotes reckon by it from now on.

    As default one it takes the place of the one before. Raises BadInput for what `freight.check` does not allow,
    NotFound for a version of none, FreightNameTaken for the name of another.
    """
    template = replace(wished, name=wished.name.strip())
    freight.check(template)
    async with db.transaction() as tx:
        await store.lock_templates(tx)
        if not is_new and template.id not in await store.templates_by_ids(tx, [template.id]):
            raise NotFound("freight", ids.encode("freight", template.id))
        if await store.template_of_name(tx, template.name) not in {None, template.id}:
            raise FreightNameTaken(name=template.name)
        await store.write_template(tx, template, now=now)
        await trail.note(
            tx,
            by=by,
            deed="create_freight_template" if is_new else "update_freight_template",
            subject="freight",
            subject_id=template.id,
            now=now,
            name=template.name,
            measure=template.measure.value,
            is_default=template.is_default,
            zones=len(template.zones),
        )
    return template


async def set_template_of_product(
    db: Database, *, product_id: UUID, template_id: UUID | None, by: UUID, now: datetime
) -> None:
    """Reckon a product's freight by this template from now on; None: by the default one. Raises NotFound for either."""
    async with db.transaction() as tx:
        if not await store.lock_product(tx, product_id):
            raise NotFound("product", ids.encode("product", product_id))
        if template_id is not None and not await store.templates_by_ids(tx, [template_id]):
            raise NotFound("freight", ids.encode("freight", template_id))
        await store.write_template_of_product(tx, product_id, template_id)
        shown = ids.encode("freight", template_id) if template_id else None
        await trail.note(
            tx, by=by, deed="set_freight_of_product", subject="product", subject_id=product_id, now=now, template=shown
        )


async def set_minimum(db: Database, *, fulfilment: Fulfilment, minimum_minor: int, by: UUID, now: datetime) -> None:
    """Take orders of this kind from so much on: goods less discounts, in minor units; 0: from the first fen.

    Raises BadInput for less than 0 or more than LARGEST_MINOR.
    """
    if not 0 <= minimum_minor <= LARGEST_MINOR:
        raise BadInput(f"minimumMinor is {minimum_minor} minor units; allowed: 0 to {LARGEST_MINOR}")
    async with db.transaction() as tx:
        await store.write_minimum(tx, fulfilment, minimum_minor, now=now)
        await trail.note(
            tx,
            by=by,
            deed="set_minimum_order",
            subject="house",
            subject_id=HOUSE,
            now=now,
            fulfilment=fulfilment.value,
            minimum_minor=minimum_minor,
        )
