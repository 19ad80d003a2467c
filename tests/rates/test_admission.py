"""Requests that are too many, over HTTP: what counts as what, for whom, and what the answer says."""

from dataclasses import dataclass
from math import ceil

import orjson
import pytest

from api import reading_time, schema
from api.answering import Answering
from api.app import Api
from api.rates import charges
from api.requests import read_request
from domain.foundation import clock
from domain.foundation.errors import RateLimited
from domain.foundation.rate_desk import RateDesk
from domain.foundation.rates import FIGURES, Allowance, By, Rate
from tests.api.conftest import call

HOME = "203.0.113.7"
LOGINS = FIGURES[Rate.LOGIN].each.burst
STAFF_SIGN_IN = 'mutation { signInAsStaff(input: {username: "a", password: "b", totp: "c"}) { __typename } }'
SIGN_IN = """mutation ($name: String!) { signInForDevelopment(input: {name: $name}) {
  __typename ... on SignedIn { accessToken } } }"""

SIX = (
    "mutation {"
    + " ".join(f'a{n}: signInForDevelopment(input: {{name: "x"}}) {{ __typename }}' for n in range(6))
    + "}"
)


@pytest.fixture
async def api(settings, clean):
    """An API process that counts requests, behind a proxy on this machine."""
    changes = {"rate_limits": True, "trusted_proxies": frozenset({"127.0.0.1"}), "public_answer_seconds": 60.0}
    api = Api(settings.model_copy(update=changes))
    async with api.started():
        yield api


@dataclass
class Phone:
    """Somebody's phone, at an address."""

    app: object
    address: str = HOME
    device: str = ""
    token: str = ""

    async def ask(self, query, variables=None, **headers):
        named = {"content-type": "application/json", "accept": "application/graphql-response+json"}
        named |= {"x-forwarded-for": self.address} | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.device:
            named["x-device-id"] = self.device
        if self.token:
            named["authorization"] = f"Bearer {self.token}"
        body = orjson.dumps({"query": query, "variables": variables or {}})
        return await call(self.app, "POST", "/graphql", body, named)

    async def ask_often(self, times, query, variables=None):
        """The statuses of so many requests."""
        return [(await self.ask(query, variables)).status for _ in range(times)]


@pytest.fixture
def phone(api, given):
    def phone(shopper_id=None, **at) -> Phone:
        token = given.token(shopper_id, now=clock.now()) if shopper_id else ""
        return Phone(api.app, token=token, **at)

    return phone


async def test_the_eleventh_sign_in_of_a_device_is_told_to_wait(phone):
    mine = phone(device="phone-of-mei")
    let_in = await mine.ask_often(LOGINS, SIGN_IN, {"name": "mei"})

    refused = await mine.ask(SIGN_IN, {"name": "mei"}, accept_language="en")

    [error] = refused.json["errors"]
    seconds = error["extensions"]["retryAfter"]
    assert let_in == [200] * LOGINS
    assert (refused.status, refused.headers["retry-after"]) == (429, str(ceil(seconds)))
    assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfter": seconds}
    assert 3.0 < seconds <= 6.0, "ten a minute"
    assert error["message"] == f"too many requests: try again in {seconds:g} s"
    assert "data" not in refused.json


async def test_the_shopper_reads_it_in_chinese(phone):
    mine = phone(device="phone-of-mei")
    await mine.ask_often(LOGINS, SIGN_IN, {"name": "mei"})

    refused = await mine.ask(SIGN_IN, {"name": "mei"}, accept_language="zh-CN")

    assert [error["message"] for error in refused.json["errors"]] == ["操作太频繁，请稍后再试"]


async def test_aliased_sign_ins_count_each(phone):
    three = """mutation { a: signInForDevelopment(input: {name: "a"}) { __typename } ...two }
      fragment two on Mutation { b: signInForDevelopment(input: {name: "b"}) { __typename }
        ... on Mutation { c: signInForDevelopment(input: {name: "c"}) { __typename } } }"""

    assert await phone(device="phone-of-mei").ask_often(4, three) == [200, 200, 200, 429]


