"""After-sales for shoppers: what would go back, asking for it, calling it off, sending the goods."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.access import Who, to
from api.benefits import privileges_of
from api.context import Info
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.orders import OrderState
from api.payments import Refund, show_refund
from api.products import Sku, sku_loader
from api.refusals import refusal
from api.scalars import Long
from domain.after_sales import actions, amounts, queries, rules
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.orders import queries as orders
from domain.orders.rules import Line, OrderNotConfirmed, OrderNotRefundable, TooManyUnits
from domain.payments import queries as payments

AfterSaleKind = strawberry.enum(
    rules.Kind,
    name="AfterSaleKind",
    description="REFUND: only money goes back. RETURN: the goods come back first, then the money goes.",
)
AfterSaleState = strawberry.enum(
    rules.AfterSaleState,
    name="AfterSaleState",
    description="REQUESTED waits for staff, TO_SEND for the shopper's parcel, SENT_BACK for staff to confirm it, "
    "REFUNDING for the gateway. CLOSED: the goods were not sent back in time.",
)
AfterSaleReason = strawberry.enum(
    rules.Reason,
    name="AfterSaleReason",
    description="Why. NOT_WANTED and OTHER count as the shopper's change of mind, the rest as the merchant's fault. "
    "BY_MERCHANT is said by staff only: they gave it back without being asked.",
)
AfterSaleParty = strawberry.enum(rules.Party, name="AfterSaleParty", description="Who acts.")
AfterSaleStep = strawberry.enum(rules.Step, name="AfterSaleStep", description="What a person can do with it.")


@strawberry.type(
    directives=to(Who.INHERITED),
    description="Units of an order's line that an after-sale is about, and the money asked for them.",
)
class AfterSaleLine:
    """A line."""

    position: Long = strawberry.field(description="Which line of the order, counted from 1.")
    sku_id: strawberry.ID
    title: str = strawberry.field(description="What the SKU was called when the order was placed.")
    quantity: Long
    unsent: Long = strawberry.field(description="Of these, units that never left; they are not sent any more.")
    restocked: Long = strawberry.field(description="Of these, units that are in stock again.")
    goods: Money = strawberry.field(description="The units' share of the line, after discounts.")
    freight: Money = strawberry.field(description="The units' share of the freight, where it goes back.")
    freight_kept: Money = strawberry.field(
        description="Where it stays: the goods have travelled and the merchant is not at fault."
    )
    key: strawberry.Private[UUID]

    @strawberry.field(description="The SKU as it is now, with its product's options and pictures.")
    async def sku(self, info: Info) -> Sku | None:
        """The SKU, fetched for all lines together."""
        return await sku_loader(info).load(self.key)


# without a list: from an order to its after-sales and back again, an answer would grow with every turn
@strawberry.type(
    directives=to(Who.INHERITED), description="Which order an after-sale is about; `order(id:)` tells the rest."
)
class AfterSaleOrder:
    """An order by its name."""

    id: strawberry.ID
    number: str = strawberry.field(description="For people: the shop's day, then a running number.")
    state: OrderState
    total: Money = strawberry.field(description="What was to be paid.")


@strawberry.type(directives=to(Who.INHERITED), description="What would go back, if it were asked for now.")
class AfterSaleQuote:
    """A preview."""

    lines: list[AfterSaleLine]
    amount: Money = strawberry.field(description="What would be asked for, freight included.")
    goods_come_back: bool = strawberry.field(description="Whether the goods are to be sent back first.")


@strawberry.type(
    directives=to(Who.OWNER), description="A request for money back, for an order or some units of it. 售后单"
)
class AfterSale(Node):
    """An after-sale."""

    kind: AfterSaleKind
    state: AfterSaleState
    reason: AfterSaleReason
    words: str
    evidence: list[str] = strawberry.field(description="Addresses of pictures.")
    asked: Money = strawberry.field(description="What was asked for, by rule; freight included.")
    agreed: Money | None = strawberry.field(
        description="What was agreed to: at most `asked`; null until it is decided."
    )
    requested_at: datetime
    due_at: datetime | None = strawberry.field(
        description="When `waitsFor` has not acted until then the clock does: a request is approved, goods not sent back "
        "close it, goods nobody confirmed are paid for."
    )
    waits_for: AfterSaleParty | None = strawberry.field(description="Who has to act next; null when nobody has to.")
    decided_at: datetime | None = strawberry.field(description="When it was approved or rejected.")
    decision_words: str = strawberry.field(description="What was said to the decision.")
    return_carrier: str | None
    return_number: str | None = strawberry.field(description="The number of the parcel that brings the goods back.")
    sent_back_at: datetime | None
    arrived_at: datetime | None = strawberry.field(description="When staff had the goods that were sent back.")
    arrival_words: str = strawberry.field(
        description="What was said of these: why no money goes back, where none does."
    )
    refunded_at: datetime | None = strawberry.field(
        description="When the shopper had the money, by the gateway's clock."
    )
    withdrawn_at: datetime | None
    closed_at: datetime | None
    shown: strawberry.Private[rules.AfterSale]
    owner: strawberry.Private[UUID]

    @strawberry.field(description="Whose money and goods go back.")
    async def order(self, info: Info) -> AfterSaleOrder:
        """Its order."""
        found = await batched(info, orders.by_ids).load(self.shown.order_id)
        assert found is not None, f"after-sale {self.id} of no order"
        return AfterSaleOrder(
            id=show_id("order", found.id),
            number=found.number,
            state=found.state,
            total=Money.of(found.total.minor, found.total.currency),
        )

    @strawberry.field(description="Which units, and what is asked for them.")
    async def lines(self, info: Info) -> list[AfterSaleLine]:
        """Its lines."""
        found = await batched(info, queries.lines_by_ids).load(self.shown.id) or ()
        return _show_lines(found, await batched(info, orders.lines_by_order_ids).load(self.shown.order_id) or ())

    @strawberry.field(description="The money on its way back; null until then, and where nothing was paid.")
    async def refund(self, info: Info) -> Refund | None:
        """Its refund."""
        if self.shown.refund_id is None:
            return None
        found = await batched(info, payments.refunds_by_ids).load(self.shown.refund_id)
        return show_refund(found) if found else None

    @strawberry.field(
        directives=to(Who.STAFF),
        description="The shopper's service lane: 1 is the fastest; null: as everybody. 专属客服",
    )
    async def service_rank(self, info: Info) -> int | None:
        """The shopper's lane, fetched for all after-sales together."""
        return (await privileges_of(info).load(self.owner)).service_rank

    @strawberry.field(description="What you can do with it now: its shopper's steps, or the staff's for staff.")
    def next_steps(self, info: Info) -> list[AfterSaleStep]:
        """Steps of whoever asks."""
        is_mine = info.context.shopper.account_id == self.owner
        return rules.steps_of(self.shown, rules.Party.SHOPPER if is_mine else rules.Party.STAFF)


