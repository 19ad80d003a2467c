"""Contracts to renew cards by, their charges, and what members are told before and after."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from domain.foundation.tables import id_column, metadata, moment

contracts = Table(
    "renewal_contracts",
    metadata,
    id_column(),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    # what is renewed, and for how much at most
    Column("plan_id", Uuid, ForeignKey("membership_plans.id"), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("gateway", String(20), nullable=False),
    # the gateway's name for it
    Column("reference", String(64)),
    Column("state", String(10), nullable=False),
    moment("asked_at"),
    moment("signed_at", nullable=True),
    moment("ended_at", nullable=True),
    Column("ended_by", String(10)),
    # while it is being signed: when the gateway is asked how it stands; once it has ended: when the gateway is told
    moment("look_at", nullable=True),
    Column("failures", SmallInteger, nullable=False, server_default="0"),
    CheckConstraint("price_minor > 0", name="price"),
    CheckConstraint("state IN ('signing', 'signed', 'resting', 'ended')", name="state"),
    CheckConstraint(
        "state NOT IN ('signed', 'resting') OR (signed_at IS NOT NULL AND reference IS NOT NULL)", name="signed"
    ),
    CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended"),
    CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by"),
    CheckConstraint("ended_by IN ('member', 'wallet', 'unsigned', 'card', 'staff')", name="enders"),
    CheckConstraint("state <> 'signing' OR look_at IS NOT NULL", name="look"),
)
# One at a time, whatever races for it.
Index("renewal_contracts_living_key", contracts.c.account_id, unique=True, postgresql_where=text("state <> 'ended'"))
# What has somebody signed, the newest first?
Index("renewal_contracts_account_idx", contracts.c.account_id, contracts.c.id.desc())
# The sweep's question: about which is the gateway to be asked, or told?
Index("renewal_contracts_look_idx", contracts.c.look_at, postgresql_where=text("look_at IS NOT NULL"))

charges = Table(
    "renewal_charges",
    metadata,
    id_column(),
    Column("contract_id", Uuid, ForeignKey("renewal_contracts.id"), nullable=False, index=True),
    # the term that is to follow
    Column("membership_id", Uuid, ForeignKey("memberships.id"), nullable=False),
    Column("term", SmallInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    # of the term before it
    moment("ends_at"),
    # when the member was told of it
    moment("told_at"),
    Column("state", String(10), nullable=False),
    # while it is open: what is next to be done, announce or ask, and when
    moment("due_at", nullable=True),
    # the days on which the gateway takes it, once it was announced there
    Column("first_day", Date),
    Column("last_day", Date),
    Column("purchase_id", Uuid, ForeignKey("membership_purchases.id"), unique=True),
    Column("payment_id", Uuid, ForeignKey("payments.id"), unique=True),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    # since the gateway answered last
    Column("failures", SmallInteger, nullable=False, server_default="0"),
    # when the gateway was last asked for the money
    moment("asked_at", nullable=True),
    Column("error", Text),
    moment("settled_at", nullable=True),
    # a term is charged once
    UniqueConstraint("membership_id", "term"),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("term >= 2", name="term"),
    CheckConstraint("tries BETWEEN 0 AND 3", name="tries"),
    CheckConstraint("state IN ('open', 'paid', 'given_up', 'called_off')", name="state"),
    CheckConstraint("(state = 'open') = (due_at IS NOT NULL)", name="due"),
    CheckConstraint("(state = 'open') = (settled_at IS NULL)", name="settled"),
    CheckConstraint("(first_day IS NULL) = (last_day IS NULL) AND first_day <= last_day", name="days"),
    CheckConstraint("(purchase_id IS NULL) = (payment_id IS NULL)", name="purchase"),
    CheckConstraint("asked_at IS NULL OR payment_id IS NOT NULL", name="asked"),
    CheckConstraint("state <> 'paid' OR payment_id IS NOT NULL", name="paid"),
)
# The sweep's question: for which is something to be done?
Index("renewal_charges_due_idx", charges.c.due_at, postgresql_where=text("state = 'open'"))

# What a member is told about one end of a card: each thing once.
messages = Table(
    "renewal_messages",
    metadata,
    Column("membership_id", Uuid, ForeignKey("memberships.id"), nullable=False),
    moment("ends_at"),
    Column("kind", String(10), nullable=False),
    moment("made_at"),
    # before the message is sent: one of which it is not known whether it was shown is not sent twice
    moment("sent_at", nullable=True),
    PrimaryKeyConstraint("membership_id", "ends_at", "kind"),
    CheckConstraint("kind IN ('week', 'day', 'charge', 'given_up')", name="kind"),
)
# The sender's question: what was not sent yet?
Index("renewal_messages_unsent_idx", messages.c.made_at, postgresql_where=text("sent_at IS NULL"))
