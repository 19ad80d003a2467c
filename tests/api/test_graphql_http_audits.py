"""The 61 audits of GraphQL over HTTP that the package graphql-http brings, against the market on a real server."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
import uvicorn

from api import trusted
from api.app import Api
from api.documents import id_of
from domain.foundation.settings import Settings
from tests.clients.node import packages, run

AUDITS = Path(__file__).parent / "audits"
BY_GET = ["{ __typename }", "query Type($name: String!) { __type(name: $name) { name } }"]
"""What the audits ask by GET. Only registered documents are executed by GET, so these are."""


@pytest.fixture
async def url(settings: Settings, clean: None, tmp_path: Path):
    registry = tmp_path / "documents.json"
    trusted.write(registry, {id_of(text): text for text in BY_GET})
    api = Api(settings.model_copy(update={"documents": registry, "introspection": True}))
    server = uvicorn.Server(uvicorn.Config(api.app, port=0, lifespan="off", log_level="error"))
    async with api.started():
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/graphql"
        server.should_exit = True
        await serving


async def test_all_61_audits_pass(url: str):
    await asyncio.to_thread(packages, AUDITS)

    told = await asyncio.to_thread(run, ["node", "audit.mjs", url], cwd=AUDITS)

    assert told.returncode == 0, told.stderr
    results = json.loads(told.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    assert Counter(result["status"] for result in results) == {"ok": 61}
