"""What has happened to memberships."""

from datetime import datetime
from uuid import UUID

from domain.foundation.outbox import Event, event


@event("membership.began", aggregate="account_id")
class MembershipBegan(Event):
    """Somebody has a card from now on: bought, given, activated by code, or by an upgrade of the one named."""

    account_id: UUID
    membership_id: UUID
    plan_id: UUID
    began_at: datetime
    ends_at: datetime
    upgraded_from: UUID | None


@event("membership.extended", aggregate="account_id")
class MembershipExtended(Event):
    """A card that runs has one more term."""

    account_id: UUID
    membership_id: UUID
    plan_id: UUID
    term_id: UUID
    extended_at: datetime
    ends_at: datetime


@event("membership.ended", aggregate="account_id")
class MembershipEnded(Event):
    """A card is over; `reason`: expired, refunded or upgraded."""

    account_id: UUID
    membership_id: UUID
    plan_id: UUID
    reason: str
    ended_at: datetime
