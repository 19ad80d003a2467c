"""Bills, refunds that do not move and payments, as those who answer for the money see them."""

from datetime import timedelta

import pytest

from api import schema
from api.context import Context
from api.services import Services
from domain.accounts.rules import Principal, Role
from domain.foundation import ids
from domain.foundation.ids import new_id
from domain.foundation.pages import cursor
from domain.foundation.runtime import Market
from domain.payments import bills
from domain.payments.gateways import hang_up
from tests.given.stripe import NOBODY
from tests.payments.a_day import ADay
from tests.statements import count_statements

SCHEMA = schema.build()
BILLS = """
    query($after: String, $first: Int = 20) {
        gatewayBills(gateway: STRIPE, first: $first, after: $after) {
            nodes {
                day payments captured { amount } refunds refunded { amount } fees { amount } differenceCount
                differences {
                    id kind subject subjectId ours { minor } theirs { minor } settledAt settledBy { name } words
                }
            }
            pageInfo { hasNextPage endCursor }
        }
    }
"""
SETTLE = """
    mutation($input: SettleBillDifferenceInput!) {
        settleBillDifference(input: $input) {
            __typename ... on BillDifference { words settledBy { id name } } ... on UserError { code }
        }
    }
"""
REFUND = "id state attempts error reason amount { minor } payment { id gateway amount { minor } }"
OVERDUE = f"query($than: Int = 30) {{ overdueRefunds(olderThanMinutes: $than) {{ nodes {{ {REFUND} }} }} }}"
RETRY = f"""
    mutation($input: RetryRefundInput!) {{
        retryRefund(input: $input) {{ __typename ... on RefundDetail {{ {REFUND} }} ... on UserError {{ code }} }}
    }}
"""
PAYMENTS = """
    query($state: PaymentState, $gateway: PaymentGateway, $after: String) {
        payments(state: $state, gateway: $gateway, first: 2, after: $after) {
            nodes { id state } pageInfo { hasNextPage endCursor }
        }
    }
"""


@pytest.fixture
async def market(market, stripe):
    """A market that takes money through Stripe."""
    yield Market(stripe.settings(market.settings, public_url=NOBODY), market.db, market.gate)
    await hang_up()


@pytest.fixture
async def day(given, stripe, stripe_gateway):
    """A day at noon, with Stripe's clock at the same moment."""
    day = ADay(given, stripe, stripe_gateway)
    await day.at(day.noon)
    return day


@pytest.fixture
async def accountant(given):
    return await given.shopper("会计")


@pytest.fixture
def ask(market, given, accountant):
    """Run an operation as finance; gives back the only root field's answer, or the codes of its errors."""

    async def ask(document, *, by=accountant, role=Role.FINANCE, errors=False, **variables):
        principal = Principal(by, frozenset({Role.SHOPPER, role}))
        context = Context(market, Services.of(market), given.now, principal, "en")
        result = await SCHEMA.execute(document, variables, context)
        if errors:
            return [getattr(error.original_error, "code", error.message) for error in result.errors]
        assert result.errors is None, result.errors
        [answer] = result.data.values()
        return answer

    return ask


async def test_a_compared_bill_is_shown_with_what_differs(day, ask):
    await day.paid()
    lost = await day.paid_there(await day.asked())
    ours = await day.told(await day.asked())
    await bills.compare(day.given.db, day.gateway, day.day, now=day.morning_after)

    page = await ask(BILLS)

    [bill] = page["nodes"]
    of_bill = {name: value for name, value in bill.items() if name != "differences"}
    assert of_bill == {
        "day": day.day.isoformat(),
        "payments": 2,
        "captured": {"amount": "39.80"},
        "refunds": 0,
        "refunded": {"amount": "0.00"},
        "fees": {"amount": "1.36"},
        "differenceCount": 2,
    }
    booked, missing = bill["differences"]
    assert (booked["kind"], booked["subjectId"]) == ("NOT_IN_BOOKS", ids.encode("payment", lost.id))
    assert (booked["settledBy"], booked["words"]) == (None, "asked about and booked")
    assert booked["settledAt"] is not None
    assert (missing["kind"], missing["subject"]) == ("NOT_IN_BILL", "PAYMENT")
    assert (missing["subjectId"], missing["theirs"]) == (ids.encode("payment", ours.id), None)
    assert (missing["ours"], missing["settledAt"]) == ({"minor": 1990}, None)


