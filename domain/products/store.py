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
from domain.products.rules import BETWEEN_CATEGORIES, Image, Kept, Listing, Publication, State, Variant, category_path
from domain.products.tables import categories, images, products, skus

_IMPORTS = 7_153_002  # the advisory lock of imports

_c = products.c
_LISTED = select(
    _c.id, _c.handle, _c.title, _c.body_html, _c.vendor, _c.category_id, _c.tags, _c.option_names, _c.state
)  # fmt: skip


async def lock_imports(tx: Transaction) -> None:
    """Wait until no other import writes, and keep the others waiting until this transaction ends."""
    await tx.value(select(func.pg_advisory_xact_lock(_IMPORTS)))


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
        await reader.value(select(func.gin_clean_pending_list("products_words_idx")))
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
    if not rows:
        return []
    product_ids = [row.id for row in rows]
    paths = {
        row.id: row.path
        for row in await reader.rows(
            select(categories.c.id, categories.c.path).where(
                categories.c.id == func.any(list({row.category_id for row in rows if row.category_id}))
            )
        )
    }
    variants: dict[UUID, list[tuple[UUID, Variant]]] = defaultdict(list)
    s = skus.c
    for sku in await reader.rows(
        select(
            s.product_id, s.id, s.options, s.price_minor, s.code, s.compare_at_minor, s.cost_minor, s.barcode, s.grams,
            s.requires_shipping, s.image_url,
        )
        .where(s.product_id == func.any(product_ids))
        .order_by(s.product_id, s.position)
    ):  # fmt: skip
        variants[sku.product_id].append((sku.id, Variant(tuple(sku.options), *sku[3:])))
    pictures: dict[UUID, list[Image]] = defaultdict(list)
    for image in await reader.rows(
        select(images)
        .where(images.c.product_id == func.any(product_ids))
        .order_by(images.c.product_id, images.c.position)
    ):
        pictures[image.product_id].append(Image(image.url, image.alt_text))
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
