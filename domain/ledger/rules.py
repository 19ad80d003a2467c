"""The chart of accounts, what an entry is, and what is read back: balances and statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from itertools import accumulate
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal
from domain.foundation.money import LARGEST_MINOR, POINTS_CURRENCY, SHOP_CURRENCY, Money

CHECKPOINT_AFTER = timedelta(hours=1)
CHECKPOINT_POSTINGS = 10_000
"""So many postings are summed up in a few milliseconds: what a trial balance adds to the newest checkpoint."""
LONGEST_SUBJECT = 64
LONGEST_REFERENCE = 200


class Account(StrEnum):
    """Where money stands. A subject divides an account: which gateway, which supplier."""

    GATEWAY = "gateway"
    BANK = "bank"
    RECEIPTS = "receipts"
    PREPAID = "prepaid"
    REFUNDS = "refunds"
    SUPPLIERS = "suppliers"
    MEMBERSHIPS = "memberships"
    POINTS = "points"
    SALES = "sales"
    FREIGHT = "freight"
    RETURNS = "returns"
    SUPPLIED = "supplied"
    FEES = "fees"
    MEMBER_FEES = "member_fees"
    POINTS_GIVEN = "points_given"
    POINTS_SPENT = "points_spent"
    POINTS_EXPIRED = "points_expired"


class Nature(Enum):
    """What an account is. What one owns and what one spends grows on the debit side, the others on the credit side."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"

    @property
    def grows_by(self) -> int:
        """+1 where debits make it grow, -1 where credits do."""
        return 1 if self in {Nature.ASSET, Nature.EXPENSE} else -1


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an account is for, and what is posted on it."""

    nature: Nature
    zh: str
    en: str
    currency: str = SHOP_CURRENCY


CHART: Mapping[Account, Meaning] = {
    Account.GATEWAY: Meaning(Nature.ASSET, "支付渠道存款", "money at a payment gateway; subject: the gateway"),
    Account.BANK: Meaning(Nature.ASSET, "银行存款", "money in the bank"),
    Account.RECEIPTS: Meaning(Nature.LIABILITY, "待匹配收款", "captured, and nobody has decided yet whether to keep it"),
    Account.PREPAID: Meaning(Nature.LIABILITY, "预收货款", "paid for orders that the shopper does not have yet"),
    Account.REFUNDS: Meaning(Nature.LIABILITY, "应付退款", "to be given back, and the gateway has not done it yet"),
    Account.SUPPLIERS: Meaning(Nature.LIABILITY, "应付供应商", "owed for goods that a supplier sent; subject: the supplier"),
    Account.MEMBERSHIPS: Meaning(Nature.LIABILITY, "预收会费", "paid for memberships whose days have not come yet"),
    Account.POINTS: Meaning(Nature.LIABILITY, "未用积分", "shoppers' points, less those they owe; in points", POINTS_CURRENCY),
    Account.SALES: Meaning(Nature.INCOME, "销售收入", "goods that shoppers have received"),
    Account.FREIGHT: Meaning(Nature.INCOME, "运费收入", "freight of orders that were received"),
    Account.RETURNS: Meaning(Nature.INCOME, "销售退回", "given back after the order was received: income, below zero"),
    Account.SUPPLIED: Meaning(Nature.EXPENSE, "代发成本", "what supplied goods cost"),
    Account.MEMBER_FEES: Meaning(Nature.INCOME, "会费收入", "memberships, day by day as they pass"),
    Account.FEES: Meaning(Nature.EXPENSE, "支付手续费", "what the gateways keep"),
    Account.POINTS_GIVEN: Meaning(Nature.EXPENSE, "发放积分", "points that were earned or given; in points", POINTS_CURRENCY),
    Account.POINTS_SPENT: Meaning(Nature.INCOME, "抵扣积分", "points that were spent on orders; in points", POINTS_CURRENCY),
    Account.POINTS_EXPIRED: Meaning(Nature.INCOME, "过期积分", "points that nobody used in time; in points", POINTS_CURRENCY),
}  # fmt: skip
IN_POINTS = tuple(account for account, meaning in CHART.items() if meaning.currency == POINTS_CURRENCY)
"""The accounts on which points are posted, and nothing else."""

DIVIDED: Mapping[Account, str] = {
    Account.GATEWAY: "which gateway",
    Account.SUPPLIERS: "which supplier, by its id",
    Account.SUPPLIED: "which supplier, by its id",
}
"""Accounts that stand by subject only, and what a subject of theirs is."""


class EntryKind(StrEnum):
    """Why money moved. With its cause an entry is written once."""

    CAPTURED = "captured"
    ORDER_PAID = "order_paid"
    NOT_KEPT = "not_kept"
    REFUND_AGREED = "refund_agreed"
    REFUNDED = "refunded"
    ORDER_RECEIVED = "order_received"
    REST_KEPT = "rest_kept"
    SUPPLIED = "supplied"
    SUPPLY_RETURNED = "supply_returned"
    SUPPLIER_PAID = "supplier_paid"
    GATEWAY_FEES = "gateway_fees"
    PAID_OUT = "paid_out"
    MEMBERSHIP_PAID = "membership_paid"
    MEMBERSHIPS_EARNED = "memberships_earned"
    MEMBERSHIP_ENDED = "membership_ended"
    POINTS_GIVEN = "points_given"
    POINTS_TAKEN_BACK = "points_taken_back"
    POINTS_SPENT = "points_spent"
    POINTS_RETURNED = "points_returned"
    POINTS_EXPIRED = "points_expired"


KIND_ZH: Mapping[EntryKind, str] = {
    EntryKind.CAPTURED: "收款",
    EntryKind.ORDER_PAID: "订单付款",
    EntryKind.NOT_KEPT: "退回收款",
    EntryKind.REFUND_AGREED: "同意退款",
    EntryKind.REFUNDED: "退款到账",
    EntryKind.ORDER_RECEIVED: "确认收货",
    EntryKind.REST_KEPT: "退单留存",
    EntryKind.SUPPLIED: "供应商发货",
    EntryKind.SUPPLY_RETURNED: "退回供应商",
    EntryKind.SUPPLIER_PAID: "支付供应商",
    EntryKind.GATEWAY_FEES: "支付手续费",
    EntryKind.PAID_OUT: "渠道提现",
    EntryKind.MEMBERSHIP_PAID: "会员卡付款",
    EntryKind.MEMBERSHIPS_EARNED: "会费确认",
    EntryKind.MEMBERSHIP_ENDED: "会员卡退款",
    EntryKind.POINTS_GIVEN: "发放积分",
    EntryKind.POINTS_TAKEN_BACK: "收回积分",
    EntryKind.POINTS_SPENT: "积分抵扣",
    EntryKind.POINTS_RETURNED: "退还积分",
    EntryKind.POINTS_EXPIRED: "积分过期",
}


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount on an account in minor units: debit above zero, credit below, never zero."""

    account: Account
    amount_minor: int
    subject: str = ""
    currency: str = SHOP_CURRENCY


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of money. The same kind with the same cause stands in the books once; a second one is refused.

    `about_id` is what the money is for, an order mostly: its entries tell its whole story.
    """

    kind: EntryKind
    cause_id: UUID
    about_id: UUID | None
    occurred_at: datetime
    postings: tuple[Posting, ...]


def moved(
    kind: EntryKind,
    *,
    cause_id: UUID,
    about_id: UUID | None,
    at: datetime,
    amount_minor: int,
    debit: Account,
    credit: Account,
    debit_subject: str = "",
    credit_subject: str = "",
    currency: str = SHOP_CURRENCY,
) -> Entry:
    """The entry of an amount (above zero) that moves from the credit account to the debit account."""
    return Entry(
        kind,
        cause_id,
        about_id,
        at,
        (
            Posting(debit, amount_minor, debit_subject, currency),
            Posting(credit, -amount_minor, credit_subject, currency),
        ),
    )


@dataclass(frozen=True, slots=True)
class PostedEntry:
    """An entry as it stands in the books. `recorded_at` is when it came to stand there."""

    id: UUID
    kind: EntryKind
    cause_id: UUID
    about_id: UUID | None
    occurred_at: datetime
    recorded_at: datetime
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    """All that was posted on an account's subject so far, both sides above zero, in minor units."""

    account: Account
    subject: str
    currency: str
    debit_minor: int
    credit_minor: int

    @property
    def balance_minor(self) -> int:
        """Debit less credit: above zero where the account owns or has spent, below where it owes or has earned."""
        return self.debit_minor - self.credit_minor


