"""Tickets of flash sales as they change: what `flashSaleTicket` says, without being asked again."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import strawberry

from api.access import Who, to
from api.context import Info
from api.flash_sales import TicketResult, show_ticket
from api.nodes import read_id
from api.refusals import show_refusal
from domain.flash_sales.rules import FlashSaleBusy
from domain.foundation.errors import NotFound


@strawberry.type
class FlashSaleSubscription:
    """What becomes of a claim."""

    @strawberry.subscription(
        directives=to(Who.SIGNED_IN),
        description="One's own ticket, at once and again whenever it has changed, its position once a second at most. Says what "
        "`flashSaleTicket` says. Complete once the ticket cannot change any more, and after a NotFound.",
    )
    async def flash_sale_ticket_events(self, info: Info, id: strawberry.ID) -> AsyncIterator[TicketResult]:
        """One's own ticket as it changes."""
        context = info.context
        shopper_id = context.shopper.account_id
        sights = context.services.ticket_watch.watch(read_id("ticket", id))
        async with aclosing(sights):  # type: ignore[type-var]  # a generator
            async for sight in sights:
                if isinstance(sight, FlashSaleBusy):
                    yield show_refusal(info, sight)
                elif sight is None or sight.shopper_id != shopper_id:
                    yield show_refusal(info, NotFound(kind="ticket", id=id))
                    return
                else:
                    yield show_ticket(sight)
