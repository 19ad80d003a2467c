"""How actions read and write sale prices, ladders, freight templates and minimum orders."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from domain.foundation.database import AnyRow, Reader, Transaction
from domain.pricing.engine import SalePrice
from domain.pricing.freight import Measure, Template, Zone
from domain.pricing.ladders import Ladder
from domain.pricing.rules import Fulfilment
from domain.pricing.tables import (
    freight_of_products,
    freight_templates,
    freight_zones,
    ladder_skus,
    ladders,
    minimum_orders,
    sale_prices,
)
from domain.products.tables import products, skus
from domain.stores.tables import stores

_t, _z, _sale, _l = freight_templates.c, freight_zones.c, sale_prices.c, ladders.c
SALE_COLUMNS = (
    _sale.id, _sale.sku_id, _sale.price_minor, _sale.starts_at, _sale.ends_at, _sale.created_by, _sale.ended_at,
    _sale.ended_by,
)  # fmt: skip
LADDER_COLUMNS = (_l.store_id, _l.starts_at, _l.step_minutes, _l.step_percent, _l.free_at)
_TEMPLATES = (
    select(
        _t.id, _t.name, _t.measure, _t.is_default,
        _z.regions, _z.first_measure, _z.first_minor, _z.more_measure, _z.more_minor, _z.free_from_minor, _z.is_served,
    )
    .outerjoin_from(freight_templates, freight_zones)
    .where(_t.id == func.any(bindparam("ids", type_=ARRAY(PG_UUID))))
    .order_by(_t.id, _z.position)
)  # fmt: skip


async def missing_skus(tx: Transaction, sku_ids: Sequence[UUID]) -> list[UUID]:
    """Those of these ids that no SKU has. SKUs are never deleted: what is found now stays."""
    found = set(await tx.column(select(skus.c.id).where(skus.c.id == func.any(list(sku_ids)))))
    return [sku_id for sku_id in sku_ids if sku_id not in found]


async def lock_product(tx: Transaction, product_id: UUID) -> bool:
    """Whether there is such a product; what hangs on it is changed one action at a time."""
    row = select(products.c.id).where(products.c.id == product_id).with_for_update(key_share=True)
    return await tx.value(row) is not None


async def lock_sku(tx: Transaction, sku_id: UUID) -> bool:
    """Whether there is such a SKU; what hangs on it is changed one action at a time."""
    return await tx.value(select(skus.c.id).where(skus.c.id == sku_id).with_for_update(key_share=True)) is not None


async def lock_store(tx: Transaction, store_id: UUID) -> bool:
    """Whether there is such a store; what hangs on it is changed one action at a time."""
    return (
        await tx.value(select(stores.c.id).where(stores.c.id == store_id).with_for_update(key_share=True)) is not None
    )


async def same_sale_price(tx: Transaction, sku_id: UUID, wished: SalePrice) -> SalePrice | None:
    """A sale price of the SKU with the same amount and window that nobody has ended."""
    row = await tx.one(
        select(*SALE_COLUMNS)
        .where(
            _sale.sku_id == sku_id,
            _sale.price_minor == wished.price_minor,
            _sale.starts_at == wished.starts_at,
            _sale.ends_at == wished.ends_at,
            _sale.ended_at.is_(None),
        )
        .limit(1)
    )
    return sale_price_of(row) if row else None


async def add_sale_price(tx: Transaction, sku_id: UUID, new: SalePrice, *, by: UUID, now: datetime) -> None:
    """Keep a new sale price."""
    await tx.execute(
        insert(sale_prices).values(
            id=new.id,
            sku_id=sku_id,
            price_minor=new.price_minor,
            starts_at=new.starts_at,
            ends_at=new.ends_at,
            created_at=now,
            created_by=by,
        )
    )


async def sku_of_sale_price(tx: Transaction, sale_price_id: UUID) -> UUID | None:
    """Whose price it is; None when there is no such sale price."""
    found: UUID | None = await tx.value(select(_sale.sku_id).where(_sale.id == sale_price_id))
    return found


async def end_sale_price(tx: Transaction, sale_price_id: UUID, *, by: UUID, now: datetime) -> bool:
    """End a sale price before its time; False when it has ended already, one way or the other."""
    running = update(sale_prices).where(_sale.id == sale_price_id, _sale.ended_at.is_(None), _sale.ends_at > now)
    return bool(await tx.execute(running.values(ended_at=now, ended_by=by)))


async def write_ladder(tx: Transaction, ladder: Ladder, sku_ids: Sequence[UUID], *, now: datetime) -> None:
    """Give a store this ladder, for these SKUs and no others."""
    values = {
        "starts_at": ladder.starts_at,
        "step_minutes": ladder.step_minutes,
        "step_percent": ladder.step_percent,
        "free_at": ladder.free_at,
        "updated_at": now,
    }
    new = insert(ladders).values(store_id=ladder.store_id, **values)
    await tx.execute(new.on_conflict_do_update(index_elements=[_l.store_id], set_=values))
    await tx.execute(delete(ladder_skus).where(ladder_skus.c.store_id == ladder.store_id))
    if sku_ids:
        await tx.execute(
            insert(ladder_skus), [{"store_id": ladder.store_id, "sku_id": sku_id} for sku_id in sorted(sku_ids)]
        )


async def lock_templates(tx: Transaction) -> None:
    """Wait until nobody else changes freight templates; they may still be read.

    The table is locked, not its rows: only then are two who each make a new default one kept apart.
    """
    await tx.execute(text("LOCK TABLE freight_templates IN SHARE ROW EXCLUSIVE MODE"))


async def template_of_name(tx: Transaction, name: str) -> UUID | None:
    """The freight template that is called so, if one is."""
    found: UUID | None = await tx.value(select(_t.id).where(_t.name == name))
    return found


async def write_template(tx: Transaction, template: Template, *, now: datetime) -> None:
    """Keep a freight template as it stands here, new or changed; the default one is the only default one."""
    if template.is_default:
        others = update(freight_templates).where(_t.is_default, _t.id != template.id)
        await tx.execute(others.values(is_default=False, updated_at=now))
    values = {
        "name": template.name,
        "measure": template.measure.value,
        "is_default": template.is_default,
        "updated_at": now,
    }
    new = insert(freight_templates).values(id=template.id, **values)
    await tx.execute(new.on_conflict_do_update(index_elements=[_t.id], set_=values))
    await tx.execute(delete(freight_zones).where(_z.template_id == template.id))
    await tx.execute(
        insert(freight_zones),
        [
            {"template_id": template.id, "position": position} | _zone_values(zone)
            for position, zone in enumerate(template.zones, 1)
        ],
    )


async def write_template_of_product(tx: Transaction, product_id: UUID, template_id: UUID | None) -> None:
    """Say by which template a product's freight is reckoned; None: by the default one."""
    c = freight_of_products.c
    if template_id is None:
        await tx.execute(delete(freight_of_products).where(c.product_id == product_id))
        return
    new = insert(freight_of_products).values(product_id=product_id, template_id=template_id)
    await tx.execute(new.on_conflict_do_update(index_elements=[c.product_id], set_={"template_id": template_id}))


