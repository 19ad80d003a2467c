"""When a card is renewed by itself: what is told and charged on which day, what a contract may become, and what ends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID, uuid5

from domain.foundation.clock import SHOP_ZONE, shop_day, shop_midnight
from domain.foundation.errors import Refusal
from domain.foundation.money import Money
from domain.payments.rules import GatewayFailed

CHARGING_FROM = timedelta(hours=9)
"""On the last day of a card, at the shop: the day before its end."""
TOLD_DAYS_AHEAD = 6
"""消费者权益保护法实施条例, in force since 2024-07-01, 第十条: who renews automatically tells the consumer five days before it,
prominently, so that they can still decide otherwise. The sixth day is for us to do so."""
TOLD_FOR_SURE = timedelta(days=5)
"""Nothing is charged sooner after the member was told, however late they have signed."""
GRACE = timedelta(days=7)
"""A card that is to be renewed by itself stays for so long after its end, while its charge is tried. No other card does."""
TRIES = 3
BETWEEN_TRIES = timedelta(days=1)
LAST_WORD = timedelta(hours=2)
"""How long after the last try money may still arrive before the charge is given up."""
ANNOUNCED_DAYS_AHEAD = 2
ANNOUNCING_FROM, ANNOUNCING_UNTIL = time(7), time(22)
"""WeChat Pay tells members of a charge in these hours at the shop, and lets a full day pass before it takes the money. What we
tell them comes in the same hours."""
SIGNING_WITHIN = timedelta(hours=2)
"""What was asked to be signed and is not by then, is forgotten: WeChat's page for it lives no longer."""
LEASE = timedelta(minutes=1)
"""A charge or contract about which a gateway is being asked is nobody else's for so long: longer than an answer may take."""
LONGEST_RETRY = timedelta(hours=1)

_CHARGES = UUID("6f7b1c52-8d0e-5c58-9d35-3f1f0f3d8a11")


class ContractState(StrEnum):
    """What may be charged. RESTING: a charge was given up, and nothing more is charged until the member says so."""

    SIGNING = "signing"
    SIGNED = "signed"
    RESTING = "resting"
    ENDED = "ended"


NEXT: Mapping[ContractState, frozenset[ContractState]] = {
    ContractState.SIGNING: frozenset({ContractState.SIGNED, ContractState.ENDED}),
    ContractState.SIGNED: frozenset({ContractState.RESTING, ContractState.ENDED}),
    ContractState.RESTING: frozenset({ContractState.SIGNED, ContractState.ENDED}),
    ContractState.ENDED: frozenset(),
}


class ContractEnd(StrEnum):
    """Who has ended a contract, or what: WALLET is the member at WeChat; CARD: it was refunded, or upgraded to another."""

    MEMBER = "member"
    WALLET = "wallet"
    UNSIGNED = "unsigned"
    CARD = "card"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Contract:
    """What a member has signed: this plan, renewed for at most this price, until either side ends it.

    `reference` is the gateway's name for it, known once it is signed.
    """

    id: UUID
    account_id: UUID
    plan_id: UUID
    price: Money
    gateway: str
    state: ContractState
    asked_at: datetime
    reference: str | None = None
    signed_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: ContractEnd | None = None
    failures: int = 0
    """How often in a row the gateway has not answered about it."""

    @property
    def is_on(self) -> bool:
        """Whether the next term is charged by itself."""
        return self.state is ContractState.SIGNED


class MessageKind(StrEnum):
    """What a member is told of about an end of their card."""

    WEEK = "week"
    DAY = "day"
    CHARGE = "charge"
    GIVEN_UP = "given_up"


REMINDED_BEFORE_END = {
    MessageKind.WEEK: (timedelta(days=7), timedelta(days=1)),
    MessageKind.DAY: (timedelta(days=1), timedelta(0)),
}
"""How long before the end of a card that does not renew itself its member is reminded, and from when on no more."""


class ChargeState(StrEnum):
    """What has become of one term's charge. Money that was faster makes a charge PAID that was given up or called off."""

    OPEN = "open"
    PAID = "paid"
    GIVEN_UP = "given_up"
    CALLED_OFF = "called_off"


@dataclass(frozen=True, slots=True)
class Charge:
    """The automatic renewal of a membership for the term after the one that ends at `ends_at`, tried up to `TRIES` times.

    It has a window of days, from when on and until when the gateway takes the money, once it was announced there.
    """

    id: UUID
    contract_id: UUID
    membership_id: UUID
    term: int
    amount: Money
    ends_at: datetime
    told_at: datetime
    state: ChargeState
    due_at: datetime | None
    first_day: date | None = None
    last_day: date | None = None
    purchase_id: UUID | None = None
    payment_id: UUID | None = None
    tries: int = 0
    failures: int = 0
    asked_at: datetime | None = None
    """When the gateway was last asked for the money."""
    error: str | None = None

    @property
    def charged_at(self) -> datetime:
        """When it is asked for first, if the gateway then takes it."""
        return first_charge_at(self.ends_at, told_at=self.told_at)

    @property
    def grace_until(self) -> datetime:
        """Until when the card stays although it was not renewed."""
        return self.ends_at + GRACE

    @property
    def is_over(self) -> bool:
        """Whether it has had its tries."""
        return self.tries >= TRIES

    def is_announced_for(self, day: date) -> bool:
        """Whether the gateway takes the money on this day of the shop's calendar."""
        return self.first_day is not None and self.last_day is not None and self.first_day <= day <= self.last_day


