"""Payments for those who answer for the money: the gateways' bills and where they differ, refunds that do not move."""

from datetime import date as Date
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, read_id, show_id
from api.payments import Payment, PaymentGateway, PaymentState, RefundState, show_payment
from api.refusals import refusal
from api.scalars import Long
from api.trail import StaffMember
from domain.accounts.queries import names_by_ids
from domain.foundation.errors import BadInput, NotFound
from domain.payments import bill_queries, bill_rules, bill_store, bills, queries, rules
from domain.payments.gateways import gateway_of

LONGEST_MINUTES = 60 * 24 * 31

BillDifferenceKind = strawberry.enum(
    bill_rules.DifferenceKind,
    name="BillDifferenceKind",
    description="NOT_IN_BOOKS: the gateway has it and we had not; NOT_IN_BILL: we have it and the gateway has not; "
    "AMOUNT: the amounts differ; STATE: we take for done what the gateway has not finished.",
)
BillSubject = strawberry.enum(rules.BillKind, name="BillSubject", description="Which way the money of a line went.")


@strawberry.type(
    directives=to(Who.FINANCE), description="Something on which a gateway's bill and our books do not agree. 对账差异"
)
class BillDifference:
    """A difference."""

    id: strawberry.ID
    kind: BillDifferenceKind
    subject: BillSubject
    subject_id: strawberry.ID | None = strawberry.field(
        description="Our payment's or refund's id, as far as the gateway's key for it is one."
    )
    reference: str = strawberry.field(description="The gateway's name for it.")
    ours: Money | None = strawberry.field(description="What our books say; null when they do not know it.")
    theirs: Money | None = strawberry.field(description="What the bill says; null when it does not stand there.")
    settled_at: datetime | None
    words: str = strawberry.field(description="What it was.")
    settled_by_id: strawberry.Private[UUID | None]

    @strawberry.field(
        description="Who has settled it; null when it was only a lost notice, which the comparison has booked itself."
    )
    async def settled_by(self, info: Info) -> StaffMember | None:
        """Who has settled it."""
        by = self.settled_by_id
        if by is None:
            return None
        return StaffMember(id=show_id("account", by), name=await batched(info, names_by_ids).load(by))


@strawberry.type(directives=to(Who.FINANCE), description="A gateway's bill of one day, compared with our books. 对账单")
class GatewayBill:
    """A compared bill."""

    id: strawberry.ID
    gateway: PaymentGateway
    day: Date = strawberry.field(description="In the shop's calendar.")
    payments: Long = strawberry.field(description="Payments in the bill.")
    captured: Money
    refunds: Long = strawberry.field(description="Refunds in the bill.")
    refunded: Money
    fees: Money = strawberry.field(description="What the gateway kept, less what it gave back; posted to the ledger.")
    difference_count: Long
    compared_at: datetime
    key: strawberry.Private[UUID]

    @strawberry.field(description="Where it differs from our books, settled or not.")
    async def differences(self, info: Info) -> list[BillDifference]:
        """Its differences."""
        found = await batched(info, bill_queries.differences_by_bill_ids).load(self.key)
        return [_show_difference(difference) for difference in found or ()]


@strawberry.type(directives=to(Who.FINANCE), description="A refund with all that staff have to know of it. 退款单")
class RefundDetail:
    """A refund for staff."""

    id: strawberry.ID
    state: RefundState
    amount: Money
    reason: str = strawberry.field(description="Why the money goes back, for programs.")
    asked_at: datetime
    attempts: int = strawberry.field(description="How often the gateway was asked.")
    error: str | None = strawberry.field(description="Why it did not take it the last time; null: it is at work on it.")
    refunded_at: datetime | None = strawberry.field(description="When the payer had it back, by the gateway's clock.")
    payment_key: strawberry.Private[UUID]

    @strawberry.field(description="The payment of which it is all or a part.")
    async def payment(self, info: Info) -> Payment:
        """Its payment."""
        found = await batched(info, queries.by_ids).load(self.payment_key)
        assert found is not None, "a refund of no payment"
        return show_payment(found)


@strawberry.input(description="Say what a difference was, once somebody has looked into it.")
class SettleBillDifferenceInput:
    """Which difference, and what it was."""

    difference_id: strawberry.ID
    words: str = strawberry.field(description="1 to 500 characters.")


@strawberry.input(description="Ask the gateway for a due refund now, not at its next turn.")
class RetryRefundInput:
    """Which refund."""

    refund_id: strawberry.ID


SettleBillDifferenceResult = Annotated[
    BillDifference | refusal(NotFound), strawberry.union("SettleBillDifferenceResult")
]
RetryRefundResult = Annotated[
    RefundDetail | refusal(NotFound) | refusal(rules.PaymentsSwitchedOff), strawberry.union("RetryRefundResult")
]


