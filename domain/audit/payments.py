"""Money: what was captured is what was paid for, and what nobody kept goes back.

What nobody keeps goes back whole; what an after-sale gives back is a part of what the order keeps.
"""

from domain.audit.checks import Balance, Check, Note
from domain.memberships.paying import PAYABLE as OF_MEMBERSHIP
from domain.orders.actions import PAYABLE
from domain.orders.events import OrderPaidLate
from domain.payments.events import PaymentCaptured

_KINDS = {
    "payable": PAYABLE,
    "of_membership": OF_MEMBERSHIP,
    "captured": PaymentCaptured.kind,
    "paid_late": OrderPaidLate.kind,
}

# What has its money, orders and memberships; and captured money of which an event still waits to be heard: whoever owns the
# payable has not decided yet. A dead letter
# is not on its way to anybody, so its money is not in flight. The amount is the one the hearer will judge by.
_IN_FLIGHT = """
    WITH letter AS (
        SELECT DISTINCT ON (payment_id) CAST(payload ->> 'payment_id' AS uuid) AS payment_id,
               CAST(payload ->> 'amount_minor' AS bigint) AS amount_minor
        FROM outbox_events
        WHERE delivered_at IS NULL AND dead_at IS NULL AND kind IN (CAST(:captured AS text), CAST(:paid_late AS text))
        ORDER BY payment_id, position
    ),
    kept AS (
        SELECT CAST(:payable AS text) AS payable, id, paid_with, total_minor - refunded_minor AS amount_minor
        FROM orders WHERE paid_at IS NOT NULL
        UNION ALL
        SELECT CAST(:of_membership AS text), id, paid_with, price_minor - credit_minor - refunded_minor
        FROM membership_purchases WHERE state = 'paid'
    ),
    in_flight AS (
        SELECT payment.id, coalesce(letter.amount_minor, payment.amount_minor) AS amount_minor
        FROM letter
        JOIN payments AS payment ON payment.id = letter.payment_id AND payment.state = 'captured'
        LEFT JOIN kept ON kept.payable = payment.payable AND kept.id = payment.payable_id AND kept.paid_with = payment.id
        WHERE kept.id IS NULL
    )
"""

ORDERS_HAVE_MONEY = Check(
    "paid orders have their money",
    "已付订单都有收款",
    looks_at="""
        SELECT count(*) AS "paid orders", coalesce(sum(total_minor), 0) AS "¥" FROM orders WHERE paid_at IS NOT NULL
    """,
    # also of ended orders: money that came too late was captured, and once it was refused it goes back
    differing="""
        SELECT 'order' AS kind, orders.id,
               format('%s fen %s for it, %s', total_minor, orders.currency,
                      CASE late_outcome WHEN 'refunded' THEN 'refund_due or refunded' ELSE 'captured' END) AS expected,
               CASE WHEN payment.id IS NULL THEN 'no payment'
                    ELSE format('%s fen %s for %s, %s', amount_minor, payment.currency,
                                CASE payable_id WHEN orders.id THEN 'it' ELSE 'something else' END, payment.state)
                    END AS found
        FROM orders LEFT JOIN payments AS payment ON payment.id = orders.paid_with
        WHERE (orders.paid_with IS NOT NULL OR (orders.paid_at IS NOT NULL AND total_minor > 0))
          AND (payable = CAST(:payable AS text) AND payable_id = orders.id
               AND amount_minor = total_minor AND payment.currency = orders.currency
               AND CASE WHEN late_outcome = 'refunded' THEN payment.state IN ('refund_due', 'refunded')
                        ELSE payment.state = 'captured' END) IS NOT TRUE
    """,
    parameters=_KINDS,
)

MONEY_HAS_ORDERS = Check(
    "captured money has its paid order or membership",
    "收款都有已付订单或会员购买",
    looks_at="""
        SELECT count(*) AS "captured payments", coalesce(sum(amount_minor), 0) AS "¥"
        FROM payments WHERE state = 'captured'
    """,
    given=_IN_FLIGHT,
    differing="""
        SELECT 'payment' AS kind, payment.id, 'what is paid with it, or an event on its way' AS expected,
               CASE WHEN of_it.state IS NULL THEN format('neither: it is for some %s', payment.payable)
                    WHEN kept.id IS NOT NULL THEN format('%s paid with other money', of_it.what)
                    ELSE format('%s that is %s', of_it.what, of_it.state) END AS found
        FROM payments AS payment
        LEFT JOIN kept ON kept.payable = payment.payable AND kept.id = payable_id
        LEFT JOIN (
            SELECT CAST(:payable AS text) AS payable, id, 'an order' AS what, state FROM orders
            UNION ALL
            SELECT CAST(:of_membership AS text), id, 'a membership', state FROM membership_purchases
        ) AS of_it ON of_it.payable = payment.payable AND of_it.id = payable_id
        WHERE payment.state = 'captured'
          AND (kept.paid_with = payment.id) IS NOT TRUE
          AND NOT EXISTS (SELECT FROM in_flight WHERE in_flight.id = payment.id)
    """,
    parameters=_KINDS,
)