@dataclass(frozen=True, slots=True)
class Signing:
    """What a mini-program hands to `wx.navigateToMiniProgram`, and a page that stands for it at a simulator."""

    app_id: str
    path: str
    session_id: str
    page_url: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The days of the shop's calendar on which a gateway takes an announced charge, both included."""

    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class Told:
    """How a contract stands at the gateway. `reference`: its name for it; `at`: since when."""

    contract_id: UUID
    is_signed: bool
    reference: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ContractNotice:
    """What a gateway has brought to our door about a contract, its signature verified."""

    id: str
    told: Told


def charge_id(membership_id: UUID, term: int) -> UUID:
    """The id of the charge for a term: the same whoever works it out, so that a term is charged once."""
    return uuid5(_CHARGES, f"{membership_id}:{term}")


def first_charge_at(ends_at: datetime, *, told_at: datetime) -> datetime:
    """When the next term of a card that ends then is charged, if the member was told of it at `told_at`."""
    return max(_charging_on(_last_day(ends_at)), told_at + TOLD_FOR_SURE)


def tell_at(ends_at: datetime) -> datetime:
    """From when on the member is told what will be charged."""
    return _charging_on(_last_day(ends_at) - timedelta(days=TOLD_DAYS_AHEAD))


def told_until(now: datetime) -> datetime:
    """The latest end of a card whose member is told by now: for no later one has `tell_at` come."""
    return shop_midnight(shop_day(now - CHARGING_FROM) + timedelta(days=TOLD_DAYS_AHEAD + 1))


def announce_at(charged_at: datetime) -> datetime:
    """From when on a charge is announced at the gateway: two days of the calendar before it, in the morning."""
    return _morning(shop_day(charged_at) - timedelta(days=ANNOUNCED_DAYS_AHEAD))


def next_announcing(now: datetime) -> datetime:
    """This moment where charges may be announced now, else the next morning on which they may."""
    at_shop = now.astimezone(SHOP_ZONE).time()
    if at_shop < ANNOUNCING_FROM:
        return _morning(shop_day(now))
    return now if at_shop < ANNOUNCING_UNTIL else _morning(shop_day(now) + timedelta(days=1))


def first_try(charge: Charge, window: Window) -> datetime:
    """When a charge that was just announced is asked for."""
    return max(charge.charged_at, _charging_on(window.first_day))


def next_try(tries: int, now: datetime) -> datetime:
    """When a charge that the gateway has now been asked for, for the `tries`th time, is looked at again."""
    return now + (BETWEEN_TRIES if tries < TRIES else LAST_WORD)


def retry_at(now: datetime, failures: int) -> datetime:
    """When a gateway that did not answer, `failures` times in a row before, is asked again."""
    return now + min(timedelta(minutes=1 << min(failures, 10)), LONGEST_RETRY)


def _last_day(ends_at: datetime) -> date:
    return shop_day(ends_at - timedelta(microseconds=1))


def _charging_on(day: date) -> datetime:
    return shop_midnight(day) + CHARGING_FROM


def _morning(day: date) -> datetime:
    return shop_midnight(day) + timedelta(hours=ANNOUNCING_FROM.hour)


class SignedAlready(GatewayFailed):
    """The gateway prepares nothing to be signed: the contract is signed, and only its notice is not here yet."""


class ChargeRefused(Exception):
    """The gateway does not take the money: the wallet has too little, or the day is wrong. It may be asked for again."""


class ContractGone(Exception):
    """At the gateway there is no such contract any more: the member has ended it in the wallet."""


@dataclass(eq=False)
class AutoRenewalSwitchedOff(Refusal):
    """No gateway that charges by contract is configured."""

    code: ClassVar[str] = "AUTO_RENEWAL_SWITCHED_OFF"
    zh: ClassVar[str] = "自动续费暂未开通"
    en: ClassVar[str] = "automatic renewal is switched off"


@dataclass(eq=False)
class NothingToRenew(Refusal):
    """There is no membership whose plan can be renewed by itself."""

    code: ClassVar[str] = "NOTHING_TO_RENEW"
    zh: ClassVar[str] = "没有可自动续费的会员卡"
    en: ClassVar[str] = "there is no membership that could be renewed automatically"


@dataclass(eq=False)
class NoAutoRenewal(Refusal):
    """Nothing was ever signed, so nothing can be ended."""

    code: ClassVar[str] = "NO_AUTO_RENEWAL"
    zh: ClassVar[str] = "尚未开通自动续费"
    en: ClassVar[str] = "no automatic renewal was ever signed"
