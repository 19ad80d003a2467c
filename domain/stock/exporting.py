"""The shop's products, with the units that are free, into a catalogue file that `importing` reads back unchanged."""

import csv
from collections.abc import Callable
from pathlib import Path

from domain.foundation.database import Database
from domain.products import store as products
from domain.products.exporting import header, rows_of
from domain.products.layouts import Layout
from domain.stock.queries import levels_by_sku_ids

PRODUCTS_AT_A_TIME = 500


async def export_file(
    db: Database,
    path: Path,
    *,
    layout: Layout = Layout.NEW,
    progress: Callable[[int], None] = lambda exported: None,
) -> int:
    """Write every product, drafts too, in the order in which they were made; how many there were.

    UTF-8 with a mark, so that a spreadsheet takes it for what it is. The file appears whole or not at all: it is
    written beside its place and moved there. A product that changes meanwhile is written as it was or as it is.
    """
    exported, last = 0, None
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with unfinished.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header(layout))
            while True:
                async with db.reading() as reader:
                    kept = await products.kept_after(reader, last, limit=PRODUCTS_AT_A_TIME)
                if not kept:
                    break
                levels = await levels_by_sku_ids(db, [sku_id for product in kept for sku_id in product.sku_ids])
                free = {level.id: level.free for level in levels}
                for product in kept:
                    writer.writerows(rows_of(product.listing, [free[sku_id] for sku_id in product.sku_ids]))
                exported, last = exported + len(kept), kept[-1].id
                progress(exported)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return exported
