"""What somebody has asked to buy, whether it can be paid, and what is to be done with money that arrives for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.clock import shop_day, shop_midnight
from domain.foundation.errors import NotFound, Refusal
from domain.foundation.money import Money

PAY_WITHIN = timedelta(minutes=30)
NOTHING = Money(0)


class PurchaseCause(StrEnum):
    """What it was made for."""

    BOUGHT = "bought"
    GIFT = "gift"
    UPGRADE = "upgrade"
    RENEWAL = "renewal"


class PurchaseState(StrEnum):
    """Where a purchase stands. One that nobody pays stays pending."""

    PENDING = "pending"
    PAID = "paid"
    DECLINED = "declined"


# Declined: its money came when it could not begin any more, and went back.
NEXT: Mapping[PurchaseState, frozenset[PurchaseState]] = {
    PurchaseState.PENDING: frozenset({PurchaseState.PAID, PurchaseState.DECLINED}),
    PurchaseState.PAID: frozenset(),
    PurchaseState.DECLINED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Purchase:
    """A wish to have one term of a plan, and its money. An upgrade names the membership that it `upgrades`.

    `due` is to be paid: the plan's price, less the `credit` of an upgrade. `refunded` is what went back of it.
    """

    id: UUID
    account_id: UUID
    plan_id: UUID
    cause: PurchaseCause
    price: Money
    credit: Money
    state: PurchaseState
    made_at: datetime
    pay_by: datetime
    upgrades: UUID | None = None
    paid_at: datetime | None = None
    paid_with: UUID | None = None
    refunded: Money = NOTHING
    refunded_at: datetime | None = None

    @property
    def due(self) -> Money:
        """What is to be paid."""
        return Money(self.price.minor - self.credit.minor, self.price.currency)


class Verdict(Enum):
    """What is to be done with captured money."""

    KNOWN = "known"
    ACCEPT = "accept"
    GIVE_BACK = "give_back"


def judge(purchase: Purchase, *, payment_id: UUID, amount_minor: int) -> Verdict:
    """What is to be done with a payment's money, as far as the purchase knows. The same payment again is known.

    Late money is as good as any: nothing was kept waiting for it.
    """
    if purchase.paid_with == payment_id:
        return Verdict.KNOWN
    is_wanted = purchase.state is PurchaseState.PENDING and amount_minor == purchase.due.minor
    return Verdict.ACCEPT if is_wanted else Verdict.GIVE_BACK


def pay_by(cause: PurchaseCause, now: datetime) -> datetime:
    """Until when a purchase can be paid. What an upgrade costs is said for this day of the shop's calendar only."""
    tomorrow = shop_midnight(shop_day(now) + timedelta(days=1))
    return min(now + PAY_WITHIN, tomorrow) if cause is PurchaseCause.UPGRADE else now + PAY_WITHIN


def check_payable(purchase: Purchase, *, account_id: UUID, now: datetime) -> None:
    """Raises NotFound when it is somebody else's, MembershipRenewsItself for an automatic charge, MembershipNotPayable once it
    is decided or its time is over.
    """
    if purchase.account_id != account_id:
        raise NotFound.of("purchase", purchase.id)
    if purchase.cause is PurchaseCause.RENEWAL:
        raise MembershipRenewsItself()
    if purchase.state is not PurchaseState.PENDING or now >= purchase.pay_by:
        raise MembershipNotPayable(state=purchase.state, pay_by=purchase.pay_by)


@dataclass(eq=False)
class MembershipNotPayable(Refusal):
    """The purchase does not wait for money, or its time to pay is over: buy again."""

    state: PurchaseState
    pay_by: datetime

    code: ClassVar[str] = "MEMBERSHIP_NOT_PAYABLE"
    zh: ClassVar[str] = "该笔会员购买已付款、已关闭或已超过付款时间，请重新购买"
    en: ClassVar[str] = "this purchase cannot be paid: it is {state}; to be paid before {pay_by:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(eq=False)
class MembershipRenewsItself(Refusal):
    """An automatic charge is paid by contract only; whoever would rather pay by hand buys the plan."""

    code: ClassVar[str] = "MEMBERSHIP_RENEWS_ITSELF"
    zh: ClassVar[str] = "该笔为自动续费扣款，无需手动付款"
    en: ClassVar[str] = "this is an automatic renewal: it is charged by contract, and cannot be paid by hand"
