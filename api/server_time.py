"""The market's clock, by which deals end and orders lapse: a page counts down by it, not by the shopper's."""

from datetime import datetime

import strawberry

from api.access import Who, to
from api.context import Info


@strawberry.type
class ServerTimeQuery:
    """What time it is."""

    @strawberry.field(
        directives=to(Who.ANYONE),  # not @public: a shared answer would be late
        description="What time it is here: count down to `payBy`, `closesAt` and the like by this, not by the device's clock.",
    )
    def server_time(self, info: Info) -> datetime:
        """The moment of this operation."""
        return info.context.now
