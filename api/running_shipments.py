"""Shipments for those who send them: parcels, pickups at a store's counter, and what WeChat was told."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.nodes import Connection, read_id, show_id
from api.orders import Order, show_order
from api.receipts import shown_order
from api.refusals import refusal
from api.scalars import Long
from api.shipments import Carrier, Shipment, show_shipment
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound, Refusal
from domain.orders import queries as orders
from domain.orders.rules import (
    NotYourOwnOrder,
    OrderNotConfirmed,
    OrderNotReceivable,
    OrderNotShippable,
    TooManyUnits,
)
from domain.shipments import queries, receiving, rules, shipping, uploading

UploadState = strawberry.enum(
    rules.UploadState,
    name="ShippingUploadState",
    description="Whether WeChat knows how an order was sent: DUE is told and told again, REFUSED waits for somebody to look.",
)

KEY = "8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."


@strawberry.input(description="So many units of an order's line.")
class ShipmentLineInput:
    """A line."""

    position: Long = strawberry.field(description="The order's line, counted from 1.")
    quantity: Long


@strawberry.input(description="Send units of an order in one parcel.")
class ShipOrderInput:
    """What leaves, and how."""

    order_id: strawberry.ID
    carrier: Carrier
    tracking_number: str
    idempotency_key: str = strawberry.field(description=KEY)
    lines: list[ShipmentLineInput] | None = strawberry.field(
        default=None, description="What is in the parcel; null: everything the order still waits for, of one sender."
    )


@strawberry.input(description="A parcel in a list of many.")
class ShipOrdersRowInput:
    """A row."""

    order_id: strawberry.ID
    carrier: Carrier
    tracking_number: str
    lines: list[ShipmentLineInput] | None = None


@strawberry.input(description="Send parcels of many orders.")
class ShipOrdersInput:
    """Which."""

    rows: list[ShipOrdersRowInput] = strawberry.field(description="1 to 100.")
    idempotency_key: str = strawberry.field(
        description="8 to 60 letters, digits or _.:- that name this list: repeated, it sends only what was not sent yet."
    )


@strawberry.input(description="Write down the number that a parcel really has.")
class CorrectTrackingNumberInput:
    """Which parcel."""

    shipment_id: strawberry.ID
    carrier: Carrier
    tracking_number: str


@strawberry.input(description="Hand an order over at the counter.")
class HandOverPickupInput:
    """Which order, and the code that its shopper shows."""

    order_id: strawberry.ID
    code: str
    idempotency_key: str = strawberry.field(description=KEY + " Another code takes another key.")


@strawberry.type(directives=to(Who.INHERITED), description="Why a row of a list was refused.")
class RowError:
    """An error."""

    code: str = strawberry.field(description="Fixed, for programs.")
    message: str


@strawberry.type(directives=to(Who.MERCHANDISER), description="What became of a row: a parcel, or an error.")
class ShipOrdersRow:
    """A row's answer."""

    order_id: strawberry.ID
    shipment: Shipment | None
    error: RowError | None


@strawberry.type(directives=to(Who.MERCHANDISER), description="What became of a list, in its order.")
class ShippedOrders:
    """The answers."""

    rows: list[ShipOrdersRow]
    sent: int = strawberry.field(description="Rows without an error.")


@strawberry.type(
    directives=to(Who.STAFF),
    description="What WeChat is told of an order it has the money of: it settles none before. 发货信息录入",
)
class ShippingUpload:
    """An upload."""

    order_id: strawberry.ID
    state: UploadState
    parcels_told: int = strawberry.field(description="How many parcels WeChat knows of.")
    is_all_told: bool = strawberry.field(description="Whether it knows that these are all.")
    attempts: int = strawberry.field(description="Tries since there was something new to tell.")
    retry_at: datetime | None
    error: str | None = strawberry.field(description="Why the last try failed, or why it was refused.")
    due_since: datetime
    uploaded_at: datetime | None
    key: strawberry.Private[UUID]

    @strawberry.field(description="The order.")
    async def order(self, info: Info) -> Order:
        """The order."""
        found = await batched(info, orders.by_ids).load(self.key)
        assert found is not None
        return show_order(found)


ShipOrderResult = Annotated[
    Shipment
    | refusal(OrderNotShippable)
    | refusal(OrderNotConfirmed)
    | refusal(TooManyUnits)
    | refusal(rules.MixedSenders)
    | refusal(rules.TrackingNumberTaken)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("ShipOrderResult"),
]
ShipOrdersResult = Annotated[ShippedOrders | refusal(IdempotencyConflict), strawberry.union("ShipOrdersResult")]
CorrectTrackingNumberResult = Annotated[
    Shipment | refusal(rules.ShipmentDelivered) | refusal(rules.TrackingNumberTaken) | refusal(NotFound),
    strawberry.union("CorrectTrackingNumberResult"),
]
HandOverPickupResult = Annotated[
    Order
    | refusal(NotYourOwnOrder)
    | refusal(OrderNotReceivable)
    | refusal(OrderNotConfirmed)
    | refusal(rules.WrongPickupCode)
    | refusal(rules.PickupCodeLocked)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("HandOverPickupResult"),
]
RetryShippingUploadResult = Annotated[
    ShippingUpload | refusal(rules.UploadNotRetryable) | refusal(NotFound),
    strawberry.union("RetryShippingUploadResult"),
]