@strawberry.input(description="Units of one line of an order.")
class AfterSaleUnitsInput:
    """Units of a line."""

    position: Long = strawberry.field(description="Which line of the order, counted from 1.")
    quantity: Long


@strawberry.input(description="Ask for money back.")
class RequestAfterSaleInput:
    """What, and why."""

    order_id: strawberry.ID
    kind: AfterSaleKind
    reason: AfterSaleReason
    lines: list[AfterSaleUnitsInput] | None = strawberry.field(
        default=None, description="Left out or null: every unit of the order that can be asked for."
    )
    words: str = strawberry.field(default="", description="At most 500 characters.")
    evidence: list[str] = strawberry.field(
        default_factory=list, description="At most 9 addresses of pictures, https only."
    )
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same after-sale."
    )


@strawberry.input(description="Call off one's own request, before goods or money move.")
class WithdrawAfterSaleInput:
    """Which one."""

    after_sale_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


@strawberry.input(description="Say which parcel brings the goods back.")
class SendBackGoodsInput:
    """Which parcel."""

    after_sale_id: strawberry.ID
    carrier: str = strawberry.field(description="The carrier's code, like sf: 1 to 20 characters.")
    number: str = strawberry.field(description="The parcel's number: 1 to 40 characters.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


AfterSaleQuoteResult = Annotated[
    AfterSaleQuote
    | refusal(OrderNotRefundable)
    | refusal(OrderNotConfirmed)
    | refusal(rules.AfterSaleTooLate)
    | refusal(rules.GoodsMustComeBack)
    | refusal(rules.TooManyAfterSales)
    | refusal(TooManyUnits)
    | refusal(NotFound),
    strawberry.union("AfterSaleQuoteResult"),
]
RequestAfterSaleResult = Annotated[
    AfterSale
    | refusal(OrderNotRefundable)
    | refusal(OrderNotConfirmed)
    | refusal(rules.AfterSaleTooLate)
    | refusal(rules.GoodsMustComeBack)
    | refusal(rules.TooManyAfterSales)
    | refusal(TooManyUnits)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("RequestAfterSaleResult"),
]
MoveAfterSaleResult = Annotated[
    AfterSale | refusal(rules.AfterSaleMoved) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("MoveAfterSaleResult"),
]


@strawberry.type
class AfterSaleQuery:
    """Questions about one's after-sales."""

    @strawberry.field(
        directives=to(Who.SIGNED_IN), description="What `requestAfterSale` would ask for now; nothing is changed."
    )
    async def after_sale_quote(
        self,
        info: Info,
        order_id: strawberry.ID,
        kind: AfterSaleKind,
        reason: AfterSaleReason,
        lines: list[AfterSaleUnitsInput] | None = None,
    ) -> AfterSaleQuoteResult:
        """A preview."""
        context, order_key = info.context, read_id("order", order_id)
        found = await actions.quote(
            context.market.db,
            order_id=order_key,
            shopper_id=context.shopper.account_id,
            wish=amounts.Wish(kind, reason, read_units(lines)),
            now=context.now,
        )
        of_order = await batched(info, orders.lines_by_order_ids).load(order_key) or ()
        return AfterSaleQuote(
            lines=_show_lines(found, of_order),
            amount=Money.of(amounts.asked_minor(found)),
            goods_come_back=kind is rules.Kind.RETURN,
        )

    @strawberry.field(directives=to(Who.SIGNED_IN), description="One's own after-sales, newest first.")
    async def after_sales(
        self, info: Info, first: int = 20, after: str | None = None, state: AfterSaleState | None = None
    ) -> Connection[AfterSale]:
        """One's own after-sales."""
        context = info.context
        page = await queries.of_shopper(
            context.market.db, context.shopper.account_id, first=first, after=after, state=state
        )
        return Connection.of(page, show_after_sale)


@strawberry.type
class AfterSaleMutation:
    """What shoppers do."""

    @strawberry.mutation(
        directives=to(Who.SIGNED_IN),
        description="Ask for money back. Staff decide within 48 hours, else it is approved. At most 7 days after receipt, "
        "15 when the merchant is at fault.",
    )
    async def request_after_sale(self, info: Info, input: RequestAfterSaleInput) -> RequestAfterSaleResult:
        """Ask."""
        context = info.context
        asked = await actions.request(
            context.market.db,
            order_id=read_id("order", input.order_id),
            shopper_id=context.shopper.account_id,
            wish=amounts.Wish(input.kind, input.reason, read_units(input.lines)),
            words=input.words,
            evidence=input.evidence,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_after_sale(asked)

    @strawberry.mutation(directives=to(Who.SIGNED_IN), description="Call off one's own request.")
    async def withdraw_after_sale(self, info: Info, input: WithdrawAfterSaleInput) -> MoveAfterSaleResult:
        """Call off."""
        context = info.context
        withdrawn = await actions.withdraw(
            context.market.db,
            after_sale_id=read_id("aftersale", input.after_sale_id),
            shopper_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_after_sale(withdrawn)

    @strawberry.mutation(
        directives=to(Who.SIGNED_IN),
        description="The goods are on their way back, within 7 days of the approval. Staff confirm them within 10 days, "
        "else the money goes back all the same.",
    )
    async def send_back_goods(self, info: Info, input: SendBackGoodsInput) -> MoveAfterSaleResult:
        """Send back."""
        context = info.context
        sent = await actions.send_back(
            context.market.db,
            after_sale_id=read_id("aftersale", input.after_sale_id),
            shopper_id=context.shopper.account_id,
            carrier=input.carrier,
            number=input.number,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_after_sale(sent)


@finds("aftersale")
async def find_after_sale(info: Info, id: UUID) -> AfterSale | None:
    """One's own after-sale; any for staff."""
    principal = info.context.principal
    found = (await queries.by_ids(info.context.market.db, [id])).get(id) if principal else None
    if found is None or principal is None:
        return None
    return show_after_sale(found) if principal.is_staff or found.shopper_id == principal.account_id else None


async def after_sales_of(info: Info, order_id: UUID) -> list[AfterSale]:
    """An order's after-sales, oldest first; whoever asks has made sure that the order may be seen."""
    return [show_after_sale(found) for found in await batched(info, queries.by_order_ids).load(order_id) or ()]


def show_after_sale(found: rules.AfterSale) -> AfterSale:
    """The GraphQL object of an after-sale."""
    currency = found.asked.currency
    return AfterSale(
        id=show_id("aftersale", found.id),
        kind=found.kind,
        state=found.state,
        reason=found.reason,
        words=found.words,
        evidence=list(found.evidence),
        asked=Money.of(found.asked.minor, currency),
        agreed=Money.maybe(found.agreed.minor if found.agreed else None, currency),
        requested_at=found.requested_at,
        due_at=found.due_at,
        waits_for=found.waits_for,
        decided_at=found.decided_at,
        decision_words=found.decision_words,
        return_carrier=found.return_carrier,
        return_number=found.return_number,
        sent_back_at=found.sent_back_at,
        arrived_at=found.arrived_at,
        arrival_words=found.arrival_words,
        refunded_at=found.refunded_at,
        withdrawn_at=found.withdrawn_at,
        closed_at=found.closed_at,
        shown=found,
        owner=found.shopper_id,
    )


def read_units(lines: Sequence[Any] | None) -> Mapping[int, int] | None:
    """Units by position; None for all. Raises BadInput for none at all, and for a line that is named twice."""
    if lines is None:
        return None
    units = {line.position: line.quantity for line in lines}
    if not lines or len(units) < len(lines):
        raise BadInput(
            f"{len(lines)} lines are named, {len(units)} of them different; allowed: each at most once, or null"
        )
    return units


def _show_lines(found: Sequence[rules.AfterSaleLine], of_order: Sequence[Line]) -> list[AfterSaleLine]:
    by_position = {line.position: line for line in of_order}
    return [_show_line(line, by_position[line.position]) for line in found]


def _show_line(line: rules.AfterSaleLine, of_order: Line) -> AfterSaleLine:
    currency = of_order.total.currency
    return AfterSaleLine(
        position=Long(line.position),
        sku_id=show_id("sku", of_order.sku_id),
        title=of_order.title,
        quantity=Long(line.quantity),
        unsent=Long(line.unsent),
        restocked=Long(line.restocked),
        goods=Money.of(line.goods_minor, currency),
        freight=Money.of(line.freight_minor, currency),
        freight_kept=Money.of(line.freight_kept_minor, currency),
        key=of_order.sku_id,
    )
