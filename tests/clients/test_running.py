"""What front-end developers run, from Node against a market of its own: Apollo Client, urql, graphql-ws, a mini-program."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.nodes import show_id
from cli.house import House
from domain.foundation import clock
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings
from tests.clients.node import CLIENTS, packages, run
from tests.given import Given
from tests.running import house_of_its_own

MINI_PROGRAM_TEST = Path(__file__).parent / "mini_program.test.js"
NODE_TEST = ["node", "--test", "--test-force-exit"]  # idle connections would be waited for
ADDRESS = {
    "recipient": "小梅",
    "phone": "13812345678",
    "province": "浙江省",
    "city": "杭州市",
    "district": "西湖区",
    "regionCode": "330106",
    "street": "龙井路 1 号",
}


@pytest.fixture
def exercises(tmp_path: Path) -> list[Path]:
    """The clients' exercises, compiled."""
    modules = packages()
    built = run(["npx", "--no-install", "tsc", "--outDir", str(tmp_path)])
    assert built.returncode == 0, built.stdout
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    return [tmp_path / f"exercises/{name}.js" for name in ("apollo", "urql", "sockets")]


@pytest.fixture
def house(settings: Settings, clean: None) -> Iterator[House]:
    """A market that asks this test's engines."""
    engines = {name: getattr(settings, name) for name in ("database_url", "redis_url", "broker_url")}
    with house_of_its_own(documents=CLIENTS / "documents.json", socket_ping_seconds=0.5, **engines) as house:
        yield house


def test_the_clients_work_against_a_running_market(exercises: list[Path], house: House) -> None:
    market = asyncio.run(_market(house))

    done = run(
        [*NODE_TEST, *map(str, exercises), str(MINI_PROGRAM_TEST)],
        seconds=120,
        environment={
            "MARKET": json.dumps(market),
            "MINI_PROGRAM": str(CLIENTS / "mini-program"),
            "NODE_PATH": str(exercises[0].parents[1] / "node_modules"),
        },
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.faults
def test_a_client_comes_again_to_a_server_that_restarts(exercises: list[Path], house: House) -> None:
    market, api = asyncio.run(_market(house)), house.members["api"].process
    assert api is not None

    done = run(
        [*NODE_TEST, "--test-name-pattern", "restarts", str(exercises[-1])],
        environment={"MARKET": json.dumps({**market, "restarting": api.pid})},
    )

    assert done.returncode == 0, done.stdout


async def _market(house: House) -> dict[str, object]:
    """Where the market is, what it sells, and where WeChat is."""
    settings = house.settings
    market = Market.open(settings)
    given = Given(market, now=clock.now())
    try:
        campaign = await given.campaign(seats=2, per_shopper=2)
        sale = await given.flash_sale(units=20, stocked=50)
        room = await given.live_room(is_on_air=True)
        sku_id = await given.sku()
    finally:
        await market.close()
    return {
        "url": f"{house.url}/graphql",
        "socketUrl": f"{house.url}/graphql".replace("http", "ws", 1),
        "skuId": show_id("sku", sku_id),
        "roomId": show_id("room", room.id),
        "saleItemId": show_id("saleitem", sale.item.id),
        "groupBuy": {
            "campaignId": show_id("campaign", campaign.id),
            "itemId": show_id("groupitem", campaign.items[0].id),
        },
        "address": ADDRESS,
        "wechat": {
            "platform": settings.wechat_platform_url,
            "wallet": settings.wechat_wallet_url,
            "appId": settings.wechat_app_id,
        },
    }
