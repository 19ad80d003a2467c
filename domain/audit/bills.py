"""The gateways' bills: their fees stand in the ledger, and none of their differences is lost."""

from domain.audit.checks import Check, Note
from domain.ledger.rules import Account, EntryKind

BILLS_POSTED = Check(
    "bills have their fees in the ledger and all their differences",
    "对账单手续费已入账、差异齐全",
    looks_at="""
        SELECT count(*) AS "bills", coalesce(sum(fees_minor), 0) AS "¥" FROM gateway_bills
    """,
    differing="""
        WITH posted AS (
            SELECT cause_id AS id, subject AS gateway, -sum(amount_minor) AS fees
            FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.entry_id = entry.id
            WHERE kind = :fees AND account = :money GROUP BY 1, 2
        ),
        kept AS (SELECT bill_id AS id, count(*) AS differences FROM gateway_bill_differences GROUP BY 1),
        both_sides AS (
            SELECT coalesce(bill.id, posted.id) AS id,
                   format('%s fen of %s, %s differences', bill.fees_minor,
                          CASE WHEN bill.fees_minor <> 0 THEN bill.gateway END, bill.differences) AS expected,
                   format('%s fen of %s, %s differences', coalesce(posted.fees, 0), posted.gateway,
                          coalesce(kept.differences, 0)) AS found
            FROM gateway_bills AS bill
            LEFT JOIN kept USING (id)
            FULL JOIN posted ON posted.id = bill.id
        )
        SELECT 'gatewaybill' AS kind, id, expected, found FROM both_sides WHERE expected <> found
    """,
    parameters={"fees": EntryKind.GATEWAY_FEES, "money": Account.GATEWAY},
)

DIFFERENCES = Note(
    "differences with gateways' bills that nobody has settled",
    "未处理的对账差异",
    counts="""SELECT count(*) AS "differences" FROM gateway_bill_differences WHERE settled_at IS NULL""",
)

CHECKS = (BILLS_POSTED, DIFFERENCES)
