"""For whoever wants to see the company misbehave, and to count what it was asked."""

import asyncio
from collections import Counter
from typing import Any

import aiohttp
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.wechat_pay import wishes
from simulators.wechat_pay.books import Refused
from simulators.wechat_pay.company import Company, Mood
from simulators.wechat_pay.forging import KINDS, Forger

AT_ONCE = 20
MOST_LETTERS = 10_000


class Control:
    """The doors below `/simulator`."""

    def __init__(self, company: Company) -> None:
        self._company = company

    def routes(self) -> list[Route]:
        """The doors."""
        return [
            Route("/simulator/behaviour", _answered(self.behave), methods=["POST"]),
            Route("/simulator/forge", _answered(self.forge), methods=["POST"]),
            Route("/simulator/requests", _answered(self.requests), methods=["GET"]),
            Route("/simulator/statement", _answered(self.statement), methods=["GET"]),
        ]

    async def behave(self, request: Request) -> Any:
        """How the company behaves from now on."""
        self._company.mood = Mood.of(wishes.parsed(await request.body()))
        return {"mood": repr(self._company.mood)}

    async def forge(self, request: Request) -> Any:
        """Bring false letters to where the order's true ones go; how often each status was the answer."""
        wish = wishes.parsed(await request.body())
        kind, count = wish.get("kind"), wish.get("count", 1)
        if kind not in KINDS or type(count) is not int or not 1 <= count <= MOST_LETTERS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}; count is 1 to {MOST_LETTERS}")
        order = self._company.books.order(str(wish.get("out_trade_no")))
        forger = Forger(self._company, order)
        statuses: Counter[str] = Counter()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

            async def bring() -> None:
                headers, body = forger.letter(str(kind))
                async with session.post(order.notify_url, data=body, headers=headers) as response:
                    statuses[str(response.status)] += 1

            await asyncio.gather(*(bring() for _ in range(count)))
        return {"answers": statuses}

    async def requests(self, request: Request) -> Any:
        """How often the merchant asked, in all and at each door."""
        return {"total": self._company.requests.total(), "doors": self._company.requests}

    async def statement(self, request: Request) -> Any:
        """What came in and what went back, in payments and in fen, and how many refunds are under way."""
        paid = [order.total for order in self._company.books.paid()]
        back = [refund.amount for _, refund in self._company.books.refunded()]
        return {
            "under_way": self._company.books.under_way,
            "captured": {"payments": len(paid), "minor": sum(paid)},
            "refunded": {"payments": len(back), "minor": sum(back)},
        }


def _answered(door: Any) -> Any:
    async def opened(request: Request) -> Response:
        try:
            return Response(orjson.dumps(await door(request)), media_type="application/json")
        except Refused as refused:
            content, status = {"code": refused.code, "message": str(refused)}, refused.status
        except ValueError as error:
            content, status = {"code": "PARAM_ERROR", "message": str(error)}, 400
        return Response(orjson.dumps(content), status, media_type="application/json")

    return opened
