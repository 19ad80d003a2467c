"""How long a socket lasts: while its token is good, while it is heard, and while there is room."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace

import orjson
import strawberry
from prometheus_client import REGISTRY

from api import socket_connection
from api.answering import Answering
from api.audiences import Audiences
from api.socket_connection import Connection, Terms
from api.wire import RequestHead
from domain.accounts import sessions
from domain.foundation import clock
from tests.sockets.talking import Talk

SERVER_TIME = "{ serverTime }"
SIGN_IN = "mutation ($input: SignInForDevelopmentInput!) { signInForDevelopment(input: $input) { __typename } }"
EVENTS = "subscription ($id: ID!) { flashSaleTicketEvents(id: $id) { __typename } }"


async def is_alive(talk: Talk) -> bool:
    return "serverTime" in (await talk.answer(SERVER_TIME, id="alive"))["data"]


async def test_a_token_that_expires_closes_its_socket_with_4403(socket, given, settings):
    almost_over = clock.now() - timedelta(seconds=settings.token_seconds - 3)
    token = given.token(await given.shopper(), now=almost_over)

    async with socket() as talk, socket() as anonymous:
        await talk.greet(token)
        await anonymous.greet()

        assert await talk.ending(seconds=4) == 4403
        assert await is_alive(anonymous)


async def test_a_token_that_has_expired_closes_at_the_handshake_with_4403(socket, given, settings):
    over = clock.now() - timedelta(seconds=settings.token_seconds)
    token = given.token(await given.shopper(), now=over)

    async with socket() as talk:
        await talk.say({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})

        assert await talk.ending() == 4403


async def test_signing_out_everywhere_closes_open_sockets_within_five_seconds(socket, given, db):
    shopper_id = await given.shopper()
    token, another = given.token(shopper_id), given.token(await given.shopper())

    async with socket() as talk, socket() as same, socket() as other:
        await talk.greet(token)
        await same.greet(token)
        await other.greet(another)
        await sessions.end_everywhere(db, account_id=shopper_id, now=clock.now())

        assert await asyncio.gather(talk.ending(seconds=5), same.ending(seconds=5)) == [4403, 4403]
        assert await is_alive(other)
    async with socket() as talk:
        await talk.say({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})

        assert await talk.ending() == 4403


async def test_no_handshake_in_time_closes_with_4408(open_socket):
    socket = await open_socket(greeting_seconds=0.8)

    async with socket() as talk, socket() as pinging, socket() as greeted:
        await greeted.greet()
        await pinging.say({"type": "ping"})

        assert await asyncio.gather(talk.ending(), pinging.ending()) == [4408, 4408]
        assert await is_alive(greeted)


async def test_a_socket_is_pinged_and_closed_when_nothing_is_heard(open_socket):
    socket = await open_socket(ping_seconds=0.4)

    async with socket() as talk, socket() as silent:
        await talk.greet()
        await silent.greet()
        ended = asyncio.create_task(silent.ending())
        for _ in range(5):
            assert await talk.socket.recv() == '{"type":"ping"}'
            await talk.say({"type": "pong"})

        assert await ended == 4408
        assert await is_alive(talk)


async def test_beyond_the_limit_of_subscriptions_an_error_is_told_and_the_socket_lives(socket, claimed):
    async with socket() as talk:
        await talk.greet(claimed.token)
        for number in range(20):
            await talk.ask(EVENTS, {"id": claimed.ticket_id}, id=f"subscription-{number}")
        await talk.ask(EVENTS, {"id": claimed.ticket_id}, id="one more")
        heard = [await talk.hear() for _ in range(21)]
        await talk.say({"type": "complete", "id": "subscription-7"})
        assert await is_alive(talk)

    [refused] = [message for message in heard if message["type"] == "error"]
    assert refused["id"] == "one more"
    assert [error["extensions"]["code"] for error in refused["payload"]] == ["TOO_MANY_SUBSCRIPTIONS"]


async def test_sockets_beyond_what_a_process_or_an_address_may_have_are_asked_to_try_later(open_socket):
    for knobs in ({"sockets": 2}, {"sockets_per_address": 2}):
        socket = await open_socket(knobs=knobs)
        async with socket() as one:
            await one.greet()
            async with socket() as two:
                await two.greet()
                async with socket() as three:
                    assert await three.ending() == 1013
                assert await is_alive(one)
            async with socket() as again:
                await again.greet()


async def test_each_address_behind_a_trusted_proxy_is_counted_by_itself(open_socket):
    socket = await open_socket(knobs={"sockets_per_address": 1, "trusted_proxies": frozenset({"127.0.0.1"})})

    async with (
        socket(additional_headers={"X-Forwarded-For": "203.0.113.1"}) as one,
        socket(additional_headers={"X-Forwarded-For": "203.0.113.2"}) as two,
        socket(additional_headers={"X-Forwarded-For": "203.0.113.1"}) as three,
        socket(additional_headers={"X-Forwarded-For": "2001:db8::1"}) as four,
        socket(additional_headers={"X-Forwarded-For": "2001:db8::2"}) as same_network_as_four,
    ):
        await one.greet()
        await two.greet()
        await four.greet()

        assert await three.ending() == 1013
        assert await same_network_as_four.ending() == 1013


async def test_operations_on_a_socket_count_against_the_same_limits(open_socket):
    socket = await open_socket(knobs={"rate_limits": True})

    async with socket() as talk:
        await talk.greet(device="a-device-of-mine")
        for number in range(60):
            await talk.ask(SIGN_IN, {"input": {"name": "mei"}}, id=str(number))
            if (heard := await talk.hear())["type"] == "error":
                break
            await talk.hear()

    [error] = heard["payload"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert error["extensions"]["retryAfter"] > 0


async def test_open_sockets_messages_and_closes_are_counted(open_socket):
    socket = await open_socket()
    sent = told("nightmarket_socket_messages_total")
    malformed = told("nightmarket_socket_closes_total", code="4400")
    left = told("nightmarket_socket_closes_total", code="by_client")

    async with socket() as talk:
        await talk.greet()
        assert await is_alive(talk)
        async with socket() as bad:
            await bad.say("[]")
            assert await bad.ending() == 4400
        assert told("nightmarket_sockets_open") == 1
    for _ in range(100):
        if told("nightmarket_sockets_open") == 0:
            break
        await asyncio.sleep(0.02)

    assert told("nightmarket_sockets_open") == 0
    assert told("nightmarket_socket_messages_total") - sent == 3
    assert told("nightmarket_socket_closes_total", code="4400") - malformed == 1
    assert told("nightmarket_socket_closes_total", code="by_client") - left == 1


def told(figure: str, **labels: str) -> float:
    """What Prometheus would be told."""
    return REGISTRY.get_sample_value(figure, labels) or 0.0


async def test_an_operation_that_does_not_end_holds_no_socket(monkeypatch):
    monkeypatch.setattr(socket_connection, "LEAVE_SECONDS", 0.1)
    begun, enough = asyncio.Event(), asyncio.Event()

    @strawberry.type
    class Query:
        @strawberry.field
        async def stubborn(self) -> bool:
            begun.set()
            while not enough.is_set():
                with suppress(asyncio.CancelledError):
                    await enough.wait()
            return True

    async def receive():
        if said:
            return {"type": "websocket.receive", "text": orjson.dumps(said.pop(0)).decode()}
        await begun.wait()
        return {"type": "websocket.disconnect"}

    said = [{"type": "connection_init"}, {"type": "subscribe", "id": "1", "payload": {"query": "{ stubborn }"}}]
    connection = connection_of(strawberry.Schema(Query), receive, ping_seconds=60)

    async with asyncio.timeout(2):
        await connection.serve()

    [still] = connection._tasks
    enough.set()
    await still


async def test_a_server_that_goes_on_receiving_holds_no_socket(monkeypatch):
    monkeypatch.setattr(socket_connection, "CLOSE_SECONDS", 0.1)
    enough = asyncio.Event()

    @strawberry.type
    class Query:
        ok: bool

    async def receive():
        while not enough.is_set():
            with suppress(asyncio.CancelledError):
                await enough.wait()
        return {"type": "websocket.disconnect"}

    connection = connection_of(strawberry.Schema(Query), receive, ping_seconds=60, greeting_seconds=0.05)

    async with asyncio.timeout(2):
        await connection.serve()

    enough.set()


def connection_of(schema, receive, **terms):
    """A connection without a server: what it says is lost, and what it hears is up to the test."""

    async def send(message):
        pass

    answering = Answering(schema)
    return Connection(
        RequestHead({"headers": []}),
        receive,
        send,
        address="",
        terms=Terms(message_bytes=1_000, queue_bytes=1_000, subscriptions=1, **terms),
        answering=answering,
        audiences=Audiences(answering, make_context=lambda language: SimpleNamespace(principal=None)),
        make_context=lambda greeting: SimpleNamespace(principal=None, now=clock.now()),
        on_operation=lambda *_: None,
    )
