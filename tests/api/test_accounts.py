"""Signing in, staying signed in and signing out, as a client does it over HTTP."""

import asyncio
import traceback

import orjson
import pytest
from structlog.testing import capture_logs

from api.app import Api
from domain.accounts.rules import Principal
from domain.accounts.tokens import issue
from domain.foundation import clock
from domain.foundation.ids import decode
from tests.api.conftest import call
from tests.given.shipments import APP_SECRET, wechat, wechat_company

__all__ = ["wechat", "wechat_company"]

SIGNED_IN = """
  __typename
  ... on SignedIn { accessToken expiresAt refreshToken refreshExpiresAt viewer { id roles sessions { device isThisOne } } }
  ... on UserError { code message }
"""
DEVELOPMENT = (
    f"mutation($input: SignInForDevelopmentInput!) {{ signInForDevelopment(input: $input) {{ {SIGNED_IN} }} }}"
)
REFRESH = f"mutation($input: RefreshSessionInput!) {{ refreshSession(input: $input) {{ {SIGNED_IN} }} }}"
WECHAT = f"""mutation($input: SignInWithWechatInput!) {{
  signInWithWechat(input: $input) {{ {SIGNED_IN} ... on WechatBusy {{ retryAfter }} }} }}"""
BIND = """mutation($input: BindPhoneInput!) { bindPhone(input: $input) {
  __typename ... on Viewer { id phone } ... on UserError { code message } ... on WechatBusy { retryAfter } } }"""
WHO = "{ viewer { id roles phone sessions { id device startedAt refreshedAt isThisOne } } }"
OUT, EVERYWHERE = "mutation { signOut { at } }", "mutation { signOutEverywhere { at } }"
END = """mutation($id: ID!) { endSession(input: {id: $id}) {
  __typename ... on SignedOut { at } ... on UserError { code } ... on NotFound { id } } }"""


@pytest.fixture
def sign_in(ask):
    """Somebody signs in on a device."""

    async def sign_in(name="amei", *, device="iPhone 15", roles=()):
        return (await ask(DEVELOPMENT, {"input": {"name": name, "device": device, "roles": list(roles)}})).data

    return sign_in


@pytest.fixture
def refresh(ask):
    """A client sends its refresh token."""

    async def refresh(signed_in, **headers):
        return await ask(REFRESH, {"input": {"refreshToken": signed_in["refreshToken"]}}, **headers)

    return refresh


@pytest.fixture
async def other_process(settings, clean):
    """A second API process beside the first."""
    other = Api(settings)
    async with other.started():
        yield other


def bearer(signed_in):
    return {"authorization": f"Bearer {signed_in['accessToken']}"}


async def test_signing_in_answers_with_tokens_and_with_the_devices_of_the_viewer(sign_in, ask):
    first = await sign_in(roles=["HOST"])
    second = await sign_in(device="iPad")

    assert first["__typename"] == "SignedIn"
    assert first["viewer"]["roles"] == second["viewer"]["roles"] == ["HOST", "SHOPPER"]
    assert second["viewer"]["sessions"] == [
        {"device": "iPad", "isThisOne": True},
        {"device": "iPhone 15", "isThisOne": False},
    ]
    told = (await ask(WHO, **bearer(first))).data
    assert [(s["device"], s["isThisOne"]) for s in told["sessions"]] == [("iPad", False), ("iPhone 15", True)]
    assert (told["id"], told["phone"]) == (first["viewer"]["id"], None)


async def test_a_device_name_that_is_too_long_is_a_fault_of_the_client(ask):
    answer = await ask(DEVELOPMENT, {"input": {"name": "amei", "device": "x" * 101}})

    assert answer.codes == ["BAD_USER_INPUT"]


async def test_a_session_is_refreshed_with_no_access_token_at_all(sign_in, refresh, ask):
    first = await sign_in()

    second = (await refresh(first)).data

    assert second["viewer"]["id"] == first["viewer"]["id"]
    assert second["refreshToken"] != first["refreshToken"]
    assert (await ask(WHO, **bearer(second))).data["sessions"][0]["isThisOne"]


