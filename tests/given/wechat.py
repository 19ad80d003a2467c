"""WeChat Pay as it runs in the world: a process of its own, reached over HTTP.

Tests import the fixtures they use.
"""

import asyncio
import os
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from domain.foundation.settings import Settings
from domain.payments.actions import Asked
from domain.payments.rules import Instructions
from domain.payments.wechat import Merchant, WechatGateway
from domain.payments.wechat_words import for_wallet
from simulators.wechat_pay.keys import Keys

NOBODY = "http://127.0.0.1:9"
"""Where nobody listens."""


@dataclass(frozen=True)
class RunningWechatPay:
    """The company's address, the shopper's wallet there, and the company's books since `opening`."""

    url: str
    keys: Keys
    opening: tuple[int, int] = (0, 0)

    def merchant(self) -> Merchant:
        """Who we are there."""
        return Merchant(**{name.removeprefix("wechat_"): value for name, value in self.keys.knobs().items()})

    def gateway(self, notify_url: str = NOBODY) -> WechatGateway:
        """Our client, with notices sent to this address."""
        return WechatGateway(self.merchant(), url=self.url, notify_url=notify_url, wallet_url=f"{self.url}/wallet")

    def settings(self, settings: Settings, *, public_url: str = NOBODY) -> Settings:
        """These settings, and WeChat Pay in them."""
        knobs = {**self.keys.knobs(), "wechat_url": self.url, "wechat_wallet_url": f"{self.url}/wallet"}
        return Settings.model_validate(settings.model_dump() | knobs | {"public_url": public_url})

    async def pay(self, asked: Asked | Instructions, **behaviour: Any) -> int:
        """Pay as the shopper's wallet does; the HTTP status."""
        instructions = asked.instructions if isinstance(asked, Asked) else asked
        assert instructions and instructions.wechat
        return (await self.post("/wallet/pay", {**for_wallet(instructions.wechat), **behaviour}))[0]

    async def payments_taken_and_given_back(self) -> tuple[int, int]:
        """How many payments the company says it took, and how many it gave back."""
        statement = await self.get("/simulator/statement")
        taken, given_back = self.opening
        return statement["captured"]["payments"] - taken, statement["refunded"]["payments"] - given_back

    async def no_refund_is_under_way(self) -> None:
        """Wait until every accepted refund is done."""
        while (await self.get("/simulator/statement"))["under_way"]:
            await asyncio.sleep(0.02)

    async def behave(self, **mood: Any) -> None:
        """How it behaves from now on."""
        status, told = await self.post("/simulator/behaviour", mood)
        assert status == 200, told

    async def forge(self, kind: str, out_trade_no: str, count: int = 1) -> Counter[int]:
        """Bring false notices; how often each status was the answer."""
        wish = {"kind": kind, "out_trade_no": out_trade_no, "count": count}
        status, told = await self.post("/simulator/forge", wish)
        assert status == 200, told
        return Counter({int(status): count for status, count in told["answers"].items()})

    async def requests(self) -> dict[str, Any]:
        """How often the merchant has asked, in all and at each door."""
        return dict(await self.get("/simulator/requests"))

    async def get(self, path: str) -> Any:
        """The JSON there."""
        async with aiohttp.request("GET", self.url + path) as response:
            return await response.json()

    async def post(self, path: str, content: dict[str, Any]) -> tuple[int, Any]:
        """Status and JSON."""
        async with aiohttp.request("POST", self.url + path, json=content) as response:
            return response.status, await response.json()


@pytest.fixture(scope="session")
async def company(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningWechatPay]:
    """The company, in a process of its own."""
    async with running_wechat_pay(tmp_path_factory.mktemp("wechat") / "keys.json") as wechat:
        yield wechat


@pytest.fixture
async def wechat(company: RunningWechatPay) -> AsyncIterator[RunningWechatPay]:
    """The same, with books opened for this test and in a good mood again after it."""
    await company.no_refund_is_under_way()
    yield replace(company, opening=await company.payments_taken_and_given_back())
    await company.behave()


@pytest.fixture
async def gateway(company: RunningWechatPay) -> AsyncIterator[WechatGateway]:
    """Our client of it. Notices go where nobody listens."""
    gateway = company.gateway()
    yield gateway
    await gateway.hang_up()


@asynccontextmanager
async def running_wechat_pay(keys: Path) -> AsyncIterator[RunningWechatPay]:
    """A company process of one's own."""
    port = free_port()
    wechat = RunningWechatPay(f"http://127.0.0.1:{port}", Keys.kept_at(keys))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.wechat_pay", "--port", str(port), "--keys", str(keys), env=dict(os.environ)
    )
    try:
        await _until_it_answers(wechat)
        yield wechat
    finally:
        process.terminate()
        await process.wait()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _until_it_answers(wechat: RunningWechatPay) -> None:
    for _ in range(200):
        try:
            await wechat.payments_taken_and_given_back()
            return
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    raise TimeoutError("WeChat Pay does not answer")
