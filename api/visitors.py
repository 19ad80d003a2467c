"""Which device a request comes from, as far as it can be told."""

from api.context import Context
from domain.accounts import visitors
from domain.foundation.rates import counted_address
from domain.viewers.rules import Viewer


def visitor_of(context: Context) -> str:
    """The mark of the device that asks: of what it calls itself in `X-Device-Id`, else of its address and its program."""
    address = counted_address(context.address)
    return visitors.visitor_of(context.market.settings, device=context.device, address=address, agent=context.agent)


def viewer_of(context: Context) -> Viewer:
    """Who watches a room by this request or socket: whoever is signed in, else the device."""
    return Viewer(visitor_of(context), context.principal.account_id if context.principal else None)
