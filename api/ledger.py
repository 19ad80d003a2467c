"""The ledger for finance: the trial balance, statements of accounts, where an order's money went, and payouts."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry

from api.access import Who, to
from api.context import Info
from api.money import Money
from api.nodes import Connection, read_id, show_id
from api.payments import PaymentGateway
from api.refusals import refusal
from api.scalars import Long
from domain.foundation.errors import IdempotencyConflict
from domain.foundation.money import POINTS_CURRENCY, SHOP_CURRENCY
from domain.foundation.money import Money as DomainMoney
from domain.ledger import actions, queries, rules
from domain.ledger.rules import CHART, Account


def _account(account: Account) -> Any:
    meaning = CHART[account]
    divided = f"; subject: {rules.DIVIDED[account]}" if account in rules.DIVIDED else ""
    return strawberry.enum_value(account, description=f"{meaning.zh}: {meaning.en.partition(';')[0]}{divided}.")


@strawberry.enum(description="Where money stands. 科目")
class LedgerAccount(Enum):
    """The chart of accounts."""

    GATEWAY = _account(Account.GATEWAY)
    BANK = _account(Account.BANK)
    RECEIPTS = _account(Account.RECEIPTS)
    PREPAID = _account(Account.PREPAID)
    REFUNDS = _account(Account.REFUNDS)
    SUPPLIERS = _account(Account.SUPPLIERS)
    MEMBERSHIPS = _account(Account.MEMBERSHIPS)
    POINTS = _account(Account.POINTS)
    SALES = _account(Account.SALES)
    FREIGHT = _account(Account.FREIGHT)
    RETURNS = _account(Account.RETURNS)
    SUPPLIED = _account(Account.SUPPLIED)
    MEMBER_FEES = _account(Account.MEMBER_FEES)
    FEES = _account(Account.FEES)
    POINTS_GIVEN = _account(Account.POINTS_GIVEN)
    POINTS_SPENT = _account(Account.POINTS_SPENT)
    POINTS_EXPIRED = _account(Account.POINTS_EXPIRED)


LedgerEntryKind = strawberry.enum(
    rules.EntryKind,
    name="LedgerEntryKind",
    description="Why money moved: " + ", ".join(f"{kind.name} {rules.KIND_ZH[kind]}" for kind in rules.EntryKind) + ".",
)


@strawberry.type(
    directives=to(Who.FINANCE), description="All that was posted on an account, or on a subject's part of it. 科目余额"
)
class LedgerBalance:
    """A row of the trial balance."""

    account: LedgerAccount
    subject: str = strawberry.field(description='Whose part of the account it is; "" where an account is not divided.')
    debit: Money
    credit: Money
    balance: Money = strawberry.field(description="Debit less credit: below zero where the account owes or has earned.")


@strawberry.type(directives=to(Who.FINANCE), description="Every balance of one moment. 试算平衡")
class TrialBalance:
    """The trial balance."""

    balances: list[LedgerBalance]
    debit: Money = strawberry.field(description="The sum of all debits of money; points are counted apart.")
    credit: Money = strawberry.field(description="The sum of all credits: the same, or the books are wrong.")
    points_debit: Long = strawberry.field(description="The sum of all debits of points.")
    points_credit: Long = strawberry.field(description="The sum of all credits of points: the same again.")
    is_balanced: bool = strawberry.field(description="Whether both are.")


@strawberry.type(directives=to(Who.FINANCE), description="A posting on an account, and the balance it left. 明细")
class StatementLine:
    """A line of a statement."""

    entry_id: strawberry.ID
    kind: LedgerEntryKind
    order_id: strawberry.ID | None = strawberry.field(description="The order that the money is for.")
    occurred_at: datetime = strawberry.field(description="When it happened, by the word of whoever did it.")
    recorded_at: datetime = strawberry.field(description="When it came to stand in the books; a statement goes by it.")
    amount: Money = strawberry.field(description="Above zero a debit, below zero a credit.")
    balance: Money = strawberry.field(description="Debit less credit after this posting.")


@strawberry.type(
    directives=to(Who.FINANCE), description="What was posted on an account in a period, oldest first. 对账单"
)
class StatementConnection(Connection[StatementLine]):
    """A page of a statement, and the figures of its whole period."""

    opening: Money = strawberry.field(description="The balance when the period starts.")
    debit: Money = strawberry.field(description="All debits of the period, not only of this page.")
    credit: Money = strawberry.field(description="All credits of the period.")
    closing: Money = strawberry.field(description="The balance when the period ends, or now if that is earlier.")


@strawberry.type(directives=to(Who.INHERITED), description="An amount on an account. 分录")
class LedgerPosting:
    """A posting of an entry."""

    account: LedgerAccount
    subject: str
    amount: Money = strawberry.field(description="Above zero a debit, below zero a credit.")


@strawberry.type(
    directives=to(Who.FINANCE),
    description="One movement of money or points; its postings sum to zero, and it is never changed. 凭证",
)
class LedgerEntry:
    """An entry."""

    id: strawberry.ID
    kind: LedgerEntryKind
    occurred_at: datetime
    recorded_at: datetime
    postings: list[LedgerPosting]


@strawberry.input(description="Write down that a payment gateway has paid into the bank. 渠道提现")
class RecordPayoutInput:
    """What arrived at the bank."""

    gateway: PaymentGateway
    amount_minor: Long = strawberry.field(description="Minor units: fen; at most what the gateway keeps for us.")
    reference: str = strawberry.field(description="The bank's reference: 1 to 200 characters.")
    occurred_at: datetime = strawberry.field(description="When it arrived, by the bank's word; not after now.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


RecordPayoutResult = Annotated[
    LedgerEntry | refusal(rules.MoreThanAtGateway) | refusal(IdempotencyConflict),
    strawberry.union("RecordPayoutResult"),
]


@strawberry.type
class LedgerQuery:
    """What finance reads in the ledger."""

    @strawberry.field(
        directives=to(Who.FINANCE), description="Every balance of this moment, in the order of the chart of accounts."
    )
    async def trial_balance(self, info: Info) -> TrialBalance:
        """The trial balance."""
        found = await queries.trial_balance(info.context.market.db)
        debit, credit = rules.sides(found, SHOP_CURRENCY)
        points_debit, points_credit = rules.sides(found, POINTS_CURRENCY)
        return TrialBalance(
            balances=[_show_balance(balance) for balance in found],
            debit=Money.of(debit),
            credit=Money.of(credit),
            points_debit=Long(points_debit),
            points_credit=Long(points_credit),
            is_balanced=(debit, points_debit) == (credit, points_credit),
        )

    @strawberry.field(
        directives=to(Who.FINANCE),
        description="What was recorded on an account at `startsAt` or later and before `endsAt`.",
    )
    async def account_statement(
        self,
        info: Info,
        account: LedgerAccount,
        starts_at: datetime,
        ends_at: datetime,
        subject: str = "",
        first: int = 50,
        after: str | None = None,
    ) -> StatementConnection:
        """A page of a statement."""
        found = await queries.statement(
            info.context.market.db,
            account=account.value,
            subject=subject,
            starts_at=starts_at,
            ends_at=ends_at,
            first=first,
            after=after,
        )
        return _show_statement(found, CHART[account.value].currency)

    @strawberry.field(
        directives=to(Who.FINANCE),
        description="Every movement of an order's money and points, in the order it was recorded.",
    )
    async def order_ledger(self, info: Info, order_id: strawberry.ID) -> list[LedgerEntry]:
        """An order's entries."""
        found = await queries.of_order(info.context.market.db, read_id("order", order_id))
        return [_show_entry(entry) for entry in found]


