"""Suppliers for those who work with them: what they send, what they are owed, and the doors to which they write."""

from base64 import b64encode
from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.orders import OrderDestination
from api.refusals import refusal
from api.scalars import Long
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.money import Money as DomainMoney
from domain.shipments import dropping, settling
from domain.stock import queries as stock
from domain.suppliers import actions, queries, rules

KEY = "8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
SettlementKind = strawberry.enum(
    settling.SettlementKind, name="SettlementKind", description="Why more, or less, is owed to a supplier."
)


@strawberry.type(directives=to(Who.STAFF), description="A SKU that a supplier sends.")
class SuppliedSku:
    """A supplied SKU."""

    sku_id: strawberry.ID
    supplier_code: str = strawberry.field(description="What the supplier calls it.")
    cost: Money = strawberry.field(description="What the supplier is paid a unit, from the next order on.")


@strawberry.type(
    directives=to(Who.STAFF), description="Units of paid, confirmed orders that a supplier has to send, and where to."
)
class WaitingLine:
    """What is to be sent."""

    order_id: strawberry.ID
    order_number: str
    paid_at: datetime
    position: Long = strawberry.field(description="The order's line, counted from 1.")
    sku_id: strawberry.ID
    title: str
    units: Long
    destination: OrderDestination
    remark: str = strawberry.field(description="What the shopper asked for.")


@strawberry.type(directives=to(Who.STAFF), description="Who sends goods for us. 供应商")
class Supplier(Node):
    """A supplier."""

    code: str = strawberry.field(description="Stands in the addresses it writes to.")
    name: str
    created_at: datetime
    ended_at: datetime | None
    key: strawberry.Private[UUID]

    @strawberry.field(description="What it sends, by its own codes.")
    async def skus(self, info: Info, first: int = 20, after: str | None = None) -> Connection[SuppliedSku]:
        """What it sends."""
        page = await queries.skus_of(info.context.market.db, self.key, first=first, after=after)
        return Connection.of(page, _show_sku)

    @strawberry.field(description="What paid orders wait for it to send, the oldest first.")
    async def to_send(self, info: Info, first: int = 20, after: str | None = None) -> Connection[WaitingLine]:
        """What it has to send."""
        page = await dropping.waiting(info.context.market.db, self.key, first=first, after=after)
        return Connection.of(page, _show_waiting)


@strawberry.type(
    directives=to(Who.MERCHANDISER),
    description="A supplier, and its key where it was made just now: it is not told again.",
)
class SupplierWithKey:
    """A supplier and its key."""

    supplier: Supplier
    key: str | None = strawberry.field(description="Signs its letters: 32 bytes in base64.")


@strawberry.type(
    directives=to(Who.FINANCE), description="Units a supplier sent, or money for what came back or was paid."
)
class SettlementLine:
    """A line."""

    kind: SettlementKind
    at: datetime
    order_id: strawberry.ID | None
    order_number: str | None
    position: Long | None = strawberry.field(description="The order's line, counted from 1.")
    title: str | None
    supplier_code: str | None
    units: Long | None
    cost: Money | None = strawberry.field(description="Of one unit.")
    owed: Money = strawberry.field(description="Below zero where less is owed from then on.")


@strawberry.type(directives=to(Who.FINANCE), description="A month with a supplier, out of the ledger. 结算")
class SupplierSettlement:
    """A settlement."""

    month: str
    opening: Money = strawberry.field(description="Owed when the month began.")
    shipped: Money = strawberry.field(description="For what it sent.")
    returned: Money = strawberry.field(description="No longer owed, for what came back.")
    paid: Money
    closing: Money = strawberry.field(
        description="Owed at the month's end: opening and shipped, less returned and paid."
    )
    csv_url: str = strawberry.field(
        description="GET it with `Authorization: Bearer <access token>`: the lines as a CSV file."
    )
    key: strawberry.Private[UUID]

    @strawberry.field(description="Line by line, oldest first; `owed` adds up to what the month changed.")
    async def lines(self, info: Info, first: int = 20, after: str | None = None) -> Connection[SettlementLine]:
        """The lines."""
        page = await settling.lines(info.context.market.db, self.key, self.month, first=first, after=after)
        return Connection.of(page, _show_line)


