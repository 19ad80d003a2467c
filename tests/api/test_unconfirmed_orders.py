"""An order that its promotion has not confirmed, as shoppers and staff meet it at the doors of the API."""

import pytest

from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.ids import encode
from domain.orders.rules import Fulfilment

SHIP = "mutation($input: ShipOrderInput!) { shipOrder(input: $input) { __typename ...Refused } }"
HAND_OVER = "mutation($input: HandOverPickupInput!) { handOverPickup(input: $input) { __typename ...Refused } }"
REQUEST = "mutation($input: RequestAfterSaleInput!) { requestAfterSale(input: $input) { __typename ...Refused } }"
REFUND = "mutation($input: RefundOrderInput!) { refundOrder(input: $input) { __typename ...Refused } }"
QUOTE = """query($orderId: ID!) {
    afterSaleQuote(orderId: $orderId, kind: REFUND, reason: NOT_WANTED) { __typename ...Refused } }"""
REFUSED = " fragment Refused on UserError { code ... on OrderNotConfirmed { orderId message } }"
TO_SEND = """query($confirmed: Boolean) {
    staffOrders(filter: { states: [PAID], isConfirmed: $confirmed }) { nodes { id isConfirmed } } }"""


@pytest.fixture
def given(given):
    given.now = clock.now()
    return given


@pytest.fixture
def tried(given, ask):
    """`await tried(order)`: what every door says to its shopper and to staff."""

    async def tried(order, number):
        staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}
        shopper = {"by": order.shopper_id}
        about = {"orderId": encode("order", order.id)}
        parcel = {"carrier": "SF", "trackingNumber": f"SF123456789012{number}"}
        wish = {"kind": "REFUND", "reason": "NOT_WANTED"}
        sending = (HAND_OVER, {"code": order.pickup_code}) if order.fulfilment is Fulfilment.PICKUP else (SHIP, parcel)

        async def say(document, more, who):
            key = {"idempotencyKey": f"unconfirmed-{number}"}
            return (await ask(document + REFUSED, {"input": about | more | key}, **who)).data

        return [
            (await ask(QUOTE + REFUSED, about, **shopper)).data,
            await say(REQUEST, wish, shopper),
            await say(*sending, staff),
        ]

    return tried


@pytest.mark.parametrize("fulfilment", Fulfilment)
async def test_every_door_says_so_until_it_is_confirmed(given, tried, fulfilment):
    order = await given.bought(fulfilment=fulfilment, is_confirmed=False)

    before = await tried(order, 1)
    await given.confirm(order)
    after = await tried(order, 2)

    assert {said["__typename"] for said in before} == {"OrderNotConfirmed"}
    assert {(said["code"], said["orderId"]) for said in before} == {("ORDER_NOT_CONFIRMED", encode("order", order.id))}
    assert "拼团" in before[0]["message"]
    sent = "Order" if fulfilment is Fulfilment.PICKUP else "Shipment"
    assert [said["__typename"] for said in after] == ["AfterSaleQuote", "AfterSale", sent]


async def test_staff_see_which_to_send_and_may_give_the_others_back(given, ask):
    waits, stands = await given.bought(is_confirmed=False), await given.bought()
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER, Role.FINANCE]}

    def found(confirmed):
        return ask(TO_SEND, {"confirmed": confirmed}, **staff)

    shown = [(await found(confirmed)).data["nodes"] for confirmed in (True, False)]
    wish = {"orderId": encode("order", waits.id), "words": "缺货", "idempotencyKey": "refund-0001"}
    refunded = (await ask(REFUND + REFUSED, {"input": wish}, **staff)).data

    assert shown == [
        [{"id": encode("order", stands.id), "isConfirmed": True}],
        [{"id": encode("order", waits.id), "isConfirmed": False}],
    ]
    assert refunded == {"__typename": "AfterSale"}
