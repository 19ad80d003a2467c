"""Cards that renew themselves: every charge has its money and its term, once, by a contract, for no more than was signed."""

from domain.audit.checks import Check, Note
from domain.memberships.events import MembershipBegan, MembershipEnded, MembershipExtended
from domain.payments.events import PaymentCaptured

# What was paid may still be on its way to its card, and from there to its charge.
_NEWS = {"news": [PaymentCaptured.kind, MembershipBegan.kind, MembershipExtended.kind, MembershipEnded.kind]}

PAID = Check(
    "automatic charges are paid exactly where their purchase is, with their own payment",
    "自动续费扣款对应购买与支付",
    looks_at="""
        SELECT count(*) AS "charges", count(*) FILTER (WHERE state = 'paid') AS "paid",
               coalesce(sum(amount_minor) FILTER (WHERE state = 'paid'), 0) AS "fen" FROM renewal_charges
    """,
    differing="""
        SELECT 'membership' AS kind, charge.membership_id AS id,
               CASE WHEN charge.state = 'paid' THEN format('term %s paid with its payment', charge.term)
                    ELSE format('term %s not paid: the charge is %s', charge.term, charge.state) END AS expected,
               format('purchase %s, payment %s', coalesce(purchase.state, 'missing'), coalesce(payment.state, 'missing')) AS found
        FROM renewal_charges AS charge JOIN renewal_contracts AS contract ON contract.id = contract_id
        LEFT JOIN membership_purchases AS purchase
          ON purchase.id = charge.purchase_id AND purchase.cause = 'renewal' AND purchase.account_id = contract.account_id
        LEFT JOIN payments AS payment
          ON payment.id = charge.payment_id AND payment.payable = 'membership' AND payment.payable_id = charge.purchase_id
        WHERE NOT EXISTS (SELECT FROM outbox_events AS event
                          WHERE event.aggregate_id IN (charge.purchase_id, contract.account_id)
                            AND delivered_at IS NULL AND dead_at IS NULL AND event.kind = ANY(CAST(:news AS text[])))
          AND ((charge.state = 'paid') <> coalesce(purchase.state = 'paid' AND purchase.paid_with = payment.id, false)
               OR (charge.purchase_id IS NOT NULL AND (purchase.id IS NULL OR payment.id IS NULL)))
    """,
    parameters=_NEWS,
)

ONCE = Check(
    "a term is charged once",
    "每期自动续费只扣一次",
    looks_at="""
        SELECT count(*) AS "renewal purchases", count(paid_with) AS "paid" FROM membership_purchases WHERE cause = 'renewal'
    """,
    differing="""
        SELECT 'membershippurchase' AS kind, purchase.id, 'the purchase of one charge, or one that took no money' AS expected,
               format('%s, of no charge', purchase.state) AS found
        FROM membership_purchases AS purchase
        WHERE cause = 'renewal' AND state = 'paid'
          AND NOT EXISTS (SELECT FROM renewal_charges WHERE purchase_id = purchase.id)
    """,
)

AGREED = Check(
    "nothing is charged beyond a contract's price, its plan, or its end",
    "自动续费不超签约金额，解约后不再扣款",
    looks_at="""
        SELECT count(*) AS "contracts", count(*) FILTER (WHERE state = 'ended') AS "ended" FROM renewal_contracts
    """,
    differing="""
        SELECT 'membership' AS kind, membership_id AS id,
               format('at most %s fen for plan %s, asked for from %s to %s', contract.price_minor, contract.plan_id,
                      contract.signed_at, coalesce(CAST(contract.ended_at AS text), 'now')) AS expected,
               format('%s fen for plan %s, asked for at %s', greatest(amount_minor, purchase.price_minor), card.plan_id,
                      charge.asked_at) AS found
        FROM renewal_charges AS charge JOIN renewal_contracts AS contract ON contract.id = contract_id
        JOIN memberships AS card ON card.id = membership_id
        LEFT JOIN membership_purchases AS purchase ON purchase.id = purchase_id
        WHERE amount_minor > contract.price_minor OR purchase.price_minor > amount_minor
           OR card.plan_id <> contract.plan_id OR card.account_id <> contract.account_id
           OR purchase.plan_id <> contract.plan_id
           OR charge.asked_at > contract.ended_at OR (charge.asked_at IS NOT NULL AND contract.signed_at IS NULL)
           OR charge.asked_at < charge.told_at + interval '5 days'
    """,
)

WAITING = Note(
    "automatic renewals under way",
    "进行中的自动续费",
    counts="""
        SELECT (SELECT count(*) FROM renewal_charges WHERE state = 'open') AS "charges",
               (SELECT count(*) FROM renewal_contracts WHERE state = 'ended' AND look_at IS NOT NULL) AS "ends to be told"
    """,
)

CHECKS = (PAID, ONCE, AGREED, WAITING)