@strawberry.input(description="A new supplier.")
class CreateSupplierInput:
    """A new one."""

    code: str = strawberry.field(description="2 to 40 of a-z, 0-9 and -; it stays.")
    name: str = strawberry.field(description="1 to 120 characters.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="A SKU and what the supplier calls it and is paid for it.")
class SuppliedSkuInput:
    """A supplied SKU."""

    sku_id: strawberry.ID
    supplier_code: str = strawberry.field(description="1 to 80 characters, once for each supplier.")
    cost_minor: Long = strawberry.field(description="A unit, in minor units: fen.")


@strawberry.input(description="Have a supplier send these SKUs from now on.")
class AssignSuppliedSkusInput:
    """Which."""

    supplier_id: strawberry.ID
    skus: list[SuppliedSkuInput] = strawberry.field(description="1 to 100.")


@strawberry.input(description="Send a SKU ourselves again.")
class ReleaseSuppliedSkuInput:
    """Which."""

    supplier_id: strawberry.ID = strawberry.field(description="Who sent it until now.")
    sku_id: strawberry.ID


@strawberry.input(description="Write down that a supplier was paid from the bank.")
class RecordSupplierPaymentInput:
    """What was paid."""

    supplier_id: strawberry.ID
    amount_minor: Long = strawberry.field(description="Minor units: fen; at most what is owed.")
    note: str = strawberry.field(description="The bank's reference: 1 to 200 characters.")
    idempotency_key: str = strawberry.field(description=KEY)


CreateSupplierResult = Annotated[
    SupplierWithKey | refusal(rules.SupplierCodeTaken) | refusal(IdempotencyConflict),
    strawberry.union("CreateSupplierResult"),
]
RenewSupplierKeyResult = Annotated[
    SupplierWithKey | refusal(rules.SupplierEnded) | refusal(NotFound), strawberry.union("RenewSupplierKeyResult")
]
AssignSuppliedSkusResult = Annotated[
    Supplier
    | refusal(rules.SupplierEnded)
    | refusal(rules.SkuSupplied)
    | refusal(rules.SupplierSkuCodeTaken)
    | refusal(NotFound),
    strawberry.union("AssignSuppliedSkusResult"),
]
SupplierResult = Annotated[Supplier | refusal(NotFound), strawberry.union("SupplierResult")]
RecordSupplierPaymentResult = Annotated[
    Supplier | refusal(rules.MoreThanOwed) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("RecordSupplierPaymentResult"),
]


@strawberry.type
class RunningSuppliersQuery:
    """What those who work with suppliers ask."""

    @strawberry.field(directives=to(Who.STAFF), description="Every supplier, newest first.")
    async def suppliers(self, info: Info, first: int = 20, after: str | None = None) -> Connection[Supplier]:
        """Suppliers."""
        page = await queries.newest(info.context.market.db, first=first, after=after)
        return Connection.of(page, _show)

    @strawberry.field(
        directives=to(Who.FINANCE), description="A month with a supplier; null when there is no such supplier."
    )
    async def supplier_settlement(
        self,
        info: Info,
        supplier_id: strawberry.ID,
        month: Annotated[str, strawberry.argument(description="At the shop, like 2026-11.")],
    ) -> SupplierSettlement | None:
        """A month."""
        db, key = info.context.market.db, read_id("supplier", supplier_id)
        if not await queries.by_ids(db, [key]):
            return None
        found = await queries.settlement(db, key, month)
        return SupplierSettlement(
            month=month,
            opening=Money.of(found.opening_minor),
            shipped=Money.of(found.shipped_minor),
            returned=Money.of(found.returned_minor),
            paid=Money.of(found.paid_minor),
            closing=Money.of(found.closing_minor),
            csv_url=f"{info.context.market.settings.home}/suppliers/{supplier_id}/settlement.csv?month={month}",
            key=key,
        )


@strawberry.type
class RunningSuppliersMutation:
    """What those who work with suppliers do."""

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Take a supplier on. Its key is told this once.")
    async def create_supplier(self, info: Info, input: CreateSupplierInput) -> CreateSupplierResult:
        """Take on."""
        context = info.context
        supplier, key = await actions.create(
            context.market.db,
            code=input.code,
            name=input.name,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return SupplierWithKey(supplier=_show(supplier), key=b64encode(key).decode() if key else None)

    @strawberry.mutation(
        directives=to(Who.ADMIN), description="Another key for a supplier, told this once; the old one signs no more."
    )
    async def renew_supplier_key(self, info: Info, id: strawberry.ID) -> RenewSupplierKeyResult:
        """Another key."""
        context = info.context
        supplier, key = await actions.renew_key(
            context.market.db,
            supplier_id=read_id("supplier", id),
            by=context.shopper.account_id,
            now=context.now,
        )
        return SupplierWithKey(supplier=_show(supplier), key=b64encode(key).decode())

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Have a supplier send these SKUs from now on, at this cost. Orders that stand keep their sender and cost.",
    )
    async def assign_supplied_skus(self, info: Info, input: AssignSuppliedSkusInput) -> AssignSuppliedSkusResult:
        """Assign."""
        context, supplier_id = info.context, read_id("supplier", input.supplier_id)
        skus = [
            rules.SuppliedSku(read_id("sku", sku.sku_id), supplier_id, sku.supplier_code, DomainMoney(sku.cost_minor))
            for sku in input.skus
        ]
        known = await stock.skus_by_ids(context.market.db, [sku.sku_id for sku in skus])
        for sku in skus:
            if sku.sku_id not in known:
                raise NotFound("sku", str(show_id("sku", sku.sku_id)))
        supplier = await actions.assign(
            context.market.db, supplier_id=supplier_id, skus=skus, by=context.shopper.account_id, now=context.now
        )
        return _show(supplier)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Send a SKU ourselves again; the supplier's free units of it are taken out of stock.",
    )
    async def release_supplied_sku(self, info: Info, input: ReleaseSuppliedSkuInput) -> SupplierResult:
        """Release."""
        context = info.context
        supplier = await actions.release(
            context.market.db,
            supplier_id=read_id("supplier", input.supplier_id),
            sku_id=read_id("sku", input.sku_id),
            by=context.shopper.account_id,
            now=context.now,
        )
        return _show(supplier)

    @strawberry.mutation(
        directives=to(Who.ADMIN),
        description="Part with a supplier: its free units are taken out of stock, its doors close, what it is owed stays.",
    )
    async def end_supplier(self, info: Info, id: strawberry.ID) -> SupplierResult:
        """Part."""
        context = info.context
        supplier = await actions.end(
            context.market.db,
            supplier_id=read_id("supplier", id),
            by=context.shopper.account_id,
            now=context.now,
        )
        return _show(supplier)

    @strawberry.mutation(directives=to(Who.FINANCE), description="Write down that a supplier was paid from the bank.")
    async def record_supplier_payment(
        self, info: Info, input: RecordSupplierPaymentInput
    ) -> RecordSupplierPaymentResult:
        """Paid."""
        context = info.context
        supplier = await actions.record_payment(
            context.market.db,
            supplier_id=read_id("supplier", input.supplier_id),
            amount=DomainMoney(input.amount_minor),
            note=input.note,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return _show(supplier)


@finds("supplier")
async def find_supplier(info: Info, id: UUID) -> Supplier | None:
    """A supplier, for staff."""
    principal = info.context.principal
    if principal is None or not principal.is_staff:
        return None
    found = (await queries.by_ids(info.context.market.db, [id])).get(id)
    return _show(found) if found else None


def _show(supplier: rules.Supplier) -> Supplier:
    return Supplier(
        id=show_id("supplier", supplier.id),
        code=supplier.code,
        name=supplier.name,
        created_at=supplier.created_at,
        ended_at=supplier.ended_at,
        key=supplier.id,
    )


def _show_sku(sku: rules.SuppliedSku) -> SuppliedSku:
    return SuppliedSku(
        sku_id=show_id("sku", sku.sku_id), supplier_code=sku.supplier_code, cost=Money.of(sku.cost.minor)
    )


def _show_waiting(waiting: dropping.Waiting) -> WaitingLine:
    return WaitingLine(
        order_id=show_id("order", waiting.order_id),
        order_number=waiting.order_number,
        paid_at=waiting.paid_at,
        position=Long(waiting.position),
        sku_id=show_id("sku", waiting.sku_id),
        title=waiting.title,
        units=Long(waiting.units),
        destination=OrderDestination(**asdict(waiting.destination)),
        remark=waiting.remark,
    )


def _show_line(line: settling.SettlementLine) -> SettlementLine:
    return SettlementLine(
        kind=line.kind,
        at=line.at,
        order_id=show_id("order", line.order_id) if line.order_id else None,
        order_number=line.order_number,
        position=Long(line.position) if line.position else None,
        title=line.title,
        supplier_code=line.supplier_code,
        units=None if line.units is None else Long(line.units),
        cost=Money.maybe(line.cost_minor),
        owed=Money.of(line.owed_minor),
    )
