"""How long a process may read documents for one address.

To parse and validate a document takes up to 50 ms, and only then it is known what it asks for, and so whether it may be
asked. Valid ones count too: whoever invents a new one for every request has it read even where the answer is 429. Counted
here and not in the gate: what is to be saved is the time of this process. Documents that are known are not read, and never
refused.
"""

from collections.abc import Callable

from api.reading import Document
from domain.foundation.clock import steady_us
from domain.foundation.errors import RateLimited
from domain.foundation.rates import Allowance, counted_address, spend

ALLOWANCE = Allowance(burst=5_000, per_minute=6_000)
"""Milliseconds for one address: five seconds at once, then a tenth of the time. An app's documents take less than one."""
MOST_ADDRESSES = 10_000


class ReadingTime:
    """The account of one process."""

    def __init__(self) -> None:
        self._until_us: dict[str, int] = {}

    def read(self, address: str, read: Callable[[], Document]) -> Document:
        """What `read` gives. Raises RateLimited instead once the documents of this address have taken too long."""
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
        finally:
            now_us = steady_us()
            cost = -(-(now_us - before_us) // 1000)
            if len(self._until_us) >= MOST_ADDRESSES:
                self._until_us = {one: until for one, until in self._until_us.items() if until > now_us}
            # what one document took is charged even where it is more than what is left
            self._until_us[counted] = max(until_us, now_us) + cost * ALLOWANCE.interval_us
