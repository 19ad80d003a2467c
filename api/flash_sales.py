"""Flash sales for shoppers: what is on, a pass, a claim, a ticket."""

from collections.abc import Sequence
from datetime import date as Date
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api import rates
from api.access import Who, public, to
from api.context import Info
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.orders import Order, orders_by_ids
from api.products import Sku, sku_loader
from api.refusals import refusal
from api.sale_doors import SaleDoor, opens_for_me_at, show_doors
from api.scalars import Long
from domain.flash_sales import passes, queries, rules, tickets
from domain.flash_sales.admission import Place
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.pages import Page
from domain.foundation.rates import Rate
from domain.stock import queries as stock
from domain.stock.rules import Level

FlashSaleState = strawberry.enum(
    rules.SaleState, name="FlashSaleState", description="Where a sale is; an open one is WARM within its window."
)
FlashSaleTicketState = strawberry.enum(
    rules.TicketState,
    name="FlashSaleTicketState",
    description="Where a claim stands. QUEUED and WAITING are no promise; RESERVED is one, until `payBy`. "
    "ENDED: it waited until the sale was over.",
)


@strawberry.type(directives=to(Who.ANYONE), description="A SKU in a flash sale.")
class FlashSaleItem(Node):
    """A SKU in a flash sale."""

    title: str
    sku_id: strawberry.ID
    sale_price: Money
    units: Long = strawberry.field(description="Units set aside for the sale.")
    per_shopper: Long = strawberry.field(description="Units one shopper may have, at most.")
    units_left: Long = strawberry.field(
        description="Units not yet reserved; the gate may have given them to the queue. A guest's answer may be a second old."
    )
    sku_key: strawberry.Private[UUID]

    @strawberry.field(description="The SKU with its product, its usual price and pictures; null when it is not public.")
    async def sku(self, info: Info) -> Sku | None:
        """The SKU, fetched for all items of the answer together."""
        return await sku_loader(info).load(self.sku_key)


@strawberry.type(directives=to(Who.ANYONE), description="A few units, a window of time, and many shoppers. 限时抢购")
class FlashSale(Node):
    """A sale."""

    title: str
    state: FlashSaleState
    opens_at: datetime = strawberry.field(
        description="Claims are taken from this moment on; of those whom its `doors` let in earlier, from theirs on."
    )
    closes_at: datetime = strawberry.field(description="From this moment on they are not.")
    pay_seconds: Long = strawberry.field(description="Seconds to pay, from the moment a ticket is reserved.")
    admissions_per_second: Long | None = strawberry.field(
        description="Shoppers who get a pass in one second, at most; the others stand in line. Null: everybody at once."
    )
    server_time: datetime = strawberry.field(
        description="When this answer was made. A guest's may be a second old: count down by `Query.serverTime`."
    )
    is_open: bool = strawberry.field(
        description="Whether claims were taken at `serverTime`, of everybody for whom it is. A guest's answer may be a second old."
    )
    items: list[FlashSaleItem]
    doors: list[SaleDoor] = strawberry.field(
        description="Who it is for, and who may come earlier; none: everybody, from `opensAt` on."
    )
    lets_others_in: bool = strawberry.field(
        description="Whether whoever comes through no door may come at `opensAt`; false: it is for the crowds of its doors only."
    )
    row: strawberry.Private[rules.Sale]

    @strawberry.field(
        description="From this moment on it is open to whoever asks; null: it is not for them. In what a live room tells everybody "
        "at once, and without an access token, it is as for somebody of whom nothing is known."
    )
    async def opens_for_me_at(self, info: Info) -> datetime | None:
        """One's own moment, asked for all sales of the answer together."""
        return await opens_for_me_at(info, self.row.doors, opens_at=self.row.opens_at)


@strawberry.type(
    directives=to(Who.ONLY_OWNER), description="Leave to claim, for one shopper and one item, for a short while."
)
class FlashSalePass:
    """A signed pass."""

    token: str = strawberry.field(name="pass", description="Send it with the claim.")
    expires_at: datetime = strawberry.field(description="Ask for a new one after this moment.")
    owner: strawberry.Private[UUID]


