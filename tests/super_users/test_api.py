"""Super users over HTTP: a merchandiser sets the rules and asks, a super user answers, staff see who they are."""

from datetime import timedelta

import pytest

from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.ids import encode
from domain.super_users import actions
from tests.api.conftest import api, app, ask, post
from tests.given import Given
from tests.statements import count_statements

__all__ = ["api", "app", "ask", "post"]

REFUSED = "... on UserError { code message }"
POLL = "id title opensAt closesAt myChoice options { id votes product { id } }"
RULES = "version valueMinor orders referred boughtWithinDays areMembers"
SET = f"mutation ($input: SuperUserRulesInput!) {{ setSuperUserRules(input: $input) {{ {RULES} }} }}"
CREATE = f"""mutation ($input: CreateProductPollInput!) {{ createProductPoll(input: $input) {{ {REFUSED}
  ... on ProductPoll {{ {POLL} }} }} }}"""
VOTE = f"""mutation ($input: VoteInPollInput!) {{ voteInPoll(input: $input) {{ {REFUSED}
  ... on ProductPoll {{ {POLL} }} }} }}"""
CLOSE = "mutation ($id: ID!) { closeProductPoll(id: $id) { ... on ProductPoll { closesAt } } }"
POLLS = f"{{ amISuperUser productPolls {{ nodes {{ {POLL} }} }} }}"
SEEN = f"""query ($id: ID!) {{ superUserRules {{ {RULES} }} superUsers {{ nodes {{ accountId displayName since rulesVersion }} }}
  superUserMoves(accountId: $id) {{ hasBecome valueMinor orders referred lastDay }}
  coreFans {{ count missing milestones {{ size reachedAt }} }} allProductPolls {{ nodes {{ id }} }} }}"""


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


async def test_from_the_rules_to_a_vote(ask, given, db):
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}
    [fan] = await given.fans(1)
    rules = {"valueMinor": 10_000, "orders": 2, "boughtWithinDays": 90}
    answer = await ask(SET, {"input": rules}, **staff)
    assert answer.data == {"version": 1, **rules, "referred": 0, "areMembers": False}
    await actions.derive(db, now=given.now)

    product_ids = [encode("product", (await given.product()).id) for _ in range(2)]
    window = {"opensAt": given.now.isoformat(), "closesAt": (given.now + timedelta(hours=1)).isoformat()}
    wish = {"title": "选一款", "productIds": product_ids, "idempotencyKey": "poll-key-1", **window}
    poll = (await ask(CREATE, {"input": wish}, **staff)).data
    vote = {"input": {"pollId": poll["id"], "optionId": poll["options"][1]["id"]}}
    voted = (await ask(VOTE, vote, by=fan)).data
    refused = (await ask(VOTE, vote, by=await given.shopper())).data

    assert (voted["myChoice"], [each["votes"] for each in voted["options"]]) == (poll["options"][1]["id"], [0, 1])
    assert [each["product"]["id"] for each in voted["options"]] == product_ids
    assert (refused["code"], refused["message"]) == ("SUPER_USERS_ONLY", "该投票仅限超级用户参与")
    with count_statements(db) as statements:
        mine = await ask(POLLS, by=fan)
    assert mine.json["data"]["amISuperUser"] is True
    assert [each["myChoice"] for each in mine.json["data"]["productPolls"]["nodes"]] == [poll["options"][1]["id"]]
    assert len(statements) <= 6

    seen = (await ask(SEEN, {"id": encode("account", fan)}, **staff)).json["data"]
    assert [each["accountId"] for each in seen["superUsers"]["nodes"]] == [encode("account", fan)]
    assert [(each["hasBecome"], each["valueMinor"], each["orders"]) for each in seen["superUserMoves"]] == [
        (True, 10_000, 2)
    ]
    assert (seen["coreFans"]["count"], seen["coreFans"]["missing"]) == (1, 149)
    assert [each["id"] for each in seen["allProductPolls"]["nodes"]] == [poll["id"]]
    await ask(CLOSE, {"id": poll["id"]}, **staff)
    assert (await ask(VOTE, vote, by=fan)).data["code"] == "POLL_NOT_OPEN"
