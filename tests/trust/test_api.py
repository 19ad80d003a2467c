"""Trust over HTTP: staff set rules, record contacts, care for a customer and message within the cap; shoppers opt out."""

from dataclasses import replace

import pytest

from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.trust.rules import DEFAULT, EvidenceKind
from tests.given import Given
from tests.given.trust import asked_of
from tests.statements import count_statements

REFUSED = "... on UserError { code message }"
PROFILE = """id displayName tier nextTier nextAction ruleVersion reasons { evidence amount atMost }
  goals { evidence missing withinDays words } tags { tag } pace { mayMessage cap capDays left hasOptedOut }
  history { nodes { fromTier toTier ruleVersion } } remarks { nodes { text } } complaints { nodes { id words resolution } }"""
CUSTOMER = f"query ($id: ID!) {{ customer(id: $id) {{ {PROFILE} }} }}"
CONTACT = f"""mutation ($input: RecordContactInput!) {{ recordContact(input: $input) {{ __typename {REFUSED}
  ... on CustomerProfile {{ id }} }} }}"""
COMPLAIN = f"""mutation ($input: RecordComplaintInput!) {{ recordComplaint(input: $input) {{ __typename {REFUSED}
  ... on CustomerComplaint {{ id }} }} }}"""
RESOLVE = f"""mutation ($input: ResolveComplaintInput!) {{ resolveComplaint(input: $input) {{ __typename {REFUSED}
  ... on CustomerComplaint {{ resolution }} }} }}"""
TAG = f"mutation ($input: CustomerTagInput!) {{ tagCustomer(input: $input) {{ __typename {REFUSED} }} }}"
REMARK = f"mutation ($input: RemarkOnCustomerInput!) {{ remarkOnCustomer(input: $input) {{ __typename {REFUSED} }} }}"
MESSAGE = f"""mutation ($input: RecordMessageInput!) {{ recordMessage(input: $input) {{ __typename {REFUSED}
  ... on RecordedMessage {{ id purpose }} ... on MessageCapReached {{ cap days nextAt }} }} }}"""
CONSENT = "mutation ($input: SetMessageConsentInput!) { setMessageConsent(input: $input) { accepts } }"
RULES = f"""mutation ($input: SetTrustRulesInput!) {{ setTrustRules(input: $input) {{ __typename {REFUSED}
  ... on TrustRules {{ version silentDays rungs {{ tier anyOf {{ evidence atLeast withinDays }} messages }} }}
  ... on TrustRulesChanged {{ version }} }} }}"""
BY_TIER = """query ($tier: TrustTier!, $tag: String) { customersByTier(tier: $tier, tag: $tag, first: 50) {
  nodes { id displayName tier since tags } } }"""
COUNTS = "{ trustTiers { tier customers countedAt } }"


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
def do(ask):
    """`await do(question, {...})`: what the one root field answers a merchandiser."""

    async def do(question, variables=None, **who):
        return (await ask(question, variables or {}, **({"by": new_id(), "roles": [Role.MERCHANDISER]} | who))).data

    return do


async def test_a_customer_is_led_from_stranger_to_acquainted_and_cared_for(given, do):
    somebody = await given.shopper("陈晚")
    id = encode("account", somebody)
    customer = {"customerId": id}

    stranger = await do(CUSTOMER, {"id": id})
    assert (stranger["tier"], stranger["nextTier"], stranger["nextAction"]) == ("STRANGER", "KNOWS", "GREET")
    assert stranger["goals"][0]["words"] == "90 天内再有 1 次评论、点赞、预约直播、领券、签到或对话（轮）"
    assert stranger["pace"] == {"mayMessage": True, "cap": 1, "capDays": 7, "left": 1, "hasOptedOut": False}

    contact = {**customer, "kind": "CHAT", "reference": "wecom-1", "rounds": 3}
    for _ in range(2):
        assert (await do(CONTACT, {"input": contact}))["__typename"] == "CustomerProfile"
    await given.reviewed()
    await do(TAG, {"input": {**customer, "tag": "宝妈"}})
    await do(REMARK, {"input": {**customer, "text": "爱喝茶", "idempotencyKey": "remark-0001"}})
    complaint = (await do(COMPLAIN, {"input": {**customer, "words": "漏发", "reference": "t-1"}}))["id"]
    resolved = await do(RESOLVE, {"input": {"complaintId": complaint, "words": "已补发"}})

    assert resolved == {"__typename": "CustomerComplaint", "resolution": "已补发"}
    found = await do(CUSTOMER, {"id": id}, accept_language="en")
    assert found == {
        "id": id,
        "displayName": "陈晚",
        "tier": "ACQUAINTED",
        "nextTier": "APPROVES",
        "nextAction": "LISTEN",
        "ruleVersion": 0,
        "reasons": [{"evidence": ["CHAT"], "amount": 3, "atMost": None}],
        "goals": [
            {
                "evidence": ["REVIEW", "RECOMMENDATION", "SHARE", "REFERRAL"],
                "missing": 1,
                "withinDays": 365,
                "words": "1 more within 365 days: good reviews, recommendations, shares that brought somebody or "
                "orders that came of a share",
            }
        ],
        "tags": [{"tag": "宝妈"}],
        "pace": {"mayMessage": True, "cap": 3, "capDays": 7, "left": 3, "hasOptedOut": False},
        "history": {"nodes": [{"fromTier": "STRANGER", "toTier": "ACQUAINTED", "ruleVersion": 0}]},
        "remarks": {"nodes": [{"text": "爱喝茶"}]},
        "complaints": {"nodes": [{"id": complaint, "words": "漏发", "resolution": "已补发"}]},
    }


