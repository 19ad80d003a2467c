"""What has happened to posters."""

from datetime import datetime
from uuid import UUID

from domain.foundation.outbox import Event, event


@event("share_poster.wanted", aggregate="link_id")
class PosterWanted(Event):
    """Somebody wants the poster of their link, and there is none that shows what is true now."""

    link_id: UUID
    wanted_at: datetime