async def write_minimum(tx: Transaction, fulfilment: Fulfilment, minimum_minor: int, *, now: datetime) -> None:
    """From how much on orders of this kind are taken."""
    values = {"minimum_minor": minimum_minor, "updated_at": now}
    new = insert(minimum_orders).values(fulfilment=fulfilment.value, **values)
    await tx.execute(new.on_conflict_do_update(index_elements=[minimum_orders.c.fulfilment], set_=values))


async def templates_by_ids(reader: Reader, template_ids: Sequence[UUID]) -> dict[UUID, Template]:
    """Freight templates that exist, by id, with their zones in order."""
    zones: dict[UUID, list[Zone]] = {}
    found: dict[UUID, Template] = {}
    for id, name, measure, is_default, *zone in await reader.rows(_TEMPLATES, {"ids": list(template_ids)}):
        its_zones = zones.setdefault(id, [])
        found.setdefault(id, Template(id, name, Measure(measure), its_zones, is_default))
        if zone[0] is not None:
            its_zones.append(Zone(*zone))
    return found


def sale_price_of(row: AnyRow) -> SalePrice:
    """The sale price of a row of SALE_COLUMNS; one that was ended ends when that was done."""
    ended_early = row.ended_at is not None and row.ended_at < row.ends_at
    return SalePrice(row.id, row.price_minor, row.starts_at, row.ended_at if ended_early else row.ends_at)


def ladder_of(row: AnyRow) -> Ladder | None:
    """The ladder of a row with LADDER_COLUMNS; None where they are empty."""
    if row.starts_at is None:
        return None
    return Ladder(row.store_id, row.starts_at, row.step_minutes, row.step_percent, row.free_at)


def _zone_values(zone: Zone) -> dict[str, object]:
    return {name: getattr(zone, name) for name in Zone.__slots__} | {"regions": list(zone.regions)}
