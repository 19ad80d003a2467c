"""The port to the companies that move money. What stands behind it speaks their protocol; nothing else here does."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.foundation.settings import Settings
from domain.payments.rules import (
    Captured,
    Instructions,
    Notice,
    Payment,
    PaymentsSwitchedOff,
    Refund,
    Refunded,
    Standing,
)
from domain.payments.sandbox import CALLBACK_PATH, SandboxGateway


class Gateway(Protocol):
    """A payment gateway. Every call may be repeated: the payment's or refund's id is the gateway's key for it.

    Each raises GatewayFailed when the gateway does not answer or answers nonsense; what it did then is not known.
    """

    name: str

    async def prepare(self, payment: Payment) -> Instructions:
        """Make the payment payable until its `expires_at`; how the shopper pays it."""

    async def query(self, payment_id: UUID) -> Captured | Standing:
        """How the payment stands. A captured one stays captured, also when it was refunded later."""

    async def close(self, payment_id: UUID) -> Captured | Standing:
        """Take no more money for this payment. How it stands then: CLOSED, UNKNOWN, or captured: money was faster."""

    async def refund(self, refund: Refund) -> Refunded | None:
        """Give this much back. None while the gateway is at work on it: ask again, or wait for its notice."""

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        """The notice in a request, verified. Raises NoticeForged (also when stale) or NoticeMalformed."""

    async def hang_up(self) -> None:
        """Close the connections of the running event loop; the next call dials again."""


_gateways: dict[tuple[str, bytes, str], Gateway] = {}


def gateway_of(settings: Settings) -> Gateway:
    """The configured gateway: one per process, its connections kept. Raises PaymentsSwitchedOff when there is none."""
    if not settings.sandbox_gateway_url:
        raise PaymentsSwitchedOff()
    secret = settings.sandbox_secret.get_secret_value().encode()
    home = settings.public_url or f"http://{settings.host}:{settings.port}"
    key = (settings.sandbox_gateway_url, secret, home.rstrip("/") + CALLBACK_PATH)
    if key not in _gateways:
        _gateways[key] = SandboxGateway(*key)
    return _gateways[key]


async def hang_up() -> None:
    """Close what the gateways hold open on this event loop; for the end of a process."""
    for gateway in _gateways.values():
        await gateway.hang_up()
