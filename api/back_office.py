"""The back office: orders as staff look for them, what they do with them, and where the money stands."""

from datetime import date as Date
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.money import Money
from api.nodes import Connection, read_id, show_id
from api.orders import Fulfilment, LateOutcome, Order, OrderState, show_order
from api.refusals import refusal
from api.scalars import Long
from domain.back_office import actions, finding, rules
from domain.back_office import takings as books
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.money import Money as DomainMoney
from domain.orders.rules import OrderNotCancellable

TakingsBy = strawberry.enum(rules.TakingsBy, name="TakingsBy", description="What takings are divided by.")


@strawberry.input(description="Which orders; what is left out does not narrow them.")
class StaffOrdersFilter:
    """Which orders."""

    states: list[OrderState] | None = strawberry.field(default=None, description="In one of these.")
    placed_from: datetime | None = strawberry.field(default=None, description="Placed at this moment or later.")
    placed_to: datetime | None = strawberry.field(default=None, description="Placed before this moment.")
    paid_from: datetime | None = strawberry.field(default=None, description="Paid at this moment or later.")
    paid_to: datetime | None = strawberry.field(default=None, description="Paid before this moment.")
    fulfilment: Fulfilment | None = strawberry.field(default=None, description="By delivery, or by pickup.")
    store_id: strawberry.ID | None = strawberry.field(default=None, description="To be picked up at this store.")
    supplier_id: strawberry.ID | None = strawberry.field(
        default=None, description="With a line that this supplier sends."
    )
    source: str | None = strawberry.field(default=None, description='The promotion that placed it: "flash_sale".')
    text: str | None = strawberry.field(
        default=None,
        description="An order's number or id, a tracking number, a recipient's phone or name, a SKU's code, each whole; "
        "or else words of a product's title. At most 100 characters.",
    )
    has_open_after_sale: bool | None = strawberry.field(
        default=None, description="With, or without, an after-sale that somebody still has to act on."
    )
    late_outcome: LateOutcome | None = strawberry.field(
        default=None, description="Money came too late, and this was done."
    )
    is_confirmed: bool | None = strawberry.field(
        default=None,
        description="Confirmed, or not yet, by the promotion that placed it. What is to be sent now is PAID and confirmed.",
    )


@strawberry.type(directives=to(Who.FINANCE), description="What came in and went back for one part of a period. 营收")
class Takings:
    """Takings."""

    key: str | None = strawberry.field(
        description="The day (2026-11-11, at the shop), the store's id, the source or the gateway; null: of none."
    )
    captured: Money = strawberry.field(description="What gateways captured then, kept or not.")
    refunded: Money = strawberry.field(description="What gateways gave back then.")
    net: Money = strawberry.field(description="Captured less refunded; below zero when more went back.")
    orders: Long = strawberry.field(description="Orders that were paid then.")
    units: Long = strawberry.field(description="Units of these orders.")


@strawberry.type(directives=to(Who.INHERITED), description="Money that waits for something.")
class MoneyPile:
    """A pile."""

    amount: Money
    count: Long = strawberry.field(description="In how many pieces.")
    oldest_at: datetime | None = strawberry.field(description="Since when the oldest of them waits.")


@strawberry.type(directives=to(Who.INHERITED), description="Prepaid orders of some days of age.")
class PrepaidAge:
    """Prepaid orders of an age."""

    from_days: int = strawberry.field(description="Paid this many days ago or longer.")
    to_days: int | None = strawberry.field(description="And less than this many; null for the oldest.")
    pile: MoneyPile


@strawberry.type(directives=to(Who.FINANCE), description="Where money stands that has not arrived at its end. 在途资金")
class MoneyInFlight:
    """Money in flight."""

    unmatched: MoneyPile = strawberry.field(description="Captured, and nobody has decided yet whether to keep it.")
    refunds_due: MoneyPile = strawberry.field(description="To be given back, and the gateway has not done it yet.")
    refunds_overdue: MoneyPile = strawberry.field(description="The part of `refundsDue` that is a day old or older.")
    prepaid: list[PrepaidAge] = strawberry.field(description="Paid for goods that shoppers do not have yet.")


