"""The sandbox gateway as it runs in the world: a process of its own, reached over HTTP.

Tests import the fixtures they use.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest

from domain.foundation import ids
from domain.payments.rules import Payment
from domain.payments.sandbox import SandboxGateway

SECRET = "s" * 40
NOBODY = "http://127.0.0.1:9/nobody-listens"


@dataclass(frozen=True)
class RunningSandbox:
    """The company's address, the shopper's wallet there, and the company's books since `opening`."""

    url: str
    opening: tuple[int, int] = (0, 0)

    def gateway(self, callback_url: str = NOBODY) -> SandboxGateway:
        """Our client, with notices sent to this address."""
        return SandboxGateway(self.url, SECRET.encode(), callback_url)

    async def pay(self, payment: Payment, **behaviour: Any) -> int:
        """Pay as the shopper's wallet does; the HTTP status."""
        return await self._post(f"/payments/{ids.encode('payment', payment.id)}/pay", behaviour)

    async def payments_taken_and_given_back(self) -> tuple[int, int]:
        """How many payments the company says it took, and how many it gave back."""
        async with aiohttp.request("GET", f"{self.url}/statement") as response:
            statement = await response.json()
        taken, given_back = self.opening
        return statement["captured"]["payments"] - taken, statement["refunded"]["payments"] - given_back

    async def _post(self, path: str, content: dict[str, Any]) -> int:
        async with aiohttp.request("POST", self.url + path, json=content) as response:
            return response.status


@pytest.fixture(scope="session")
async def company() -> AsyncIterator[RunningSandbox]:
    """The company, in a process of its own."""
    async with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def sandbox(company: RunningSandbox) -> RunningSandbox:
    """The same, with books opened for this test."""
    return replace(company, opening=await company.payments_taken_and_given_back())


@pytest.fixture
async def gateway(company: RunningSandbox) -> AsyncIterator[SandboxGateway]:
    """Our client of it. Notices go where nobody listens."""
    gateway = company.gateway()
    yield gateway
    await gateway.hang_up()


@asynccontextmanager
async def running_sandbox() -> AsyncIterator[RunningSandbox]:
    """A sandbox process of one's own."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.sandbox_gateway", "--port", str(port),
        env={**os.environ, "SANDBOX_SECRET": SECRET},
    )  # fmt: skip
    sandbox = RunningSandbox(f"http://127.0.0.1:{port}")
    try:
        await _until_it_answers(sandbox)
        yield sandbox
    finally:
        process.terminate()
        await process.wait()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _until_it_answers(sandbox: RunningSandbox) -> None:
    for _ in range(200):
        try:
            await sandbox.payments_taken_and_given_back()
            return
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    raise TimeoutError("the sandbox does not answer")
