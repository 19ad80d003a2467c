"""Paying as an app does: ask how, then pay with the wallet."""

from dataclasses import dataclass

import aiohttp

from cli.demo import errands
from cli.demo.door import Answer, Door, MarketFault, expect


@dataclass(frozen=True)
class Till:
    """The market's door and everybody's wallets."""

    door: Door
    wallets: aiohttp.ClientSession
    wallet_url: str

    async def pay(self, token: str, order_id: str, *, key: str, delay_ms: int = 0) -> None:
        """As `wx.requestPayment` does; with a delay the notice travels slowly. Raises MarketFault."""
        wish = {"orderId": order_id, "idempotencyKey": key}
        await self.hand_over(await self.door.ask(errands.PAY, token, input=wish), delay_ms=delay_ms)

    async def hand_over(self, answer: Answer, *, delay_ms: int = 0) -> None:
        """Pay as these instructions say. Raises MarketFault, also for a refusal instead of instructions."""
        asked = expect(answer, "PaymentInstructions")
        travels = {"behaviour": "late", "delay_ms": delay_ms} if delay_ms else {}
        async with self.wallets.post(f"{self.wallet_url}/pay", json={**asked["wechat"], **travels}) as response:
            if response.status != 200:
                raise MarketFault(f"the wallet answers {response.status}: {(await response.read())[:200]!r}")
