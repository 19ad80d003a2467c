"""The ledger of money: it balances, and says of every payment, refund, order and supplier what their own tables say."""

from domain.audit.after_sales import DIVIDED, GIVEN_BACK_STATES
from domain.audit.checks import Balance, Check
from domain.ledger.rules import Account, EntryKind

ENTRIES_BALANCE = Check(
    "entries balance and are whole",
    "凭证借贷平衡",
    looks_at="""
        SELECT (SELECT count(*) FROM ledger_entries) AS "entries", (SELECT count(*) FROM ledger_postings) AS "postings"
    """,
    differing="""
        WITH part AS (
            SELECT entry_id, sum(postings) AS postings, max(abs(off)) AS off
            FROM (
                SELECT entry_id, currency, count(*) AS postings, sum(amount_minor) AS off
                FROM ledger_postings GROUP BY 1, 2
            ) AS of_currency
            GROUP BY entry_id
        )
        SELECT 'entry' AS kind, coalesce(entry.id, part.entry_id) AS id,
               CASE WHEN entry.id IS NULL THEN 'an entry for its postings'
                    ELSE format('%s postings, debit = credit', entry.postings) END AS expected,
               format('%s postings, off by %s fen', coalesce(part.postings, 0), coalesce(part.off, 0)) AS found
        FROM ledger_entries AS entry FULL JOIN part ON part.entry_id = entry.id
        WHERE entry.postings IS DISTINCT FROM part.postings OR part.off <> 0
    """,
)

SIDES = Check(
    "accounts stand on their side",
    "科目余额方向正确",
    looks_at="""
        SELECT count(*) AS "balances" FROM (SELECT FROM ledger_postings GROUP BY account, subject, currency) AS part
    """,
    # not the gateways': one that keeps its fee of what is given back can be owed something for a while
    differing="""
        SELECT trim(account || ' ' || subject) AS kind, CAST(NULL AS uuid) AS id, 'nothing, or a credit' AS expected,
               format('%s fen %s', sum(amount_minor), currency) AS found
        FROM ledger_postings WHERE account = ANY(CAST(:owed AS text[]))
        GROUP BY account, subject, currency
        HAVING sum(amount_minor) > 0
    """,
    parameters={"owed": [Account.RECEIPTS, Account.PREPAID, Account.REFUNDS, Account.MEMBERSHIPS]},
)

# What the gateways did, and what they have been asked to do: each once, with its amount, for its payable.
PAYMENTS_POSTED = Check(
    "payments and refunds stand in the ledger",
    "收款与退款均已入账",
    looks_at="""
        SELECT (SELECT count(*) FROM payments WHERE captured_at IS NOT NULL) AS "captured payments",
               (SELECT count(*) FROM refunds) AS "refunds"
    """,
    differing="""
        WITH due AS (
            SELECT 'payment' AS what, 'captured' AS kind, id AS cause_id, payable_id AS about_id, gateway AS subject,
                   currency, amount_minor
            FROM payments WHERE captured_at IS NOT NULL
            UNION ALL
            SELECT 'refund', CASE WHEN cause_id IS NULL THEN 'not_kept' ELSE 'refund_agreed' END, refund.id, payable_id,
                   '', refund.currency, -refund.amount_minor
            FROM refunds AS refund JOIN payments AS payment ON payment.id = payment_id
            UNION ALL
            SELECT 'refund', 'refunded', refund.id, payable_id, gateway, refund.currency, -refund.amount_minor
            FROM refunds AS refund JOIN payments AS payment ON payment.id = payment_id WHERE refund.state = 'refunded'
        ),
        posted AS (
            SELECT kind, cause_id, about_id, subject, currency, sum(amount_minor) AS amount_minor
            FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.entry_id = entry.id
            WHERE account = CASE WHEN kind IN ('captured', 'refunded') THEN 'gateway' ELSE 'refunds' END
              AND kind IN ('captured', 'refunded', 'not_kept', 'refund_agreed')
            GROUP BY 1, 2, 3, 4, 5
        )
        SELECT coalesce(what, CASE posted.kind WHEN 'captured' THEN 'payment' ELSE 'refund' END) AS kind,
               coalesce(due.cause_id, posted.cause_id) AS id,
               CASE WHEN due.kind IS NULL THEN 'no entry'
                    ELSE format('%s: %s fen %s %s for %s', due.kind, due.amount_minor, due.currency, due.subject,
                                due.about_id) END AS expected,
               CASE WHEN posted.kind IS NULL THEN 'no entry'
                    ELSE format('%s: %s fen %s %s for %s', posted.kind, posted.amount_minor, posted.currency,
                                posted.subject, posted.about_id) END AS found
        FROM due FULL JOIN posted ON posted.kind = due.kind AND posted.cause_id = due.cause_id
        WHERE (due.amount_minor, due.subject, due.currency, due.about_id)
              IS DISTINCT FROM (posted.amount_minor, posted.subject, posted.currency, posted.about_id)
    """,
)

