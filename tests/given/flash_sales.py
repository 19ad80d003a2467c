"""Builders for flash sales."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert

from domain.flash_sales import actions, passes, queries, reserving
from domain.flash_sales import gate as gates
from domain.flash_sales.desk import ClaimDesk
from domain.flash_sales.rules import Item, Sale
from domain.foundation.ids import decode, new_id
from domain.foundation.runtime import Market
from domain.products.tables import products, skus
from domain.stock import store as stock
from domain.stock.rules import Cause, Movement, Units


@dataclass(frozen=True)
class OneItem:
    """A warm sale of one item."""

    sale: Sale
    item: Item

    @property
    def lane(self) -> int:
        return self.item.lanes[0]


class FlashSalesGiven:
    """Builders for flash sales."""

    market: Market
    now: datetime

    async def stocked_sku(self, units: int, *, price_minor: int = 2990) -> UUID:
        """A SKU of a published product with free units."""
        product_id, sku_id = new_id(), new_id()
        async with self.market.db.transaction() as tx:
            await tx.execute(
                insert(products).values(
                    id=product_id,
                    handle=str(product_id),
                    title="桂花酒酿",
                    state="published",
                    lowest_price_minor=price_minor,
                    highest_price_minor=price_minor,
                    currency="CNY",
                    words="",
                    created_at=self.now,
                    updated_at=self.now,
                    published_at=self.now,
                )
            )
            await tx.execute(
                insert(skus).values(
                    id=sku_id,
                    product_id=product_id,
                    position=1,
                    price_minor=price_minor,
                    created_at=self.now,
                    updated_at=self.now,
                )
            )
            if units:
                cause = Cause("test", sku_id)
                await stock.receive(tx, Units(sku_id, units), movement=Movement.RECEIVED, cause=cause, now=self.now)
        return sku_id

    async def flash_sale(
        self,
        *,
        units: int = 3,
        stocked: int | None = None,
        per_shopper: int = 1,
        waiting_places: int = 0,
        buckets: int = 1,
        pay_seconds: int = 900,
        admissions_per_second: int | None = None,
        price_minor: int = 990,
        warm: bool = True,
        opens_at: datetime | None = None,
        closes_at: datetime | None = None,
    ) -> OneItem:
        """A sale of one item, open since a minute ago and warm unless told otherwise."""
        sku_id = await self.stocked_sku(units if stocked is None else stocked)
        wished = actions.NewItem(
            sku_id=sku_id,
            sale_price_minor=price_minor,
            units=units,
            per_shopper=per_shopper,
            waiting_places=waiting_places,
            buckets=buckets,
        )
        sale = await actions.create(
            self.market.db,
            title="午夜抢购",
            opens_at=opens_at or self.now - timedelta(minutes=1),
            closes_at=closes_at or self.now + timedelta(hours=1),
            pay_seconds=pay_seconds,
            admissions_per_second=admissions_per_second,
            items=[wished],
            by=new_id(),
            idempotency_key=f"sale-{new_id()}",
            now=self.now,
        )
        if warm:
            await actions.schedule(self.market.db, sale_id=sale.id, by=new_id(), now=self.now)
            sale = await actions.warm(self.market.db, self.market.gate, sale_id=sale.id, now=self.now)
        return await self.reread(sale.id)

    async def reread(self, sale_id: UUID) -> OneItem:
        """The sale as it is now."""
        sale = (await queries.sales_by_ids(self.market.db, [sale_id]))[sale_id]
        return OneItem(sale, sale.items[0])

    async def reread_typed(self, sale_id: str) -> OneItem:
        """The sale of a typed id as it is now."""
        return await self.reread(decode("flashsale", sale_id))

    def desk(self) -> ClaimDesk:
        """A claim desk as an API process has one; sold-out answers are not remembered."""
        return ClaimDesk(self.market.gate, key=self.market.settings.signing_secret, sold_out_seconds=0)

    def leave(self, item: Item, shopper_id: UUID, *, epoch: int | None = None, seconds: int = 600) -> str:
        """A pass for a shopper, valid for so many seconds from now."""
        now_ms = int(self.now.timestamp() * 1000)
        leave = passes.Pass(
            shopper_id=shopper_id,
            item_id=item.id,
            number=item.number,
            epoch=item.epoch if epoch is None else epoch,
            buckets=item.buckets,
            per_shopper=item.per_shopper,
            closes_at_ms=now_ms + 3_600_000,
            expires_at_ms=now_ms + seconds * 1000,
        )
        return passes.sign(self.market.settings.signing_secret, leave)

    async def reserved_all(self, item: Item) -> int:
        """Drain every lane of an item; how many tickets were reserved."""
        market, reserved = self.market, 0
        for lane in item.lanes:
            while (await gates.queue_lengths(market.gate, [lane]))[0]:
                batch = await reserving.reserve(market.db, market.gate, lane=lane, limit=100, now=self.now)
                reserved += batch.reserved
        return reserved
