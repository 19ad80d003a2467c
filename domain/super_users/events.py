"""What has happened to super users."""

from datetime import datetime
from uuid import UUID

from domain.foundation.outbox import Event, event


@event("super_user.made", aggregate="account_id")
class SuperUserMade(Event):
    """Somebody has become a super user."""

    account_id: UUID
    made_at: datetime


@event("super_user.left", aggregate="account_id")
class SuperUserLeft(Event):
    """Somebody is a super user no more."""

    account_id: UUID
    left_at: datetime