async def test_messages_stop_at_the_cap_and_at_the_word_of_the_shopper(given, do, ask):
    somebody = await given.shopper()
    message = {"customerId": encode("account", somebody), "purpose": "MARKETING"}

    first = await do(MESSAGE, {"input": {**message, "key": "campaign-1"}})
    again = await do(MESSAGE, {"input": {**message, "key": "campaign-1"}})
    second = await do(MESSAGE, {"input": {**message, "key": "campaign-2"}})
    assert first == again
    assert (second["code"], second["message"]) == ("MESSAGE_CAP_REACHED", "已达触达上限：7 天内最多 1 条")

    assert await do(CONSENT, {"input": {"accepts": False}}, by=somebody, roles=[]) == {"accepts": False}
    assert (await ask("{ myMessageConsent { accepts } }", {}, by=somebody)).data == {"accepts": False}
    third = await do(MESSAGE, {"input": {**message, "key": "campaign-3"}})
    order = await do(MESSAGE, {"input": {**message, "purpose": "ORDER", "key": "order-0001"}})
    assert (third["code"], order["__typename"]) == ("MESSAGES_OPTED_OUT", "RecordedMessage")
    assert await do(CONSENT, {"input": {"accepts": True}}, by=somebody, roles=[]) == {"accepts": True}


async def test_rules_are_set_over_the_version_that_was_read(given, do):
    terms = replace(DEFAULT.terms, silent_days=30)

    made = await do(RULES, {"input": asked_of(terms)})
    same = await do(RULES, {"input": asked_of(terms)})
    late = await do(RULES, {"input": asked_of(replace(terms, silent_days=60))})

    assert (made["version"], made["silentDays"], same) == (1, 30, made)
    assert made["rungs"][2]["anyOf"] == [{"evidence": ["CHAT"], "atLeast": 3, "withinDays": 180}]
    assert (late["code"], late["version"]) == ("TRUST_RULES_CHANGED", 1)


async def test_a_page_of_a_tier_costs_a_known_number_of_statements(api, given, do):
    people = await given.shoppers(12)
    for each in people:
        await given.evidence(each, EvidenceKind.LIKE)
    await given.reviewed()
    await do(TAG, {"input": {"customerId": encode("account", people[0]), "tag": "老客"}})

    with count_statements(api.market.db) as sent:
        page = await do(BY_TIER, {"tier": "KNOWS"})

    assert [node["id"] for node in page["nodes"]] == [encode("account", each) for each in sorted(people)]
    assert len(sent) == 4, sent
    tagged = await do(BY_TIER, {"tier": "KNOWS", "tag": "老客"})
    assert [node["tags"] for node in tagged["nodes"]] == [["老客"]]
    assert await do(COUNTS) == []
    await given.tiers_counted()
    counted = [(each["tier"], each["customers"], each["countedAt"]) for each in await do(COUNTS)]
    assert counted[:2] == [("STRANGER", 0, given.now.isoformat()), ("KNOWS", 12, given.now.isoformat())]
    assert len(counted) == 6


async def test_finance_may_count_people_and_not_read_about_them(given, ask):
    id = encode("account", await given.shopper())
    finance = {"by": new_id(), "roles": [Role.FINANCE]}

    assert (await ask(CUSTOMER, {"id": id}, **finance)).codes == ["FORBIDDEN"]
    assert (await ask(COUNTS, {}, **finance)).data == []
