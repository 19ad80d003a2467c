"""Money that is stuck: counted for an alarm, often and cheaply, out of partial indexes that hold only what is open."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from domain.foundation.database import Database
from domain.orders.events import OrderPaidLate
from domain.payments.events import PaymentCaptured

PATIENCE = timedelta(minutes=10)
"""How long what goes by itself may take: a gateway's bad minute and every retry after it are no news."""
HANDED_OVER_BY = (PaymentCaptured.kind, OrderPaidLate.kind)
"""The events that hand captured money to whoever keeps it or sends it back."""

# Money is unmatched as long as its event is unheard: asked this way round, a million matched payments cost nothing. That no
# event is lost is the outbox's promise; `nightmarket audit` proves it payment by payment.
_STUCK = text("""
    WITH of_expired AS (
        SELECT count(*) AS seats, min(ended_at) AS since
        FROM group_buy_seats JOIN group_buys ON group_buys.id = group_id
        WHERE refund_at IS NOT NULL AND ended_at <= :before
    ),
    unheard AS (
        SELECT payload FROM outbox_events WHERE delivered_at IS NULL AND dead_at IS NULL AND kind = ANY(:handed_over_by)
        UNION ALL
        SELECT payload FROM outbox_events WHERE dead_at IS NOT NULL AND kind = ANY(:handed_over_by)
    )
    SELECT
        (SELECT count(*) FROM refunds WHERE state = 'due') AS refunds_due,
        (SELECT count(*) FROM refunds WHERE state = 'due' AND asked_at <= :before) AS refunds_overdue,
        (SELECT count(DISTINCT payment.id)
         FROM unheard JOIN payments AS payment ON payment.id = CAST(unheard.payload ->> 'payment_id' AS uuid)
         WHERE payment.state = 'captured' AND payment.captured_at <= :before
           AND NOT EXISTS (SELECT FROM orders
                           WHERE orders.id = payment.payable_id AND orders.paid_with = payment.id
                             AND orders.paid_at IS NOT NULL)
           AND NOT EXISTS (SELECT FROM membership_purchases AS purchase
                           WHERE purchase.id = payment.payable_id AND purchase.paid_with = payment.id
                             AND purchase.state = 'paid')) AS receipts_unmatched,
        (SELECT count(*) FROM gateway_bill_differences WHERE settled_at IS NULL) AS bill_differences_open,
        (SELECT count(*) FROM after_sales WHERE due_at <= :before) AS after_sales_overdue,
        (SELECT seats FROM of_expired) AS group_refunds_overdue,
        (SELECT coalesce(CAST(extract(epoch FROM CAST(:now AS timestamptz) - since) AS bigint), 0) FROM of_expired)
            AS group_refunds_oldest_seconds
""")


@dataclass(frozen=True, slots=True)
class Stuck:
    """How much is open; all but `refunds_due` and, until somebody has looked, `bill_differences_open` should be 0."""

    refunds_due: int
    refunds_overdue: int
    receipts_unmatched: int
    bill_differences_open: int
    after_sales_overdue: int
    group_refunds_overdue: int
    group_refunds_oldest_seconds: int


async def count(db: Database, *, now: datetime) -> Stuck:
    """What is stuck now, in one statement."""
    row = await db.one(_STUCK, {"now": now, "before": now - PATIENCE, "handed_over_by": list(HANDED_OVER_BY)})
    assert row is not None
    return Stuck(**row._mapping)