@strawberry.type
class RunningShipmentsQuery:
    """What those who send ask."""

    @strawberry.field(
        directives=to(Who.STAFF),
        description="What WeChat is to be told, was told or refuses to hear; the oldest first.",
    )
    async def shipping_uploads(
        self, info: Info, state: UploadState, first: int = 20, after: str | None = None
    ) -> Connection[ShippingUpload]:
        """Uploads in a state."""
        page = await queries.uploads(info.context.market.db, state, first=first, after=after)
        return Connection.of(page, _show_upload)


@strawberry.type
class RunningShipmentsMutation:
    """What those who send do."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Send units of a paid order in one parcel of one sender. 发货"
    )
    async def ship_order(self, info: Info, input: ShipOrderInput) -> ShipOrderResult:
        """Send."""
        context = info.context
        shipment = await shipping.ship(
            context.market.db,
            order_id=read_id("order", input.order_id),
            lines=_units(input.lines),
            carrier=input.carrier,
            tracking_number=input.tracking_number,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_shipment(shipment)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Send parcels of up to 100 orders; each row is sent or refused by itself. 批量发货",
    )
    async def ship_orders(self, info: Info, input: ShipOrdersInput) -> ShipOrdersResult:
        """Send many."""
        context = info.context
        rows = [
            shipping.Row(read_id("order", row.order_id), row.carrier, row.tracking_number, _units(row.lines))
            for row in input.rows
        ]
        answers = await shipping.ship_many(
            context.market.db,
            rows,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        shown = [_show_answer(answer, context.language) for answer in answers]
        return ShippedOrders(rows=shown, sent=sum(row.error is None for row in shown))

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Correct a parcel's number until it is delivered; it is followed anew and WeChat is told again.",
    )
    async def correct_tracking_number(
        self, info: Info, input: CorrectTrackingNumberInput
    ) -> CorrectTrackingNumberResult:
        """Correct."""
        context = info.context
        corrected = await shipping.correct(
            context.market.db,
            shipment_id=read_id("shipment", input.shipment_id),
            carrier=input.carrier,
            tracking_number=input.tracking_number,
            by=context.shopper.account_id,
            now=context.now,
        )
        return show_shipment(corrected)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Hand a paid order of somebody else over at the store to whoever shows its code. After five wrong codes "
        "none is looked at for 15 minutes. 自提核销",
    )
    async def hand_over_pickup(self, info: Info, input: HandOverPickupInput) -> HandOverPickupResult:
        """Hand over."""
        context = info.context
        order_id = await receiving.hand_over(
            context.market.db,
            order_id=read_id("order", input.order_id),
            code=input.code,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await shown_order(info, order_id)

    @strawberry.mutation(
        directives=to(Who.STAFF), description="Have WeChat told again what it refused or what failed before. A second call "
        "changes nothing."
    )  # fmt: skip
    async def retry_shipping_upload(self, info: Info, id: strawberry.ID) -> RetryShippingUploadResult:
        """Tell again."""
        context = info.context
        key = read_id("order", id)
        await uploading.retry(context.market.db, order_id=key, by=context.shopper.account_id, now=context.now)
        return _show_upload((await queries.uploads_by_order_ids(context.market.db, [key]))[key])


def _units(lines: list[ShipmentLineInput] | None) -> dict[int, int] | None:
    if lines is None:
        return None
    units = {line.position: line.quantity for line in lines}
    if not lines or len(units) < len(lines):
        raise BadInput("lines must name at least one line, and each once")
    return units


def _show_answer(answer: shipping.Answer, language: str) -> ShipOrdersRow:
    error = None
    if isinstance(answer.error, Refusal):
        error = RowError(code=answer.error.code, message=answer.error.message(language))
    elif answer.error is not None:
        error = RowError(code=answer.error.code, message=str(answer.error))
    return ShipOrdersRow(
        order_id=show_id("order", answer.row.order_id),
        shipment=show_shipment(answer.shipment) if answer.shipment else None,
        error=error,
    )


def _show_upload(upload: rules.Upload) -> ShippingUpload:
    return ShippingUpload(
        order_id=show_id("order", upload.order_id),
        state=upload.state,
        parcels_told=upload.told,
        is_all_told=upload.is_all_told,
        attempts=upload.attempts,
        retry_at=upload.retry_at,
        error=upload.error,
        due_since=upload.due_since,
        uploaded_at=upload.uploaded_at,
        key=upload.order_id,
    )