async def test_another_device_at_the_same_address_is_not_refused(phone):
    await phone(device="phone-of-mei").ask_often(LOGINS + 1, SIGN_IN, {"name": "mei"})

    assert await phone(device="phone-of-lin").ask_often(1, SIGN_IN, {"name": "lin"}) == [200]


async def test_an_address_that_takes_ever_new_devices_is_refused_in_the_end(phone, api):
    limit, who = FIGURES[Rate.LOGIN].address, [(By.ADDRESS, HOME)]
    await RateDesk(api.market.gate).admit(who, {Rate.LOGIN: limit.burst - 1})

    statuses = [(await phone(device=f"phone-{n:06}").ask(SIX)).status for n in range(2)]

    assert statuses == [429, 429], "six are more than the one that is left, and the few that come back in a moment"
    assert await phone(address="203.0.113.8", device="phone-of-lin").ask_often(1, SIX) == [200]


async def test_an_address_costs_few_hashes_of_passwords_and_its_shoppers_sign_in_all_the_same(phone, api):
    limit = FIGURES[Rate.STAFF_LOGIN].address
    await RateDesk(api.market.gate).admit([(By.ADDRESS, HOME)], {Rate.STAFF_LOGIN: limit.burst})

    assert await phone().ask_often(1, STAFF_SIGN_IN) == [429]
    assert await phone().ask_often(1, SIGN_IN, {"name": "mei"}) == [200]


async def test_accounts_of_shoppers_give_a_guesser_of_staff_s_passwords_no_more_tries(phone, api, given):
    shopper_id = await given.shopper()
    guesser = phone(shopper_id)
    limit = FIGURES[Rate.STAFF_LOGIN].address
    await RateDesk(api.market.gate).admit([(By.ADDRESS, HOME)], {Rate.STAFF_LOGIN: limit.burst})

    assert await guesser.ask_often(1, STAFF_SIGN_IN) == [429]
    assert await phone(shopper_id, address="203.0.113.8").ask_often(1, STAFF_SIGN_IN) == [200]
    assert await guesser.ask_often(1, "{ viewer { id } }") == [200]


async def test_whoever_is_signed_in_is_counted_wherever_they_are(phone, given):
    shopper_id = await given.shopper()
    codes = "query ($code: String) { quote(input: {fromCart: true, couponCode: $code}) { problems { code } } }"
    homes = [phone(shopper_id, address=f"203.0.113.{n}", device=f"phone-{n:06}") for n in range(12)]

    statuses = [(await one.ask(codes, {"code": "SPRING"})).status for one in homes]

    assert statuses == [200] * 10 + [429] * 2


async def test_neighbours_who_are_signed_in_share_an_address_freely(phone, given):
    shoppers = await given.shoppers(8)

    statuses = [await phone(one).ask_often(60, "{ viewer { id } }") for one in shoppers]

    assert statuses == [[200] * 60] * 8


async def test_answers_that_are_shared_are_not_counted(phone):
    burst = FIGURES[Rate.GENERAL].each.burst
    mine = phone(device="phone-of-mei")

    statuses = await mine.ask_often(burst + 20, "{ categories { id } }")

    assert statuses == [200] * (burst + 20)


@pytest.mark.parametrize(
    ("document", "status"), [("{ " + "nonsense " * 20 + "}", 400), ("{ categories { " + "id name " * 30 + "} }", 200)]
)
async def test_an_address_that_sends_ever_new_documents_is_not_read_any_more(phone, monkeypatch, document, status):
    monkeypatch.setattr(reading_time, "ALLOWANCE", Allowance(burst=20, per_minute=60))
    known = "{ viewer { id } }"
    await phone(address="203.0.113.9").ask(known)
    mine = phone(device="phone-of-mei")

    statuses = [(await mine.ask(f"query Q{n} {document}")).status for n in range(40)]
    refused = await mine.ask("query New { viewer { id } }")
    in_english = await mine.ask("query New { viewer { id } }", accept_language="en")

    assert set(statuses) == {status, 429}
    assert refused.json["errors"][0]["message"] == RateLimited.zh
    assert in_english.json["errors"][0]["message"].startswith("too many requests: try again in")
    assert statuses == sorted(statuses), "from some moment on"
    assert (refused.status, refused.codes) == (429, ["RATE_LIMITED"])
    assert refused.json["errors"][0]["extensions"]["retryAfter"] > 0
    assert (await mine.ask(known)).status == 200, "what is known need not be read"
    assert (await phone(address="203.0.113.8").ask("query Theirs { viewer { id } }")).status == 200


