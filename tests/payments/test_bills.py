"""A gateway's bill of a day, compared with our books: what differs is found, what was lost is booked, fees are posted."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from domain.foundation import clock
from domain.foundation.clock import shop_day, shop_midnight
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.foundation.runtime import Market
from domain.ledger.rules import Account
from domain.ledger.tables import entries, postings
from domain.orders import actions as orders
from domain.payments import actions, bill_queries, bill_store, bills, store
from domain.payments.bill_store import REPAIRED
from domain.payments.gateways import hang_up
from domain.payments.rules import BillKind, BillRow, GatewayFailed, PaymentState, RefundState
from domain.payments.stripe import StripeGateway
from domain.payments.tables import bill_differences
from domain.payments.tables import bills as bills_table
from domain.trail.tables import deeds
from tests.audit import assert_clean
from tests.given.stripe import NOBODY
from tests.given.wechat import running_wechat_pay
from tests.payments.a_day import ADay, unknown_here
from tests.workers.conftest import send_nothing
from workers.bills import compare_bills
from workers.context import WorkerContext

FEE_MINOR = 68
"""What Stripe keeps of 19.90."""
WECHAT_FEE_MINOR = 12
"""And WeChat Pay."""


@pytest.fixture
async def day(given, stripe, stripe_gateway):
    """A day at noon, with Stripe's clock at the same moment."""
    day = ADay(given, stripe, stripe_gateway)
    await day.at(day.noon)
    return day


@pytest.fixture
async def nowhere():
    """A Stripe that nobody reaches."""
    nowhere = StripeGateway("http://127.0.0.1:9", "sk_test", "whsec", "http://127.0.0.1:9/")
    yield nowhere
    await nowhere.hang_up()


async def compare(day):
    return await bills.compare(day.given.db, day.gateway, day.day, now=day.morning_after)


async def differences_of(day, bill):
    return (await bill_queries.differences_by_bill_ids(day.given.db, [bill.id]))[bill.id]


async def balances(day):
    rows = await day.given.db.rows(
        select(postings.c.account, postings.c.subject, func.sum(postings.c.amount_minor)).group_by(
            postings.c.account, postings.c.subject
        )
    )
    return {(account, subject): int(minor) for account, subject, minor in rows}


async def test_a_day_on_which_all_agrees(day, market):
    first = await day.paid()
    await day.paid()
    await day.given_back(first)

    bill = await compare(day)

    assert (bill.gateway, bill.day, bill.differences) == ("stripe", day.day, 0)
    assert (bill.payments, bill.captured_minor, bill.refunds, bill.refunded_minor) == (2, 3980, 1, 1990)
    assert bill.fees_minor == 2 * FEE_MINOR
    found = await balances(day)
    assert found[Account.FEES, ""] == 2 * FEE_MINOR
    assert found[Account.GATEWAY, "stripe"] == 1990 - 2 * FEE_MINOR
    await assert_clean(market, in_flight=True)


async def test_300_payments_and_what_differs_among_them(day, market):
    paid = await day.many_paid(280)
    for payment in paid[:20]:
        await day.given_back(payment)
    # payments: lost, unknown here, unknown there, of other amounts
    lost = [await day.paid_there(await day.asked()) for _ in range(3)]
    for _ in range(2):
        stranger = unknown_here(paid[0])
        await day.gateway.prepare(stranger, None)
        await day.paid_there(stranger)
    for _ in range(2):
        await day.told(await day.asked())
    for _ in range(2):
        await day.told(await day.paid_there(await day.asked(there_minor=2000)))
    contradicted = await day.paid_there(await day.asked(there_minor=2000))
    # refunds the same, and one that Stripe has not finished though we think so
    lost_back = [await day.to_go_back(payment) for payment in paid[20:22]]
    for refund in lost_back:
        await day.given_back_there(refund)
    await day.given_back_there(replace(await day.to_go_back(paid[22]), id=new_id()))
    await day.told_given_back(await day.to_go_back(paid[23]))
    other = await day.to_go_back(paid[24])
    await day.given_back_there(replace(other, amount=Money(1980)))
    await day.told_given_back(other)
    await day.stripe.tell("behaviour", refunds="stuck")
    stuck = await day.to_go_back(paid[25])
    await day.given_back_there(stuck)
    await day.told_given_back(stuck)

    bill = await compare(day)

    found = await differences_of(day, bill)
    assert Counter((one.subject, one.kind, one.words == REPAIRED, one.settled_at is not None) for one in found) == {
        ("payment", "not_in_books", True, True): 3,
        ("payment", "not_in_books", False, False): 2,
        ("payment", "not_in_bill", False, False): 2,
        ("payment", "amount", False, False): 3,
        ("refund", "not_in_books", True, True): 2,
        ("refund", "not_in_books", False, False): 1,
        ("refund", "not_in_bill", False, False): 1,
        ("refund", "amount", False, False): 1,
        ("refund", "state", False, False): 1,
    }
    assert bill.differences == len(found) == 16
    assert [(await day.payment_again(payment)).state for payment in lost] == [PaymentState.CAPTURED] * 3
    assert [(await day.refund_again(refund.id)).state for refund in lost_back] == [RefundState.REFUNDED] * 2
    assert (await day.payment_again(contradicted)).state is PaymentState.PENDING
    assert bill.payments == 280 + 3 + 2 + 2 + 1
    assert (await balances(day))[Account.FEES, ""] == bill.fees_minor == 288 * FEE_MINOR
    await assert_clean(market, in_flight=True)


