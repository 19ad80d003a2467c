"""How actions read and change products; how whole listings are written, many at once, is in `writing`.

Lock order, everywhere: the product, then its SKUs. Imports also take one lock of their own, so that two of them never
meet over a handle or a code that neither has written yet.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update

from domain.foundation.database import Database, Reader, Transaction
from domain.foundation.ids import new_id
from domain.foundation.locks import IMPORTS
from domain.products.rules import BETWEEN_CATEGORIES, Image, Kept, Listing, Publication, State, Variant, category_path
from domain.products.tables import categories, images, products, skus

_p, _s = products.c, skus.c
_LISTED = select(
    _p.id, _p.handle, _p.title, _p.body_html, _p.vendor, _p.category_id, _p.tags, _p.option_names, _p.state
)  # fmt: skip
# Only the index's owner may; where that is somebody else, autovacuum does it a little later.
_MERGE_PENDING_WORDS = text(
    "SELECT gin_clean_pending_list(oid) FROM pg_class "
    "WHERE oid = CAST('products_words_idx' AS regclass) AND pg_has_role(relowner, 'USAGE')"
)
_COST_NOW = text("""
    UPDATE skus SET updated_at = :now, cost_minor = (
      SELECT known.cost_minor FROM sku_costs AS known WHERE known.sku_id = skus.id AND known.since <= :now
      ORDER BY known.since DESC LIMIT 1
    )
    WHERE id = :sku_id
""")
_NOTE_COSTS = text("""
    INSERT INTO sku_costs (sku_id, since, cost_minor)
    SELECT given.sku_id, :since, given.cost_minor
    FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:costs AS bigint[])) AS given (sku_id, cost_minor)
    WHERE given.cost_minor IS DISTINCT FROM (
      SELECT known.cost_minor FROM sku_costs AS known WHERE known.sku_id = given.sku_id AND known.since <= :since
      ORDER BY known.since DESC LIMIT 1
    )
    ON CONFLICT (sku_id, since) DO UPDATE SET cost_minor = excluded.cost_minor
