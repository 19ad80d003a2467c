"""The port to the companies that move money. What stands behind it speaks their protocol; nothing else here does."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Protocol

from domain.foundation.settings import Settings
from domain.payments.rules import (
    Bill,
    Captured,
    Instructions,
    Notice,
    Payment,
    PaymentsSwitchedOff,
    Refund,
    Refunded,
    Standing,
)
from domain.payments.stripe import StripeGateway
from domain.payments.wechat import WechatGateway


class Gateway(Protocol):
    """A payment gateway. Every call may be repeated: the payment's or refund's id is the gateway's key for it.

    Each raises GatewayFailed when the gateway does not answer or answers nonsense; what it did then is not known.
    """

    name: str

    async def prepare(self, payment: Payment, payer: str | None) -> Instructions:
        """Make the payment payable until its `expires_at`; how the shopper pays it.

        `payer` is the gateway's name for the shopper (at WeChat the openid). Raises PayerUnknown where it must be known.
        """

    async def query(self, payment: Payment) -> Captured | Standing:
        """How the payment stands. A captured one stays captured, also when it was refunded later.

        The whole payment is given, as not every company finds it by our id: Stripe knows it by its own `reference` only.
        """

    async def close(self, payment: Payment) -> Captured | Standing:
        """Take no more money for this payment. How it stands then: CLOSED, UNKNOWN, or captured: money was faster."""

    async def refund(self, refund: Refund) -> Refunded | None:
        """Give this much back. None while the gateway is at work on it: ask again, or wait for its notice."""

    async def bill(self, day: date) -> Bill:
        """What moved on a day of the shop's calendar; without rows when nothing did."""

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        """The notice in a request, verified, without asking anybody. Header names match in any case.

        Raises NoticeForged (also when stale) or NoticeMalformed.
        """

    async def hang_up(self) -> None:
        """Close the connections of the running event loop; the next call dials again."""


MAKERS: Mapping[str, Callable[[Settings], Gateway | None]] = {"wechat": WechatGateway.of, "stripe": StripeGateway.of}
"""How each kind of gateway is made; None where its knobs are not set."""

_gateways: dict[tuple[object, ...], Gateway] = {}


def gateways_of(settings: Settings) -> dict[str, Gateway]:
    """All configured gateways by name: one of a kind per process, its connections kept."""
    return {name: gateway for name in MAKERS if (gateway := _kept(settings, name)) is not None}


def gateway_of(settings: Settings, name: str | None = None) -> Gateway:
    """The gateway of this name, or the one for new payments. Raises PaymentsSwitchedOff when it is not configured."""
    gateway = _kept(settings, name or settings.default_gateway)
    if gateway is None:
        raise PaymentsSwitchedOff()
    return gateway


async def hang_up() -> None:
    """Close what the gateways hold open on this event loop; for the end of a process."""
    for gateway in _gateways.values():
        await gateway.hang_up()


def _kept(settings: Settings, name: str) -> Gateway | None:
    if name not in MAKERS:
        return None
    key = (name, settings.home, *settings.knobs(f"{name}_"))
    if key not in _gateways:
        made = MAKERS[name](settings)
        if made is None:
            return None
        _gateways[key] = made
    return _gateways[key]
