"""Flash sales for those who run them: create, schedule, warm, stop, cancel, and the figures of every second."""

from datetime import date as Date
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.flash_sales import FlashSale, sale_connection, show_sales
from api.nodes import Connection, read_id
from api.refusals import refusal
from api.scalars import Long
from domain.flash_sales import actions, queries, rules, statistics
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.stock.rules import NotEnoughStock


@strawberry.input(description="A SKU to be sold in the sale.")
class FlashSaleItemInput:
    """A SKU to be sold."""

    sku_id: strawberry.ID
    sale_price_minor: Long = strawberry.field(description="Minor units: fen; at least 1.")
    units: Long = strawberry.field(description="Units to set aside when the sale is warmed.")
    per_shopper: int = strawberry.field(default=1, description="Units one shopper may have, at most.")
    waiting_places: int | None = strawberry.field(
        default=None, description="Places in the waiting line for units that come back; by default as many as units."
    )
    buckets: int = strawberry.field(
        default=1, description="Gate buckets, 1 to 64: spread a very hot item over a Redis Cluster."
    )


@strawberry.input(description="A new sale. Give either `opensAt` and `closesAt`, or `slotId` and `day`.")
class CreateFlashSaleInput:
    """A new sale."""

    title: str
    items: list[FlashSaleItemInput]
    idempotency_key: str
    pay_seconds: int = strawberry.field(default=900, description="Seconds to pay once reserved: 1 to 86400.")
    admissions_per_second: int | None = strawberry.field(
        default=None, description="Let so many shoppers in a second, 1 to 100000; the others stand in line. Null: all."
    )
    opens_at: datetime | None = None
    closes_at: datetime | None = strawberry.field(default=None, description="At most 7 days after `opensAt`.")
    slot_id: strawberry.ID | None = strawberry.field(default=None, description="A daily slot.")
    day: Date | None = strawberry.field(default=None, description="The slot's day, in the shop's calendar.")


@strawberry.type(directives=to(Who.INHERITED), description="What happened in one second of a sale.")
class FlashSaleSecond:
    """A second of a sale."""

    at: datetime
    claims: Long = strawberry.field(
        description="Claims answered by the gate; sold-out answers from memory not counted."
    )
    queued: Long
    waiting: Long
    sold_out: Long
    refused: Long = strawberry.field(description="Over the limit, too few left, conflicting or too late.")
    reserved: Long
    paid: Long
    lapsed: Long


@strawberry.type(directives=to(Who.MERCHANDISER), description="A sale in figures.")
class FlashSaleStatistics:
    """A sale in figures."""

    seconds: list[FlashSaleSecond] = strawberry.field(description="Seconds in which anything happened, in order.")
    reserved: Long
    paid: Long
    lapsed: Long
    waiting: Long = strawberry.field(description="Tickets in the waiting line now.")


FlashSaleResult = Annotated[
    FlashSale
    | refusal(NotFound)
    | refusal(rules.WrongSaleState)
    | refusal(NotEnoughStock)
    | refusal(IdempotencyConflict),
    strawberry.union("FlashSaleResult"),
]


@strawberry.type
class RunningFlashSalesQuery:
    """What those who run sales ask."""

    @strawberry.field(directives=to(Who.MERCHANDISER), description="Every sale in any state, newest first.")
    async def all_flash_sales(self, info: Info, first: int = 20, after: str | None = None) -> Connection[FlashSale]:
        """Every sale."""
        page = await queries.everything(info.context.market.db, first=first, after=after)
        return await sale_connection(info, page)

    @strawberry.field(
        directives=to(Who.MERCHANDISER), description="Figures per second, for at most the last hour asked for."
    )
    async def flash_sale_statistics(
        self, info: Info, id: strawberry.ID, since: datetime | None = None
    ) -> FlashSaleStatistics | None:
        """Figures of a sale."""
        context = info.context
        sale_id = read_id("flashsale", id)
        found = await statistics.of_sale(
            context.market.db, context.market.gate, sale_id=sale_id, since=since, longest=timedelta(hours=1)
        )
        if found is None:
            return None
        return FlashSaleStatistics(
            seconds=[FlashSaleSecond(**second.figures) for second in found.seconds],
            reserved=found.reserved,
            paid=found.paid,
            lapsed=found.lapsed,
            waiting=found.waiting,
        )


