"""After-sale requests and the units they are about."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from domain.foundation.tables import id_column, metadata, moment

after_sales = Table(
    "after_sales",
    metadata,
    id_column(),
    Column("order_id", Uuid, ForeignKey("orders.id"), nullable=False),
    Column("shopper_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("words", String(500), nullable=False, server_default=""),
    Column("evidence", ARRAY(Text), nullable=False, server_default="{}"),
    # by when whoever is to act next must have acted, and what happens then is in the rules; NULL: nobody is waited for
    moment("due_at", nullable=True),
    # what goes back, freight share included: asked for by rule, then agreed to; never above it
    Column("asked_minor", BigInteger, nullable=False),
    Column("agreed_minor", BigInteger),
    Column("currency", String(3), nullable=False),
    moment("requested_at"),
    moment("decided_at", nullable=True),
    Column("decided_by", Uuid),
    Column("decision_words", String(500), nullable=False, server_default=""),
    Column("return_carrier", String(20)),
    Column("return_number", String(40)),
    moment("sent_back_at", nullable=True),
    moment("arrived_at", nullable=True),
    Column("arrived_by", Uuid),
    # how staff found the goods: why the money does not go back, where it does not
    Column("arrival_words", String(500), nullable=False, server_default=""),
    Column("refund_id", Uuid, unique=True),
    moment("refunded_at", nullable=True),
    moment("withdrawn_at", nullable=True),
    moment("closed_at", nullable=True),
    CheckConstraint("kind IN ('refund', 'return')", name="kind"),
    CheckConstraint(
        "state IN ('requested', 'to_send', 'sent_back', 'refunding', 'refunded', 'rejected', 'withdrawn', 'closed')",
        name="state",
    ),
    CheckConstraint(
        "asked_minor >= 0 AND (agreed_minor IS NULL OR agreed_minor BETWEEN 0 AND asked_minor)", name="amounts"
    ),
    CheckConstraint("cardinality(evidence) <= 9", name="evidence"),
    CheckConstraint("(state IN ('requested', 'to_send', 'sent_back')) = (due_at IS NOT NULL)", name="due"),
)
Index("after_sales_order_idx", after_sales.c.order_id)
Index("after_sales_shopper_idx", after_sales.c.shopper_id, after_sales.c.id.desc())
# The counter's list, and the sweep's question: whose time is over?
Index("after_sales_state_idx", after_sales.c.state, after_sales.c.id)
Index("after_sales_due_idx", after_sales.c.due_at, postgresql_where=text("due_at IS NOT NULL"))

after_sale_lines = Table(
    "after_sale_lines",
    metadata,
    Column("after_sale_id", Uuid, ForeignKey("after_sales.id"), nullable=False),
    Column("order_id", Uuid, nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("quantity", Integer, nullable=False),
    # how many of them never leave: had not been sent when it was asked for, and go back to stock when it is agreed
    Column("unsent", Integer, nullable=False, server_default="0"),
    Column("restocked", Integer, nullable=False, server_default="0"),
    # what is asked for, and the units' share of the freight that stays all the same: later requests divide what is left
    Column("goods_minor", BigInteger, nullable=False),
    Column("freight_minor", BigInteger, nullable=False),
    Column("freight_kept_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("after_sale_id", "position"),
    ForeignKeyConstraint(["order_id", "position"], ["order_lines.order_id", "order_lines.position"]),
    CheckConstraint(
        "quantity > 0 AND unsent BETWEEN 0 AND quantity AND restocked BETWEEN 0 AND quantity", name="units"
    ),
    CheckConstraint("goods_minor >= 0 AND freight_minor >= 0 AND freight_kept_minor >= 0", name="amounts"),
)
