"""What has happened to payments."""

from datetime import datetime
from uuid import UUID

from domain.foundation.outbox import Event, event


@event("payment.captured", aggregate="payable_id")
class PaymentCaptured(Event):
    """Money has arrived for a payable; whoever owns the payable decides whether to keep it."""

    payable: str
    payable_id: UUID
    payment_id: UUID
    amount_minor: int
    captured_at: datetime


@event("payment.refunded", aggregate="payable_id")
class PaymentRefunded(Event):
    """The gateway has given money back: all of a payment, or the part that an after-sale (`cause_id`) asked for."""

    payable: str
    payable_id: UUID
    payment_id: UUID
    refund_id: UUID
    cause_id: UUID | None
    amount_minor: int
    refunded_at: datetime