@strawberry.type
class LedgerMutation:
    """What finance writes down in the ledger by hand."""

    @strawberry.mutation(
        directives=to(Who.FINANCE), description="Write down that a payment gateway has paid into the bank."
    )
    async def record_payout(self, info: Info, input: RecordPayoutInput) -> RecordPayoutResult:
        """Paid out."""
        context = info.context
        entry = await actions.record_payout(
            context.market.db,
            gateway=str(input.gateway.value),
            amount=DomainMoney(input.amount_minor),
            reference=input.reference,
            occurred_at=input.occurred_at,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return _show_entry(entry)


def _show_balance(balance: rules.Balance) -> LedgerBalance:
    return LedgerBalance(
        account=LedgerAccount(balance.account),
        subject=balance.subject,
        debit=Money.of(balance.debit_minor, balance.currency),
        credit=Money.of(balance.credit_minor, balance.currency),
        balance=Money.of(balance.balance_minor, balance.currency),
    )


def _show_statement(found: queries.Statement, currency: str) -> StatementConnection:
    page = Connection.of(found.page, lambda line: _show_line(line, currency))
    figures = found.figures
    return StatementConnection(
        edges=page.edges,
        nodes=page.nodes,
        page_info=page.page_info,
        opening=Money.of(figures.opening_minor, currency),
        debit=Money.of(figures.debit_minor, currency),
        credit=Money.of(figures.credit_minor, currency),
        closing=Money.of(figures.closing_minor, currency),
    )


def _show_line(line: rules.StatementLine, currency: str) -> StatementLine:
    return StatementLine(
        entry_id=show_id("entry", line.entry_id),
        kind=line.kind,
        order_id=show_id("order", line.about_id) if line.about_id else None,
        occurred_at=line.occurred_at,
        recorded_at=line.recorded_at,
        amount=Money.of(line.amount_minor, currency),
        balance=Money.of(line.balance_minor, currency),
    )


def _show_entry(entry: rules.PostedEntry) -> LedgerEntry:
    return LedgerEntry(
        id=show_id("entry", entry.id),
        kind=entry.kind,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        postings=[
            LedgerPosting(
                account=LedgerAccount(posting.account),
                subject=posting.subject,
                amount=Money.of(posting.amount_minor, posting.currency),
            )
            for posting in entry.postings
        ],
    )
