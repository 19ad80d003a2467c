"""orders and money."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

TRIGGERS = (
    """
CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS
$$
DECLARE culprit uuid;
BEGIN
  SELECT part.entry_id INTO culprit
  FROM (
    SELECT entry_id, sum(amount_minor) AS off, count(*) AS postings, max(number) AS last, min(recorded_at) AS earliest,
           max(recorded_at) AS latest, min(position) AS first
    FROM added GROUP BY entry_id, currency
  ) AS part JOIN ledger_entries AS entry ON entry.id = part.entry_id
  GROUP BY part.entry_id, entry.postings, entry.recorded_at
  -- the last: before a checkpoint nothing is missing any more
  HAVING bool_or(off <> 0) OR sum(part.postings) <> entry.postings OR max(last) <> entry.postings
      OR min(earliest) <> entry.recorded_at OR max(latest) <> entry.recorded_at
      OR min(first) <= (SELECT max(position) FROM ledger_checkpoints)
  LIMIT 1;
  IF culprit IS NOT NULL THEN
    RAISE EXCEPTION 'ledger entry % is not whole, does not balance or comes too late', culprit USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER ledger_postings_balance AFTER INSERT ON ledger_postings REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced()
""",
    """
CREATE FUNCTION refuse_incomplete() RETURNS trigger LANGUAGE plpgsql AS
$$
DECLARE culprit uuid;
BEGIN
  SELECT entry.id INTO culprit FROM written AS entry
  WHERE NOT EXISTS (SELECT FROM ledger_postings AS posting WHERE posting.entry_id = entry.id AND posting.number = 1)
  LIMIT 1;
  IF culprit IS NOT NULL THEN
    RAISE EXCEPTION 'ledger entry % lacks postings', culprit USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER ledger_entries_complete AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION refuse_incomplete()
