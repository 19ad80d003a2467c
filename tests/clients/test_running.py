"""What front-end developers run, from Node against a market of its own: Apollo Client, urql, graphql-ws, a mini-program."""

import asyncio
import json
from pathlib import Path

from api.nodes import show_id
from cli.house import House
from domain.foundation import clock
from domain.foundation.runtime import Market
from tests.clients.node import CLIENTS, TYPESCRIPT, packages, run
from tests.given import Given
from tests.running import house_of_its_own


def test_the_clients_work_against_a_running_market(tmp_path: Path) -> None:
    modules = packages()
    built = run(["npx", "--no-install", "tsc", "--outDir", str(tmp_path)])
    assert built.returncode == 0, built.stdout
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    files = [*(tmp_path / "exercises").glob("*.js")]

    with house_of_its_own(documents=CLIENTS / "documents.json") as house:
        stocked = asyncio.run(_stock(house))
        done = run(
            ["node", "--test", *map(str, files)],
            cwd=TYPESCRIPT,
            MARKET=json.dumps({"url": f"{house.url}/graphql", **stocked}),
        )

    assert done.returncode == 0, done.stdout


async def _stock(house: House) -> dict[str, str]:
    """A product to buy, and a flash sale of 3 units that is on: the ids of what is for sale."""
    market = Market.open(house.settings)
    given = Given(market, now=clock.now())
    try:
        sku_id = await given.sku()
    finally:
        await market.close()
    return {"skuId": show_id("sku", sku_id)}