_POSTED = """
    WITH posted AS (
        SELECT about_id AS id, -coalesce(sum(amount_minor) FILTER (WHERE account = 'receipts'), 0) AS receipts,
               -coalesce(sum(amount_minor) FILTER (WHERE account = 'prepaid'), 0) AS prepaid,
               -coalesce(sum(amount_minor) FILTER (WHERE account = 'refunds'), 0) AS refunds,
               -coalesce(sum(amount_minor) FILTER (WHERE account IN ('sales', 'freight', 'returns')), 0) AS earned
        FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.id = posting.entry_id
        WHERE account IN ('receipts', 'prepaid', 'refunds', 'sales', 'freight', 'returns')
        GROUP BY about_id
    )
"""
# Of an order: what nobody has decided about, what is owed in goods, what is to go back, and what is earned. Prepaid it is
# until the shopper has the goods, or nothing is left of the order: from then on it is earned.
ORDERS_POSTED = Check(
    "orders' money stands in the ledger",
    "订单账 = 总账明细",
    looks_at="""
        SELECT count(*) AS "paid orders", coalesce(sum(total_minor - refunded_minor), 0) AS "¥"
        FROM orders WHERE paid_at IS NOT NULL
    """,
    given=_POSTED,
    differing="""
        , part AS (
            SELECT id, 0 AS receipts, CASE WHEN is_over THEN 0 ELSE kept END AS prepaid, 0 AS refunds,
                   CASE WHEN is_over THEN kept ELSE 0 END AS earned
            FROM (
                SELECT id, total_minor - refunded_minor AS kept, received_at IS NOT NULL OR state = 'refunded' AS is_over
                FROM orders WHERE paid_at IS NOT NULL
            ) AS paid
            UNION ALL
            SELECT payable_id, payment.amount_minor, 0, 0, 0
            FROM payments AS payment
            LEFT JOIN orders ON orders.id = payable_id AND paid_at IS NOT NULL AND paid_with = payment.id
            LEFT JOIN membership_purchases AS purchase
              ON purchase.id = payable_id AND purchase.state = 'paid' AND purchase.paid_with = payment.id
            WHERE payment.state = 'captured' AND orders.id IS NULL AND purchase.id IS NULL
            UNION ALL
            SELECT payable_id, 0, 0, refund.amount_minor, 0
            FROM refunds AS refund JOIN payments AS payment ON payment.id = payment_id WHERE refund.state = 'due'
        ),
        due AS (
            SELECT id, sum(receipts) AS receipts, sum(prepaid) AS prepaid, sum(refunds) AS refunds, sum(earned) AS earned
            FROM part GROUP BY id
        ),
        both_sides AS (
            SELECT coalesce(due.id, posted.id) AS id,
                   ARRAY[coalesce(due.receipts, 0), coalesce(due.prepaid, 0), coalesce(due.refunds, 0),
                         coalesce(due.earned, 0)] AS due,
                   ARRAY[coalesce(posted.receipts, 0), coalesce(posted.prepaid, 0), coalesce(posted.refunds, 0),
                         coalesce(posted.earned, 0)] AS posted
            FROM due FULL JOIN posted ON posted.id = due.id
        )
        SELECT 'order' AS kind, id,
               format('%s fen undecided, %s prepaid, %s to go back, %s earned', VARIADIC CAST(due AS text[])) AS expected,
               format('%s fen undecided, %s prepaid, %s to go back, %s earned', VARIADIC CAST(posted AS text[])) AS found
        FROM both_sides WHERE due <> posted
    """,
)