async def test_comparing_twice_changes_nothing(day, nowhere):
    await day.paid()
    await day.paid_there(await day.asked())
    first = await compare(day)
    before = await _everything(day), await balances(day)

    again = await compare(day)
    unasked = await bills.compare(day.given.db, nowhere, day.day, now=day.morning_after)

    assert first == again == unasked
    assert (await _everything(day), await balances(day)) == before


async def _everything(day):
    tables = (bills_table, bill_differences, entries, postings)
    return [await day.given.db.value(select(func.count()).select_from(table)) for table in tables]


async def test_a_bill_that_is_not_to_be_had_leaves_nothing(day, nowhere):
    with pytest.raises(GatewayFailed):
        await bills.compare(day.given.db, nowhere, day.day, now=day.morning_after)

    assert await _everything(day) == [0, 0, 0, 0]


async def test_a_day_begins_at_midnight_in_shanghai(day):
    begins, ends = shop_midnight(day.day), shop_midnight(day.day + timedelta(days=1))
    for moment in (begins - timedelta(seconds=1), begins, ends - timedelta(seconds=1), ends):
        await day.at(moment)
        await day.paid()

    bill = await compare(day)

    assert (bill.payments, bill.differences) == (2, 0)


async def test_money_booked_before_midnight_and_told_after_it_differs_on_neither_day(day):
    begins = shop_midnight(day.day)
    await day.at(begins - timedelta(seconds=1))
    payment = await day.paid_there(await day.asked())
    await day.at(begins + timedelta(seconds=1))
    await day.told(payment)

    this_day = await compare(day)
    day.day -= timedelta(days=1)
    day_before = await compare(day)

    assert (this_day.payments, this_day.differences) == (0, 0)
    assert (day_before.payments, day_before.differences) == (1, 0)


async def test_missed_days_are_compared_oldest_first_and_once(day):
    for more in range(3):
        await day.at(day.noon + timedelta(days=more))
        await day.paid()
    two_days_later = day.noon + timedelta(days=2)

    before_ten = await bills.compare_due(day.given.db, day.gateway, now=day.morning_after - timedelta(seconds=1))
    at_ten = await bills.compare_due(day.given.db, day.gateway, now=day.morning_after)
    later = await bills.compare_due(day.given.db, day.gateway, now=two_days_later)
    again = await bills.compare_due(day.given.db, day.gateway, now=two_days_later)

    assert (before_ten, at_ten, later, again) == (0, 1, 1, 0)
    page = await bill_queries.bills_page(day.given.db, gateway="stripe", first=10, after=None)
    assert [bill.day for bill in page.rows] == [day.day + timedelta(days=1), day.day]


async def test_the_timetable_compares_what_every_gateway_has_published(day, market):
    await day.at(clock.now() - timedelta(days=2))
    await day.paid()
    market = Market(day.stripe.settings(market.settings, public_url=NOBODY), market.db, market.gate)

    await compare_bills(WorkerContext(market, send_nothing))
    await compare_bills(WorkerContext(market, send_nothing))

    page = await bill_queries.bills_page(day.given.db, gateway=None, first=10, after=None)
    days = {shop_day(day.given.now): 1}
    assert {bill.day: bill.payments for bill in page.rows if bill.payments} == days
    await hang_up()


