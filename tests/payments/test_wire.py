"""The whole way of the money, over real sockets: our client, the company in its process, its notices at our door."""

import asyncio
import socket

import pytest
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.routing import Route

from api.payments import sandbox_callback
from domain.foundation import clock
from domain.foundation.runtime import Market
from domain.orders import actions as orders
from domain.payments import actions, store
from domain.payments.events import PaymentCaptured
from domain.payments.gateways import gateway_of, hang_up
from domain.payments.sandbox import CALLBACK_PATH
from domain.payments.tables import notices
from tests.given.sandbox import SECRET, free_port


@pytest.fixture
async def market(market, company):
    """A market whose door for notices is open on a port of its own."""
    port = free_port()
    settings = type(market.settings).model_validate(
        market.settings.model_dump()
        | {"sandbox_gateway_url": company.url, "sandbox_secret": SECRET, "public_url": f"http://127.0.0.1:{port}"}
    )
    opened = Market(settings, market.db, market.gate)
    app = Starlette(routes=[Route(CALLBACK_PATH, sandbox_callback, methods=["POST"])])
    app.state.market = opened
    server = Server(app, port=port, interface=Interfaces.ASGI, log_level=LogLevels.critical)
    serving = asyncio.create_task(server.serve())
    await _answers(port)
    yield opened
    server.stop()
    await serving
    await hang_up()


@pytest.fixture
def given(given, market):
    given.now = clock.now()
    return given


async def _answers(port):
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            await asyncio.sleep(0.02)


async def until(question, answer, *, seconds=5.0):
    """Wait until the question has this answer, then give it another moment in which to change."""
    for _ in range(int(seconds / 0.02)):
        if await question() == answer:
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    assert await question() == answer


async def asked_payment(given, market):
    order = await given.order(await given.stocked_sku(1))
    asked = await orders.pay(
        given.db,
        gateway_of(market.settings),
        order_id=order.id,
        shopper_id=order.shopper_id,
        idempotency_key="payment-1",
        now=given.now,
    )
    return asked.payment


@pytest.mark.parametrize(
    "behaviour",
    [
        {"behaviour": "once"},
        {"behaviour": "twice"},
        {"behaviour": "late", "delay_ms": 300},
        {"behaviour": "reordered", "delay_ms": 300},
    ],
)
async def test_a_notice_reaches_us_and_counts_once(given, market, sandbox, behaviour):
    payments = [await asked_payment(given, market) for _ in range(5)]

    await asyncio.gather(*(sandbox.pay(payment, **behaviour) for payment in payments))

    await until(given.payment_states, {"captured": 5})
    assert len(await given.recorded(PaymentCaptured)) == 5
    assert await given.db.value(select(func.count()).select_from(notices)) == 5
    await given.hear_payments()
    assert await given.order_states() == {"paid": 5}


async def test_a_notice_that_never_comes_is_asked_for(given, market, sandbox):
    payment = await asked_payment(given, market)
    await sandbox.pay(payment, behaviour="never")
    await asyncio.sleep(0.2)
    assert await given.payment_states() == {"pending": 1}

    await actions.reconcile_pending(given.db, gateway_of(market.settings), now=given.now + store.FIRST_LOOK)

    assert await given.payment_states() == {"captured": 1}


async def test_money_is_given_back_with_a_notice(given, market, sandbox):
    payment = await asked_payment(given, market)
    await sandbox.pay(payment, behaviour="twice")
    await until(given.payment_states, {"captured": 1})
    async with given.db.transaction() as tx:
        await store.mark_refund_due(tx, payment.id, reason="test", now=given.now)

    await actions.refund_due(given.db, gateway_of(market.settings), now=given.now)

    await until(given.payment_states, {"refunded": 1})
    assert await sandbox.payments_taken_and_given_back() == (1, 1)


async def test_a_notice_is_brought_again_when_we_could_not_take_it(given, market, sandbox, monkeypatch):
    payment = await asked_payment(given, market)
    healthy = market.settings.sandbox_secret
    market.settings.sandbox_secret = type(healthy)("x" * 40)  # as if we had been given the wrong secret
    await sandbox.pay(payment)
    await asyncio.sleep(0.3)
    assert await given.payment_states() == {"pending": 1}

    market.settings.sandbox_secret = healthy

    await until(given.payment_states, {"captured": 1})


async def test_many_pay_at_once(given, market, sandbox):
    payments = [await asked_payment(given, market) for _ in range(60)]

    await asyncio.gather(*(sandbox.pay(payment) for payment in payments))

    await until(given.payment_states, {"captured": 60}, seconds=20)
    assert len(await given.recorded(PaymentCaptured)) == 60
