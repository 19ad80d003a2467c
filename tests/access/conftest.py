"""A world in a database of its own, so that nobody empties it, and an API process to ask about it."""

import asyncio
import os

import orjson
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from api import schema as schemas
from api.app import Api
from domain import migrations
from domain.foundation import clock
from domain.foundation.runtime import Market
from tests.access.world import built
from tests.api.conftest import call
from tests.given import Given


@pytest.fixture(scope="session")
def schema():
    """The schema as graphql-core knows it, its rules in force."""
    return schemas.build()._schema


@pytest.fixture(scope="session")
async def market_of_walk(settings, database_url, worker_id):
    """Engines that no other test uses."""
    url, name = make_url(database_url), f"access_{worker_id}"
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    mine = url.set(database=name).render_as_string(hide_password=False)
    await asyncio.to_thread(migrations.upgrade, mine)
    number = 8 + int(worker_id.removeprefix("gw") if worker_id != "master" else 0) % 8
    gate = os.environ["TEST_REDIS_URL"].replace("db=0", f"db={number}")
    plain = {"public_answer_seconds": 0.0, "sold_out_seconds": 0.0, "rate_limits": False}
    market = Market.open(settings.model_copy(update={"database_url": SecretStr(mine), "redis_url": SecretStr(gate), **plain}))
    yield market
    await market.close()
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await engine.dispose()


@pytest.fixture(scope="session")
async def world(market_of_walk):
    """What there is."""
    return await built(Given(market_of_walk, now=clock.now()))


@pytest.fixture(scope="session")
async def ask(market_of_walk, world):
    """`await ask(document, persona)`: the text of the answer."""
    api = Api(market_of_walk.settings)
    async with api.started():

        async def ask(document, persona):
            headers = {"content-type": "application/json"}
            if persona.account_id is not None:
                token = world.given.token(persona.account_id, *persona.roles, now=clock.now())
                headers["authorization"] = f"Bearer {token}"
            body = orjson.dumps({"query": document.text, "variables": document.variables})
            return (await call(api.app, "POST", "/graphql", body, headers)).body.decode()

        yield ask