@strawberry.type(
    directives=to(Who.ONLY_OWNER),
    description="A place in line before a sale that lets in only so many shoppers a second. It is no place in the queue for "
    "units: that begins with the claim. 排队号",
)
class FlashSalePlace:
    """A place in line."""

    place: str = strawberry.field(
        description="Send it with the next `requestFlashSalePass`: with it the place is kept."
    )
    position: Long = strawberry.field(description="How many stand before this shopper, and themselves; it only falls.")
    poll_after_ms: Long = strawberry.field(description="Milliseconds to wait before asking again.")
    admitted_at: datetime = strawberry.field(
        description="When the turn comes, at the earliest; whoever asks after that moment is let in."
    )
    owner: strawberry.Private[UUID]


@strawberry.type(
    directives=to(Who.ONLY_OWNER),
    description="A place in the queue, and what became of it. Poll it about once a second.",
)
class FlashSaleTicket(Node):
    """A ticket."""

    state: FlashSaleTicketState
    quantity: Long
    position: Long | None = strawberry.field(
        description="QUEUED or WAITING: how many tickets stand before this one, and itself. Else null."
    )
    pay_by: datetime | None = strawberry.field(description="RESERVED: until when to pay. Else null.")
    item_id: strawberry.ID
    poll_after_ms: Long | None = strawberry.field(
        description="Milliseconds to wait before asking again; null once the ticket cannot change any more."
    )
    owner: strawberry.Private[UUID]
    order_key: strawberry.Private[UUID | None] = None

    @strawberry.field(description="The order, once the ticket was reserved.")
    async def order(self, info: Info) -> Order | None:
        """The order, once there is one."""
        return (await orders_by_ids(info, [self.order_key]))[0] if self.order_key else None


@strawberry.type(directives=to(Who.ANYONE), description="A daily slot of the shop's calendar (Asia/Shanghai). 场次")
class FlashSaleSlot:
    """A daily slot."""

    id: strawberry.ID
    name: str
    opens_at: datetime = strawberry.field(description="When the slot begins on the day asked for.")
    closes_at: datetime
    sales: list[FlashSale]


@strawberry.input(description="Ask for leave to claim.")
class RequestFlashSalePassInput:
    """For which item."""

    item_id: strawberry.ID
    place: str | None = strawberry.field(
        default=None,
        description="From the answer before, where that was a FlashSalePlace. Asking without it keeps the place too.",
    )
    captcha: str | None = strawberry.field(
        default=None, description="A solved captcha. A place for it: this version asks for none and looks at none."
    )


@strawberry.input(description="Claim units of an item on sale.")
class ClaimFlashSaleInput:
    """A claim."""

    token: str = strawberry.field(name="pass", description="From requestFlashSalePass; it names the item.")
    quantity: int = strawberry.field(default=1, description="Units, from 1 to the item's `perShopper`.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this claim: repeated, it gives the same ticket."
    )


PassResult = Annotated[
    FlashSalePass
    | FlashSalePlace
    | refusal(rules.FlashSaleNotOpen)
    | refusal(rules.FlashSaleNotForYou)
    | refusal(rules.FlashSaleClosed)
    | refusal(rules.FlashSalePlaceRefused)
    | refusal(rules.FlashSaleBusy)
    | refusal(NotFound),
    strawberry.union("RequestFlashSalePassResult"),
]
ClaimResult = Annotated[
    FlashSaleTicket
    | refusal(rules.FlashSaleSoldOut)
    | refusal(rules.FlashSaleShort)
    | refusal(rules.FlashSaleLimitReached)
    | refusal(rules.FlashSaleClosed)
    | refusal(rules.FlashSalePassRefused)
    | refusal(rules.FlashSaleBusy)
    | refusal(IdempotencyConflict),
    strawberry.union("ClaimFlashSaleResult"),
]
TicketResult = Annotated[
    FlashSaleTicket | refusal(NotFound) | refusal(rules.FlashSaleBusy), strawberry.union("FlashSaleTicketResult")
]