@strawberry.input(description="Call off somebody's order that is not paid yet.")
class CancelOrderAsStaffInput:
    """Which order, and why."""

    order_id: strawberry.ID
    reason: str = strawberry.field(description="For the trail: 1 to 500 characters.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


@strawberry.input(description="Leave a note about an order for the others behind the counter.")
class RemarkOrderInput:
    """Which order, and what to remark."""

    order_id: strawberry.ID
    words: str = strawberry.field(description="1 to 500 characters; shoppers never see them.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it adds no second note."
    )


CancelOrderAsStaffResult = Annotated[
    Order | refusal(OrderNotCancellable) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("CancelOrderAsStaffResult"),
]
RemarkOrderResult = Annotated[
    Order | refusal(NotFound) | refusal(IdempotencyConflict), strawberry.union("RemarkOrderResult")
]


@strawberry.type
class BackOfficeQuery:
    """What staff ask."""

    @strawberry.field(directives=to(Who.STAFF), description="Orders of every shopper, newest first.")
    async def staff_orders(
        self, info: Info, filter: StaffOrdersFilter | None = None, first: int = 20, after: str | None = None
    ) -> Connection[Order]:
        """Orders."""
        page = await finding.page(info.context.market.db, wanted_of(filter), first=first, after=after)
        return Connection.of(page, show_order)

    @strawberry.field(
        directives=to(Who.FINANCE),
        description="What came in and went back from the day `from` on and before the day `to`, at most 366 days, in the "
        "shop's calendar. Parts without either are left out.",
    )
    async def takings(
        self,
        info: Info,
        from_: Annotated[Date, strawberry.argument(name="from")],
        to: Annotated[Date, strawberry.argument(name="to")],
        by: TakingsBy,
    ) -> list[Takings]:
        """Takings."""
        found = await books.takings(info.context.market.db, first_day=from_, end_day=to, by=by)
        return [_show_takings(taken, by) for taken in found]

    @strawberry.field(
        directives=to(Who.FINANCE), description="Money that has not arrived at its end, as it stands now."
    )
    async def money_in_flight(self, info: Info) -> MoneyInFlight:
        """Money in flight."""
        found = await books.money_in_flight(info.context.market.db, now=info.context.now)
        return MoneyInFlight(
            unmatched=_show_pile(found.unmatched),
            refunds_due=_show_pile(found.refunds_due),
            refunds_overdue=_show_pile(found.refunds_overdue),
            prepaid=[
                PrepaidAge(from_days=age.from_days, to_days=age.to_days, pile=_show_pile(age.pile))
                for age in found.prepaid
            ],
        )


@strawberry.type
class BackOfficeMutation:
    """What staff do with an order."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Call off somebody's order before it is paid, and say why."
    )
    async def cancel_order_as_staff(self, info: Info, input: CancelOrderAsStaffInput) -> CancelOrderAsStaffResult:
        """Call off."""
        context = info.context
        cancelled = await actions.cancel_order(
            context.market.db,
            order_id=read_id("order", input.order_id),
            by=context.shopper.account_id,
            reason=input.reason,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_order(cancelled)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Leave a note about an order in its history; for staff only."
    )
    async def remark_order(self, info: Info, input: RemarkOrderInput) -> RemarkOrderResult:
        """Remark."""
        context = info.context
        remarked = await actions.remark_order(
            context.market.db,
            order_id=read_id("order", input.order_id),
            by=context.shopper.account_id,
            words=input.words,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_order(remarked)


def wanted_of(given: StaffOrdersFilter | None) -> rules.WantedOrders:
    """What a filter asks for. Raises BadInput for ids of another kind."""
    if given is None:
        return rules.WantedOrders()
    return rules.WantedOrders(
        states=tuple(given.states or ()),
        placed_from=given.placed_from,
        placed_to=given.placed_to,
        paid_from=given.paid_from,
        paid_to=given.paid_to,
        fulfilment=given.fulfilment,
        store_id=read_id("store", given.store_id) if given.store_id else None,
        supplier_id=read_id("supplier", given.supplier_id) if given.supplier_id else None,
        source=given.source,
        text=given.text,
        has_open_after_sale=given.has_open_after_sale,
        late_outcome=given.late_outcome,
        is_confirmed=given.is_confirmed,
    )


def _show_takings(taken: rules.Takings, by: rules.TakingsBy) -> Takings:
    key = taken.key
    if key is not None and by is rules.TakingsBy.STORE:
        key = show_id("store", UUID(key))
    return Takings(
        key=key,
        captured=_money(taken.captured),
        refunded=_money(taken.refunded),
        net=_money(taken.net),
        orders=Long(taken.orders),
        units=Long(taken.units),
    )


def _show_pile(pile: rules.Pile) -> MoneyPile:
    return MoneyPile(amount=_money(pile.amount), count=Long(pile.count), oldest_at=pile.oldest_at)


def _money(amount: DomainMoney) -> Money:
    return Money.of(amount.minor, amount.currency)
