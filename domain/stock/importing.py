"""A catalogue file into the shop: products with their units, some hundreds in a transaction.

The quantity of a new SKU is received; the quantity of a known one is what shall be free, and the difference to what is
free becomes an adjustment. An empty quantity leaves stock alone.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

from domain.foundation.database import Database, Transaction
from domain.foundation.ids import new_id
from domain.products import store as products
from domain.products.cells import Mistake
from domain.products.importing import CatalogueFile
from domain.products.layouts import Columns
from domain.products.listings import Entry, Spoilt
from domain.products.merging import Merged, merge
from domain.products.rules import Kept
from domain.products.writing import write
from domain.stock import receiving
from domain.stock.rules import Cause, Units
from domain.trail import store as trail

PRODUCTS_IN_A_TRANSACTION = 500
MISTAKES_SHOWN = 100
WORTH_TIDYING = 1_000
"""Products written, from which on the search index is put in order before the import ends."""


@dataclass
class Report:
    """What became of the products of a file. `skus` are those of the products that were not skipped."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    skus: int = 0
    mistakes: list[Mistake] = field(default_factory=list)
    """The first hundred."""
    mistakes_found: int = 0
    notices: list[str] = field(default_factory=list)

    @property
    def products(self) -> int:
        """All products of the file so far, skipped ones too."""
        return self.created + self.updated + self.unchanged + self.skipped

    def count(self, product: Merged, *, is_restocked: bool) -> None:
        """Count a product that is in."""
        self.skus += len(product.entry.listing.variants)
        if product.kept is None:
            self.created += 1
        elif product.is_changed or is_restocked:
            self.updated += 1
        else:
            self.unchanged += 1

    def skip(self, spoilt: Spoilt) -> None:
        """Count a product that stays out."""
        self.skipped += 1
        self.mistakes_found += len(spoilt.mistakes)
        self.mistakes += spoilt.mistakes[: MISTAKES_SHOWN - len(self.mistakes)]


async def import_file(
    db: Database,
    path: Path,
    *,
    now: datetime,
    by: UUID | None = None,
    dry_run: bool = False,
    progress: Callable[[Report, float], None] = lambda report, share: None,
) -> Report:
    """Bring the products of a CSV file into the shop; with `dry_run`, only say what would become of them.

    A product with a mistake is skipped whole and the others go on. Every transaction of some hundred products stands by
    itself, so an import that was cut short is simply started again: what is in already is unchanged then. `progress` is
    told the report and the share of the file (0 to 1) after each. Raises BadInput, before anything is written, when the
    file is no catalogue.
    """
    report = Report()
    cause = Cause("import", new_id(), by=by, reason=path.name[:500])
    with CatalogueFile(path) as file:
        found = iter(file)
        batch = await asyncio.to_thread(_take, found)
        while batch:
            # the next ones are read while the database is busy with these
            reading = asyncio.create_task(asyncio.to_thread(_take, found))
            try:
                await _import_batch(db, file.columns, batch, report, cause=cause, now=now, dry_run=dry_run)
            finally:
                batch = await reading
            progress(report, file.position / file.size)
        report.notices = file.notices()
    if not dry_run and report.created + report.updated >= WORTH_TIDYING:
        await products.tidy(db)
    return report


def _take(found: Iterator[Entry | Spoilt]) -> list[Entry | Spoilt]:
    return list(islice(found, PRODUCTS_IN_A_TRANSACTION))


async def _import_batch(
    db: Database,
    columns: Columns,
    batch: Sequence[Entry | Spoilt],
    report: Report,
    *,
    cause: Cause,
    now: datetime,
    dry_run: bool,
) -> None:
    entries = [found for found in batch if isinstance(found, Entry)]
    spoilt = [found for found in batch if isinstance(found, Spoilt)]
    async with db.transaction() as tx:
        if not dry_run:
            await products.lock_imports(tx)
        merged = []
        for product in await _merge(tx, columns, entries):
            if isinstance(product, Spoilt):
                spoilt.append(product)
            else:
                merged.append((product, _with_ids(product)))
        received, adjusted = await _units(tx, merged)
        changed = [after for product, after in merged if product.is_changed]
        if not dry_run:
            if changed:
                await write(tx, changed, now=now)
            if received:
                await receiving.receive_many(tx, received, cause=cause, now=now)
            if adjusted:
                await receiving.adjust_many(tx, adjusted, cause=cause, now=now)
            if cause.by is not None and (changed or received or adjusted):
                facts = {"file": cause.reason, "products": len(changed), "restocked": len(received) + len(adjusted)}
                await trail.note(
                    tx, by=cause.by, deed="import_products", subject="import", subject_id=cause.id, now=now, **facts
                )
    restocked = {units.sku_id for units in adjusted}
    for product, after in merged:
        report.count(product, is_restocked=not restocked.isdisjoint(after.sku_ids))
    for product in spoilt:
        report.skip(product)


async def _merge(tx: Transaction, columns: Columns, entries: Sequence[Entry]) -> list[Merged | Spoilt]:
    handle_of_code = {
        variant.code: entry.listing.handle for entry in entries for variant in entry.listing.variants if variant.code
    }
    elsewhere = await products.codes_elsewhere(tx, handle_of_code)
    kept = await products.kept_by_handles(tx, [entry.listing.handle for entry in entries])
    return [merge(columns, entry, kept.get(entry.listing.handle), elsewhere=elsewhere) for entry in entries]


def _with_ids(product: Merged) -> Kept:
    return Kept(product.id or new_id(), tuple(sku_id or new_id() for sku_id in product.sku_ids), product.listing)


async def _units(tx: Transaction, merged: Sequence[tuple[Merged, Kept]]) -> tuple[list[Units], list[Units]]:
    """What is received for new SKUs, and what known ones have to be adjusted by."""
    received: list[Units] = []
    wanted: dict[UUID, int] = {}
    for product, after in merged:
        # SKUs that the file does not name stand last: they have no units in the entry
        for units, known_id, sku_id in zip(product.entry.units, product.sku_ids, after.sku_ids, strict=False):
            if units is not None and known_id is not None:
                wanted[known_id] = units
            elif units:
                received.append(Units(sku_id, units))
    levels = await receiving.lock_levels(tx, list(wanted)) if wanted else {}
    free = {sku_id: level.free for sku_id, level in levels.items()}
    adjusted = [
        Units(sku_id, units - free.get(sku_id, 0)) for sku_id, units in wanted.items() if units != free.get(sku_id, 0)
    ]
    return received, adjusted
