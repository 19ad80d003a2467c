"""One sale as all its shoppers share it: its door, its clock, their wallets, and what they saw."""

from time import perf_counter

import aiohttp

from cli.demo.door import Answer, Door
from cli.demo.journal import Journal
from cli.demo.plan import Shopper
from cli.demo.stall import Sale
from domain.foundation import clock


class Occasion:
    """One sale as its shoppers meet it, and what they saw of it."""

    def __init__(self, door: Door, wallets: aiohttp.ClientSession, sale: Sale, *, tag: str, wallet_url: str) -> None:
        self.door = door
        self.sale = sale
        self.tag = tag
        self.journal = Journal()
        self.in_line: set[int] = set()
        """The numbers of those who stand in a waiting line now."""
        self.wallets = wallets
        self._wallet_url = wallet_url
        self._opens_at = perf_counter() + (sale.opens_at - clock.now()).total_seconds()

    @property
    def now(self) -> float:
        """Seconds since the opening."""
        return perf_counter() - self._opens_at

    def item_id(self, wish: int) -> str:
        """The id of the item that is wished for."""
        return self.sale.offers[wish].item_id

    def note_standing(self, shopper: Shopper, state: str) -> None:
        """Keep `in_line` true."""
        if state == "WAITING":
            self.in_line.add(shopper.number)
        else:
            self.in_line.discard(shopper.number)

    async def pay(self, shopper: Shopper, parameters: Answer) -> bool:
        """Pay with the shopper's wallet, as `wx.requestPayment` does; False when nobody answered or nothing is known of it.

        True also when no money is taken any more: asking again would not change that.
        """
        wish = {**parameters, "behaviour": shopper.notice, "delay_ms": shopper.notice_delay_ms}
        try:
            async with self.wallets.post(f"{self._wallet_url}/pay", json=wish) as response:
                await response.read()
                return response.status in {200, 409}
        except (aiohttp.ClientError, TimeoutError):
            return False
