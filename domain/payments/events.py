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
    """The gateway has given the money back."""

    payable: str
    payable_id: UUID
    payment_id: UUID
    amount_minor: int
    refunded_at: datetime