@pytest.mark.parametrize("authorization", ["Bearer no-token", "Bearer ", "Basic YTpi"])
async def test_signing_in_and_refreshing_mind_no_bad_access_token_and_all_else_does(
    sign_in, refresh, ask, authorization
):
    signed_in = await sign_in()

    assert (await refresh(signed_in, authorization=authorization)).data["__typename"] == "SignedIn"
    again = await ask(DEVELOPMENT, {"input": {"name": "amei"}}, authorization=authorization)
    assert again.data["__typename"] == "SignedIn"
    for other in (WHO, OUT, "{ viewer { id } serverTime }", "{ __typename }", "mutation { __typename }"):
        refused = await ask(other, authorization=authorization)
        assert (refused.codes, "data" in refused.json) == (["UNAUTHENTICATED"], False)


async def test_an_access_token_that_has_expired_may_come_along_to_be_refreshed(sign_in, refresh, ask, settings):
    signed_in = await sign_in()
    account_id = decode("account", signed_in["viewer"]["id"])
    old = issue(settings, Principal(account_id), now=clock.now().replace(year=2025)).text

    assert (await ask(WHO, authorization=f"Bearer {old}")).codes == ["UNAUTHENTICATED"]
    assert (await refresh(signed_in, authorization=f"Bearer {old}")).data["__typename"] == "SignedIn"


async def test_a_refused_access_token_gets_nothing_that_needs_one_by_standing_beside_a_login(sign_in, ask):
    both = (
        f"mutation($input: RefreshSessionInput!) {{ signOut {{ at }} refreshSession(input: $input) {{ {SIGNED_IN} }} }}"
    )
    signed_in = await sign_in()

    refused = await ask(both, {"input": {"refreshToken": signed_in["refreshToken"]}}, authorization="Bearer x")

    assert refused.codes == ["UNAUTHENTICATED"]
    phone = await ask(BIND, {"input": {"code": "abc"}}, authorization="Bearer x")
    assert phone.codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize(
    ("language", "message"), [("zh", "登录已失效，请重新登录"), ("en", "this session is over; sign in again")]
)
async def test_a_session_that_is_over_says_so(ask, language, message):
    answer = await ask(REFRESH, {"input": {"refreshToken": "nmr_nobody"}}, accept_language=language)

    assert answer.data == {"__typename": "SessionEnded", "code": "SESSION_ENDED", "message": message}


async def test_who_signs_out_is_signed_out_there_and_nowhere_else(sign_in, refresh, ask, api):
    phone, pad = await sign_in(), await sign_in(device="iPad")

    for _ in range(2):
        assert (await ask(OUT, **bearer(phone))).data["at"]
    await api._services.revocations.look(clock.now())

    assert (await ask(WHO, **bearer(phone))).codes == ["UNAUTHENTICATED"]
    assert (await refresh(phone)).data["__typename"] == "SessionEnded"
    assert [s["device"] for s in (await ask(WHO, **bearer(pad))).data["sessions"]] == ["iPad"]


async def test_who_signs_out_everywhere_is_signed_out_on_this_device_too_and_may_come_back(sign_in, refresh, ask, api):
    phone, pad, other = await sign_in(), await sign_in(device="iPad"), await sign_in("xiaoli")

    assert (await ask(EVERYWHERE, **bearer(phone))).data["at"]
    back = await sign_in()
    await api._services.revocations.look(clock.now())

    for gone in (phone, pad):
        assert (await ask(WHO, **bearer(gone))).codes == ["UNAUTHENTICATED"]
        assert (await refresh(gone)).data["__typename"] == "SessionEnded"
    assert len((await ask(WHO, **bearer(back))).data["sessions"]) == 1
    assert (await ask(WHO, **bearer(other))).data["id"] == other["viewer"]["id"]


async def test_one_of_one_s_own_devices_is_ended_by_its_id_and_nobody_else_s(sign_in, ask):
    phone, _, stranger = await sign_in(), await sign_in(device="iPad"), await sign_in("xiaoli")
    pad_id = next(s["id"] for s in (await ask(WHO, **bearer(phone))).data["sessions"] if not s["isThisOne"])

    assert (await ask(END, {"id": pad_id}, **bearer(stranger))).data == {
        "__typename": "NotFound", "code": "NOT_FOUND", "id": pad_id,
    }  # fmt: skip
    assert len((await ask(WHO, **bearer(phone))).data["sessions"]) == 2
    for _ in range(2):
        assert (await ask(END, {"id": pad_id}, **bearer(phone))).data["__typename"] == "SignedOut"
    assert [s["device"] for s in (await ask(WHO, **bearer(phone))).data["sessions"]] == ["iPhone 15"]
    assert (await ask(END, {"id": "order_1"}, **bearer(phone))).codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("document", [OUT, EVERYWHERE])