async def test_bills_come_page_by_page_each_with_two_statements(day, ask):
    for more in range(3):
        await bills.compare(day.given.db, day.gateway, day.day - timedelta(days=more), now=day.morning_after)

    with count_statements(day.given.db) as sent:
        first = await ask(BILLS, first=2)
    rest = await ask(BILLS, first=2, after=first["pageInfo"]["endCursor"])

    days = [bill["day"] for page in (first, rest) for bill in page["nodes"]]
    assert days == [(day.day - timedelta(days=more)).isoformat() for more in range(3)]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert len(sent) == 2
    assert await ask(BILLS, after="nonsense", errors=True) == ["BAD_USER_INPUT"]
    assert (await ask(BILLS, after=cursor("0", str(new_id()))))["nodes"] == []


async def test_a_difference_is_settled_with_words(day, ask, accountant):
    await day.told(await day.asked())
    await bills.compare(day.given.db, day.gateway, day.day, now=day.morning_after)
    [bill] = (await ask(BILLS))["nodes"]
    wish = {"differenceId": bill["differences"][0]["id"], "words": "次日账单已列"}

    settled = await ask(SETTLE, input=wish)
    again = await ask(SETTLE, input=wish | {"words": "other"})
    unknown = await ask(SETTLE, input=wish | {"differenceId": ids.encode("billdifference", new_id())})

    assert settled == again
    assert settled["words"] == "次日账单已列"
    assert settled["settledBy"] == {"id": ids.encode("account", accountant), "name": "会计"}
    assert unknown["code"] == "NOT_FOUND"
    assert await ask(SETTLE, input=wish | {"words": ""}, errors=True) == ["BAD_USER_INPUT"]


async def test_a_refund_that_does_not_move_is_on_the_list_and_is_tried_again(day, ask):
    payment = await day.paid()
    refund = await day.to_go_back(payment)
    soon = await ask(OVERDUE)
    day.given.now += timedelta(minutes=31)

    [overdue] = (await ask(OVERDUE))["nodes"]
    done = await ask(RETRY, input={"refundId": overdue["id"]})
    again = await ask(RETRY, input={"refundId": overdue["id"]})

    assert soon["nodes"] == []
    assert (overdue["id"], overdue["state"]) == (ids.encode("refund", refund.id), "DUE")
    assert (overdue["attempts"], overdue["payment"]["id"]) == (0, ids.encode("payment", payment.id))
    assert (done["state"], done["attempts"], done["error"]) == ("REFUNDED", 1, None)
    assert again == done
    assert (await ask(OVERDUE, than=0))["nodes"] == []


async def test_a_refund_of_nobody_and_minutes_out_of_range_are_refused(ask):
    unknown = await ask(RETRY, input={"refundId": ids.encode("refund", new_id())})

    assert unknown["code"] == "NOT_FOUND"
    assert await ask(OVERDUE, than=-1, errors=True) == ["BAD_USER_INPUT"]
    assert await ask(OVERDUE, than=44641, errors=True) == ["BAD_USER_INPUT"]


async def test_a_refund_of_a_gateway_that_is_switched_off_waits(day, ask, market):
    refund = await day.to_go_back(await day.paid())
    market.settings.stripe_secret_key = type(market.settings.stripe_secret_key)("")

    refused = await ask(RETRY, input={"refundId": ids.encode("refund", refund.id)})

    assert refused["code"] == "PAYMENTS_SWITCHED_OFF"
    assert (await day.refund_again(refund.id)).attempts == 0


async def test_payments_are_listed_newest_first_by_state_and_gateway(day, ask):
    pending = [await day.asked() for _ in range(3)]
    captured = await day.paid()

    first = await ask(PAYMENTS, state="PENDING")
    rest = await ask(PAYMENTS, state="PENDING", after=first["pageInfo"]["endCursor"])

    shown = [payment["id"] for page in (first, rest) for payment in page["nodes"]]
    assert shown == [ids.encode("payment", payment.id) for payment in reversed(pending)]
    assert [payment["id"] for payment in (await ask(PAYMENTS, state="CAPTURED", gateway="STRIPE"))["nodes"]] == [
        ids.encode("payment", captured.id)
    ]
    assert (await ask(PAYMENTS, gateway="WECHAT"))["nodes"] == []


@pytest.mark.parametrize("document", [BILLS, OVERDUE, PAYMENTS])
async def test_only_finance_may_look(ask, document):
    assert await ask(document, role=Role.MERCHANDISER, errors=True) == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("document", "wish"),
    [
        (SETTLE, {"differenceId": ids.encode("billdifference", new_id()), "words": "x"}),
        (RETRY, {"refundId": ids.encode("refund", new_id())}),
    ],
)
async def test_only_finance_may_act(ask, document, wish):
    assert await ask(document, input=wish, role=Role.MERCHANDISER, errors=True) == ["FORBIDDEN"]