async def test_limits_that_are_switched_off_refuse_nobody(settings, clean):
    api = Api(settings.model_copy(update={"rate_limits": False}))
    async with api.started():
        phone = Phone(api.app, device="phone-of-mei")

        assert await phone.ask_often(LOGINS + 5, SIGN_IN, {"name": "mei"}) == [200] * (LOGINS + 5)


@pytest.fixture(scope="module")
def answering():
    return Answering(schema.build())


QUOTE = "query Q($input: QuoteInput!) { quote(input: $input) { total { amount } } }"
LINES = {"fromCart": True}


@pytest.mark.parametrize(
    ("document", "variables", "charged"),
    [
        ("{ viewer { id } }", {}, {Rate.GENERAL: 1}),
        (STAFF_SIGN_IN, {}, {Rate.STAFF_LOGIN: 1}),
        ("{ a: viewer { id } b: viewer { id } __typename }", {}, {Rate.GENERAL: 3}),
        ("{ products { nodes { id } } }", {}, {Rate.GENERAL: 1}),
        ('{ products(search: "米酒") { nodes { id } } }', {}, {Rate.GENERAL: 1, Rate.SEARCH: 1}),
        ("query ($s: String) { products(search: $s) { nodes { id } } }", {}, {Rate.GENERAL: 1}),
        ("query ($s: String) { products(search: $s) { nodes { id } } }", {"s": None}, {Rate.GENERAL: 1}),
        ("query ($s: String) { products(search: $s) { nodes { id } } }", {"s": "x"}, {Rate.GENERAL: 1, Rate.SEARCH: 1}),
        (
            'query ($s: String = "x") { products(search: $s) { nodes { id } } }',
            {},
            {Rate.GENERAL: 1, Rate.SEARCH: 1},
        ),
        ('query ($s: String = "x") { products(search: $s) { nodes { id } } }', {"s": None}, {Rate.GENERAL: 1}),
        (QUOTE, {"input": LINES}, {Rate.GENERAL: 1}),
        (QUOTE, {"input": LINES | {"couponCode": None}}, {Rate.GENERAL: 1}),
        (QUOTE, {"input": LINES | {"couponCode": "A"}}, {Rate.GENERAL: 1, Rate.COUPON: 1}),
        (QUOTE, {"input": "nonsense"}, {Rate.GENERAL: 1}),
        (
            "query ($c: String) { quote(input: {fromCart: true, couponCode: $c}) { total { amount } } }",
            {"c": "A"},
            {Rate.GENERAL: 1, Rate.COUPON: 1},
        ),
        (
            """{ a: quote(input: {fromCart: true, couponCode: "A"}) { total { amount } }
                 b: quote(input: {fromCart: true, couponCode: "B"}) { total { amount } }
                 c: quote(input: {fromCart: true}) { total { amount } } }""",
            {},
            {Rate.GENERAL: 3, Rate.COUPON: 2},
        ),
        (
            'query ($i: QuoteInput = {fromCart: true, couponCode: "A"}) { quote(input: $i) { total { amount } } }',
            {},
            {Rate.GENERAL: 1, Rate.COUPON: 1},
        ),
        (
            """mutation ($p: PlaceOrderInput!, $g: String!) {
              placeOrder(input: $p) { __typename } mergeCart(input: {guestToken: $g}) { units } }""",
            {"p": {"couponCode": "A"}},
            {Rate.PAY: 1, Rate.COUPON: 1, Rate.CART: 1},
        ),
        (
            "mutation ($i: ClaimFlashSaleInput!) { claimFlashSale(input: $i) { __typename } }",
            {"i": {}},
            {Rate.CLAIM: 1},
        ),
        (
            "mutation ($i: PostCommentInput!) { postComment(input: $i) { __typename } }",
            {"i": {}},
            {Rate.COMMENT: 1},
        ),
    ],
)
def test_what_an_operation_costs(answering, document, variables, charged):
    operation = answering.prepare(read_request({"query": document}, b""))

    assert charges(operation, variables) == charged