# What was given back came out of what was prepaid, and is missing in what was earned later; or it came after that, in one
# sum of goods and freight. Of fresh tables the planner knows too little: sums and full joins leave it no loop to choose.
EARNED_APART = Check(
    "sales, freight and returns stand apart",
    "销售、运费、退回分列",
    looks_at="""
        SELECT count(*) FILTER (WHERE received_at IS NOT NULL) AS "received orders",
               count(*) FILTER (WHERE received_at IS NULL AND state = 'refunded') AS "refunded before"
        FROM orders
    """,
    given=DIVIDED,
    differing="""
        , kept AS (
            SELECT id, true AS is_over, goods_minor - discount_minor AS sales, freight_minor AS freight, 0 AS returned
            FROM orders WHERE paid_at IS NOT NULL AND (received_at IS NOT NULL OR state = 'refunded')
            UNION ALL
            SELECT order_id, false, CASE account WHEN :prepaid THEN -goods_minor ELSE 0 END,
                   CASE account WHEN :prepaid THEN -freight_minor ELSE 0 END,
                   CASE account WHEN :returns THEN goods_minor + freight_minor ELSE 0 END
            FROM divided FULL JOIN (
                SELECT cause_id AS refund_id, account
                FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.entry_id = entry.id
                WHERE kind = :refund_agreed AND account IN (:prepaid, :returns)
            ) AS agreed USING (refund_id)
        ),
        due AS (
            SELECT id, ARRAY[sum(sales), sum(freight), sum(returned)] AS earned
            FROM kept GROUP BY id HAVING bool_or(is_over)
        ),
        posted AS (
            SELECT about_id AS id, ARRAY[coalesce(-sum(amount_minor) FILTER (WHERE account = :sales), 0),
                                         coalesce(-sum(amount_minor) FILTER (WHERE account = :freight), 0),
                                         coalesce(sum(amount_minor) FILTER (WHERE account = :returns), 0)] AS earned
            FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.id = posting.entry_id
            WHERE account IN (:sales, :freight, :returns)
            GROUP BY 1
        ),
        both_sides AS (
            SELECT coalesce(due.id, posted.id) AS id, coalesce(due.earned, CAST('{0,0,0}' AS numeric[])) AS due,
                   coalesce(posted.earned, CAST('{0,0,0}' AS numeric[])) AS posted
            FROM due FULL JOIN posted ON posted.id = due.id
        )
        SELECT 'order' AS kind, id,
               format('%s fen sales, %s freight, %s returns', VARIADIC CAST(due AS text[])) AS expected,
               format('%s fen sales, %s freight, %s returns', VARIADIC CAST(posted AS text[])) AS found
        FROM both_sides WHERE due <> posted
    """,
    parameters={
        **GIVEN_BACK_STATES,
        "refund_agreed": EntryKind.REFUND_AGREED,
        "prepaid": Account.PREPAID,
        "sales": Account.SALES,
        "freight": Account.FREIGHT,
        "returns": Account.RETURNS,
    },
)

PAID_IS_CAPTURED = Balance(
    "paid = captured - refunded in the ledger",
    "账内结存 = 收款 − 退款",
    subject="all orders",
    sums="""
        SELECT (SELECT coalesce(sum(amount_minor), 0) FROM payments WHERE captured_at IS NOT NULL)
               - (SELECT coalesce(sum(amount_minor), 0) FROM refunds WHERE state = 'refunded') AS expected,
               (SELECT coalesce(-sum(amount_minor), 0) FROM ledger_postings
                WHERE account IN ('receipts', 'prepaid', 'refunds', 'sales', 'freight', 'returns', 'memberships',
                                  'member_fees')) AS found
    """,
)