def sides(balances: Iterable[Balance], currency: str) -> tuple[int, int]:
    """All debits and all credits of a currency; they are equal, or the books are wrong."""
    found = [balance for balance in balances if balance.currency == currency]
    return sum(balance.debit_minor for balance in found), sum(balance.credit_minor for balance in found)


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A posting on the statement's account, and the balance it left: debit above zero."""

    position: int
    entry_id: UUID
    kind: EntryKind
    about_id: UUID | None
    occurred_at: datetime
    recorded_at: datetime
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What a statement says of its whole period; balances are debit less credit, in minor units."""

    opening_minor: int
    debit_minor: int
    credit_minor: int

    @property
    def closing_minor(self) -> int:
        """The balance at the period's end."""
        return self.opening_minor + self.debit_minor - self.credit_minor


def check_payout(gateway: str, amount: Money, reference: str, occurred_at: datetime, now: datetime) -> None:
    """Raises BadInput unless this can be what a gateway has paid into the bank."""
    for name, said, longest in (("gateway", gateway, LONGEST_SUBJECT), ("reference", reference, LONGEST_REFERENCE)):
        if not said.strip() or len(said) > longest or "\0" in said:
            raise BadInput(f"{name} is {said[:40]!r}; allowed: 1 to {longest} characters, none of them NUL")
    if not 0 < amount.minor <= LARGEST_MINOR:
        raise BadInput(f"amount is {amount.minor}; allowed: 1 to {LARGEST_MINOR}")
    if occurred_at > now:
        raise BadInput(f"occurredAt is {occurred_at.isoformat()}; allowed: up to now, {now.isoformat()}")


def running(opening_minor: int, amounts: Sequence[int]) -> list[int]:
    """The balance after each amount."""
    return list(accumulate(amounts, initial=opening_minor))[1:]


@dataclass(eq=False)
class MoreThanAtGateway(Refusal):
    """A gateway pays out what it keeps for us, not more; one that nobody has heard of keeps nothing."""

    gateway: str
    amount: Money
    kept: Money

    code: ClassVar[str] = "MORE_THAN_AT_GATEWAY"
    zh: ClassVar[str] = "提现金额超过支付渠道存款"
    en: ClassVar[str] = "the payout is more than the gateway keeps for us"