""",
    """
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
CREATE TRIGGER ledger_postings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
CREATE TRIGGER ledger_checkpoints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_checkpoints
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
CREATE TRIGGER staff_deeds_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON staff_deeds
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
)
# table, name and condition of the checks that change
OLD_CHECKS = (
    ("orders", "orders_paid_check", "(state = 'paid') = (paid_at IS NOT NULL AND paid_with IS NOT NULL)"),
    ("orders", "orders_state_check", "state IN ('placed', 'paid', 'lapsed', 'cancelled')"),
    ("orders", "orders_total_check", "total_minor > 0"),
    ("order_lines", "order_lines_amounts_check", "quantity > 0 AND unit_price_minor >= 0"),
    ("order_lines", "order_lines_total_check", "total_minor = unit_price_minor * quantity"),
    ("payments", "payments_refunded_check", "(state = 'refunded') = (refunded_at IS NOT NULL)"),
    (
        "payments",
        "payments_refund_due_check",
        "(state IN ('refund_due', 'refunded')) = (refund_due_at IS NOT NULL AND refund_reason IS NOT NULL)",
    ),
    ("payments", "payments_refund_retry_check", "state <> 'refund_due' OR refund_retry_at IS NOT NULL"),
)
NEW_CHECKS = (
    ("orders", "orders_paid_check", "(state IN ('paid', 'shipped', 'received', 'refunded')) = (paid_at IS NOT NULL)"),
    ("orders", "orders_destination_set_check", "destination_set_at IS NULL OR destination IS NOT NULL"),
    ("orders", "orders_refunded_check", "refunded_minor BETWEEN 0 AND total_minor"),
    ("orders", "orders_refunded_at_check", "(state = 'refunded') = (refunded_at IS NOT NULL)"),
    ("orders", "orders_paid_with_check", "paid_at IS NULL OR paid_with IS NOT NULL OR total_minor = 0"),
    ("orders", "orders_store_check", "(fulfilment IS NOT DISTINCT FROM 'pickup') = (store_id IS NOT NULL)"),
    ("orders", "orders_fulfilment_check", "fulfilment IS NULL OR fulfilment IN ('delivery', 'pickup')"),
    ("orders", "orders_shipped_check", "state <> 'shipped' OR shipped_at IS NOT NULL"),
    ("orders", "orders_destination_check", "(fulfilment IS NOT DISTINCT FROM 'delivery') = (destination IS NOT NULL)"),
    (
        "orders",
        "orders_total_check",
        "total_minor = goods_minor - discount_minor + freight_minor AND total_minor >= 0 AND discount_minor >= 0 AND freight_minor >= 0",
    ),
    (
        "orders",
        "orders_state_check",
        "state IN ('placed', 'paid', 'shipped', 'received', 'refunded', 'lapsed', 'cancelled')",
    ),
    (
        "orders",
        "orders_received_check",
        "(received_at IS NULL) = (received_by IS NULL) AND (state <> 'received' OR received_at IS NOT NULL)",
    ),
    ("order_lines", "order_lines_total_check", "total_minor = unit_price_minor * quantity - discount_minor"),
    (
        "order_lines",
        "order_lines_units_check",
        "shipped >= 0 AND unsent >= 0 AND shipped + unsent <= quantity AND unsent <= refunded AND refunded <= quantity AND restocked BETWEEN 0 AND refunded",
    ),
    (
        "order_lines",
        "order_lines_amounts_check",
        "quantity > 0 AND unit_price_minor >= 0 AND discount_minor >= 0 AND freight_minor >= 0 AND total_minor >= 0",
    ),
    (
        "order_lines",
        "order_lines_refunded_check",
        "refunded_goods_minor BETWEEN 0 AND total_minor AND refunded_freight_minor BETWEEN 0 AND freight_minor",
    ),
    ("order_lines", "order_lines_supplier_check", "(supplier_id IS NULL) = (cost_minor IS NULL)"),
    ("payments", "payments_refund_asked_check", "refund_asked_minor BETWEEN 0 AND amount_minor"),
    ("payments", "payments_refunded_check", "state <> 'refunded' OR refunded_minor = amount_minor"),
    ("payments", "payments_refunded_within_check", "refunded_minor BETWEEN 0 AND refund_asked_minor"),
    ("payments", "payments_refund_of_captured_check", "refund_asked_minor = 0 OR captured_at IS NOT NULL"),
    (
        "payments",
        "payments_refund_due_check",
        "state NOT IN ('refund_due', 'refunded') OR refund_asked_minor = amount_minor",
    ),
    (
        "stock_holds",
        "stock_holds_returned_check",
        "returned BETWEEN 0 AND quantity AND (returned = 0 OR outcome = 'sold')",
    ),
)
# What the first version knew becomes what this one knows; the ledger begins with the movements that made it.
CARRY = (
    "UPDATE orders SET goods_minor = total_minor",
    "ALTER TABLE orders ALTER goods_minor SET NOT NULL",
    """
    INSERT INTO refunds (id, payment_id, amount_minor, currency, reason, state, asked_at, attempts, retry_at, error,
                         refunded_at, reference)
    SELECT gen_random_uuid(), id, amount_minor, currency, refund_reason,
           CASE state WHEN 'refunded' THEN 'refunded' ELSE 'due' END, refund_due_at, refund_attempts,
           CASE state WHEN 'refund_due' THEN refund_retry_at END, refund_error, refunded_at, refund_reference
    FROM payments WHERE state IN ('refund_due', 'refunded')
    """,
    """
    UPDATE payments SET refund_asked_minor = amount_minor,
                        refunded_minor = CASE state WHEN 'refunded' THEN amount_minor ELSE 0 END
    WHERE state IN ('refund_due', 'refunded')
    """,
    """
    CREATE TEMPORARY TABLE carried ON COMMIT DROP AS
    SELECT gen_random_uuid() AS id, moved.* FROM (
        SELECT 'captured' AS kind, id AS cause_id, payable_id AS about_id, captured_at AS at, amount_minor, currency,
               'gateway' AS debit, gateway AS debit_subject, 'receipts' AS credit, '' AS credit_subject
        FROM payments WHERE captured_at IS NOT NULL
        UNION ALL
        SELECT 'order_paid', id, id, paid_at, total_minor, currency, 'receipts', '', 'prepaid', ''
        FROM orders WHERE state = 'paid'
        UNION ALL
        SELECT 'not_kept', refunds.id, payable_id, refunds.asked_at, refunds.amount_minor, refunds.currency,
               'receipts', '', 'refunds', ''
        FROM refunds JOIN payments ON payments.id = payment_id
        UNION ALL
        SELECT 'refunded', refunds.id, payable_id, refunds.refunded_at, refunds.amount_minor, refunds.currency,
               'refunds', '', 'gateway', gateway
        FROM refunds JOIN payments ON payments.id = payment_id WHERE refunds.state = 'refunded'
    ) AS moved
    """,
    """
    INSERT INTO ledger_entries (id, kind, cause_id, about_id, postings, occurred_at, recorded_at)
    SELECT id, kind, cause_id, about_id, 2, at, now() FROM carried ORDER BY at
    """,
    """
    INSERT INTO ledger_postings (entry_id, number, account, subject, currency, amount_minor, recorded_at)
    SELECT carried.id, number, account, subject, currency, sign * amount_minor, now()
    FROM carried, LATERAL (VALUES (1, debit, debit_subject, 1), (2, credit, credit_subject, -1))
         AS side (number, account, subject, sign)
    ORDER BY at, carried.id, number
    """,
    # events on their way say which refund they are about, as their hearers now ask
    """
    UPDATE outbox_events SET payload = payload || jsonb_build_object('refund_id', refunds.id, 'cause_id', NULL)
    FROM refunds
    WHERE kind = 'payment.refunded' AND delivered_at IS NULL
      AND refunds.payment_id = CAST(payload ->> 'payment_id' AS uuid)
    """,
    # nobody speaks to the sandbox any more: what was not paid there never will be, and its play money is back
    "UPDATE payments SET state = 'closed', closed_at = now() WHERE gateway = 'sandbox' AND state = 'pending'",
)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, name, _ in OLD_CHECKS:
        op.drop_constraint(op.f(name), table)
    op.create_table(
        "counted_deals",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("counted_deals_pkey")),
    )
    op.create_table(
        "freight_templates",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("measure", sa.String(length=10), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("measure IN ('weight', 'piece')", name=op.f("freight_templates_measure_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("freight_templates_pkey")),
        sa.UniqueConstraint("name", name=op.f("freight_templates_name_key")),
    )
    op.create_index(
        "freight_templates_default_idx", "freight_templates", ["is_default"], unique=True, postgresql_where="is_default"
    )
    op.create_table(
        "gateway_bills",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("payments", sa.Integer(), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunds", sa.Integer(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("fees_minor", sa.BigInteger(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("gateway_bills_pkey")),
        sa.UniqueConstraint("gateway", "day", name=op.f("gateway_bills_gateway_day_key")),
    )
    op.create_table(
        "ledger_checkpoints",
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("debit_minor", sa.BigInteger(), nullable=False),
        sa.Column("credit_minor", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("debit_minor >= 0 AND credit_minor >= 0", name=op.f("ledger_checkpoints_amounts_check")),
        sa.PrimaryKeyConstraint("position", "account", "subject", "currency", name=op.f("ledger_checkpoints_pkey")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("cause_id", sa.UUID(), nullable=False),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("postings", sa.SmallInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("postings >= 2", name=op.f("ledger_entries_postings_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("ledger_entries_pkey")),
        sa.UniqueConstraint("kind", "cause_id", name=op.f("ledger_entries_kind_cause_id_key")),
    )
    op.create_index("ledger_entries_about_idx", "ledger_entries", ["about_id"], unique=False)
    op.create_table(
        "minimum_orders",
        sa.Column("fulfilment", sa.String(length=10), nullable=False),
        sa.Column("minimum_minor", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("fulfilment IN ('delivery', 'pickup')", name=op.f("minimum_orders_fulfilment_check")),
        sa.CheckConstraint("minimum_minor >= 0", name=op.f("minimum_orders_minimum_check")),
        sa.PrimaryKeyConstraint("fulfilment", name=op.f("minimum_orders_pkey")),
    )
    op.create_table(
        "staff_deeds",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("by", sa.UUID(), nullable=False),
        sa.Column("deed", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.UUID(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("staff_deeds_pkey")),
    )
    op.create_index("staff_deeds_by_idx", "staff_deeds", ["by", "position"], unique=False)
    op.create_index("staff_deeds_deed_idx", "staff_deeds", ["deed", "position"], unique=False)
    op.create_index("staff_deeds_subject_idx", "staff_deeds", ["subject_id", "position"], unique=False)
    op.create_table(
        "stores",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("phone", sa.String(length=20), server_default="", nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("address", sa.String(length=300), nullable=False),
        sa.Column("opens_at", sa.Time(), nullable=False),
        sa.Column("closes_at", sa.Time(), nullable=False),
        sa.Column("takes_pickups", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("stores_pkey")),
        sa.UniqueConstraint("code", name=op.f("stores_code_key")),
    )
    op.create_table(
        "suppliers",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("feed_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("suppliers_pkey")),
        sa.UniqueConstraint("code", name=op.f("suppliers_code_key")),
    )
    op.create_table(
        "addresses",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(length=60), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("province", sa.String(length=40), nullable=False),
        sa.Column("city", sa.String(length=40), nullable=False),
        sa.Column("district", sa.String(length=40), nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("street", sa.String(length=200), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("region_code ~ '^[0-9]{6}$'", name=op.f("addresses_region_code_check")),
        sa.ForeignKeyConstraint(["shopper_id"], ["accounts.id"], name=op.f("addresses_shopper_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("addresses_pkey")),
    )
    op.create_index(
        "addresses_default_idx", "addresses", ["shopper_id"], unique=True, postgresql_where=sa.text("is_default")
    )
    op.create_index("addresses_shopper_idx", "addresses", ["shopper_id", sa.literal_column("id DESC")], unique=False)
    op.create_table(
        "carts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=True),
        sa.Column("guest_hash", sa.LargeBinary(), nullable=True),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(shopper_id IS NULL) <> (guest_hash IS NULL)", name=op.f("carts_owner_check")),
        sa.ForeignKeyConstraint(["shopper_id"], ["accounts.id"], name=op.f("carts_shopper_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("carts_pkey")),
        sa.UniqueConstraint("guest_hash", name=op.f("carts_guest_hash_key")),
        sa.UniqueConstraint("shopper_id", name=op.f("carts_shopper_id_key")),
    )
    op.create_index(
        "carts_forgotten_idx", "carts", ["touched_at"], unique=False, postgresql_where=sa.text("guest_hash IS NOT NULL")
    )
    op.create_table(
        "freight_zones",
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("regions", postgresql.ARRAY(sa.String(length=6)), nullable=False),
        sa.Column("first_measure", sa.Integer(), nullable=False),
        sa.Column("first_minor", sa.BigInteger(), nullable=False),
        sa.Column("more_measure", sa.Integer(), nullable=False),
        sa.Column("more_minor", sa.BigInteger(), nullable=False),
        sa.Column("free_from_minor", sa.BigInteger(), nullable=True),
        sa.Column("is_served", sa.Boolean(), server_default="true", nullable=False),
        sa.CheckConstraint("first_measure >= 1 AND more_measure >= 1", name=op.f("freight_zones_measures_check")),
        sa.CheckConstraint(
            "first_minor >= 0 AND more_minor >= 0 AND free_from_minor >= 0", name=op.f("freight_zones_amounts_check")
        ),
        sa.ForeignKeyConstraint(
            ["template_id"], ["freight_templates.id"], name=op.f("freight_zones_template_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("template_id", "position", name=op.f("freight_zones_pkey")),
    )
    op.create_table(
        "gateway_bill_differences",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("bill_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=10), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("ours_minor", sa.BigInteger(), nullable=True),
        sa.Column("theirs_minor", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.Column("words", sa.String(length=500), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["bill_id"], ["gateway_bills.id"], name=op.f("gateway_bill_differences_bill_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("gateway_bill_differences_pkey")),
    )
    op.create_index(op.f("gateway_bill_differences_bill_id_idx"), "gateway_bill_differences", ["bill_id"], unique=False)
    op.create_index(
        "gateway_bill_differences_open_idx",
        "gateway_bill_differences",
        ["bill_id"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "ledger_postings",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("account", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=64), server_default="", nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "account IN ('gateway', 'bank', 'receipts', 'prepaid', 'refunds', 'suppliers', 'sales', 'freight', 'returns', 'supplied', 'fees')",
            name=op.f("ledger_postings_account_check"),
        ),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ledger_postings_amount_check")),
        sa.CheckConstraint("number >= 1", name=op.f("ledger_postings_number_check")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entries.id"], name=op.f("ledger_postings_entry_id_fkey")),
        sa.PrimaryKeyConstraint("position", name=op.f("ledger_postings_pkey")),
        sa.UniqueConstraint("entry_id", "number", name=op.f("ledger_postings_entry_id_number_key")),
    )
    op.create_index(
        "ledger_postings_account_idx",
        "ledger_postings",
        ["account", "subject", "currency", "recorded_at", "position"],
        unique=False,
        postgresql_include=["amount_minor"],
    )
    op.create_table(
        "price_ladders",
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.Time(), nullable=False),
        sa.Column("step_minutes", sa.SmallInteger(), nullable=False),
        sa.Column("step_percent", sa.SmallInteger(), nullable=False),
        sa.Column("free_at", sa.Time(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at < free_at", name=op.f("price_ladders_window_check")),
        sa.CheckConstraint(
            "step_minutes BETWEEN 1 AND 720 AND step_percent BETWEEN 1 AND 100", name=op.f("price_ladders_steps_check")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("price_ladders_store_id_fkey")),
        sa.PrimaryKeyConstraint("store_id", name=op.f("price_ladders_pkey")),
    )
    op.create_table(
        "supplier_feeds",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["supplier_id"], ["suppliers.id"], name=op.f("supplier_feeds_supplier_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("supplier_feeds_pkey")),
        sa.UniqueConstraint("supplier_id", "reference", name=op.f("supplier_feeds_supplier_id_reference_key")),
    )
    op.create_index(
        "supplier_feeds_newest_idx", "supplier_feeds", ["supplier_id", sa.literal_column("as_of DESC")], unique=False
    )
    op.create_table(
        "after_sales",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("words", sa.String(length=500), server_default="", nullable=False),
        sa.Column("evidence", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_minor", sa.BigInteger(), nullable=False),
        sa.Column("agreed_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decision_words", sa.String(length=500), server_default="", nullable=False),
        sa.Column("return_carrier", sa.String(length=20), nullable=True),
        sa.Column("return_number", sa.String(length=40), nullable=True),
        sa.Column("sent_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_by", sa.Uuid(), nullable=True),
        sa.Column("arrival_words", sa.String(length=500), server_default="", nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('requested', 'to_send', 'sent_back')) = (due_at IS NOT NULL)",
            name=op.f("after_sales_due_check"),
        ),
        sa.CheckConstraint("kind IN ('refund', 'return')", name=op.f("after_sales_kind_check")),
        sa.CheckConstraint(
            "state IN ('requested', 'to_send', 'sent_back', 'refunding', 'refunded', 'rejected', 'withdrawn', 'closed')",
            name=op.f("after_sales_state_check"),
        ),
        sa.CheckConstraint(
            "asked_minor >= 0 AND (agreed_minor IS NULL OR agreed_minor BETWEEN 0 AND asked_minor)",
            name=op.f("after_sales_amounts_check"),
        ),
        sa.CheckConstraint("cardinality(evidence) <= 9", name=op.f("after_sales_evidence_check")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("after_sales_order_id_fkey")),
        sa.ForeignKeyConstraint(["shopper_id"], ["accounts.id"], name=op.f("after_sales_shopper_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("after_sales_pkey")),
        sa.UniqueConstraint("refund_id", name=op.f("after_sales_refund_id_key")),
    )
    op.create_index(
        "after_sales_due_idx", "after_sales", ["due_at"], unique=False, postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index("after_sales_order_idx", "after_sales", ["order_id"], unique=False)
    op.create_index(
        "after_sales_shopper_idx", "after_sales", ["shopper_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_index("after_sales_state_idx", "after_sales", ["state", "id"], unique=False)
    op.create_table(
        "freight_of_products",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("freight_of_products_product_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["template_id"], ["freight_templates.id"], name=op.f("freight_of_products_template_id_fkey")
        ),
        sa.PrimaryKeyConstraint("product_id", name=op.f("freight_of_products_pkey")),
    )
    op.create_table(
        "pickup_wrong_codes",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("tries > 0", name=op.f("pickup_wrong_codes_tries_check")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("pickup_wrong_codes_order_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pickup_wrong_codes_pkey")),
    )
    op.create_table(
        "receipt_extensions",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("extended_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("receipt_extensions_order_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("receipt_extensions_pkey")),
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("cause_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.CheckConstraint("(state = 'due') = (retry_at IS NOT NULL)", name=op.f("refunds_due_check")),
        sa.CheckConstraint("(state = 'refunded') = (refunded_at IS NOT NULL)", name=op.f("refunds_refunded_check")),
        sa.CheckConstraint("state IN ('due', 'refunded')", name=op.f("refunds_state_check")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("refunds_amount_check")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("refunds_payment_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("refunds_pkey")),
        sa.UniqueConstraint("cause_id", name=op.f("refunds_cause_id_key")),
    )
    op.create_index("refunds_due_idx", "refunds", ["retry_at"], unique=False, postgresql_where=sa.text("state = 'due'"))
    op.create_index(op.f("refunds_payment_id_idx"), "refunds", ["payment_id"], unique=False)
    op.create_index(
        "refunds_refunded_at_idx",
        "refunds",
        ["refunded_at"],
        unique=False,
        postgresql_where=sa.text("refunded_at IS NOT NULL"),
    )
    op.create_table(
        "shipments",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=True),
        sa.Column("carrier", sa.String(length=20), nullable=False),
        sa.Column("tracking_number", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shipped_by", sa.UUID(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("followed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'delivered') = (delivered_at IS NOT NULL)", name=op.f("shipments_delivered_check")
        ),
        sa.CheckConstraint(
            "state IN ('shipped', 'moving', 'delivered', 'troubled')", name=op.f("shipments_state_check")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("shipments_order_id_fkey")),
        sa.ForeignKeyConstraint(["supplier_id"], ["suppliers.id"], name=op.f("shipments_supplier_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("shipments_pkey")),
        sa.UniqueConstraint(
            "carrier", "tracking_number", "order_id", name=op.f("shipments_carrier_tracking_number_order_id_key")
        ),
    )
    op.create_index(
        "shipments_look_idx", "shipments", ["look_at"], unique=False, postgresql_where=sa.text("look_at IS NOT NULL")
    )
    op.create_index("shipments_order_idx", "shipments", ["order_id"], unique=False)
    op.create_index("shipments_tracking_idx", "shipments", ["tracking_number"], unique=False)
    op.create_table(
        "shipping_uploads",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("told", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_all_told", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("due_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'due') = (retry_at IS NOT NULL)", name=op.f("shipping_uploads_due_check")),
        sa.CheckConstraint("state IN ('due', 'uploaded', 'refused')", name=op.f("shipping_uploads_state_check")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("shipping_uploads_order_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("shipping_uploads_pkey")),
    )
    op.create_index(
        "shipping_uploads_due_idx",
        "shipping_uploads",
        ["retry_at"],
        unique=False,
        postgresql_where=sa.text("state = 'due'"),
    )
    op.create_index("shipping_uploads_state_idx", "shipping_uploads", ["state", "due_since", "order_id"], unique=False)
    op.create_table(
        "cart_lines",
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("is_chosen", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("seen_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity BETWEEN 1 AND 999", name=op.f("cart_lines_quantity_check")),
        sa.ForeignKeyConstraint(["cart_id"], ["carts.id"], name=op.f("cart_lines_cart_id_fkey"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("cart_lines_sku_id_fkey")),
        sa.PrimaryKeyConstraint("cart_id", "sku_id", name=op.f("cart_lines_pkey")),
    )
    op.create_table(
        "deal_days",
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("lowest_minor", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("lowest_minor >= 0 AND units > 0", name=op.f("deal_days_amounts_check")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("deal_days_sku_id_fkey")),
        sa.PrimaryKeyConstraint("sku_id", "day", name=op.f("deal_days_pkey")),
    )
    op.create_table(
        "price_ladder_skus",
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("price_ladder_skus_sku_id_fkey")),
        sa.ForeignKeyConstraint(
            ["store_id"], ["price_ladders.store_id"], name=op.f("price_ladder_skus_store_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("store_id", "sku_id", name=op.f("price_ladder_skus_pkey")),
    )
    op.create_table(
        "sale_prices",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("price_minor >= 0", name=op.f("sale_prices_price_check")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("sale_prices_window_check")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("sale_prices_sku_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("sale_prices_pkey")),
    )
    op.create_index("sale_prices_sku_idx", "sale_prices", ["sku_id", "ends_at"], unique=False)
    op.create_table(
        "supplied_skus",
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_code", sa.String(length=80), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cost_minor >= 0", name=op.f("supplied_skus_cost_check")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("supplied_skus_sku_id_fkey")),
        sa.ForeignKeyConstraint(["supplier_id"], ["suppliers.id"], name=op.f("supplied_skus_supplier_id_fkey")),
        sa.PrimaryKeyConstraint("sku_id", name=op.f("supplied_skus_pkey")),
        sa.UniqueConstraint("supplier_id", "supplier_code", name=op.f("supplied_skus_supplier_id_supplier_code_key")),
    )
    op.create_table(
        "tracking_events",
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("place", sa.String(length=120), server_default="", nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name=op.f("tracking_events_shipment_id_fkey")),
        sa.PrimaryKeyConstraint("shipment_id", "happened_at", "words", name=op.f("tracking_events_pkey")),
    )
    op.create_table(
        "after_sale_lines",
        sa.Column("after_sale_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unsent", sa.Integer(), server_default="0", nullable=False),
        sa.Column("restocked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("goods_minor", sa.BigInteger(), nullable=False),
        sa.Column("freight_minor", sa.BigInteger(), nullable=False),
        sa.Column("freight_kept_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "goods_minor >= 0 AND freight_minor >= 0 AND freight_kept_minor >= 0",
            name=op.f("after_sale_lines_amounts_check"),
        ),
        sa.CheckConstraint(
            "quantity > 0 AND unsent BETWEEN 0 AND quantity AND restocked BETWEEN 0 AND quantity",
            name=op.f("after_sale_lines_units_check"),
        ),
        sa.ForeignKeyConstraint(
            ["after_sale_id"], ["after_sales.id"], name=op.f("after_sale_lines_after_sale_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "position"],
            ["order_lines.order_id", "order_lines.position"],
            name=op.f("after_sale_lines_order_id_position_fkey"),
        ),
        sa.PrimaryKeyConstraint("after_sale_id", "position", name=op.f("after_sale_lines_pkey")),
    )
    op.create_table(
        "shipment_lines",
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("shipment_lines_quantity_check")),
        sa.ForeignKeyConstraint(
            ["order_id", "position"],
            ["order_lines.order_id", "order_lines.position"],
            name=op.f("shipment_lines_order_id_position_fkey"),
        ),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name=op.f("shipment_lines_shipment_id_fkey")),
        sa.PrimaryKeyConstraint("shipment_id", "position", name=op.f("shipment_lines_pkey")),
    )
    op.add_column("order_lines", sa.Column("discount_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("order_lines", sa.Column("freight_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column(
        "order_lines",
        sa.Column("explanation", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
    )
    op.add_column("order_lines", sa.Column("supplier_id", sa.Uuid(), nullable=True))
    op.add_column("order_lines", sa.Column("cost_minor", sa.BigInteger(), nullable=True))
    op.add_column("order_lines", sa.Column("shipped", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("order_lines", sa.Column("refunded", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("order_lines", sa.Column("unsent", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("order_lines", sa.Column("restocked", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("order_lines", sa.Column("refunded_goods_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column(
        "order_lines", sa.Column("refunded_freight_minor", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_unique_constraint(
        op.f("order_lines_order_id_sku_id_allotment_id_key"),
        "order_lines",
        ["order_id", "sku_id", "allotment_id"],
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("order_lines_sku_idx", "order_lines", ["sku_id", "order_id"], unique=False)
    op.create_index(
        "order_lines_supplier_idx",
        "order_lines",
        ["supplier_id", "order_id"],
        unique=False,
        postgresql_where=sa.text("supplier_id IS NOT NULL"),
    )
    op.create_foreign_key(op.f("order_lines_supplier_id_fkey"), "order_lines", "suppliers", ["supplier_id"], ["id"])
    op.add_column("orders", sa.Column("goods_minor", sa.BigInteger(), nullable=True))
    op.add_column("orders", sa.Column("discount_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("orders", sa.Column("freight_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("orders", sa.Column("fulfilment", sa.String(length=10), nullable=True))
    op.add_column("orders", sa.Column("destination", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("orders", sa.Column("destination_set_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("orders", sa.Column("store_id", sa.Uuid(), nullable=True))
    op.add_column("orders", sa.Column("pickup_code", sa.String(length=8), nullable=True))
    op.add_column("orders", sa.Column("remark", sa.String(length=200), server_default="", nullable=False))
    op.add_column("orders", sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("orders", sa.Column("receive_by", sa.DateTime(timezone=True), nullable=True))
    op.add_column("orders", sa.Column("received_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("orders", sa.Column("received_by", sa.String(length=10), nullable=True))
    op.add_column("orders", sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("orders", sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "orders_late_newest_idx",
        "orders",
        ["late_outcome", "placed_at", "id"],
        unique=False,
        postgresql_where=sa.text("late_outcome IS NOT NULL"),
    )
    op.create_index("orders_newest_idx", "orders", ["placed_at", "id"], unique=False)
    op.create_index(
        "orders_paid_idx", "orders", ["paid_at"], unique=False, postgresql_where=sa.text("paid_at IS NOT NULL")
    )
    op.create_index(
        "orders_phone_idx",
        "orders",
        [sa.literal_column("(destination ->> 'phone')")],
        unique=False,
        postgresql_where=sa.text("destination IS NOT NULL"),
    )
    op.create_index(
        "orders_receive_idx",
        "orders",
        ["receive_by"],
        unique=False,
        postgresql_where=sa.text("receive_by IS NOT NULL AND received_at IS NULL"),
    )
    op.create_index(
        "orders_recipient_idx",
        "orders",
        [sa.literal_column("(destination ->> 'recipient')")],
        unique=False,
        postgresql_where=sa.text("destination IS NOT NULL"),
    )
    op.create_index("orders_state_idx", "orders", ["state", "placed_at", "id"], unique=False)
    op.create_index(
        "orders_store_newest_idx",
        "orders",
        ["store_id", "placed_at", "id"],
        unique=False,
        postgresql_where=sa.text("store_id IS NOT NULL"),
    )
    op.create_foreign_key(op.f("orders_store_id_fkey"), "orders", "stores", ["store_id"], ["id"])
    op.add_column("payment_notices", sa.Column("refund_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("payment_notices_refund_id_fkey"), "payment_notices", "refunds", ["refund_id"], ["id"])
    op.add_column("payments", sa.Column("refund_asked_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("payments", sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.alter_column(
        "payments",
        "gateway_reference",
        existing_type=sa.VARCHAR(length=64),
        type_=sa.String(length=255),
        existing_nullable=True,
    )
    for statement in CARRY:
        op.execute(statement)
    op.drop_index(
        op.f("payments_refund_due_idx"), table_name="payments", postgresql_where="((state)::text = 'refund_due'::text)"
    )
    op.create_index(
        "payments_captured_at_idx",
        "payments",
        ["captured_at"],
        unique=False,
        postgresql_where=sa.text("captured_at IS NOT NULL"),
    )
    op.drop_column("payments", "refund_retry_at")
    op.drop_column("payments", "refund_reason")
    op.drop_column("payments", "refund_error")
    op.drop_column("payments", "refund_attempts")
    op.drop_column("payments", "refunded_at")
    op.drop_column("payments", "refund_reference")
    op.drop_column("payments", "refund_due_at")
    op.add_column("stock_holds", sa.Column("returned", sa.BigInteger(), server_default="0", nullable=False))
    for table, name, condition in NEW_CHECKS:
        op.create_check_constraint(op.f(name), table, condition)
    for statement in TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    for table, name, _ in NEW_CHECKS:
        op.drop_constraint(op.f(name), table)
    op.drop_column("stock_holds", "returned")
    op.add_column(
        "payments", sa.Column("refund_due_at", postgresql.TIMESTAMP(timezone=True), autoincrement=False, nullable=True)
    )
    op.add_column("payments", sa.Column("refund_reference", sa.VARCHAR(length=64), autoincrement=False, nullable=True))
    op.add_column(
        "payments", sa.Column("refunded_at", postgresql.TIMESTAMP(timezone=True), autoincrement=False, nullable=True)
    )
    op.add_column(
        "payments",
        sa.Column("refund_attempts", sa.INTEGER(), server_default=sa.text("0"), autoincrement=False, nullable=False),
    )
    op.add_column("payments", sa.Column("refund_error", sa.TEXT(), autoincrement=False, nullable=True))
    op.add_column("payments", sa.Column("refund_reason", sa.VARCHAR(length=40), autoincrement=False, nullable=True))
    op.add_column(
        "payments",
        sa.Column("refund_retry_at", postgresql.TIMESTAMP(timezone=True), autoincrement=False, nullable=True),
    )
    op.drop_index(
        "payments_captured_at_idx", table_name="payments", postgresql_where=sa.text("captured_at IS NOT NULL")
    )
    op.create_index(
        op.f("payments_refund_due_idx"),
        "payments",
        ["refund_retry_at"],
        unique=False,
        postgresql_where="((state)::text = 'refund_due'::text)",
    )
    op.alter_column(
        "payments",
        "gateway_reference",
        existing_type=sa.String(length=255),
        type_=sa.VARCHAR(length=64),
        existing_nullable=True,
    )
    op.drop_column("payments", "refunded_minor")
    op.drop_column("payments", "refund_asked_minor")
    op.drop_constraint(op.f("payment_notices_refund_id_fkey"), "payment_notices", type_="foreignkey")
    op.drop_column("payment_notices", "refund_id")
    op.drop_constraint(op.f("orders_store_id_fkey"), "orders", type_="foreignkey")
    op.drop_index("orders_store_newest_idx", table_name="orders", postgresql_where=sa.text("store_id IS NOT NULL"))
    op.drop_index("orders_state_idx", table_name="orders")
    op.drop_index("orders_recipient_idx", table_name="orders", postgresql_where=sa.text("destination IS NOT NULL"))
    op.drop_index(
        "orders_receive_idx",
        table_name="orders",
        postgresql_where=sa.text("receive_by IS NOT NULL AND received_at IS NULL"),
    )
    op.drop_index("orders_phone_idx", table_name="orders", postgresql_where=sa.text("destination IS NOT NULL"))
    op.drop_index("orders_paid_idx", table_name="orders", postgresql_where=sa.text("paid_at IS NOT NULL"))
    op.drop_index("orders_newest_idx", table_name="orders")
    op.drop_index("orders_late_newest_idx", table_name="orders", postgresql_where=sa.text("late_outcome IS NOT NULL"))
    op.drop_column("orders", "refunded_minor")
    op.drop_column("orders", "refunded_at")
    op.drop_column("orders", "received_by")
    op.drop_column("orders", "received_at")
    op.drop_column("orders", "receive_by")
    op.drop_column("orders", "shipped_at")
    op.drop_column("orders", "remark")
    op.drop_column("orders", "pickup_code")
    op.drop_column("orders", "store_id")
    op.drop_column("orders", "destination_set_at")
    op.drop_column("orders", "destination")
    op.drop_column("orders", "fulfilment")
    op.drop_column("orders", "freight_minor")
    op.drop_column("orders", "discount_minor")
    op.drop_column("orders", "goods_minor")
    op.drop_constraint(op.f("order_lines_supplier_id_fkey"), "order_lines", type_="foreignkey")
    op.drop_index(
        "order_lines_supplier_idx", table_name="order_lines", postgresql_where=sa.text("supplier_id IS NOT NULL")
    )
    op.drop_index("order_lines_sku_idx", table_name="order_lines")
    op.drop_constraint(op.f("order_lines_order_id_sku_id_allotment_id_key"), "order_lines", type_="unique")
    op.drop_column("order_lines", "refunded_freight_minor")
    op.drop_column("order_lines", "refunded_goods_minor")
    op.drop_column("order_lines", "restocked")
    op.drop_column("order_lines", "unsent")
    op.drop_column("order_lines", "refunded")
    op.drop_column("order_lines", "shipped")
    op.drop_column("order_lines", "cost_minor")
    op.drop_column("order_lines", "supplier_id")
    op.drop_column("order_lines", "explanation")
    op.drop_column("order_lines", "freight_minor")
    op.drop_column("order_lines", "discount_minor")
    op.drop_table("shipment_lines")
    op.drop_table("after_sale_lines")
    op.drop_table("tracking_events")
    op.drop_table("supplied_skus")
    op.drop_index("sale_prices_sku_idx", table_name="sale_prices")
    op.drop_table("sale_prices")
    op.drop_table("price_ladder_skus")
    op.drop_table("deal_days")
    op.drop_table("cart_lines")
    op.drop_index("shipping_uploads_state_idx", table_name="shipping_uploads")
    op.drop_index("shipping_uploads_due_idx", table_name="shipping_uploads", postgresql_where=sa.text("state = 'due'"))
    op.drop_table("shipping_uploads")
    op.drop_index("shipments_tracking_idx", table_name="shipments")
    op.drop_index("shipments_order_idx", table_name="shipments")
    op.drop_index("shipments_look_idx", table_name="shipments", postgresql_where=sa.text("look_at IS NOT NULL"))
    op.drop_table("shipments")
    op.drop_index("refunds_refunded_at_idx", table_name="refunds", postgresql_where=sa.text("refunded_at IS NOT NULL"))
    op.drop_index(op.f("refunds_payment_id_idx"), table_name="refunds")
    op.drop_index("refunds_due_idx", table_name="refunds", postgresql_where=sa.text("state = 'due'"))
    op.drop_table("refunds")
    op.drop_table("receipt_extensions")
    op.drop_table("pickup_wrong_codes")
    op.drop_table("freight_of_products")
    op.drop_index("after_sales_state_idx", table_name="after_sales")
    op.drop_index("after_sales_shopper_idx", table_name="after_sales")
    op.drop_index("after_sales_order_idx", table_name="after_sales")
    op.drop_index("after_sales_due_idx", table_name="after_sales", postgresql_where=sa.text("due_at IS NOT NULL"))
    op.drop_table("after_sales")
    op.drop_index("supplier_feeds_newest_idx", table_name="supplier_feeds")
    op.drop_table("supplier_feeds")
    op.drop_table("price_ladders")
    op.drop_index("ledger_postings_account_idx", table_name="ledger_postings", postgresql_include=["amount_minor"])
    op.drop_table("ledger_postings")
    op.drop_index(
        "gateway_bill_differences_open_idx",
        table_name="gateway_bill_differences",
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.drop_index(op.f("gateway_bill_differences_bill_id_idx"), table_name="gateway_bill_differences")
    op.drop_table("gateway_bill_differences")
    op.drop_table("freight_zones")
    op.drop_index("carts_forgotten_idx", table_name="carts", postgresql_where=sa.text("guest_hash IS NOT NULL"))
    op.drop_table("carts")
    op.drop_index("addresses_shopper_idx", table_name="addresses")
    op.drop_index("addresses_default_idx", table_name="addresses", postgresql_where=sa.text("is_default"))
    op.drop_table("addresses")
    op.drop_table("suppliers")
    op.drop_table("stores")
    op.drop_index("staff_deeds_subject_idx", table_name="staff_deeds")
    op.drop_index("staff_deeds_deed_idx", table_name="staff_deeds")
    op.drop_index("staff_deeds_by_idx", table_name="staff_deeds")
    op.drop_table("staff_deeds")
    op.drop_table("minimum_orders")
    op.drop_index("ledger_entries_about_idx", table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_table("ledger_checkpoints")
    op.drop_table("gateway_bills")
    op.drop_index("freight_templates_default_idx", table_name="freight_templates", postgresql_where="is_default")
    op.drop_table("freight_templates")
    op.drop_table("counted_deals")
    for table, name, condition in OLD_CHECKS:
        op.create_check_constraint(op.f(name), table, condition)
    for function in ("refuse_unbalanced", "refuse_incomplete"):
        op.execute(f"DROP FUNCTION {function}()")
