"""When ledger or gate do not answer: clients are told to come again, the log is told once, and nobody sees inside."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from time import monotonic

import orjson
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from starlette.routing import request_response
from structlog.testing import capture_logs

from api import readiness
from api.app import Api
from api.outages import is_outage
from api.readiness import Readiness
from domain.foundation import clock
from domain.foundation.database import Database
from domain.foundation.ids import encode, new_id
from tests.api.conftest import call

NEWER = {"content-type": "application/json", "accept": "application/graphql-response+json"}


@pytest.fixture
async def without_gate(settings, clean):
    """An API whose gate is not there."""
    changes = {"redis_url": SecretStr("redis://127.0.0.1:9/0"), "public_answer_seconds": 0.0}
    api = Api(settings.model_copy(update=changes))
    async with api.started():
        yield api.app


@pytest.fixture
async def without_ledger(settings, clean):
    """An API whose ledger is not there."""
    url = SecretStr("postgresql+asyncpg://nightmarket:hunter2@127.0.0.1:9/market")
    api = Api(settings.model_copy(update={"database_url": url, "public_answer_seconds": 0.0}))
    async with api.started():
        yield api.app


async def ask(app, query, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await call(app, "POST", "/graphql", orjson.dumps({"query": query}), {**NEWER, **named})


async def test_a_token_is_not_refused_for_want_of_the_ledger(without_ledger, given, somebody):
    answered = await ask(
        without_ledger, "{ viewer { id } }", authorization=f"Bearer {given.token(somebody, now=clock.now())}"
    )
    forged = await ask(without_ledger, "{ viewer { id } }", authorization="Bearer forged")

    assert (answered.status, answered.codes) == (503, ["UNAVAILABLE"])
    assert (forged.status, forged.codes) == (401, ["UNAUTHENTICATED"])


async def test_what_needs_the_ledger_is_unavailable_for_a_moment(without_ledger):
    with capture_logs() as logs:
        answered = await ask(without_ledger, "{ products(first: 1) { nodes { id } } }", accept_language="en")
        again = [await ask(without_ledger, "{ products(first: 1) { nodes { id } } }") for _ in range(20)]

    assert (answered.status, answered.headers["retry-after"]) == (503, "2")
    [error] = answered.json["errors"]
    assert error["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 2}
    assert error["message"] == "the market cannot answer just now: try again in a moment"
    assert again[0].json["errors"][0]["message"] == "服务暂时不可用，请稍后再试"
    assert Counter(line["event"] for line in logs if "revocations" not in line["event"]) == {"unavailable": 1}
    assert "exc_info" not in str(logs)
    assert "hunter2" not in answered.body.decode() + str(logs)


async def test_what_needs_nothing_is_answered_beside_what_does(without_ledger):
    with capture_logs():
        answered = await ask(without_ledger, f'{{ node(id: "{encode("product", new_id())}") {{ id }} serverTime }}')

    assert answered.status == 200
    assert answered.json["data"]["node"] is None
    assert answered.json["data"]["serverTime"] is not None
    assert (answered.codes, answered.json["errors"][0]["path"]) == (["UNAVAILABLE"], ["node"])
    assert "retry-after" not in answered.headers


async def test_a_ticket_that_only_the_gate_knows_is_unavailable(without_gate, given):
    token = given.token(await given.shopper(), now=clock.now())

    with capture_logs() as logs:
        answered = await ask(
            without_gate, f'{{ node(id: "{encode("ticket", new_id())}") {{ id }} }}', authorization=f"Bearer {token}"
        )

    assert (answered.status, answered.codes) == (503, ["UNAVAILABLE"])
    assert [line["error"] for line in logs if line["event"] == "unavailable"] == ["FlashSaleBusy"]


async def test_doors_that_are_not_graphqls_say_so_too(without_ledger, monkeypatch):
    errors = [ConnectionRefusedError("postgresql://hunter2@db"), KeyError("hunter2")]

    async def fail(request):
        raise errors.pop(0)

    routes = [route for route in without_ledger._others.routes if route.path == "/livez"]
    monkeypatch.setattr(routes[0], "app", request_response(fail))
    with capture_logs() as logs:
        out = await call(without_ledger, "GET", "/livez")
        broken = await call(without_ledger, "GET", "/livez")

    assert (out.status, out.headers["retry-after"]) == (503, "2")
    assert (out.json["code"], broken.json["code"]) == ("UNAVAILABLE", "INTERNAL")
    assert (broken.status, broken.json["reference"]) == (500, logs[-1]["reference"])
    assert "hunter2" not in out.body.decode() + broken.body.decode()


async def test_readiness_says_which_engine_is_missing(without_ledger, without_gate):
    ledgerless = await call(without_ledger, "GET", "/readyz")
    gateless = await call(without_gate, "GET", "/readyz")

    assert (ledgerless.status, ledgerless.json["ledger"], ledgerless.json["gate"]) == (503, "unreachable", "ok")
    assert (gateless.status, gateless.json["ledger"], gateless.json["gate"]) == (503, "ok", "unreachable")


async def test_a_process_whose_connections_are_all_taken_is_ready(settings, clean):
    api = Api(settings)
    async with api.started(), AsyncExitStack() as taken:
        for _ in range(settings.database_connections):
            await taken.enter_async_context(api.market.db.reading())

        answered = await call(api.app, "GET", "/readyz")

    assert (answered.status, answered.json) == (200, {"status": "ready", "ledger": "ok", "gate": "ok"})


async def test_an_engine_that_says_nothing_is_unreachable_and_asked_once_by_all(settings, clean, monkeypatch):
    monkeypatch.setattr(readiness, "ANSWER_SECONDS", 0.3)
    asked = []
    silent = await asyncio.start_server(lambda reader, writer: asked.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    looks = Readiness(settings.model_copy(update={"redis_url": SecretStr(f"redis://127.0.0.1:{port}/0")}))
    started = monotonic()

    answers = await asyncio.gather(*(looks.look() for _ in range(50)))
    answers.append(await looks.look())
    took = monotonic() - started

    await looks.close()
    silent.close()
    assert answers == [{"ledger": "ok", "gate": "unreachable"}] * 51
    assert len(asked) == 1
    assert took < 1


@pytest.mark.parametrize(
    ("statement", "is_out"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", True),
        ("DO $$ BEGIN RAISE SQLSTATE '53300'; END $$", True),
        ("DO $$ BEGIN RAISE SQLSTATE '57P03'; END $$", True),
        ("SELECT 1 / 0", False),
        ("SELECT nonsense", False),
        ("SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)", False),
    ],
)
async def test_what_is_the_ledgers_absence_and_what_is_our_mistake(settings, clean, statement, is_out):
    db = Database.connect(settings.database_url.get_secret_value(), connections=1)
    with pytest.raises(Exception) as raised:
        async with db.engine.connect() as connection:
            await connection.execute(text(statement))
    await db.close()

    assert is_outage(raised.value) is is_out


async def test_a_pool_in_which_all_are_busy_is_an_outage(settings, clean):
    db = Database.connect(settings.database_url.get_secret_value(), connections=1)
    db.engine.pool._timeout = 0.05
    async with db.reading():
        with pytest.raises(Exception) as raised:
            await db.value(text("SELECT 1"))
    await db.close()

    assert is_outage(raised.value)


@pytest.mark.parametrize("error", [FileNotFoundError("x"), PermissionError("x"), KeyError("x"), RuntimeError("x")])
def test_a_mistake_of_ours_is_no_outage(error):
    assert not is_outage(error)


async def test_parameters_never_stand_in_an_error_of_the_ledger(db):
    with pytest.raises(Exception) as raised:
        await db.value(text("SELECT 1 / (length(:phone) - 11)"), {"phone": "13812345678"})

    assert "13812345678" not in str(raised.value)
    assert "SQL parameters hidden" in str(raised.value)