@strawberry.type
class FlashSaleQuery:
    """Questions about flash sales."""

    @strawberry.field(directives=public(), description="Sales that are open or to come, the next to open first.")
    async def flash_sales(self, info: Info, first: int = 20, after: str | None = None) -> Connection[FlashSale]:
        """Sales that are open or to come."""
        context = info.context
        page = await queries.storefront(context.market.db, now=context.now, first=first, after=after)
        return await sale_connection(info, page)

    @strawberry.field(directives=public(), description="One sale; null when there is none that is public.")
    async def flash_sale(self, info: Info, id: strawberry.ID) -> FlashSale | None:
        """One sale."""
        return await _find_sale(info, read_id("flashsale", id))

    @strawberry.field(directives=public(), description="The slots of a day with their sales; today by default.")
    async def flash_sale_slots(self, info: Info, day: Date | None = None) -> list[FlashSaleSlot]:
        """The slots of a day."""
        context = info.context
        slots = await queries.slots_of_day(context.market.db, day=day, now=context.now)
        shown = await show_sales(info, [sale for slot in slots for sale in slot.sales])
        by_id = {sale.id: sale for sale in shown}
        return [
            FlashSaleSlot(
                id=show_id("slot", slot.id),
                name=slot.name,
                opens_at=slot.opens_at,
                closes_at=slot.closes_at,
                sales=[by_id[show_id("flashsale", sale.id)] for sale in slot.sales],
            )
            for slot in slots
        ]

    @strawberry.field(
        directives=to(Who.SIGNED_IN),
        description="One's own ticket. NotFound also when the queue was lost: claim again with the same key.",
    )
    async def flash_sale_ticket(self, info: Info, id: strawberry.ID) -> TicketResult:
        """One's own ticket."""
        ticket = await _find_ticket(info, read_id("ticket", id))
        if ticket is None:
            raise NotFound(kind="ticket", id=id)
        return ticket


