"""Staff sign in over GraphQL, and admins manage people there."""

import asyncio
from threading import BoundedSemaphore

import pytest
from pydantic import SecretStr

from domain.accounts import passwords, people
from domain.accounts.actions import account_of
from domain.accounts.rules import Role
from domain.accounts.sessions import start
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from tests.accounts.enrolled import MINUTE, OWN, member, newcomer, quick
from tests.api.conftest import api, app, ask, post

__all__ = ["api", "app", "ask", "member", "newcomer", "post", "quick"]

SIGN_IN = """mutation ($input: SignInAsStaffInput!) { signInAsStaff(input: $input) {
    __typename
    ... on SignedIn { accessToken refreshToken viewer { id roles } }
    ... on StaffLocked { lockedUntil }
    ... on UserError { code message } } }"""
CHANGE = """mutation ($input: ChangeStaffPasswordInput!) { changeStaffPassword(input: $input) {
    __typename
    ... on SignedIn { accessToken viewer { roles } }
    ... on PasswordTooWeak { weakness }
    ... on UserError { code message } } }"""
PERSON = "id displayName username roles phone disabledAt disabledWhy disabledBy { id name } sessions"
ACCOUNT = f"query ($id: ID!) {{ account(id: $id) {{ {PERSON} }} }}"


INPUTS = {"giveRole": "RoleInput", "takeRole": "RoleInput", "banAccount": "BanAccountInput"}


def managing(field, account_id, **more):
    """The mutation about somebody, and its variables."""
    head, passed = (f"$input: {INPUTS[field]}!", "input: $input") if field in INPUTS else ("$id: ID!", "id: $id")
    shown = f"... on Account {{ {PERSON} }} ... on UserError {{ code message }}"
    id = encode("account", account_id)
    variables = {"input": {"accountId": id, **more}} if field in INPUTS else {"id": id}
    return f"mutation ({head}) {{ {field}({passed}) {{ __typename {shown} }} }}", variables


@pytest.fixture
def now():
    """The API takes its own."""
    return clock.now()


def said(member, at, **more):
    return {"input": {"username": member.username, "password": member.password, "totp": member.code(at), **more}}


async def test_the_whole_way_from_the_one_time_password_to_a_role_that_works(ask, newcomer, now):
    amei = await newcomer("amei", Role.ADMIN)

    first = (await ask(SIGN_IN, said(amei, now), accept_language="en")).data
    weak = (await ask(CHANGE, said(amei, now + MINUTE / 2, newPassword="amei-amei-amei"))).data
    changed = (await ask(CHANGE, said(amei, now + MINUTE / 2, newPassword=OWN))).data

    assert (first["__typename"], first["code"]) == ("PasswordChangeNeeded", "PASSWORD_CHANGE_NEEDED")
    assert first["message"] == "this password was for once; choose one of your own"
    assert (weak["code"], weak["weakness"]) == ("PASSWORD_TOO_WEAK", "USERNAME")
    assert weak["message"] == "除用户名外，密码至少还需要 12 个字符"
    assert changed["viewer"] == {"roles": ["ADMIN", "SHOPPER"]}
    asked = await ask("{ accounts { nodes { username } } }", authorization=f"Bearer {changed['accessToken']}")
    assert asked.data == {"nodes": [{"username": "amei"}]}


async def test_refusals_are_alike_whatever_is_wrong_and_a_lock_is_told_to_the_right_one(ask, member, now):
    amei = await member()
    right = said(amei, now)["input"]

    wrong = [
        (await ask(SIGN_IN, {"input": right | change})).body
        for change in ({"username": "nobody"}, {"password": "x"}, {"totp": amei.wrong_code(now)}, {"totp": ""})
    ]
    for _ in range(3):
        await ask(SIGN_IN, {"input": right | {"totp": ""}})
    locked = (await ask(SIGN_IN, {"input": right})).data

    assert len(set(wrong)) == 1
    assert b"SIGN_IN_REFUSED" in wrong[0]
    assert (locked["__typename"], locked["code"]) == ("StaffLocked", "STAFF_LOCKED")
    assert locked["lockedUntil"] > clock.now().isoformat()


async def test_while_too_many_passwords_are_hashed_the_next_is_told_when_to_come_again(ask, member, now, monkeypatch):
    amei = await member()
    monkeypatch.setattr(passwords, "_places", BoundedSemaphore(1))
    passwords._places.acquire()

    refused = await ask(SIGN_IN, said(amei, now))
    passwords._places.release()

    assert refused.codes == ["RATE_LIMITED"]
    assert refused.json["errors"][0]["extensions"]["retryAfter"] == 2.0
    assert (await ask(SIGN_IN, said(amei, now))).data["__typename"] == "SignedIn"


