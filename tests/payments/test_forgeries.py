"""A thousand false notices at the door of a real API: nothing changes, and nobody is asked anything."""

from collections import Counter

from sqlalchemy import text

from domain.orders import actions as orders
from domain.payments import actions
from domain.payments.gateways import gateway_of
from tests.audit import assert_clean
from tests.payments.door import asked_payment, given, market, until

__all__ = ["given", "market"]

FORGED = ("unsigned", "signature", "another_key", "serial", "certificate", "signature_type", "stale", "early", "changed",
          "sealed", "long")  # fmt: skip
MALFORMED = ("garbled",)
UNTRUE = ("amount", "currency", "merchant", "app", "order", "state", "refund")
TABLES = (
    "payments",
    "refunds",
    "payment_notices",
    "ledger_entries",
    "ledger_postings",
    "orders",
    "order_lines",
    "outbox_events",
)


async def books(given):
    """Rows and checksum of every table that money may change."""
    seen = {}
    for table in TABLES:
        rows = await given.db.rows(
            text(f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t")
        )
        seen[table] = tuple(rows[0])
    return seen


async def three_orders(given, market, wechat):
    """Payments pending, captured, and come too late and given back; their numbers at WeChat."""
    sku_id = await given.stocked_sku(1)
    late_order = await given.order(sku_id)
    late = await asked_payment(given, market, late_order)
    wish = {"shopper_id": late_order.shopper_id, "idempotency_key": "cancel-1", "now": given.now}
    await orders.cancel(given.db, order_id=late_order.id, **wish)
    captured = await asked_payment(given, market, await given.order(sku_id))
    pending = await asked_payment(given, market)
    for asked in (captured, late):
        await wechat.pay(asked)
    await until(given.payment_states, {"pending": 1, "captured": 2})
    await given.hear_payments()
    await actions.refund_due(given.db, gateway_of(market.settings), now=given.now)
    await until(given.payment_states, {"pending": 1, "captured": 1, "refunded": 1})
    return [asked.payment.id.hex for asked in (pending, captured, late)]


async def test_a_thousand_false_notices_change_nothing_and_ask_nobody(given, market, wechat):
    pending, captured, refunded = await three_orders(given, market, wechat)
    before, asked_before = await books(given), await wechat.requests()

    answers: dict[str, Counter[int]] = {}
    for kind in (*FORGED, *MALFORMED, *UNTRUE):
        counts = [await wechat.forge(kind, number, count=16) for number in (pending, captured, refunded)]
        answers[kind] = sum(counts, Counter())
    # of an unpaid one a first transaction is the truth; of a paid one another can only be false
    answers["transaction"] = await wechat.forge("transaction", captured, 24) + await wechat.forge(
        "transaction", refunded, 24
    )
    answers["replay"] = await wechat.forge("replay", captured, 30) + await wechat.forge("replay", refunded, 30)

    assert sum(answers.values(), Counter()).total() == 1020
    assert await books(given) == before
    assert await wechat.requests() == asked_before
    for kind in FORGED:
        assert answers[kind] == {401: 48}, kind
    for kind in MALFORMED:
        assert answers[kind] == {400: 48}, kind
    assert answers["replay"] == {204: 60}
    for kind in (*UNTRUE, "transaction"):
        assert answers[kind] == {409: 48}, kind
    await assert_clean(market, in_flight=True)


async def test_a_captured_notice_brought_again_byte_by_byte_counts_once(given, market, wechat):
    asked = await asked_payment(given, market)
    await wechat.pay(asked, behaviour="twice")
    await until(given.payment_states, {"captured": 1})
    before = await books(given)

    answered = await wechat.forge("replay", asked.payment.id.hex, count=20)

    assert answered == {204: 20}
    assert await books(given) == before