async def test_wechat_pays_bill_is_compared_in_the_same_way(given, tmp_path):
    given.now = clock.now()
    async with running_wechat_pay(tmp_path / "keys.json") as wechat:
        gateway = wechat.gateway()
        first, second = [await _paid_by_wechat(given, gateway, wechat) for _ in range(2)]
        await actions.reconcile_pending(given.db, gateway, now=given.now + store.FIRST_LOOK)
        lost = await _paid_by_wechat(given, gateway, wechat)
        async with given.db.transaction() as tx:
            await store.mark_refund_due(tx, first.id, reason="test", now=given.now)
        await actions.refund_due(given.db, gateway, now=given.now)
        await asyncio.sleep(0.5)  # WeChat takes its time
        await actions.refund_due(given.db, gateway, now=given.now + timedelta(minutes=1))

        bill = await bills.compare(given.db, gateway, shop_day(given.now), now=given.now)
        await gateway.hang_up()

    found = (await bill_queries.differences_by_bill_ids(given.db, [bill.id]))[bill.id]
    assert (bill.payments, bill.refunds, bill.captured_minor, bill.refunded_minor) == (3, 1, 5970, 1990)
    assert [(one.kind, one.subject_id, one.words) for one in found] == [("not_in_books", lost.id, REPAIRED)]
    assert [(await given.payment_again(one.id)).state.value for one in (first, second, lost)] == [
        "refunded",
        "captured",
        "captured",
    ]
    assert bill.fees_minor == 2 * WECHAT_FEE_MINOR  # of three, and one came back


async def _paid_by_wechat(given, gateway, wechat):
    order = await given.order(await given.stocked_sku(1))
    wish = {"order_id": order.id, "shopper_id": order.shopper_id, "idempotency_key": "payment-1", "now": given.now}
    asked = await orders.pay(given.db, gateway, **wish)
    assert await wechat.pay(asked, behaviour="never") == 200
    return asked.payment


async def test_a_gateway_that_nobody_used_has_no_days(day):
    assert await bills.compare_due(day.given.db, day.gateway, now=day.morning_after) == 0


async def test_fees_that_come_back_are_posted_the_other_way_round(day):
    rows = [BillRow(BillKind.REFUND, new_id(), "re_1", 1990, -12, day.noon, "SUCCESS")]

    async with day.given.db.transaction() as tx:
        kept = await bill_store.keep(tx, gateway="wechat", day=day.day, rows=rows, differences=[], now=day.noon)

    assert kept
    assert await balances(day) == {(Account.FEES, ""): -12, (Account.GATEWAY, "wechat"): 12}


async def test_a_day_without_fees_posts_none(day):
    bill = await compare(day)

    assert (bill.payments, bill.fees_minor) == (0, 0)
    assert await balances(day) == {}


@pytest.fixture
async def difference(day):
    """A payment that stands in our books only."""
    await day.told(await day.asked())
    [difference] = await differences_of(day, await compare(day))
    return difference


async def test_a_difference_is_settled_once_with_words_and_a_note(day, difference, somebody):
    settled = await bills.settle_difference(
        day.given.db, difference_id=difference.id, words=" 银行已补记 ", by=somebody, now=day.morning_after
    )
    again = await bills.settle_difference(
        day.given.db, difference_id=difference.id, words="other", by=new_id(), now=day.morning_after
    )

    assert (settled.words, settled.settled_by, settled.settled_at) == ("银行已补记", somebody, day.morning_after)
    assert again == settled
    [deed] = await day.given.db.rows(select(deeds.c.by, deeds.c.deed, deeds.c.subject_id))
    assert tuple(deed) == (somebody, "settle_bill_difference", difference.id)


async def test_nothing_is_settled_without_words_or_without_a_difference(day, difference, somebody):
    with pytest.raises(BadInput):
        await bills.settle_difference(
            day.given.db, difference_id=difference.id, words=" ", by=somebody, now=day.morning_after
        )
    with pytest.raises(NotFound):
        await bills.settle_difference(
            day.given.db, difference_id=new_id(), words="x", by=somebody, now=day.morning_after
        )

    assert await day.given.db.value(select(func.count()).select_from(deeds)) == 0


async def test_a_due_refund_is_tried_now_when_somebody_says_so(day, nowhere, somebody):
    refund = await day.to_go_back(await day.paid())

    failed = await bills.retry_refund(day.given.db, nowhere, refund_id=refund.id, by=somebody, now=day.noon)
    done = await bills.retry_refund(day.given.db, day.gateway, refund_id=refund.id, by=somebody, now=day.noon)
    again = await bills.retry_refund(day.given.db, nowhere, refund_id=refund.id, by=somebody, now=day.noon)

    assert (failed.state, failed.attempts) == (RefundState.DUE, 1)
    assert "Network error" in failed.error
    assert (done.state, done.attempts, done.error) == (RefundState.REFUNDED, 2, None)
    assert again == done
    assert await day.given.db.column(select(deeds.c.deed)) == ["retry_refund", "retry_refund"]