@strawberry.type
class RunningPaymentsQuery:
    """What those who answer for the money ask."""

    @strawberry.field(directives=to(Who.FINANCE), description="Compared bills, the newest day first.")
    async def gateway_bills(
        self, info: Info, gateway: PaymentGateway | None = None, first: int = 20, after: str | None = None
    ) -> Connection[GatewayBill]:
        """Compared bills."""
        wanted = _name(gateway)
        page = await bill_queries.bills_page(info.context.market.db, gateway=wanted, first=first, after=after)
        return Connection.of(page, _show_bill)

    @strawberry.field(
        directives=to(Who.FINANCE),
        description="Refunds still due so many minutes (0 to 44640) after they were asked for, the oldest first.",
    )
    async def overdue_refunds(
        self, info: Info, older_than_minutes: int = 30, first: int = 20, after: str | None = None
    ) -> Connection[RefundDetail]:
        """Refunds that do not move."""
        if not 0 <= older_than_minutes <= LONGEST_MINUTES:
            raise BadInput(f"olderThanMinutes is {older_than_minutes}; allowed: 0 to {LONGEST_MINUTES}")
        asked_before = info.context.now - timedelta(minutes=older_than_minutes)
        page = await bill_queries.overdue_refunds_page(
            info.context.market.db, asked_before=asked_before, first=first, after=after
        )
        return Connection.of(page, _show_refund)

    @strawberry.field(directives=to(Who.FINANCE), description="Payments in any state, the newest first.")
    async def payments(
        self,
        info: Info,
        state: PaymentState | None = None,
        gateway: PaymentGateway | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> Connection[Payment]:
        """Payments."""
        page = await bill_queries.payments_page(
            info.context.market.db, state=state, gateway=_name(gateway), first=first, after=after
        )
        return Connection.of(page, show_payment)


@strawberry.type
class RunningPaymentsMutation:
    """What those who answer for the money do."""

    @strawberry.mutation(
        directives=to(Who.FINANCE),
        description="Say what a difference was. One that is settled stays as it was settled first.",
    )
    async def settle_bill_difference(self, info: Info, input: SettleBillDifferenceInput) -> SettleBillDifferenceResult:
        """Settle it."""
        context = info.context
        settled = await bills.settle_difference(
            context.market.db,
            difference_id=read_id("billdifference", input.difference_id),
            words=input.words,
            by=context.shopper.account_id,
            now=context.now,
        )
        return _show_difference(settled)

    @strawberry.mutation(
        directives=to(Who.FINANCE),
        description="Ask the gateway for a due refund now. Safe to repeat: it gives a refund back once, and one that is "
        "REFUNDED is not asked for again. `error` says why it was not taken.",
    )
    async def retry_refund(self, info: Info, input: RetryRefundInput) -> RetryRefundResult:
        """Try it now."""
        context, refund_id = info.context, read_id("refund", input.refund_id)
        found = (await bill_queries.refunds_by_ids(context.market.db, [refund_id])).get(refund_id)
        if found is None:
            raise NotFound("refund", input.refund_id)
        gateway = gateway_of(context.market.settings, found.gateway)
        by = context.shopper.account_id
        refund = await bills.retry_refund(context.market.db, gateway, refund_id=refund_id, by=by, now=context.now)
        return _show_refund(refund)


def _name(gateway: PaymentGateway | None) -> str | None:
    return None if gateway is None else str(gateway.value)


def _show_bill(bill: bill_store.ComparedBill) -> GatewayBill:
    return GatewayBill(
        id=show_id("gatewaybill", bill.id),
        gateway=PaymentGateway(bill.gateway),
        day=bill.day,
        payments=bill.payments,
        captured=Money.of(bill.captured_minor),
        refunds=bill.refunds,
        refunded=Money.of(bill.refunded_minor),
        fees=Money.of(bill.fees_minor),
        difference_count=bill.differences,
        compared_at=bill.compared_at,
        key=bill.id,
    )


def _show_difference(difference: bill_store.KeptDifference) -> BillDifference:
    subject_id = difference.subject_id
    return BillDifference(
        id=show_id("billdifference", difference.id),
        kind=difference.kind,
        subject=difference.subject,
        subject_id=None if subject_id is None else show_id(difference.subject.value, subject_id),
        reference=difference.reference,
        ours=Money.maybe(difference.ours_minor),
        theirs=Money.maybe(difference.theirs_minor),
        settled_at=difference.settled_at,
        words=difference.words,
        settled_by_id=difference.settled_by,
    )


def _show_refund(refund: rules.Refund) -> RefundDetail:
    return RefundDetail(
        id=show_id("refund", refund.id),
        state=refund.state,
        amount=Money.of(refund.amount.minor, refund.amount.currency),
        reason=refund.reason,
        asked_at=refund.asked_at,
        attempts=refund.attempts,
        error=refund.error,
        refunded_at=refund.refunded_at,
        payment_key=refund.payment_id,
    )