@strawberry.type
class RunningFlashSalesMutation:
    """What those who run sales do. Each answers with the sale as it is afterwards; repeating the last step changes nothing."""

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="A draft of a sale, not yet public.")
    async def create_flash_sale(self, info: Info, input: CreateFlashSaleInput) -> FlashSaleResult:
        """A draft."""
        context = info.context
        opens_at, closes_at, slot_id = await _window(info, input)
        sale = await actions.create(
            context.market.db,
            title=input.title,
            opens_at=opens_at,
            closes_at=closes_at,
            pay_seconds=input.pay_seconds,
            admissions_per_second=input.admissions_per_second,
            items=[read_sale_item(item) for item in input.items],
            slot_id=slot_id,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await _shown(info, sale)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Publish a draft; it is warmed a minute before it opens."
    )
    async def schedule_flash_sale(self, info: Info, id: strawberry.ID) -> FlashSaleResult:
        """Publish a draft."""
        context = info.context
        sale = await actions.schedule(
            context.market.db, sale_id=read_id("flashsale", id), by=context.shopper.account_id, now=context.now
        )
        return await _shown(info, sale)

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Call off a sale that is not warm yet.")
    async def cancel_flash_sale(self, info: Info, id: strawberry.ID) -> FlashSaleResult:
        """Call off a sale."""
        context = info.context
        sale = await actions.cancel(
            context.market.db, sale_id=read_id("flashsale", id), by=context.shopper.account_id, now=context.now
        )
        return await _shown(info, sale)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Set the units aside and fill the gate now instead of a minute before.",
    )
    async def warm_flash_sale(self, info: Info, id: strawberry.ID) -> FlashSaleResult:
        """Set the units aside."""
        context = info.context
        market = context.market
        sale_id, by = read_id("flashsale", id), context.shopper.account_id
        sale = await actions.warm(market.db, market.gate, sale_id=sale_id, by=by, now=context.now)
        return await _shown(info, sale)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Take no more claims. Tickets in the queue keep their unit."
    )
    async def stop_flash_sale(self, info: Info, id: strawberry.ID) -> FlashSaleResult:
        """Take no more claims."""
        context = info.context
        market = context.market
        sale = await actions.stop(
            market.db,
            market.gate,
            sale_id=read_id("flashsale", id),
            by=context.shopper.account_id,
            now=context.now,
        )
        return await _shown(info, sale)


def read_sale_item(item: FlashSaleItemInput) -> actions.NewItem:
    """What is to be sold, as the domain knows it."""
    return actions.NewItem(
        sku_id=read_id("sku", item.sku_id),
        sale_price_minor=item.sale_price_minor,
        units=item.units,
        per_shopper=item.per_shopper,
        waiting_places=item.waiting_places,
        buckets=item.buckets,
    )


async def _window(info: Info, wished: CreateFlashSaleInput) -> tuple[datetime, datetime, UUID | None]:
    if wished.slot_id and wished.day and not (wished.opens_at or wished.closes_at):
        slot_id = read_id("slot", wished.slot_id)
        window = await queries.slot_window_on(info.context.market.db, slot_id, wished.day)
        if window is None:
            raise NotFound(kind="slot", id=wished.slot_id)
        return *window, slot_id
    if wished.opens_at and wished.closes_at and not (wished.slot_id or wished.day):
        return wished.opens_at, wished.closes_at, None
    raise BadInput("give either opensAt and closesAt, or slotId and day")


async def _shown(info: Info, sale: rules.Sale) -> FlashSale:
    return (await show_sales(info, [sale]))[0]