SUPPLIERS_OWED = Check(
    "suppliers are owed what they sent of each order",
    "逐单应付供应商 = 代发成本",
    looks_at="""
        SELECT count(DISTINCT supplier_id) AS "suppliers", count(*) AS "supplied lines" FROM order_lines
        WHERE supplier_id IS NOT NULL
    """,
    # what never left was restocked, too, and was never owed
    differing="""
        WITH sent AS (
            SELECT order_id AS id, CAST(supplier_id AS text) AS supplier,
                   sum(cost_minor * (shipped - restocked + unsent)) AS owed
            FROM order_lines WHERE supplier_id IS NOT NULL GROUP BY 1, 2
        ),
        posted AS (
            SELECT about_id AS id, subject AS supplier, -sum(amount_minor) FILTER (WHERE account = 'suppliers') AS owed,
                   sum(amount_minor) FILTER (WHERE account = 'supplied') AS cost
            FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.id = posting.entry_id
            WHERE account IN ('suppliers', 'supplied') AND kind IN (:supplied, :supply_returned)
            GROUP BY 1, 2
        )
        SELECT 'order' AS kind, id, format('supplier %s: %s fen', supplier, coalesce(sent.owed, 0)) AS expected,
               format('%s fen owed, %s fen spent', coalesce(posted.owed, 0), coalesce(posted.cost, 0)) AS found
        FROM sent FULL JOIN posted USING (id, supplier)
        WHERE coalesce(sent.owed, 0) <> coalesce(posted.owed, 0) OR coalesce(sent.owed, 0) <> coalesce(posted.cost, 0)
    """,
    parameters={"supplied": EntryKind.SUPPLIED, "supply_returned": EntryKind.SUPPLY_RETURNED},
)

CHECKPOINTS = Check(
    "checkpoints are the sums up to them",
    "结转 = 分录之和",
    looks_at="""
        SELECT count(DISTINCT position) AS "checkpoints", count(*) AS "balances" FROM ledger_checkpoints
    """,
    # each posting falls between two checkpoints; what fell before a checkpoint, summed up, is its balance
    differing="""
        WITH mark AS (
            SELECT position, row_number() OVER (ORDER BY position) AS number
            FROM (SELECT DISTINCT position FROM ledger_checkpoints) AS kept
        ),
        moved AS (
            SELECT account, subject, currency, width_bucket(posting.position - 1, marks.positions) + 1 AS number,
                   coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0) AS debit,
                   coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0) AS credit
            FROM ledger_postings AS posting
            CROSS JOIN (SELECT array_agg(position ORDER BY position) AS positions FROM mark) AS marks
            WHERE posting.position <= marks.positions[array_upper(marks.positions, 1)]
            GROUP BY 1, 2, 3, 4
        ),
        summed AS (
            SELECT mark.position, part.account, part.subject, part.currency,
                   sum(moved.debit) OVER so_far AS debit, sum(moved.credit) OVER so_far AS credit
            FROM (SELECT DISTINCT account, subject, currency FROM moved) AS part CROSS JOIN mark
            LEFT JOIN moved ON (moved.account, moved.subject, moved.currency, moved.number)
                             = (part.account, part.subject, part.currency, mark.number)
            WINDOW so_far AS (PARTITION BY part.account, part.subject, part.currency ORDER BY mark.number)
        )
        SELECT format('checkpoint %s, %s', position, trim(account || ' ' || subject)) AS kind, CAST(NULL AS uuid) AS id,
               format('%s debit, %s credit', coalesce(summed.debit, 0), coalesce(summed.credit, 0)) AS expected,
               CASE WHEN kept.made_at IS NULL THEN 'no balance'
                    ELSE format('%s debit, %s credit', debit_minor, credit_minor) END AS found
        FROM summed FULL JOIN ledger_checkpoints AS kept USING (position, account, subject, currency)
        WHERE coalesce(summed.debit, 0) <> coalesce(debit_minor, 0) OR coalesce(summed.credit, 0) <> coalesce(credit_minor, 0)
    """,
)

CHECKS = (
    ENTRIES_BALANCE, SIDES, PAYMENTS_POSTED, ORDERS_POSTED, EARNED_APART, PAID_IS_CAPTURED, SUPPLIERS_OWED, CHECKPOINTS,
)  # fmt: skip
