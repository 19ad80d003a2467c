"""How long a process may read documents in vain: the time that refused ones took is counted by address.

To parse and validate a document takes up to 50 ms, and it is known only afterwards that it was not worth it. Counted here and
not in the gate: what is to be saved is the time of this process. Documents that are known are not read, and never refused.
"""

from collections.abc import Callable

from api.faults import RequestFault
from api.reading import Document
from domain.foundation.clock import steady_us
from domain.foundation.errors import RateLimited
from domain.foundation.rates import Allowance, counted_address, spend

ALLOWANCE = Allowance(burst=2_000, per_minute=6_000)
"""Milliseconds for one address: two seconds at once, then a tenth of the time."""
MOST_ADDRESSES = 10_000


class RefusedReading:
    """The account of one process."""

    def __init__(self) -> None:
        self._until_us: dict[str, int] = {}

    def read(self, address: str, read: Callable[[], Document]) -> Document:
        """What `read` gives. Raises RateLimited instead once the documents of this address have taken too long in vain."""
        counted = counted_address(address)
        if not counted:
            return read()
        before_us = steady_us()
        until_us = self._until_us.get(counted, 0)
        _, wait_us = spend(until_us, now_us=before_us, cost=1, allowance=ALLOWANCE)
        if wait_us:
            raise RateLimited.after(wait_us)
        try:
            return read()
        except RequestFault:
            now_us = steady_us()
            cost = -(-(now_us - before_us) // 1000)
            if len(self._until_us) >= MOST_ADDRESSES:
                self._until_us = {one: until for one, until in self._until_us.items() if until > now_us}
            # what one document took is charged even where it is more than what is left
            self._until_us[counted] = max(until_us, now_us) + cost * ALLOWANCE.interval_us
            raise
