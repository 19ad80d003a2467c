"""Automatic renewal over HTTP: set, signed in the wallet, told of by a notice, shown, and ended by either side."""

from datetime import timedelta

import pytest

from api.app import Api
from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.memberships.plan_rules import PlanKind
from domain.memberships.renewal_rules import first_charge_at
from domain.memberships.wechat_contracts import WechatContracts
from domain.payments.gateways import hang_up
from simulators.wechat_pay import signing
from tests.api.conftest import app, ask, call, post
from tests.given import Given
from tests.given.renewals import PLAN_ID, Renewals
from tests.given.wechat import NOBODY, company, gateway, wechat

__all__ = ["app", "ask", "company", "gateway", "post", "wechat"]

FACTS = "state endedBy price { minor } plan { name } chargesAt newestCharge { state } signedAt endedAt"
REFUSED = "... on UserError { code }"
SET = f"""mutation {{ setAutoRenewal {{ __typename {REFUSED} ... on SetAutoRenewalSuccess {{ autoRenewal {{ {FACTS} }}
  signing {{ appId path preEntrustwebId pageUrl }} }} }} }}"""
CANCEL = f"mutation {{ cancelAutoRenewal {{ __typename {REFUSED} ... on AutoRenewal {{ {FACTS} }} }} }}"
MINE = f"{{ myAutoRenewal {{ {FACTS} }} }}"
THEIRS = f"query ($id: ID!) {{ memberAutoRenewal(accountId: $id) {{ {FACTS} }} }}"
END = f"""mutation ($input: EndMemberAutoRenewalInput!) {{ endMemberAutoRenewal(input: $input) {{ __typename {REFUSED}
  ... on AutoRenewal {{ {FACTS} }} }} }}"""
DOOR = "/payments/wechat/contract-notice"


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
async def api(settings, wechat, clean):
    """An API process with contracts at the running WeChat Pay."""
    api = Api(wechat.settings(settings).model_copy(update={"wechat_contract_plan": PLAN_ID}))
    async with api.started():
        yield api
    await hang_up()


@pytest.fixture
async def member(given, wechat, gateway):
    """Somebody whom WeChat knows, with a card of a month."""
    contracts = WechatContracts(gateway, plan_id=PLAN_ID, notify_url=NOBODY)
    return await Renewals(given, wechat, contracts, gateway).member()


async def sign(wechat, answer):
    """The notice that WeChat brings once the member has signed."""
    wish = {"pre_entrustweb_id": answer["signing"]["preEntrustwebId"], "behaviour": "never"}
    status, told = await wechat.post("/wallet/sign", wish)
    assert status == 200
    return told


def notice(wechat, told, event_type="PAPAY.SIGN", **changes):
    keys = wechat.keys
    at = clock.now().isoformat()
    return signing.notice(event_type, {**told, **changes}, notice_id=new_id().hex, apiv3_key=keys.apiv3_key, at=at)


async def bring(app, wechat, body, **headers):
    return (await call(app, "POST", DOOR, body, {**signing.sign(wechat.keys, body), **headers})).status


async def test_set_signed_shown_and_cancelled(ask, app, wechat, member):
    me = {"by": member.account_id}
    asked = (await ask(SET, **me)).data
    told = await sign(wechat, asked)
    unsigned = (await ask(MINE, **me)).data
    statuses = [await bring(app, wechat, notice(wechat, told)) for _ in range(2)]
    signed = (await ask(MINE, **me)).data
    again = (await ask(SET, **me)).data
    cancelled = [(await ask(CANCEL, **me)).data for _ in range(2)]

    assert (asked["autoRenewal"]["state"], asked["autoRenewal"]["price"]) == ("SIGNING", {"minor": 3100})
    assert asked["signing"]["path"].startswith("pages/contract/sign?pre_entrustweb_id=")
    assert (unsigned["state"], unsigned["chargesAt"], statuses) == ("SIGNING", None, [204, 204])
    charges_at = first_charge_at(member.ends_at, told_at=member.ends_at - timedelta(days=7))
    assert (signed["state"], signed["plan"]) == ("SIGNED", {"name": "月卡"})
    assert signed["chargesAt"] == charges_at.isoformat()
    assert (again["signing"], again["autoRenewal"]["state"]) == (None, "SIGNED")
    assert [(each["state"], each["endedBy"]) for each in cancelled] == [("ENDED", "MEMBER")] * 2


async def test_a_notice_of_the_end_may_come_before_that_of_the_signature(ask, app, wechat, member):
    me = {"by": member.account_id}
    told = await sign(wechat, (await ask(SET, **me)).data)
    info = {"contract_termination_mode": "USER_TERMINATE", "contract_terminated_time": clock.now().isoformat()}
    over = notice(wechat, told, "PAPAY.TERMINATE", contract_state="TERMINATED", contract_terminate_info=info)

    statuses = [await bring(app, wechat, body) for body in (over, notice(wechat, told), over)]

    assert statuses == [204, 204, 204]
    assert [(await ask(MINE, **me)).data[name] for name in ("state", "endedBy")] == ["ENDED", "WALLET"]


async def test_notices_in_doubt_change_nothing(ask, app, wechat, member):
    me = {"by": member.account_id}
    told = await sign(wechat, (await ask(SET, **me)).data)

    mismatched = [{"out_contract_code": new_id().hex}, {"mchid": "1900000001"}, {"out_contract_code": "x"}]
    assert [await bring(app, wechat, notice(wechat, told, **each)) for each in mismatched] == [409, 409, 409]
    assert await bring(app, wechat, notice(wechat, told, contract_state="WHO_KNOWS")) == 400
    assert await bring(app, wechat, notice(wechat, told), **{"Wechatpay-Nonce": "another"}) == 401
    assert (await call(app, "POST", "/payments/stripe/contract-notice", b"{}")).status == 404
    assert (await ask(MINE, **me)).data["state"] == "SIGNING"


async def test_refusals_say_why(ask, given, member):
    stranger = {"by": await given.shopper()}

    assert (await ask(SET, **stranger)).data == {"__typename": "NothingToRenew", "code": "NOTHING_TO_RENEW"}
    assert (await ask(CANCEL, **stranger)).data == {"__typename": "NoAutoRenewal", "code": "NO_AUTO_RENEWAL"}
    assert (await ask(MINE, **stranger)).data is None
    trial = await given.plan(name="体验卡", price_minor=0, kind=PlanKind.TRIAL, days=7, is_renewable=False)
    await given.purchase(trial, stranger["by"])
    assert (await ask(SET, **stranger)).data["code"] == "NOTHING_TO_RENEW"


async def test_staff_see_a_member_s_contract_and_end_it_with_words(ask, app, wechat, given, member):
    told = await sign(wechat, (await ask(SET, by=member.account_id)).data)
    await bring(app, wechat, notice(wechat, told))
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}
    id = encode("account", member.account_id)

    seen = (await ask(THEIRS, {"id": id}, **staff)).data
    wordless = await ask(END, {"input": {"accountId": id, "words": " "}}, **staff)
    ended = (await ask(END, {"input": {"accountId": id, "words": "会员来电要求"}}, **staff)).data

    assert (seen["state"], wordless.codes) == ("SIGNED", ["BAD_USER_INPUT"])
    assert (ended["state"], ended["endedBy"]) == ("ENDED", "STAFF")
    assert (await ask(THEIRS, {"id": id}, by=member.account_id)).codes == ["FORBIDDEN"]
