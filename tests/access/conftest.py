"""A world in a database of its own, so that nobody empties it, and an API process to ask about it."""

import asyncio
import os
from contextlib import aclosing

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from api import schema as schemas
from api.app import Api
from api.context import Context
from api.faults import RequestFault
from api.requests import Request
from api.subscribing import answers
from domain import migrations
from domain.accounts.rules import Principal, Role
from domain.foundation import clock
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings
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
    knobs = {"public_answer_seconds": 0.0, "sold_out_seconds": 0.0, "rate_limits": False}
    stripe = {"default_gateway": "stripe", "stripe_secret_key": "sk_test", "stripe_webhook_secret": "whsec_test"}
    engines = {"database_url": mine, "redis_url": gate, "stripe_url": "http://127.0.0.1:9"}
    video = {"video": "rtmp", "video_push_url": "rtmp://127.0.0.1:9/live", "video_play_url": "http://127.0.0.1:9/live"}
    video |= {"video_push_key": "push-key", "video_play_key": "play-key"}
    market = Market.open(Settings.model_validate(settings.model_dump() | knobs | stripe | engines | video))
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
    """`await ask(document, persona)`: the text of the answer; of a subscription, of the first one."""
    api = Api(market_of_walk.settings)
    async with api.started():

        async def ask(document, persona):
            if document.kind == "subscription":
                return await listen(document, persona)
            headers = {"content-type": "application/json"}
            if persona.account_id is not None:
                token = world.given.token(persona.account_id, *persona.roles, now=clock.now())
                headers["authorization"] = f"Bearer {token}"
            body = orjson.dumps({"query": document.text, "variables": document.variables})
            return (await call(api.app, "POST", "/graphql", body, headers)).body.decode()

        async def listen(document, persona):
            def context():
                principal = persona.account_id and Principal(persona.account_id, persona.roles | {Role.SHOPPER})
                return Context(api.market, api._services, clock.now(), principal)

            operation = api._answering.prepare(Request(document.text, None, False, None, {}))
            try:
                async with aclosing(answers(api._answering, operation, document.variables, context)) as heard:
                    return (await anext(heard)).body.decode()
            except RequestFault as fault:
                return orjson.dumps({"errors": fault.errors}).decode()

        yield ask