async def test_nobody_signs_out_without_being_signed_in(ask, document):
    assert (await ask(document)).codes == ["UNAUTHENTICATED"]


async def test_a_token_without_a_session_signs_out_of_nothing(ask, given):
    mei = await given.shopper()

    assert (await ask(OUT, by=mei)).data["at"]
    assert (await ask("{ viewer { sessions { id } } }", by=mei)).data == {"sessions": []}


async def test_what_one_process_ends_the_other_refuses_within_five_seconds(sign_in, ask, other_process):
    signed_in = await sign_in()
    request = orjson.dumps({"query": WHO})
    headers = {"content-type": "application/json", **bearer(signed_in)}
    assert "errors" not in (await call(other_process.app, "POST", "/graphql", request, headers)).json

    await ask(OUT, **bearer(signed_in))

    for _ in range(50):
        await asyncio.sleep(0.1)
        if "errors" in (answer := (await call(other_process.app, "POST", "/graphql", request, headers)).json):
            break
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.fixture
async def wechat_ask(settings, clean, wechat):
    """`await wechat_ask(query, variables, **headers)` of an API process beside the platform."""
    api = Api(wechat.settings(settings))
    async with api.started():

        async def ask(query, variables, **headers):
            named = {"content-type": "application/json", **headers}
            return await call(
                api.app, "POST", "/graphql", orjson.dumps({"query": query, "variables": variables}), named
            )

        yield ask


async def test_a_shopper_signs_in_with_wechat_and_binds_a_phone(wechat_ask, wechat):
    code = await wechat.login_code("o-api-mei")

    signed_in = (await wechat_ask(WECHAT, {"input": {"code": code, "device": "iPhone 15"}})).data
    assert signed_in["viewer"]["sessions"] == [{"device": "iPhone 15", "isThisOne": True}]
    phone = {"input": {"code": await wechat.phone_code("13812345678")}}
    bound = (await wechat_ask(BIND, phone, **bearer(signed_in))).data

    assert bound == {"__typename": "Viewer", "id": signed_in["viewer"]["id"], "phone": "138****5678"}
    assert (await wechat_ask(WHO, {}, **bearer(signed_in))).data["phone"] == "138****5678"


async def test_what_wechat_refuses_is_told_in_the_shopper_s_language(wechat_ask, wechat):
    refused = await wechat_ask(WECHAT, {"input": {"code": "never-given"}})
    assert refused.data == {
        "__typename": "WechatCodeRefused",
        "code": "WECHAT_CODE_REFUSED",
        "message": "微信授权已失效，请重试",
    }

    await wechat.fail(-1, door="login")
    busy = await wechat_ask(WECHAT, {"input": {"code": "any"}}, **{"accept-language": "en"})
    assert busy.data == {
        "__typename": "WechatBusy",
        "code": "WECHAT_BUSY",
        "message": "WeChat is busy; try again in 3 seconds",
        "retryAfter": 3,
    }


async def test_a_fault_of_ours_at_wechat_is_told_without_a_word_of_it(wechat_ask, wechat):
    await wechat.fail(40125, door="login")

    with capture_logs() as logged:
        answer = await wechat_ask(WECHAT, {"input": {"code": "c0de-of-mei"}})

    assert answer.codes == ["INTERNAL"]
    assert b"40125" not in answer.body
    [entry] = [entry for entry in logged if entry["log_level"] == "error"]
    shown = "".join([repr(logged), *traceback.format_exception(entry["exc_info"])])
    assert "errcode 40125" in shown
    assert "c0de-of-mei" not in shown
    assert APP_SECRET not in shown


async def test_without_a_platform_the_way_is_switched_off(ask):
    assert (await ask(WECHAT, {"input": {"code": "any"}})).data["code"] == "LOGIN_SWITCHED_OFF"


async def test_roles_are_kept_for_good_by_the_development_login(sign_in):
    await sign_in(roles=["MERCHANDISER"])

    assert (await sign_in())["viewer"]["roles"] == ["MERCHANDISER", "SHOPPER"]