@strawberry.type
class FlashSaleMutation:
    """A pass and a claim."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CLAIM)],
        description="Leave to claim; given only while the sale is open to whoever asks: at a door, it lives for five seconds. "
        "Where more shoppers come than it lets in a second, a place in line comes first: ask again after `pollAfterMs`.",
    )
    async def request_flash_sale_pass(self, info: Info, input: RequestFlashSalePassInput) -> PassResult:
        """Leave to claim."""
        context = info.context
        shopper_id = context.shopper.account_id
        leave = await context.services.passes.request(
            shopper_id=shopper_id, item_id=read_id("saleitem", input.item_id), place=input.place, now=context.now
        )
        if isinstance(leave, Place):
            return FlashSalePlace(
                place=leave.token,
                position=Long(leave.position),
                poll_after_ms=Long(leave.poll_after_ms),
                admitted_at=leave.admitted_at,
                owner=shopper_id,
            )
        return FlashSalePass(
            token=passes.sign(context.market.settings.signing_secret, leave),
            expires_at=leave.expires_at,
            owner=leave.shopper_id,
        )

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CLAIM)],
        description="Claim units. A ticket is a place in the queue; poll `flashSaleTicket` until it is RESERVED.",
    )
    async def claim_flash_sale(self, info: Info, input: ClaimFlashSaleInput) -> ClaimResult:
        """Claim units."""
        context = info.context
        claimed = await context.services.desk.claim(
            leave=input.token,
            shopper_id=context.shopper.account_id,
            quantity=input.quantity,
            request_id=input.idempotency_key,
            now=context.now,
        )
        return FlashSaleTicket(
            id=show_id("ticket", claimed.ticket_id),
            state=claimed.state,
            quantity=claimed.quantity,
            position=claimed.position,
            pay_by=None,
            item_id=show_id("saleitem", claimed.item_id),
            poll_after_ms=tickets.POLL_AFTER_MS,
            owner=context.shopper.account_id,
        )


async def sale_connection(info: Info, page: Page[rules.Sale]) -> Connection[FlashSale]:
    """A page of sales, shown with the units left of all of them asked for at once."""
    shown = {sale.id: sale for sale in await show_sales(info, page.rows)}
    return Connection.of(page, lambda sale: shown[show_id("flashsale", sale.id)])


async def load_sales(info: Info, ids: Sequence[UUID]) -> list[FlashSale]:
    """Those of these sales that exist, in this order, whoever asks; fetched together with others of the operation."""
    loaders = info.context.loaders
    if load_sales not in loaders:

        async def load(wanted: list[UUID]) -> list[FlashSale | None]:
            found = await queries.sales_by_ids(info.context.market.db, wanted)
            shown = dict(zip(found, await show_sales(info, list(found.values())), strict=True))
            return [shown.get(id) for id in wanted]

        loaders[load_sales] = DataLoader(load_fn=load)
    loader: DataLoader[UUID, FlashSale | None] = loaders[load_sales]
    return [sale for sale in await loader.load_many(list(ids)) if sale]


async def show_sales(info: Info, sales: Sequence[rules.Sale]) -> list[FlashSale]:
    """Sales as the world sees them; one statement for the units left, however many there are."""
    allotment_ids = [item.allotment_id for sale in sales for item in sale.items if item.allotment_id]
    levels = await stock.allotments_by_ids(info.context.market.db, allotment_ids) if allotment_ids else {}
    return [_show_sale(sale, levels, info.context.now) for sale in sales]


def _show_sale(sale: rules.Sale, levels: dict[UUID, Level], now: datetime) -> FlashSale:
    return FlashSale(
        id=show_id("flashsale", sale.id),
        title=sale.title,
        state=sale.state,
        opens_at=sale.opens_at,
        closes_at=sale.closes_at,
        pay_seconds=sale.pay_seconds,
        admissions_per_second=None if sale.admissions_per_second is None else Long(sale.admissions_per_second),
        server_time=now,
        is_open=sale.is_open(now),
        doors=show_doors(sale.doors, opens_at=sale.opens_at),
        lets_others_in=sale.doors is None or sale.doors.lets_others_in,
        row=sale,
        items=[
            FlashSaleItem(
                id=show_id("saleitem", item.id),
                title=item.title,
                sku_id=show_id("sku", item.sku_id),
                sku_key=item.sku_id,
                sale_price=Money.of(item.sale_price_minor, item.currency),
                units=item.units,
                per_shopper=item.per_shopper,
                units_left=levels[item.allotment_id].free if item.allotment_id in levels else item.units,
            )
            for item in sale.items
        ],
    )


@finds("flashsale")
async def _find_sale(info: Info, sale_id: UUID) -> FlashSale | None:
    sale = (await queries.sales_by_ids(info.context.market.db, [sale_id])).get(sale_id)
    principal = info.context.principal
    if sale is None or (not sale.is_public and not (principal and principal.is_staff)):
        return None
    return (await show_sales(info, [sale]))[0]


@finds("saleitem")
async def _find_item(info: Info, item_id: UUID) -> FlashSaleItem | None:
    found = await queries.sale_of_item(info.context.market.db, item_id)
    sale = await _find_sale(info, found[0].id) if found else None
    return next((item for item in sale.items if item.id == show_id("saleitem", item_id)), None) if sale else None


@finds("ticket")
async def _find_ticket(info: Info, ticket_id: UUID) -> FlashSaleTicket | None:
    context = info.context
    if context.principal is None:
        return None
    ticket = await context.services.tickets.find(ticket_id)
    return show_ticket(ticket) if ticket is not None and ticket.shopper_id == context.principal.account_id else None


def show_ticket(ticket: tickets.Ticket) -> FlashSaleTicket:
    """A ticket as its owner sees it."""
    return FlashSaleTicket(
        id=show_id("ticket", ticket.id),
        state=ticket.state,
        quantity=ticket.quantity,
        position=ticket.position,
        pay_by=ticket.pay_by if ticket.state is rules.TicketState.RESERVED else None,
        item_id=show_id("saleitem", ticket.item_id),
        poll_after_ms=ticket.poll_after_ms,
        owner=ticket.shopper_id,
        order_key=ticket.order_id,
    )
