"""An operation that runs out of time, or whose client goes away, leaves nothing running on the ledger."""

import asyncio
from typing import Any

import orjson
import pytest
import strawberry
from sqlalchemy import text

from api import patience
from api.lean import lean
from domain.foundation.database import Database
from domain.foundation.settings import Settings
from tests.given.small_market import Market

SLEEPING = text("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'")


@strawberry.type
class Query:
    @strawberry.field
    async def reading(self, info: strawberry.Info[Any, None]) -> str | None:
        await info.context.db.value(text("SELECT pg_sleep(30)"))
        return "late"

    @strawberry.field
    async def changing(self, info: strawberry.Info[Any, None]) -> str | None:
        async with info.context.db.transaction() as tx:
            await tx.execute(text("CREATE TEMPORARY TABLE left_over (id int) ON COMMIT DROP"))
            await tx.value(text("SELECT pg_sleep(30)"))
        return "late"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def change(self, info: strawberry.Info[Any, None]) -> int:
        return await info.context.db.value(text("SELECT 7 FROM pg_sleep(0.5)"))


class Context:
    def __init__(self, db: Database) -> None:
        self.db = db


@pytest.fixture
async def ten(settings: Settings):
    """A pool of ten connections."""
    db = Database.connect(settings.database_url.get_secret_value(), connections=10)
    yield db
    await db.close()


def market_of(db: Database, seconds: float) -> Market:
    schema = strawberry.Schema(Query, Mutation)
    lean(schema)
    return Market(schema, seconds=seconds, make_context=lambda head: Context(db))


async def none_sleeps(db: Database) -> bool:
    """Whether the last cancelled statement has ended; the server is told of it on another connection."""
    for _ in range(100):
        if await db.value(SLEEPING) == 0:
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.parametrize("field", ["reading", "changing"])
async def test_the_statement_of_an_operation_that_is_out_of_time_is_cancelled_on_the_server(
    ten: Database, db: Database, field: str
) -> None:
    market = market_of(ten, seconds=0.2)
    asking = asyncio.create_task(market.ask(f"{{ {field} }}"))
    await asyncio.sleep(0.15)
    sleeping = await db.value(SLEEPING)
    answered = await asking

    assert sleeping == 1
    assert (answered.status, answered.codes, answered.json["data"]) == (200, ["TIMEOUT"], None)
    assert await none_sleeps(db)


async def test_the_pool_is_whole_after_fifty_operations_that_ran_out_of_time(ten: Database, db: Database) -> None:
    market = market_of(ten, seconds=0.1)

    for _ in range(5):
        answers = await asyncio.gather(*(market.ask(f"{{ {field} }}") for field in ("reading", "changing") * 5))
        assert [answered.codes for answered in answers] == [["TIMEOUT"]] * 10

    assert await none_sleeps(db)
    assert ten.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    async with asyncio.timeout(5):
        pids = await asyncio.gather(*(ten.value(text("SELECT pg_backend_pid() FROM pg_sleep(0.2)")) for _ in range(10)))
    assert len(set(pids)) == 10


async def ask_and_go(market: Market, document: str, *, after: float) -> list[Any]:
    """What is sent to a client that goes away so many seconds after it has asked."""
    body = orjson.dumps({"query": document})
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": body}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await asyncio.sleep(after)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    await market.endpoint({"type": "http", "method": "POST", "path": "/graphql", "headers": headers}, receive, send)
    return sent


async def test_a_query_ends_with_the_client_that_waits_for_it(
    ten: Database, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "LISTEN_AFTER", 0.1)
    market = market_of(ten, seconds=5)

    async with asyncio.timeout(2):
        sent = await ask_and_go(market, "{ reading }", after=0.1)

    assert sent == []
    assert await none_sleeps(db)
    assert ten.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_a_mutation_is_carried_to_its_end_whoever_has_gone(
    ten: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "LISTEN_AFTER", 0.1)
    market = market_of(ten, seconds=5)

    sent = await ask_and_go(market, "mutation { change }", after=0.1)

    assert market.operations == [("change", "mutation", "ok")]
    assert orjson.loads(sent[1]["body"])["data"] == {"change": 7}


async def test_who_goes_away_and_who_runs_out_of_time_are_told_apart(
    ten: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "LISTEN_AFTER", 0.1)
    market = market_of(ten, seconds=0.3)

    sent = await ask_and_go(market, "{ reading }", after=10)

    assert market.operations == [("reading", "query", "timeout")]
    assert orjson.loads(sent[1]["body"])["errors"][0]["extensions"]["code"] == "TIMEOUT"
