"""Everything together: on one machine, WeChat and its logins are there without any configuration, and a ban reaches it."""

import asyncio

import aiohttp
import pytest
from sqlalchemy import update

from domain.accounts.tables import accounts
from domain.foundation import clock
from domain.foundation.runtime import Market
from tests.given.shipments import RunningPlatform
from tests.running import house_of_its_own

SIGN_IN = """mutation($code: String!) { signInWithWechat(input: {code: $code, device: "iPhone 15"}) {
  ... on SignedIn { accessToken refreshToken viewer { roles } } } }"""
REFRESH = (
    "mutation($sent: String!) { refreshSession(input: {refreshToken: $sent}) { ... on SignedIn { accessToken } } }"
)
BIND = "mutation($code: String!) { bindPhone(input: {code: $code}) { ... on Viewer { phone } } }"


@pytest.fixture
def house():
    with house_of_its_own(api_processes=2) as house:
        yield house


async def test_a_shopper_comes_in_through_wechat_and_is_out_within_seconds_of_a_ban(house):
    market, wechat = Market.open(house.settings), RunningPlatform(house.settings.wechat_platform_url)

    async def ask(query, token="", **variables):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        async with aiohttp.request("POST", f"{house.url}/graphql", json=body, headers=headers) as response:
            return await response.json()

    [signed_in] = (await ask(SIGN_IN, code=await wechat.login_code("omei")))["data"].values()
    assert signed_in["viewer"] == {"roles": ["SHOPPER"]}
    [refreshed] = (await ask(REFRESH, sent=signed_in["refreshToken"]))["data"].values()
    token = refreshed["accessToken"]
    assert (await ask(BIND, token, code=await wechat.phone_code("13812345678")))["data"] == {
        "bindPhone": {"phone": "138****5678"}
    }

    async with market.db.transaction() as tx:
        await tx.execute(update(accounts).values(disabled_at=clock.now()))
    await asyncio.sleep(5)

    # each request is a connection of its own, and either process may take it
    answers = [await ask("{ viewer { id } }", token) for _ in range(20)]
    await market.close()
    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["UNAUTHENTICATED"] * 20
