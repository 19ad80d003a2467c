"""What whoever leads a group reads of it, and what they never do."""

from unittest.mock import ANY

import pytest

from domain.foundation import clock
from domain.foundation.ids import encode
from tests.statements import count_statements

MY_GROUPS = """
    query ($first: Int!, $after: String, $state: GroupBuyState) {
        myGroupBuys(first: $first, after: $after, state: $state) {
            nodes {
                groupBuy { id state seatsLeft expiresAt serverTime }
                unpaid
                members { number name state quantity heldAt paidAt }
            }
            pageInfo { hasNextPage endCursor }
        }
        myGroupBuyFigures { open filled expired membersPaid membersUnpaid }
    }
"""
HAND_OVER = """
    query ($first: Int!, $after: String) {
        ordersToHandOver(first: $first, after: $after) {
            nodes { orderNumber state fulfilment groupBuyId seat member lines { title quantity } }
            pageInfo { hasNextPage endCursor }
        }
    }
"""


@pytest.fixture
def given(given):
    given.now = clock.now()
    return given


async def test_a_leader_reads_who_is_in_and_who_has_paid(ask, given):
    leader_id, member_id = await given.shopper("林小满"), await given.shopper("王大山")
    opened = await given.opened(await given.campaign(seats=3), leader_id)
    await given.pay_seat(opened.seat)
    await given.joined(opened.group, member_id)

    answer = await ask(MY_GROUPS, {"first": 5}, by=leader_id)

    (found,) = answer.json["data"]["myGroupBuys"]["nodes"]
    assert found["groupBuy"].pop("serverTime") >= given.now.isoformat()[:19]
    assert found["groupBuy"] == {
        "id": encode("groupbuy", opened.group.id),
        "state": "OPEN",
        "seatsLeft": 1,
        "expiresAt": opened.group.expires_at.isoformat(),
    }
    assert found["unpaid"] == 1
    assert [(m["number"], m["name"], m["state"], m["quantity"]) for m in found["members"]] == [
        (1, "林小满", "PAID", 1), (2, "王大山", "HELD", 1)
    ]  # fmt: skip
    assert [m["paidAt"] is not None for m in found["members"]] == [True, False]
    assert answer.json["data"]["myGroupBuyFigures"] == {
        "open": 1, "filled": 0, "expired": 0, "membersPaid": 1, "membersUnpaid": 1
    }  # fmt: skip


async def test_groups_come_page_by_page_and_by_state(ask, given):
    campaign, leader_id = await given.campaign(per_shopper=9), await given.shopper()
    ids = [encode("groupbuy", (await given.opened(campaign, leader_id)).group.id) for _ in range(3)]

    async def page(**variables):
        found = (await ask(MY_GROUPS, {"first": 2, **variables}, by=leader_id)).json["data"]["myGroupBuys"]
        return [node["groupBuy"]["id"] for node in found["nodes"]], found["pageInfo"]

    newest, info = await page()
    assert (newest, info["hasNextPage"]) == ([ids[2], ids[1]], True)
    assert await page(after=info["endCursor"]) == ([ids[0]], {"hasNextPage": False, "endCursor": ANY})
    assert (await page(state="FILLED"))[0] == []


async def test_what_is_to_be_handed_over_says_who_gets_what_and_not_where_they_live(ask, given):
    campaign = await given.campaign(seats=2)
    leader_id, member_id = await given.shopper("林小满"), await given.shopper("王大山")
    opened = await given.opened(campaign, leader_id)
    joined = await given.joined(opened.group, member_id)
    for seat in (opened.seat, joined.seat):
        await given.pay_seat(seat)

    answer = await ask(HAND_OVER, {"first": 5}, by=leader_id)

    orders = [await given.order_again(seat.order_id) for seat in (opened.seat, joined.seat)]
    assert answer.json["data"]["ordersToHandOver"]["nodes"] == [
        {
            "orderNumber": order.number,
            "state": "PAID",
            "fulfilment": None,
            "groupBuyId": encode("groupbuy", opened.group.id),
            "seat": number,
            "member": name,
            "lines": [{"title": campaign.items[0].title, "quantity": 1}],
        }
        for number, (order, name) in enumerate(zip(orders, ("林小满", "王大山"), strict=True), 1)
    ]


async def test_a_member_reads_nothing_of_the_groups_they_only_sit_in(ask, given):
    member_id = await given.shopper()
    group = await given.group(members=1, paid=1, seats=2)
    await given.pay_seat((await given.joined(group, member_id)).seat)

    for query, field in ((MY_GROUPS, "myGroupBuys"), (HAND_OVER, "ordersToHandOver")):
        answer = await ask(query, {"first": 5}, by=member_id)
        assert answer.json["data"][field]["nodes"] == []


async def test_a_guest_is_told_to_sign_in(ask, given):
    answer = await ask(HAND_OVER, {"first": 5})

    assert [error["extensions"]["code"] for error in answer.json["errors"]] == ["UNAUTHENTICATED"]


async def test_twenty_groups_cost_as_many_statements_as_one(ask, given, api):
    campaign, leader_id = await given.campaign(per_shopper=99), await given.shopper()
    sent = []
    for count in (1, 5):
        for _ in range(count):
            await given.pay_seat((await given.opened(campaign, leader_id)).seat)
        with count_statements(api.market.db) as statements:
            await ask(MY_GROUPS, {"first": 20}, by=leader_id)
        sent.append(len(statements))

    assert sent == [3, 3]
