"""What finance reads in the ledger, and that nobody else does."""

import pytest

from domain.accounts.rules import Role
from domain.foundation.ids import encode, new_id
from domain.ledger.rules import Account

TRIAL_BALANCE = """{ trialBalance {
  isBalanced debit { minor } credit { minor }
  balances { account subject debit { minor } credit { minor } balance { amount currency } }
} }"""
STATEMENT = """query Statement($account: LedgerAccount!, $subject: String! = "", $first: Int! = 10, $after: String) {
  accountStatement(account: $account, subject: $subject, startsAt: "2026-11-11T00:00:00+08:00",
                   endsAt: "2026-11-12T00:00:00+08:00", first: $first, after: $after) {
    opening { minor } debit { minor } credit { minor } closing { minor }
    nodes { kind orderId occurredAt amount { minor } balance { minor } }
    pageInfo { hasNextPage endCursor }
  }
}"""
ORDER = """query Order($id: ID!) { orderLedger(orderId: $id) {
  id kind occurredAt recordedAt postings { account subject amount { amount } }
} }"""

PAYOUT = """mutation Payout($input: RecordPayoutInput!) { recordPayout(input: $input) {
  ... on LedgerEntry { kind occurredAt postings { account subject amount { amount } } }
  ... on MoreThanAtGateway { code amount { minor } kept { minor } }
} }"""


def payout(minor, key="payout-1"):
    return {
        "input": {
            "gateway": "WECHAT",
            "amountMinor": minor,
            "reference": "B20261111",
            "occurredAt": "2026-11-11T10:00:00+08:00",
            "idempotencyKey": key,
        }
    }


@pytest.fixture
def finance(ask, somebody):
    """Ask as somebody of finance."""

    async def asked(query, variables=None):
        return await ask(query, variables, by=somebody, roles=[Role.FINANCE])

    return asked


async def test_the_trial_balance(given, finance):
    await given.posted(given.movement(1990, debit=Account.GATEWAY, debit_subject="wechat", credit=Account.RECEIPTS))

    found = (await finance(TRIAL_BALANCE)).data

    assert found == {
        "isBalanced": True,
        "debit": {"minor": 1990},
        "credit": {"minor": 1990},
        "balances": [
            {
                "account": "GATEWAY",
                "subject": "wechat",
                "debit": {"minor": 1990},
                "credit": {"minor": 0},
                "balance": {"amount": "19.90", "currency": "CNY"},
            },
            {
                "account": "RECEIPTS",
                "subject": "",
                "debit": {"minor": 0},
                "credit": {"minor": 1990},
                "balance": {"amount": "-19.90", "currency": "CNY"},
            },
        ],
    }


async def test_a_statement_page_by_page(given, finance):
    order_id = new_id()
    await given.posted(given.movement(100), given.movement(50, about_id=order_id))

    first = (await finance(STATEMENT, {"account": "PREPAID", "first": 1})).data
    cursor = first["pageInfo"]["endCursor"]
    second = (await finance(STATEMENT, {"account": "PREPAID", "first": 1, "after": cursor})).data

    assert [page["closing"]["minor"] for page in (first, second)] == [-150, -150]
    assert (first["opening"], first["debit"], first["credit"]) == ({"minor": 0}, {"minor": 0}, {"minor": 150})
    assert first["nodes"] == [
        {
            "kind": "ORDER_PAID",
            "orderId": None,
            "occurredAt": "2026-11-11T04:00:00+00:00",
            "amount": {"minor": -100},
            "balance": {"minor": -100},
        }
    ]
    assert [(node["orderId"], node["balance"]["minor"]) for node in second["nodes"]] == [
        (encode("order", order_id), -150)
    ]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second)] == [True, False]


async def test_a_divided_account_needs_its_subject(db, finance):
    answer = await finance(STATEMENT, {"account": "GATEWAY"})

    assert answer.codes == ["BAD_USER_INPUT"]
    assert "which gateway" in answer.json["errors"][0]["message"]


async def test_where_an_orders_money_went(given, finance):
    order = await given.order(await given.stocked_sku(1))
    await given.money_for(order)
    await given.hear_payments()

    found = (await finance(ORDER, {"id": encode("order", order.id)})).data

    assert [entry["kind"] for entry in found] == ["CAPTURED", "ORDER_PAID"]
    assert [(posting["account"], posting["amount"]["amount"]) for posting in found[1]["postings"]] == [
        ("RECEIPTS", "19.90"),
        ("PREPAID", "-19.90"),
    ]
    assert (await finance(ORDER, {"id": encode("order", new_id())})).data == []


@pytest.mark.parametrize(
    ("query", "variables"),
    [(TRIAL_BALANCE, {}), (STATEMENT, {"account": "PREPAID"}), (ORDER, {"id": encode("order", new_id())})],
)
async def test_nobody_else_may_read_it(ask, somebody, query, variables):
    answers = [
        await ask(query, variables),
        await ask(query, variables, by=somebody),
        await ask(query, variables, by=somebody, roles=[Role.MERCHANDISER]),
    ]

    assert [answer.codes for answer in answers] == [["UNAUTHENTICATED"], ["FORBIDDEN"], ["FORBIDDEN"]]


async def test_a_payout_is_written_down_and_shown(given, finance):
    await given.posted(given.movement(1990, debit=Account.GATEWAY, debit_subject="wechat", credit=Account.RECEIPTS))

    entry = (await finance(PAYOUT, payout(1500))).data
    refused = (await finance(PAYOUT, payout(1500, key="payout-2"))).data

    assert [(posting["account"], posting["subject"], posting["amount"]["amount"]) for posting in entry["postings"]] == [
        ("BANK", "", "15.00"),
        ("GATEWAY", "wechat", "-15.00"),
    ]
    assert (entry["kind"], entry["occurredAt"]) == ("PAID_OUT", "2026-11-11T02:00:00+00:00")
    assert (refused["code"], refused["amount"]["minor"], refused["kept"]["minor"]) == (
        "MORE_THAN_AT_GATEWAY",
        1500,
        490,
    )


async def test_nobody_else_writes_payouts_down(ask, somebody):
    answers = [
        await ask(PAYOUT, payout(1)),
        await ask(PAYOUT, payout(1), by=somebody),
        await ask(PAYOUT, payout(1), by=somebody, roles=[Role.MERCHANDISER]),
    ]

    assert [answer.codes for answer in answers] == [["UNAUTHENTICATED"], ["FORBIDDEN"], ["FORBIDDEN"]]
