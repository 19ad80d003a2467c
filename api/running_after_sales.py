"""After-sales for staff: what waits for them, yes or no, what they give back unasked, and whether the goods came back."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from api.access import Who, to
from api.after_sales import AfterSale, AfterSaleKind, AfterSaleState, AfterSaleUnitsInput, read_units, show_after_sale
from api.context import Info
from api.nodes import Connection, read_id
from api.refusals import refusal
from api.scalars import Long
from domain.after_sales import arriving, deciding, queries, rules
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.orders.rules import NotYourOwnOrder, OrderNotRefundable, TooManyUnits


@strawberry.enum(description="What staff say to a request.")
class AfterSaleDecision(Enum):
    """Yes or no."""

    APPROVE = "approve"
    REJECT = "reject"


@strawberry.enum(description="How staff found what was sent back.")
class ReturnedGoods(Enum):
    """As agreed or not."""

    AS_AGREED = strawberry.enum_value("as_agreed", description="The money goes back.")
    NOT_AS_AGREED = strawberry.enum_value("not_as_agreed", description="No money goes back; say why.")


@strawberry.input(description="Say yes or no to a request.")
class DecideAfterSaleInput:
    """The decision."""

    after_sale_id: strawberry.ID
    decision: AfterSaleDecision
    agreed_minor: Long | None = strawberry.field(
        default=None, description="Minor units: fen; 1 to what was asked for. Left out or null: all of it. For APPROVE."
    )
    words: str = strawberry.field(
        default="", description="What the shopper reads, at most 500 characters; needed for REJECT."
    )
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


@strawberry.input(description="Say that returned goods are here, and how they are.")
class ConfirmReturnArrivalInput:
    """What arrived."""

    after_sale_id: strawberry.ID
    goods: ReturnedGoods
    restock: list[AfterSaleUnitsInput] | None = strawberry.field(
        default=None,
        description="Units that can be sold again; the others are written off. Left out or null: none. For AS_AGREED.",
    )
    words: str = strawberry.field(
        default="", description="What the shopper reads, at most 500 characters; needed for NOT_AS_AGREED."
    )
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


@strawberry.input(description="Give an order's money back, or some of it, without being asked.")
class RefundOrderInput:
    """What, and why."""

    order_id: strawberry.ID
    lines: list[AfterSaleUnitsInput] | None = strawberry.field(
        default=None, description="Left out or null: every unit of the order that is not refunded or asked for yet."
    )
    kind: AfterSaleKind = strawberry.field(
        default=rules.Kind.REFUND, description="RETURN: of units that have left, which are to come back first."
    )
    words: str = strawberry.field(description="What the shopper reads: 1 to 500 characters.")
    agreed_minor: Long | None = strawberry.field(
        default=None,
        description="Minor units: fen; 1 to what the units were paid for. Left out or null: all of it.",
    )
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same after-sale."
    )


DecideAfterSaleResult = Annotated[
    AfterSale
    | refusal(NotYourOwnOrder)
    | refusal(rules.AfterSaleMoved)
    | refusal(rules.AgreedTooMuch)
    | refusal(rules.GoodsHaveLeft)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("DecideAfterSaleResult"),
]
RefundOrderResult = Annotated[
    AfterSale
    | refusal(NotYourOwnOrder)
    | refusal(OrderNotRefundable)
    | refusal(TooManyUnits)
    | refusal(rules.AgreedTooMuch)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("RefundOrderResult"),
]
ConfirmReturnArrivalResult = Annotated[
    AfterSale
    | refusal(NotYourOwnOrder)
    | refusal(rules.AfterSaleMoved)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("ConfirmReturnArrivalResult"),
]


@strawberry.type
class RunningAfterSalesQuery:
    """What staff ask."""

    @strawberry.field(
        directives=to(Who.STAFF),
        description="Everybody's after-sales, the oldest first; of one state when it is given.",
    )
    async def staff_after_sales(
        self, info: Info, state: AfterSaleState | None = None, first: int = 20, after: str | None = None
    ) -> Connection[AfterSale]:
        """The work list."""
        page = await queries.for_staff(info.context.market.db, first=first, after=after, state=state)
        return Connection.of(page, show_after_sale)


@strawberry.type
class RunningAfterSalesMutation:
    """What staff do. Every decision is noted in the trail."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Decide about a request of somebody else. APPROVE: a refund goes to the gateway at once, a return "
        "waits for the goods. Refused when units that were to stay have left meanwhile: reject it then.",
    )
    async def decide_after_sale(self, info: Info, input: DecideAfterSaleInput) -> DecideAfterSaleResult:
        """Decide."""
        context = info.context
        who: dict[str, Any] = {
            "after_sale_id": read_id("aftersale", input.after_sale_id),
            "by": context.shopper.account_id,
            "words": input.words,
            "idempotency_key": input.idempotency_key,
            "now": context.now,
        }
        if input.decision is AfterSaleDecision.APPROVE:
            return show_after_sale(await deciding.approve(context.market.db, **who, agreed_minor=input.agreed_minor))
        if input.agreed_minor is not None:
            raise BadInput(f"agreedMinor is {input.agreed_minor}; allowed: only with APPROVE")
        return show_after_sale(await deciding.reject(context.market.db, **who))

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Give the money of somebody else's order back without being asked: nobody fetches it, it says no "
        "address, it cannot be supplied. At any time, also for what was fetched or received; the freight goes back too. The "
        "shopper finds it among their after-sales. Units of an open request are decided there.",
    )
    async def refund_order(self, info: Info, input: RefundOrderInput) -> RefundOrderResult:
        """Refund."""
        context = info.context
        refunded = await deciding.refund(
            context.market.db,
            order_id=read_id("order", input.order_id),
            by=context.shopper.account_id,
            kind=input.kind,
            units=read_units(input.lines),
            agreed_minor=input.agreed_minor,
            words=input.words,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_after_sale(refunded)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Say that somebody else's goods are here. Goods whose money the clock gave back before anybody saw "
        "them can be booked in too, AS_AGREED, once.",
    )
    async def confirm_return_arrival(self, info: Info, input: ConfirmReturnArrivalInput) -> ConfirmReturnArrivalResult:
        """Confirm."""
        context = info.context
        who: dict[str, Any] = {
            "after_sale_id": read_id("aftersale", input.after_sale_id),
            "by": context.shopper.account_id,
            "words": input.words,
            "idempotency_key": input.idempotency_key,
            "now": context.now,
        }
        restock = read_units(input.restock) or {}
        if input.goods is ReturnedGoods.AS_AGREED:
            return show_after_sale(await arriving.accept_goods(context.market.db, **who, restock=restock))
        if restock:
            raise BadInput("restock is given; allowed: only with AS_AGREED")
        return show_after_sale(await arriving.refuse_goods(context.market.db, **who))
