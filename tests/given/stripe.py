"""Our own Stripe as it runs in the world: a process of its own, reached over HTTP.

Tests import the fixtures they use.
"""

import asyncio
import json
import os
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
import pytest

from domain.foundation import ids
from domain.foundation.settings import Settings
from domain.payments.rules import notice_path
from domain.payments.stripe import StripeGateway

API_KEY = "sk_test_nightmarket"
RETURN_URL = "http://127.0.0.1:9/back"
NOBODY = "http://127.0.0.1:9"
"""Where nobody listens."""


@dataclass(frozen=True)
class RunningStripe:
    """The company's address, and what it can be told to do."""

    url: str
    endpoints: list[str] = field(default_factory=list)

    def gateway(self, webhook_secret: str = "whsec_none") -> StripeGateway:
        """Our client."""
        return StripeGateway(self.url, API_KEY, webhook_secret, RETURN_URL)

    async def pay(self, payment_id: UUID, **more: Any) -> int:
        """Pay as the shopper does on the page; the HTTP status."""
        status, _ = await self.tell("pay", payment_id=ids.encode("payment", payment_id), **more)
        return status

    async def settle(self, payment_id: UUID, *, succeeds: bool) -> None:
        """A bank transfer arrives, or does not."""
        status, told = await self.tell("settle", payment_id=ids.encode("payment", payment_id), succeeds=succeeds)
        assert status == 200, told

    async def forge(self, payment_id: UUID, how: str, *, count: int = 1) -> list[int]:
        """Have webhooks brought that are not Stripe's; what our door answered."""
        wish = {"payment_id": ids.encode("payment", payment_id), "how": how, "count": count}
        status, told = await self.tell("forge", **wish)
        assert status == 200, told
        return list(told["answers"])

    async def set_clock(self, now: datetime | None) -> None:
        """Let it be this moment, to the second, until told otherwise; None: the machine's."""
        await self.tell("clock", now=int(now.timestamp()) if now else None)

    async def taken_and_given_back(self) -> tuple[int, int]:
        """How many payments the company has ever taken, and how many refunds it has made."""
        statement = await self._statement()
        return statement["captured"]["payments"], statement["refunded"]["payments"]

    async def requests(self) -> int:
        """How often anybody has ever asked through its API."""
        return int((await self._statement())["requests"])

    def settings(self, settings: Settings, *, public_url: str) -> Settings:
        """These settings with Stripe in them, which brings its webhooks to the door of this address from now on."""
        told = self._manage("POST", "", {"url": public_url + notice_path("stripe")})
        self.endpoints.append(told["id"])
        knobs = {
            "default_gateway": "stripe",
            "stripe_url": self.url,
            "stripe_secret_key": API_KEY,
            "stripe_webhook_secret": told["secret"],
        }
        return Settings.model_validate(settings.model_dump() | knobs | {"public_url": public_url})

    def close_doors(self) -> None:
        """No webhooks to anybody any more."""
        while self.endpoints:
            self._manage("DELETE", f"/{self.endpoints.pop()}", {})

    async def _statement(self) -> dict[str, Any]:
        async with aiohttp.request("GET", f"{self.url}/simulator/statement") as response:
            return dict(await response.json())

    def _manage(self, method: str, path: str, wish: dict[str, str]) -> dict[str, Any]:
        """Webhook endpoints, as one makes them before one's program runs."""
        url, headers = f"{self.url}/v1/webhook_endpoints{path}", {"authorization": f"Bearer {API_KEY}"}
        request = urllib.request.Request(url, urlencode(wish).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=5) as response:
            return dict(json.load(response))

    async def tell(self, what: str, **wish: Any) -> tuple[int, dict[str, Any]]:
        """One of the simulator's own doors: status and answer."""
        async with aiohttp.request("POST", f"{self.url}/simulator/{what}", json=wish) as response:
            return response.status, await response.json()


@pytest.fixture(scope="session")
async def stripe_company() -> AsyncIterator[RunningStripe]:
    """The company, in a process of its own."""
    async with running_stripe() as company:
        yield company


@pytest.fixture
async def stripe(stripe_company: RunningStripe) -> AsyncIterator[RunningStripe]:
    """The same, with its own clock, good manners and no open door again after each test."""
    yield stripe_company
    await stripe_company.set_clock(None)
    await stripe_company.tell("behaviour")
    stripe_company.close_doors()


@pytest.fixture
async def stripe_gateway(stripe: RunningStripe) -> AsyncIterator[StripeGateway]:
    """Our client of it; webhooks go nowhere."""
    gateway = stripe.gateway()
    yield gateway
    await gateway.hang_up()


@asynccontextmanager
async def running_stripe() -> AsyncIterator[RunningStripe]:
    """A process of one's own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.stripe", "--port", str(port), env={**os.environ, "STRIPE_API_KEY": API_KEY}
    )
    company = RunningStripe(f"http://127.0.0.1:{port}")
    try:
        await _until_it_answers(company)
        yield company
    finally:
        process.terminate()
        await process.wait()


async def _until_it_answers(company: RunningStripe) -> None:
    for _ in range(200):
        try:
            await company.taken_and_given_back()
            return
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    raise TimeoutError("Stripe does not answer")