""")
# in the order of Variant's own parts
_VARIANTS = select(
    _s.product_id, _s.id, _s.options, _s.price_minor, _s.code, _s.compare_at_minor, _s.cost_minor, _s.barcode, _s.grams,
    _s.requires_shipping, _s.image_url,
).order_by(_s.product_id, _s.position)  # fmt: skip


async def lock_imports(tx: Transaction) -> None:
    """Wait until no other import writes, and keep the others waiting until this transaction ends."""
    await tx.value(select(func.pg_advisory_xact_lock(IMPORTS)))


async def kept_by_handles(tx: Transaction, handles: Sequence[str]) -> dict[str, Kept]:
    """What the shop keeps under these handles, locked until the transaction ends."""
    found = await _kept(tx, _LISTED.where(products.c.handle == func.any(list(handles))).with_for_update(key_share=True))
    return {kept.listing.handle: kept for kept in found}


async def kept_after(reader: Reader, product_id: UUID | None, *, limit: int) -> list[Kept]:
    """The next products in the order in which they were made, from the first when `product_id` is None."""
    question = _LISTED.order_by(products.c.id).limit(limit)
    return await _kept(reader, question if product_id is None else question.where(products.c.id > product_id))


async def codes_elsewhere(tx: Transaction, handle_of_code: Mapping[str, str]) -> dict[str, str]:
    """Those of these SKU codes that a product of another handle has, with that handle."""
    rows = await tx.rows(
        select(skus.c.code, products.c.handle)
        .join_from(skus, products)
        .where(skus.c.code == func.any(list(handle_of_code)))
    )
    return {row.code: row.handle for row in rows if row.handle != handle_of_code[row.code]}


async def categories_by_path(tx: Transaction, paths: Iterable[str]) -> dict[str, UUID]:
    """The categories of these paths, opened with all that lead to them where they are missing."""
    wanted: dict[str, tuple[str, str]] = {}
    for path in filter(None, paths):
        parent = ""
        for name in category_path(path):
            own = f"{parent}{BETWEEN_CATEGORIES}{name}" if parent else name
            wanted[own] = parent, name
            parent = own
    if not wanted:
        return {}
    rows = await tx.rows(select(categories.c.path, categories.c.id).where(categories.c.path == func.any(list(wanted))))
    found: dict[str, UUID] = {row.path: row.id for row in rows}
    missing = [(path, *wanted[path]) for path in wanted if path not in found]  # parents stand before their children
    found |= {path: new_id() for path, _, _ in missing}
    if missing:
        await tx.execute(
            categories.insert(),
            [
                {"id": found[path], "parent_id": found.get(parent), "name": name, "path": path}
                for path, parent, name in missing
            ],
        )
    return found


async def tidy(db: Database) -> None:
    """After many writes: merge what waits in the search index and count anew, so that the next search plans well."""
    async with db.reading() as reader:
        await reader.connection.execute(_MERGE_PENDING_WORDS)
        await reader.connection.execute(text("ANALYZE products, skus"))


async def lock_publication(tx: Transaction, product_id: UUID) -> Publication | None:
    """Whether a product is published, locked until the transaction ends; None when there is no such product."""
    c = products.c
    row = await tx.one(
        select(c.state, c.published_at, c.published_by).where(c.id == product_id).with_for_update(key_share=True)
    )
    return Publication(State(row.state), row.published_at, row.published_by) if row else None


async def write_publication(tx: Transaction, product_id: UUID, publication: Publication, *, now: datetime) -> None:
    """Publish or withdraw a product."""
    await tx.execute(
        update(products)
        .where(products.c.id == product_id)
        .values(
            state=publication.state,
            published_at=publication.published_at,
            published_by=publication.published_by,
            updated_at=now,
        )
    )


async def note_costs(tx: Transaction, sku_ids: Sequence[UUID], costs: Sequence[int | None], *, since: datetime) -> None:
    """Keep what a unit of each of these SKUs costs from then on, minor units; None: nobody knows. As before: no change."""
    await tx.execute(_NOTE_COSTS, {"sku_ids": list(sku_ids), "costs": list(costs), "since": since})


async def write_cost(tx: Transaction, sku_id: UUID, cost_minor: int | None, *, since: datetime, now: datetime) -> bool:
    """Keep what a SKU costs from then on, and give it what it costs now; False when there is no such SKU."""
    if await tx.value(select(_s.id).where(_s.id == sku_id).with_for_update(key_share=True)) is None:
        return False
    await note_costs(tx, [sku_id], [cost_minor], since=since)
    await tx.execute(_COST_NOW, {"sku_id": sku_id, "now": now})
    return True


async def write_price(
    tx: Transaction, sku_id: UUID, *, price_minor: int, compare_at_minor: int | None, now: datetime
) -> bool:
    """Give a SKU its prices, and its product the lowest and the highest of all; False when there is no such SKU."""
    product_id = await tx.value(
        select(products.c.id)
        .join_from(products, skus)
        .where(skus.c.id == sku_id)
        .with_for_update(of=products, key_share=True)
    )
    if product_id is None:
        return False
    await tx.execute(
        update(skus)
        .where(skus.c.id == sku_id)
        .values(price_minor=price_minor, compare_at_minor=compare_at_minor, updated_at=now)
    )
    s = skus.c
    prices = select(func.min(s.price_minor), func.max(s.price_minor)).where(s.product_id == product_id)
    lowest, highest = (await tx.rows(prices))[0]
    await tx.execute(
        update(products)
        .where(products.c.id == product_id)
        .values(lowest_price_minor=lowest, highest_price_minor=highest, updated_at=now)
    )
    return True


async def _kept(reader: Reader, question: Any) -> list[Kept]:
    rows = await reader.rows(question)
    product_ids = [row.id for row in rows]
    if not product_ids:
        return []
    paths = await _paths(reader, {row.category_id for row in rows if row.category_id})
    variants = await _variants(reader, product_ids)
    pictures = await _pictures(reader, product_ids)
    return [
        Kept(
            row.id,
            tuple(sku_id for sku_id, _ in variants[row.id]),
            Listing(
                row.handle,
                row.title,
                tuple(variant for _, variant in variants[row.id]),
                row.body_html,
                row.vendor,
                paths.get(row.category_id, ""),
                tuple(row.tags),
                tuple(row.option_names),
                State(row.state),
                tuple(pictures[row.id]),
            ),
        )
        for row in rows
    ]


async def _paths(reader: Reader, category_ids: Iterable[UUID]) -> dict[UUID, str]:
    c = categories.c
    return {
        row.id: row.path for row in await reader.rows(select(c.id, c.path).where(c.id == func.any(list(category_ids))))
    }


async def _variants(reader: Reader, product_ids: Sequence[UUID]) -> dict[UUID, list[tuple[UUID, Variant]]]:
    found: dict[UUID, list[tuple[UUID, Variant]]] = defaultdict(list)
    question = _VARIANTS.where(skus.c.product_id == func.any(list(product_ids)))
    for product_id, sku_id, options, *about in await reader.rows(question):
        found[product_id].append((sku_id, Variant(tuple(options), *about)))
    return found


async def _pictures(reader: Reader, product_ids: Sequence[UUID]) -> dict[UUID, list[Image]]:
    found: dict[UUID, list[Image]] = defaultdict(list)
    i = images.c
    question = select(i.product_id, i.url, i.alt_text).where(i.product_id == func.any(list(product_ids)))
    for product_id, url, alt_text in await reader.rows(question.order_by(i.product_id, i.position)):
        found[product_id].append(Image(url, alt_text))
    return found
