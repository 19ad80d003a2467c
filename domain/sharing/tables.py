"""Share links, who opened them, the orders that came of them, and the counts of each link."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from domain.foundation.tables import id_column, metadata, moment

links = Table(
    "share_links",
    metadata,
    id_column(),
    # what stands in a mini-program code: letters and digits, which say nothing
    Column("token", String(32), nullable=False, unique=True),
    Column("sharer_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("target_kind", String(20), nullable=False),
    id_column("target_id"),
    Column("channel", String(30), nullable=False),
    Column("campaign", String(60), nullable=False),
    moment("created_at"),
    # whoever shares the same thing in the same way again gets the same link
    UniqueConstraint("sharer_id", "target_kind", "target_id", "channel", "campaign"),
    CheckConstraint("target_kind IN ('product', 'group_buy', 'flash_sale', 'live_room')", name="target_kind"),
    CheckConstraint("token ~ '^[0-9A-Za-z]{12,32}$'", name="token"),
)
Index("share_links_sharer_idx", links.c.sharer_id, links.c.id.desc())
# Who shares this room?
Index("share_links_target_idx", links.c.target_kind, links.c.target_id)

# Who opened a link: one row for each shopper, by whatever device, and for each device on which nobody was signed in.
visits = Table(
    "share_visits",
    metadata,
    id_column(),
    Column("link_id", Uuid, ForeignKey("share_links.id"), nullable=False),
    # a hash of the device's id, of a shopper's the first: enough to know it again, too little to know it
    Column("visitor", String(43), nullable=False),
    Column("shopper_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE")),
    # once the shopper is known: whether the visit counts for the sharer, or why not
    Column("outcome", String(10)),
    # of a visit that counts: the first and the last opening that did
    moment("opened_at"),
    moment("last_opened_at"),
    # as many days after the last opening as the shop said then: a changed knob changes nothing that has happened
    moment("counts_until"),
    # the shopper was, or became, known
    moment("known_at", nullable=True),
    # a device is nobody's once; a shopper's row has an index of its own, below
    UniqueConstraint("link_id", "visitor", "shopper_id", postgresql_nulls_not_distinct=True),
    CheckConstraint("outcome IN ('counted', 'oneself', 'circular')", name="outcome"),
    CheckConstraint(
        "(shopper_id IS NULL) = (outcome IS NULL) AND (shopper_id IS NULL) = (known_at IS NULL)", name="known"
    ),
    CheckConstraint("opened_at <= last_opened_at AND last_opened_at <= counts_until", name="moments"),
)
# Whose share counts for this shopper? Which visits of this device wait for somebody to sign in? And which wait no more?
Index(
    "share_visits_shopper_idx",
    visits.c.shopper_id,
    visits.c.last_opened_at.desc(),
    postgresql_where=text("outcome = 'counted'"),
)
Index(
    "share_visits_link_shopper_key",
    visits.c.link_id,
    visits.c.shopper_id,
    unique=True,
    postgresql_where=text("shopper_id IS NOT NULL"),
)
Index("share_visits_visitor_idx", visits.c.visitor, postgresql_where=text("shopper_id IS NULL"))
Index("share_visits_over_idx", visits.c.counts_until, postgresql_where=text("shopper_id IS NULL"))

# In several rows for each link, or all who open a popular one would wait for one row. Together they say how many visits
# there are (opened), how many of them count (signed_in), how many orders came of the link (joined), how many are paid (paid),
# and how many of the visits were of nobody known and are kept no more (forgotten).
counts = Table(
    "share_counts",
    metadata,
    Column("link_id", Uuid, ForeignKey("share_links.id"), nullable=False),
    Column("shard", SmallInteger, nullable=False),
    *(
        Column(step, BigInteger, nullable=False, server_default="0")
        for step in ("opened", "signed_in", "joined", "paid", "forgotten")
    ),
    PrimaryKeyConstraint("link_id", "shard"),
    CheckConstraint("opened >= 0 AND signed_in >= 0 AND joined >= 0 AND paid >= 0 AND forgotten >= 0", name="counts"),
)

# An order that came of a share: at most one link for each.
attributions = Table(
    "share_attributions",
    metadata,
    id_column("order_id", primary_key=True),
    Column("link_id", Uuid, ForeignKey("share_links.id"), nullable=False),
    Column("sharer_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("shopper_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    moment("opened_at"),
    moment("placed_at"),
    moment("paid_at", nullable=True),
    CheckConstraint("sharer_id <> shopper_id", name="oneself"),
    CheckConstraint("opened_at <= placed_at", name="opened"),
)
Index("share_attributions_link_idx", attributions.c.link_id)
