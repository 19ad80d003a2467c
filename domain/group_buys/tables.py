"""Campaigns, their items, the groups of shoppers, the numbered seats in them, and what has happened in each group."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment

# One product at a group price; each member chooses among its items.
campaigns = Table(
    "group_buy_campaigns",
    metadata,
    id_column(),
    Column("title", String(120), nullable=False),
    Column("product_id", Uuid, ForeignKey("products.id"), nullable=False),
    Column("state", String(10), nullable=False),
    # groups are opened within the window; each then has `fill_seconds` of its own
    moment("opens_at"),
    moment("closes_at"),
    # who may take part, and who earlier: the first of them from `begins_at` on; null: everybody when it opens
    Column("doors", JSONB(none_as_null=True)),
    moment("begins_at"),
    Column("seats", SmallInteger, nullable=False),
    Column("fill_seconds", Integer, nullable=False),
    Column("pay_seconds", Integer, nullable=False),
    # units that one shopper may hold or have, in all groups together
    Column("per_shopper", Integer, nullable=False),
    Column("newcomers_only", Boolean, nullable=False),
    # "discount": so much off the opener's order; "free": one unit of it
    Column("opener_benefit", String(10), nullable=False),
    Column("opener_discount_minor", BigInteger),
    moment("created_at"),
    id_column("created_by"),
    moment("published_at", nullable=True),
    moment("stopped_at", nullable=True),
    # its open groups end at once, and everybody's money goes back
    moment("called_off_at", nullable=True),
    Column("called_off_by", Uuid),
    moment("settled_at", nullable=True),
    CheckConstraint("state IN ('draft', 'live', 'stopped', 'settled')", name="state"),
    CheckConstraint("opens_at < closes_at", name="window"),
    CheckConstraint("begins_at <= opens_at AND (doors IS NOT NULL OR begins_at = opens_at)", name="doors"),
    CheckConstraint("seats BETWEEN 2 AND 100", name="seats"),
    CheckConstraint("fill_seconds BETWEEN 1 AND 604800", name="fill_seconds"),
    CheckConstraint("pay_seconds BETWEEN 1 AND 86400", name="pay_seconds"),
    CheckConstraint("per_shopper >= 1", name="per_shopper"),
    CheckConstraint("opener_benefit IN ('none', 'discount', 'free')", name="opener_benefit"),
    CheckConstraint(
        "(opener_benefit = 'discount') = (opener_discount_minor IS NOT NULL) AND opener_discount_minor >= 1",
        name="opener_discount",
    ),
    CheckConstraint("state = 'draft' OR published_at IS NOT NULL", name="published"),
    CheckConstraint(
        "(called_off_at IS NULL) = (called_off_by IS NULL)"
        " AND (called_off_at IS NULL OR state IN ('stopped', 'settled'))",
        name="called_off",
    ),
    CheckConstraint("(state = 'settled') = (settled_at IS NOT NULL)", name="settled"),
)
# The product page's question, and the timetable's: which campaigns are under way?
Index("group_buy_campaigns_product_idx", campaigns.c.product_id, campaigns.c.begins_at)
Index("group_buy_campaigns_living_idx", campaigns.c.closes_at, postgresql_where=text("state IN ('live', 'stopped')"))

items = Table(
    "group_buy_items",
    metadata,
    id_column(),
    Column("campaign_id", Uuid, ForeignKey("group_buy_campaigns.id"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("sku_id", Uuid, ForeignKey("skus.id"), nullable=False),
    # as it is called on every order line
    Column("title", String(600), nullable=False),
    Column("group_price_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("allotment_id", Uuid, ForeignKey("stock_allotments.id"), unique=True),
    UniqueConstraint("campaign_id", "sku_id"),
    CheckConstraint("group_price_minor >= 1", name="price"),
    CheckConstraint("units >= 1", name="units"),
)

groups = Table(
    "group_buys",
    metadata,
    id_column(),
    Column("campaign_id", Uuid, ForeignKey("group_buy_campaigns.id"), nullable=False),
    Column("opened_by", Uuid, ForeignKey("accounts.id"), nullable=False),
    # the opener, or whoever the group was handed on to
    Column("leader_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("state", String(10), nullable=False),
    Column("seats", SmallInteger, nullable=False),
    # living seats, and those of them that are paid
    Column("taken", SmallInteger, nullable=False, server_default="0"),
    Column("paid", SmallInteger, nullable=False, server_default="0"),
    # the number of the group's last event
    Column("events", Integer, nullable=False, server_default="0"),
    moment("opened_at"),
    moment("expires_at"),
    # filled, expired or dissolved: when
    moment("ended_at", nullable=True),
    # the member of staff who completed it with fewer members than seats
    Column("completed_by", Uuid),
    CheckConstraint("state IN ('open', 'filled', 'expired', 'dissolved')", name="state"),
    CheckConstraint("0 <= paid AND paid <= taken AND taken <= seats", name="seats"),
    CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended"),
    CheckConstraint("state <> 'filled' OR paid = seats OR completed_by IS NOT NULL", name="filled"),
    CheckConstraint("completed_by IS NULL OR (state = 'filled' AND paid >= 1)", name="completed"),
    CheckConstraint("state <> 'dissolved' OR taken = 0", name="dissolved"),
)
# The sweep's question: whose time is over? And the product page's: which groups still have room, the fullest first?
Index("group_buys_due_idx", groups.c.expires_at, postgresql_where=text("state = 'open'"))
# And: in which are seats still held, though no time to pay is left?
Index("group_buys_held_idx", groups.c.expires_at, postgresql_where=text("taken > paid"))
Index(
    "group_buys_open_idx",
    groups.c.campaign_id,
    groups.c.paid.desc(),
    groups.c.id,
    postgresql_where=text("state = 'open' AND paid >= 1 AND taken < seats"),
)
# The leader's screen, newest first; staff's list of a campaign's groups.
Index("group_buys_leader_idx", groups.c.leader_id, groups.c.id.desc())
Index("group_buys_campaign_idx", groups.c.campaign_id, groups.c.id.desc())

# A row for each time somebody took a seat; its id is the source of the order. A seat that was freed may be taken anew.
seats = Table(
    "group_buy_seats",
    metadata,
    id_column(),
    Column("group_id", Uuid, ForeignKey("group_buys.id"), nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("shopper_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("item_id", Uuid, ForeignKey("group_buy_items.id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("order_id", Uuid, nullable=False, unique=True),
    Column("state", String(10), nullable=False),
    # taken under the rule that only newcomers may join
    Column("is_newcomers", Boolean, nullable=False),
    # the share link that brought the member, as far as the rule of attribution says
    Column("share_link_id", Uuid, ForeignKey("share_links.id")),
    moment("held_at"),
    moment("paid_at", nullable=True),
    # freed before it was paid
    moment("freed_at", nullable=True),
    # of an expired group: when the money is to be given back, put off after each failure
    moment("refund_at", nullable=True),
    Column("refund_failures", SmallInteger, nullable=False, server_default="0"),
    moment("refunded_at", nullable=True),
    CheckConstraint("number BETWEEN 1 AND 100", name="number"),
    CheckConstraint("quantity >= 1", name="quantity"),
    CheckConstraint("state IN ('held', 'paid', 'freed', 'refunded')", name="state"),
    CheckConstraint("(state IN ('paid', 'refunded')) = (paid_at IS NOT NULL)", name="paid"),
    CheckConstraint("(state = 'freed') = (freed_at IS NOT NULL)", name="freed"),
    CheckConstraint("(state = 'refunded') = (refunded_at IS NOT NULL)", name="refunded"),
    CheckConstraint("refund_at IS NULL OR state = 'paid'", name="refund"),
)
_is_living = text("state IN ('held', 'paid')")
# What a race would break: one member to a seat, one seat to a member, and a newcomer is one only once.
Index("group_buy_seats_number_key", seats.c.group_id, seats.c.number, unique=True, postgresql_where=_is_living)
Index("group_buy_seats_member_key", seats.c.group_id, seats.c.shopper_id, unique=True, postgresql_where=_is_living)
Index(
    "group_buy_seats_newcomer_key",
    seats.c.shopper_id,
    unique=True,
    postgresql_where=text("is_newcomers AND state IN ('held', 'paid')"),
)
# All seats of a group, also the freed ones; a shopper's own, newest first; and whose money is to go back.
Index("group_buy_seats_group_idx", seats.c.group_id)
Index("group_buy_seats_shopper_idx", seats.c.shopper_id, seats.c.id.desc())
Index("group_buy_seats_refund_idx", seats.c.refund_at, postgresql_where=text("refund_at IS NOT NULL"))

# The limit per shopper: units held or paid.
shoppers = Table(
    "group_buy_shoppers",
    metadata,
    Column("campaign_id", Uuid, nullable=False),
    Column("shopper_id", Uuid, nullable=False),
    Column("units", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    PrimaryKeyConstraint("campaign_id", "shopper_id"),
    CheckConstraint("units BETWEEN 0 AND most", name="limit"),
)

# What has happened in a group, numbered without gaps: what `groupBuyEvents(since:)` goes on from.
events = Table(
    "group_buy_events",
    metadata,
    Column("group_id", Uuid, ForeignKey("group_buys.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("seat", SmallInteger),
    # living and paid seats from then on
    Column("taken", SmallInteger, nullable=False),
    Column("paid", SmallInteger, nullable=False),
    moment("happened_at"),
    PrimaryKeyConstraint("group_id", "number"),
    CheckConstraint(
        "kind IN ('opened', 'joined', 'paid', 'left', 'handed_on', 'filled', 'completed', 'expired', 'dissolved',"
        " 'refunded')",
        name="kind",
    ),
)
