"""What staff can do with a product. Whole catalogues are imported, units and all: domain/stock/importing.py."""

from datetime import datetime
from uuid import UUID

from domain.foundation import ids
from domain.foundation.database import Database
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.money import LARGEST_MINOR
from domain.products import rules, store
from domain.products.events import SkuCostSet
from domain.trail import store as trail


async def publish(db: Database, *, product_id: UUID, by: UUID, now: datetime) -> None:
    """Show a product to shoppers; a second call changes nothing. Raises NotFound."""
    async with db.transaction() as tx:
        before = await store.lock_publication(tx, product_id)
        if before is None:
            raise NotFound("product", ids.encode("product", product_id))
        after = rules.publish(before, by=by, now=now)
        if after != before:
            await store.write_publication(tx, product_id, after, now=now)
            await trail.note(tx, by=by, deed="publish_product", subject="product", subject_id=product_id, now=now)


async def unpublish(db: Database, *, product_id: UUID, by: UUID, now: datetime) -> None:
    """Hide a product from shoppers; orders and sales that stand go on. A second call changes nothing.

    Raises NotFound.
    """
    async with db.transaction() as tx:
        before = await store.lock_publication(tx, product_id)
        if before is None:
            raise NotFound("product", ids.encode("product", product_id))
        after = rules.unpublish(before)
        if after != before:
            await store.write_publication(tx, product_id, after, now=now)
            await trail.note(tx, by=by, deed="unpublish_product", subject="product", subject_id=product_id, now=now)


async def set_price(
    db: Database, *, sku_id: UUID, price_minor: int, compare_at_minor: int | None, by: UUID, now: datetime
) -> None:
    """Give a SKU a price and, or not, a price to compare it with; orders that stand keep theirs.

    Raises BadInput unless both are 0 to LARGEST_MINOR and the second is above the first, NotFound without such a SKU.
    """
    if not 0 <= price_minor <= LARGEST_MINOR:
        raise BadInput(f"the price is {price_minor} minor units; allowed: 0 to {LARGEST_MINOR}")
    if compare_at_minor is not None and not price_minor < compare_at_minor <= LARGEST_MINOR:
        raise BadInput(f"the price to compare with is {compare_at_minor} minor units; allowed: above {price_minor}")
    async with db.transaction() as tx:
        found = await store.write_price(tx, sku_id, price_minor=price_minor, compare_at_minor=compare_at_minor, now=now)
        if not found:
            raise NotFound("sku", ids.encode("sku", sku_id))
        prices = {"price_minor": price_minor, "compare_at_minor": compare_at_minor}
        await trail.note(tx, by=by, deed="set_sku_price", subject="sku", subject_id=sku_id, now=now, **prices)


async def set_cost(
    db: Database, *, sku_id: UUID, cost_minor: int | None, since: datetime | None, by: UUID, now: datetime
) -> None:
    """Say what a unit of a SKU costs the shop from `since` (or now) on, until the next moment for which that was said.

    None: nobody knows. What suppliers are owed stands on the lines of their orders and does not change. Raises BadInput
    unless the cost is 0 to LARGEST_MINOR and `since` is not to come, NotFound without such a SKU.
    """
    since = since or now
    if cost_minor is not None and not 0 <= cost_minor <= LARGEST_MINOR:
        raise BadInput(f"the cost is {cost_minor} minor units; allowed: 0 to {LARGEST_MINOR}")
    if since > now:
        raise BadInput(f"since is {since.isoformat()}; allowed: moments that have come")
    async with db.transaction() as tx:
        if not await store.write_cost(tx, sku_id, cost_minor, since=since, now=now):
            raise NotFound("sku", ids.encode("sku", sku_id))
        tx.record(SkuCostSet(sku_id, since))
        facts = {"cost_minor": cost_minor, "since": since.isoformat()}
        await trail.note(tx, by=by, deed="set_sku_cost", subject="sku", subject_id=sku_id, now=now, **facts)