async def test_without_a_seal_key_shoppers_sign_in_and_staff_are_told(ask, api, newcomer, now):
    amei = await newcomer()
    bare = api.market.settings.model_copy(update={"seal_key": SecretStr("")})
    object.__setattr__(api.market, "settings", bare)

    refused = (await ask(SIGN_IN, said(amei, now))).data
    shopper = await ask(
        'mutation { signInForDevelopment(input: {name: "小梅"}) { __typename ... on SignedIn { expiresAt } } }'
    )

    assert refused["code"] == "LOGIN_SWITCHED_OFF"
    assert shopper.data["__typename"] == "SignedIn"


async def test_an_admin_gives_and_takes_a_role_and_bans_and_lets_in_again(ask, given, member, now):
    boss = await member("boss", Role.ADMIN)
    host = await given.shopper("小主播")
    id = encode("account", host)

    async def do(field, **input):
        return (await ask(*managing(field, host, **input), by=boss.id, roles=[Role.ADMIN])).data

    plain = (await ask(ACCOUNT, {"id": id}, by=boss.id, roles=[Role.ADMIN])).data
    assert plain == {
        "id": id,
        "displayName": "小主播",
        "username": None,
        "roles": ["SHOPPER"],
        "phone": None,
        "disabledAt": None,
        "disabledWhy": None,
        "disabledBy": None,
        "sessions": 0,
    }
    assert await do("giveRole", role="HOST") == {"__typename": "Account"} | plain | {"roles": ["HOST", "SHOPPER"]}
    assert (await do("giveRole", role="ADMIN"))["code"] == "SECOND_FACTOR_MISSING"
    assert (await do("takeRole", role="HOST"))["roles"] == ["SHOPPER"]
    banned = await do("banAccount", why="刷单", idempotencyKey="ban-1111")
    assert (banned["disabledWhy"], banned["disabledBy"]) == (
        "刷单",
        {"id": encode("account", boss.id), "name": "boss"},
    )
    assert (await do("unbanAccount"))["disabledAt"] is None
    assert (await do("endSessionsOf"))["sessions"] == 0


async def test_the_last_admin_cannot_end_themselves(ask, member, now):
    boss = await member("boss", Role.ADMIN)

    for field, more in (
        ("takeRole", {"role": "ADMIN"}),
        ("banAccount", {"why": "误点", "idempotencyKey": "ban-self"}),
    ):
        refused = (await ask(*managing(field, boss.id, **more), by=boss.id, roles=[Role.ADMIN])).data
        assert (refused["code"], refused["message"]) == ("LAST_ADMIN", "至少需要保留一名管理员")


@pytest.mark.parametrize("end", ["takeRole", "banAccount", "endSessionsOf"])
async def test_what_is_taken_ends_the_tokens_that_are_out_within_five_seconds(
    ask, api, db, settings, given, somebody, now, end
):
    host = await given.shopper("小主播")
    await people.give_role(db, account_id=host, role=Role.HOST, by=somebody, now=now)
    async with db.transaction() as tx:
        account = await account_of(tx, host)
        signed_in = await start(tx, settings=settings, account=account, device="手机", now=clock.now())
    bearer = f"Bearer {signed_in.access.text}"
    assert (await ask("{ viewer { roles } }", authorization=bearer)).data == {"roles": ["HOST", "SHOPPER"]}
    more = {"takeRole": {"role": "HOST"}, "banAccount": {"why": "刷单", "idempotencyKey": "ban-1111"}}

    await ask(*managing(end, host, **more.get(end, {})), by=somebody, roles=[Role.ADMIN])

    async with asyncio.timeout(5):
        while "errors" not in (answer := await ask("{ viewer { roles } }", authorization=bearer)).json:
            await asyncio.sleep(0.05)
    assert answer.codes == ["UNAUTHENTICATED"]


async def test_people_are_listed_in_pages_and_narrowed(ask, given, somebody):
    for name in ("小梅", "小伟", "小丽"):
        await given.shopper(name)

    async def listed(arguments):
        document = f"{{ accounts({arguments}) {{ nodes {{ displayName }} pageInfo {{ hasNextPage endCursor }} }} }}"
        return (await ask(document, by=somebody, roles=[Role.ADMIN])).data

    first = await listed("first: 2")
    rest = await listed(f'first: 2, after: "{first["pageInfo"]["endCursor"]}"')
    assert [[node["displayName"] for node in page["nodes"]] for page in (first, rest)] == [["小丽", "小伟"], ["小梅"]]
    assert (await listed('filter: {text: "伟"}'))["nodes"] == [{"displayName": "小伟"}]
    assert (await listed("filter: {role: ADMIN, isBanned: false}"))["nodes"] == []


async def test_a_node_is_a_person_for_admins_only(ask, given, somebody):
    id = encode("account", await given.shopper("小梅"))
    node = "query ($id: ID!) { node(id: $id) { ... on Account { displayName } } }"

    assert (await ask(node, {"id": id}, by=somebody, roles=[Role.ADMIN])).data == {"displayName": "小梅"}
    for who in ({}, {"by": somebody, "roles": [Role.FINANCE]}):
        assert (await ask(node, {"id": id}, **who)).data is None
    missing = {"id": encode("account", new_id())}
    assert (await ask(ACCOUNT, missing, by=somebody, roles=[Role.ADMIN])).data is None
