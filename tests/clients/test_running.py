"""What front-end developers run, from Node against a market of its own: Apollo Client, urql, graphql-ws, a mini-program."""

import asyncio
import json
from pathlib import Path

from api.nodes import show_id
from cli.house import House
from domain.foundation import clock
from domain.foundation.runtime import Market
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


def test_the_clients_work_against_a_running_market(tmp_path: Path) -> None:
    modules = packages()
    built = run(["npx", "--no-install", "tsc", "--outDir", str(tmp_path)])
    assert built.returncode == 0, built.stdout
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    exercises = [tmp_path / f"exercises/{name}.js" for name in ("apollo", "urql", "sockets")]

    with house_of_its_own(documents=CLIENTS / "documents.json", socket_ping_seconds=0.5) as house:
        market = asyncio.run(_market(house))
        folders = {"MINI_PROGRAM": str(CLIENTS / "mini-program"), "NODE_PATH": str(modules)}
        done = run(
            [*NODE_TEST, *map(str, exercises), str(MINI_PROGRAM_TEST)],
            seconds=120,
            environment={"MARKET": json.dumps(market), **folders},
        )
        assert done.returncode == 0, done.stdout

        api = house.members["api"].process
        assert api is not None
        restarted = run(
            [*NODE_TEST, "--test-name-pattern", "restarts", str(exercises[-1])],
            environment={"MARKET": json.dumps({**market, "restarting": api.pid})},
        )
        assert restarted.returncode == 0, restarted.stdout


async def _market(house: House) -> dict[str, object]:
    """Where the market is, what it sells, and where WeChat is."""
    settings = house.settings
    market = Market.open(settings)
    given = Given(market, now=clock.now())
    try:
        sale = await given.flash_sale(units=20, stocked=50)
        sku_id = await given.sku()
    finally:
        await market.close()
    return {
        "url": f"{house.url}/graphql",
        "socketUrl": f"{house.url}/graphql".replace("http", "ws", 1),
        "skuId": show_id("sku", sku_id),
        "saleItemId": show_id("saleitem", sale.item.id),
        "address": ADDRESS,
        "wechat": {
            "platform": settings.wechat_platform_url,
            "wallet": settings.wechat_wallet_url,
            "appId": settings.wechat_app_id,
        },
    }
