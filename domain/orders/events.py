"""What has happened to orders. `source` and `source_id` name the promotion that placed the order, if one did."""

from datetime import datetime
from uuid import UUID

from domain.foundation.outbox import Event, event


@event("order.paid", aggregate="order_id")
class OrderPaid(Event):
    """The order is paid and its units are sold."""

    order_id: UUID
    source: str | None
    source_id: UUID | None
    paid_at: datetime


@event("order.shipped", aggregate="order_id")
class OrderShipped(Event):
    """Some units have left; `is_complete` when nothing is left to send."""

    order_id: UUID
    source: str | None
    source_id: UUID | None
    shipment_id: UUID
    is_complete: bool
    shipped_at: datetime


@event("order.received", aggregate="order_id")
class OrderReceived(Event):
    """The shopper has the goods: the money is earned."""

    order_id: UUID
    source: str | None
    source_id: UUID | None
    received_at: datetime


@event("order.given_back", aggregate="order_id")
class OrderGivenBack(Event):
    """Money for some units was agreed to go back; `is_whole` when it was the last of them."""

    order_id: UUID
    source: str | None
    source_id: UUID | None
    cause_id: UUID
    amount_minor: int
    is_whole: bool
    agreed_at: datetime


@event("order.lapsed", aggregate="order_id")
class OrderLapsed(Event):
    """Nobody paid in time; the hold is released."""

    order_id: UUID
    source: str | None
    source_id: UUID | None
    lapsed_at: datetime


@event("order.cancelled", aggregate="order_id")
class OrderCancelled(Event):
    """The shopper or staff called it off before it was paid; the hold is released."""

    order_id: UUID
    source: str | None
    source_id: UUID | None
    cancelled_at: datetime


@event("order.paid_late", aggregate="order_id")
class OrderPaidLate(Event):
    """Money came after the order had lapsed or been cancelled; its promotion decides whether it can be revived."""

    order_id: UUID
    source: str
    source_id: UUID
    payment_id: UUID
    captured_at: datetime
