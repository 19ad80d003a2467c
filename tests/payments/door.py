"""A real API on a port of its own, at whose door WeChat Pay brings its notices."""

import asyncio
import socket

import pytest
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from api.app import Api
from domain.foundation import clock
from domain.foundation.runtime import Market
from domain.orders import actions as orders
from domain.payments.gateways import gateway_of, hang_up
from tests.given.wechat import free_port


@pytest.fixture
async def market(market, clean, company):
    """A market whose door is open; its settings are the door's own."""
    port = free_port()
    api = Api(company.settings(market.settings, public_url=f"http://127.0.0.1:{port}"))
    server = Server(api.app, port=port, interface=Interfaces.ASGI, log_level=LogLevels.critical)
    serving = asyncio.create_task(server.serve())
    await _answers(port)
    assert api.market is not None
    yield Market(api.market.settings, market.db, market.gate)
    server.stop()
    await serving
    await hang_up()


@pytest.fixture
def given(given, market):
    """The market at the time that WeChat Pay's clock shows."""
    given.now = clock.now()
    return given


async def asked_payment(given, market, order=None):
    """How to pay a new order."""
    order = order or await given.order(await given.stocked_sku(1))
    return await orders.pay(
        given.db,
        gateway_of(market.settings),
        order_id=order.id,
        shopper_id=order.shopper_id,
        idempotency_key="payment-1",
        now=given.now,
    )


async def until(question, answer, *, seconds=20.0):
    """Wait until the question has this answer, then give it another moment in which to change."""
    for _ in range(int(seconds / 0.02)):
        if await question() == answer:
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    assert await question() == answer


async def _answers(port):
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            await asyncio.sleep(0.02)
