"""What has happened to accounts."""

from datetime import datetime
from uuid import UUID

from domain.foundation.outbox import Event, event


@event("account.signed_in", aggregate="account_id")
class AccountSignedIn(Event):
    """A shopper has signed in, where this visitor was before; `is_new` when it was the first time."""

    account_id: UUID
    visitor: str
    is_new: bool
    signed_in_at: datetime
