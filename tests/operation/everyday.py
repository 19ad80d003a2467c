"""A program: an API that serves somebody's day, with failures in it, and logs as in production. Prints what must not be logged."""

import asyncio
import json
import sys

import orjson
from sqlalchemy import text

from api.app import Api
from domain.addresses import actions as addresses
from domain.foundation import logs
from domain.foundation.settings import Settings
from tests.api.conftest import call

PHONE, NAME, CODE = "13812345678", "梅超风", "0a3Jxp000QmCXN1hq2000Ykz2q3Jxp0L"
SIGN_IN = """mutation ($input: SignInForDevelopmentInput!) {
  signInForDevelopment(input: $input) { ... on SignedIn { accessToken refreshToken } }
}"""
REFRESH = "mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { __typename } }"
ADDRESS = "mutation ($input: CreateAddressInput!) { createAddress(input: $input) { __typename } }"
WECHAT = "mutation ($input: SignInWithWechatInput!) { signInWithWechat(input: $input) { __typename } }"


async def main() -> None:
    settings = Settings()
    logs.configure(level="DEBUG", as_json=settings.log_json)
    api = Api(settings)
    access = ""

    async def ask(query: str, input: dict[str, object]) -> dict[str, object]:
        headers = {"content-type": "application/json", "x-device-id": "device-0001"}
        if access:
            headers["authorization"] = f"Bearer {access}"
        answered = await call(
            api.app, "POST", "/graphql", orjson.dumps({"query": query, "variables": {"input": input}}), headers
        )
        return answered.json  # type: ignore[no-any-return]

    async with api.started():
        signed_in = (await ask(SIGN_IN, {"name": "mei", "device": "小梅的手机"}))["data"]["signInForDevelopment"]  # type: ignore[index]
        access, refresh = signed_in["accessToken"], signed_in["refreshToken"]
        address = {
            "recipient": NAME,
            "phone": PHONE,
            "province": "浙江省",
            "city": "杭州市",
            "district": "西湖区",
            "regionCode": "330106",
            "street": "文三路1号",
        }
        added = await ask(ADDRESS, {"address": address})

        async def fail(db, **given):  # type: ignore[no-untyped-def]
            raise RuntimeError(f"no room for {PHONE} with {refresh}, Authorization: Bearer {access}, {given!r}")

        async def fail_in_sql(db, **given):  # type: ignore[no-untyped-def]
            await db.value(text("SELECT 1 / (length(:phone) - 11), :token"), {"phone": PHONE, "token": refresh})

        working, addresses.create = addresses.create, fail
        failed = [await ask(ADDRESS, {"address": address})]
        addresses.create = fail_in_sql
        failed.append(await ask(ADDRESS, {"address": address}))
        addresses.create = working
        await ask(WECHAT, {"code": CODE})
        await ask(REFRESH, {"refreshToken": refresh})
        await ask(REFRESH, {"refreshToken": refresh})
        await call(api.app, "POST", "/payments/wechat/notice", orjson.dumps({"phone": PHONE, "token": refresh}))
    told = {
        "marks": [PHONE, access, access.split(".")[1], refresh, refresh[4:], CODE],
        "added": added,
        "failed": failed,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main())
