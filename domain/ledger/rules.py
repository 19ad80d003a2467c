"""The chart of accounts, and what an entry is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from uuid import UUID

from domain.foundation.money import SHOP_CURRENCY


class Account(StrEnum):
    """Where money stands. A subject divides an account: which gateway, which supplier."""

    GATEWAY = "gateway"
    BANK = "bank"
    RECEIPTS = "receipts"
    PREPAID = "prepaid"
    REFUNDS = "refunds"
    SUPPLIERS = "suppliers"
    SALES = "sales"
    FREIGHT = "freight"
    RETURNS = "returns"
    SUPPLIED = "supplied"
    FEES = "fees"


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
    """What an account is for."""

    nature: Nature
    zh: str
    en: str


CHART: Mapping[Account, Meaning] = {
    Account.GATEWAY: Meaning(Nature.ASSET, "支付渠道存款", "money at a payment gateway; subject: the gateway"),
    Account.BANK: Meaning(Nature.ASSET, "银行存款", "money in the bank"),
    Account.RECEIPTS: Meaning(Nature.LIABILITY, "待匹配收款", "captured, and nobody has decided yet whether to keep it"),
    Account.PREPAID: Meaning(Nature.LIABILITY, "预收货款", "paid for orders that the shopper does not have yet"),
    Account.REFUNDS: Meaning(Nature.LIABILITY, "应付退款", "to be given back, and the gateway has not done it yet"),
    Account.SUPPLIERS: Meaning(Nature.LIABILITY, "应付供应商", "owed for goods that a supplier sent; subject: the supplier"),
    Account.SALES: Meaning(Nature.INCOME, "销售收入", "goods that shoppers have received"),
    Account.FREIGHT: Meaning(Nature.INCOME, "运费收入", "freight of orders that were received"),
    Account.RETURNS: Meaning(Nature.INCOME, "销售退回", "given back after the order was received: income, below zero"),
    Account.SUPPLIED: Meaning(Nature.EXPENSE, "代发成本", "what supplied goods cost"),
    Account.FEES: Meaning(Nature.EXPENSE, "支付手续费", "what the gateways keep"),
}  # fmt: skip


class EntryKind(StrEnum):
    """Why money moved. With its cause an entry is written once."""

    CAPTURED = "captured"
    ORDER_PAID = "order_paid"
    NOT_KEPT = "not_kept"
    REFUND_AGREED = "refund_agreed"
    REFUNDED = "refunded"
    ORDER_RECEIVED = "order_received"
    SUPPLIED = "supplied"
    SUPPLY_RETURNED = "supply_returned"
    SUPPLIER_PAID = "supplier_paid"
    GATEWAY_FEES = "gateway_fees"
    PAID_OUT = "paid_out"


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
