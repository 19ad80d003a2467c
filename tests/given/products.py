"""Builders for products."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.products.queries import all_categories
from domain.products.rules import Kept, Listing, Variant
from domain.products.writing import write
from domain.stock import receiving
from domain.stock.rules import Cause, Units


class ProductsGiven:
    """Builders for products, their SKUs and their units."""

    db: Database
    now: datetime

    async def product(
        self, title: str = "桂花酒酿", *, price_minor: int = 1990, units: int | Sequence[int] = 10, **about: Any
    ) -> Kept:
        """A published product with so many units of each SKU; one SKU at that price unless `variants` are given."""
        listing = Listing(
            **{"handle": f"p-{new_id()}", "title": title, "variants": (Variant((), price_minor),)} | about  # type: ignore[arg-type]
        )
        kept = Kept(new_id(), tuple(new_id() for _ in listing.variants), listing)
        counts = [units] * len(kept.sku_ids) if isinstance(units, int) else units
        received = [Units(sku_id, count) for sku_id, count in zip(kept.sku_ids, counts, strict=True) if count]
        async with self.db.transaction() as tx:
            await write(tx, [kept], now=self.now)
            if received:
                await receiving.receive_many(tx, received, cause=Cause("test", kept.id), now=self.now)
        return kept

    async def sku(self, *, units: int = 10, price_minor: int = 1990) -> UUID:
        """The only SKU of a published product."""
        return (await self.product(price_minor=price_minor, units=units)).sku_ids[0]

    async def category_id(self, path: str) -> UUID:
        """The category of a path that a product was given with."""
        return next(category.id for category in await all_categories(self.db) if category.path == path)