MONEY_ADDS_UP = Balance(
    "money kept = paid orders and memberships + in flight",
    "收款 − 退款 = 已付订单与会员购买 + 在途",
    subject="all payments",
    given=_IN_FLIGHT,
    sums="""
        SELECT (SELECT coalesce(sum(amount_minor), 0) FROM kept)
               + (SELECT coalesce(sum(amount_minor), 0) FROM in_flight) AS expected,
               (SELECT coalesce(sum(amount_minor - refund_asked_minor) FILTER (WHERE captured_at IS NOT NULL), 0)
                FROM payments) AS found
    """,
    parameters=_KINDS,
)

NOTICES = Check(
    "believed notices had their effect",
    "支付通知都已入账",
    looks_at='SELECT count(*) AS "notices" FROM payment_notices',
    # notices that were heard while a payment was given back whole or not at all do not say which refund they mean
    differing="""
        SELECT 'payment' AS kind, notice.payment_id AS id,
               CASE WHEN refund_id IS NULL THEN notice.kind ELSE format('refund %s of it refunded', refund_id) END AS expected,
               CASE WHEN payment.id IS NULL THEN 'no payment' WHEN refund_id IS NULL THEN payment.state
                    WHEN refund.id IS NULL THEN 'no refund'
                    WHEN refund.payment_id <> payment.id THEN format('another payment''s refund, %s', refund.state)
                    ELSE format('the refund is %s', refund.state) END AS found
        FROM payment_notices AS notice
        LEFT JOIN payments AS payment ON payment.id = notice.payment_id
        LEFT JOIN refunds AS refund ON refund.id = refund_id
        WHERE (CASE WHEN notice.kind = 'captured' THEN payment.captured_at IS NOT NULL AND refund_id IS NULL
                    WHEN refund_id IS NULL THEN payment.refunded_minor > 0
                    ELSE refund.payment_id = payment.id AND refund.state = 'refunded' END) IS NOT TRUE
    """,
)

IN_FLIGHT = Note(
    "captured money on its way to its order",
    "在途收款",
    given=_IN_FLIGHT,
    counts="""SELECT count(*) AS "payments", coalesce(sum(amount_minor), 0) AS "¥" FROM in_flight""",
    parameters=_KINDS,
)

REFUNDS_ADD_UP = Check(
    "refunds are of their payments",
    "退款与支付单相符",
    looks_at="""SELECT count(*) AS "refunds", coalesce(sum(amount_minor), 0) AS "¥" FROM refunds""",
    differing="""
        SELECT 'payment' AS kind, payment.id,
               format('%s fen asked, %s refunded, %s', coalesce(asked, 0), coalesce(done, 0),
                      CASE WHEN payment.state = 'refund_due' THEN 'not all of it yet'
                           WHEN payment.state = 'refunded' THEN 'all of it' ELSE 'any part' END) AS expected,
               format('%s fen asked, %s refunded of %s, %s', refund_asked_minor, refunded_minor, amount_minor,
                      payment.state) AS found
        FROM payments AS payment
        LEFT JOIN (
            SELECT payment_id, sum(amount_minor) AS asked, sum(amount_minor) FILTER (WHERE state = 'refunded') AS done
            FROM refunds GROUP BY payment_id
        ) AS refund ON refund.payment_id = payment.id
        WHERE (refund_asked_minor, refunded_minor) <> (coalesce(asked, 0), coalesce(done, 0))
           OR (payment.state = 'refund_due' AND refunded_minor = amount_minor)
           OR (payment.state = 'refunded' AND refunded_minor <> amount_minor)
    """,
)

REFUNDS_DUE = Note(
    "refunds that the gateway has not made yet",
    "待退款",
    counts="""SELECT count(*) AS "refunds", coalesce(sum(amount_minor), 0) AS "¥" FROM refunds WHERE state = 'due'""",
)

CHECKS = (ORDERS_HAVE_MONEY, MONEY_HAS_ORDERS, MONEY_ADDS_UP, NOTICES, REFUNDS_ADD_UP, IN_FLIGHT, REFUNDS_DUE)
