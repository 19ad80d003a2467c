"""How member prices and member-only goods are written, under the lock of the SKU or product that they are about."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.benefits.tables import member_only_goods, member_prices
from domain.foundation.database import Transaction
from domain.foundation.errors import NotFound
from domain.products.tables import products, skus

m, o = member_prices.c, member_only_goods.c


async def lock_prices(tx: Transaction, sku_ids: Sequence[UUID]) -> dict[UUID, int | None]:
    """The member price of each of these SKUs, None for one without; nobody else sets it meanwhile. Raises NotFound."""
    locked = select(skus.c.id).where(skus.c.id == func.any(list(sku_ids))).order_by(skus.c.id)
    found = set(await tx.column(locked.with_for_update(key_share=True)))
    if missing := next((id for id in sku_ids if id not in found), None):
        raise NotFound.of("sku", missing)
    rows = await tx.rows(select(m.sku_id, m.price_minor).where(m.sku_id == func.any(list(sku_ids))))
    known = {row.sku_id: row.price_minor for row in rows}
    return {sku_id: known.get(sku_id) for sku_id in sku_ids}


async def write_prices(tx: Transaction, prices: Mapping[UUID, int | None], *, by: UUID, now: datetime) -> None:
    """Set the prices of locked SKUs, and drop those that are None."""
    dropped = [sku_id for sku_id, price in prices.items() if price is None]
    if dropped:
        await tx.execute(delete(member_prices).where(m.sku_id == func.any(dropped)))
    rows = [
        {"sku_id": sku_id, "price_minor": price, "set_at": now, "set_by": by}
        for sku_id, price in prices.items()
        if price is not None
    ]
    if rows:
        added = insert(member_prices).values(rows)
        new = {name: added.excluded[name] for name in ("price_minor", "set_at", "set_by")}
        await tx.execute(added.on_conflict_do_update(index_elements=[m.sku_id], set_=new))


async def lock_products(tx: Transaction, product_ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Whether each of these products is sold to members only; nobody else changes it meanwhile. Raises NotFound."""
    locked = select(products.c.id).where(products.c.id == func.any(list(product_ids))).order_by(products.c.id)
    found = set(await tx.column(locked.with_for_update(key_share=True)))
    if missing := next((id for id in product_ids if id not in found), None):
        raise NotFound.of("product", missing)
    known = set(await tx.column(select(o.product_id).where(o.product_id == func.any(list(product_ids)))))
    return {product_id: product_id in known for product_id in product_ids}


async def write_members_only(tx: Transaction, is_members_only: Mapping[UUID, bool], *, by: UUID, now: datetime) -> None:
    """Mark locked products as sold to members only, or to everybody again."""
    opened = [product_id for product_id, wanted in is_members_only.items() if not wanted]
    if opened:
        await tx.execute(delete(member_only_goods).where(o.product_id == func.any(opened)))
    rows = [{"product_id": id, "set_at": now, "set_by": by} for id, wanted in is_members_only.items() if wanted]
    if rows:
        await tx.execute(insert(member_only_goods).values(rows).on_conflict_do_nothing())
