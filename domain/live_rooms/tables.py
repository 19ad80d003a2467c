"""Rooms, who runs them, what is on their shelves and when it was on air, what was sold there, and what has happened."""

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

rooms = Table(
    "live_rooms",
    metadata,
    id_column(),
    Column("title", String(120), nullable=False),
    # an https address; empty: the picture of the first item on the shelf
    Column("cover_url", String(500), nullable=False, server_default=""),
    Column("state", String(10), nullable=False),
    # where prizes and goods are handed over, for rooms in a shop window
    Column("store_id", Uuid, ForeignKey("stores.id")),
    # the planned beginning
    moment("starts_at"),
    # seconds that a live price holds after its item has left the air
    Column("grace_seconds", Integer, nullable=False),
    # what all prizes that its crew promises may be worth together
    Column("prize_budget_minor", BigInteger, nullable=False),
    # whether viewers may write, and the seconds between two comments of one of them
    Column("is_chat_open", Boolean, nullable=False, server_default="true"),
    Column("slow_seconds", SmallInteger, nullable=False, server_default="0"),
    # the number of the room's last event
    Column("events", BigInteger, nullable=False, server_default="0"),
    moment("created_at"),
    id_column("created_by"),
    moment("live_at", nullable=True),
    moment("paused_at", nullable=True),
    moment("ended_at", nullable=True),
    moment("cancelled_at", nullable=True),
    CheckConstraint("state IN ('scheduled', 'live', 'paused', 'ended', 'cancelled')", name="state"),
    CheckConstraint("grace_seconds BETWEEN 0 AND 3600", name="grace"),
    CheckConstraint("prize_budget_minor >= 0", name="prize_budget"),
    CheckConstraint("slow_seconds BETWEEN 0 AND 600", name="slow"),
    CheckConstraint("cover_url = '' OR cover_url LIKE 'https://%'", name="cover"),
    CheckConstraint("(state IN ('live', 'paused', 'ended')) = (live_at IS NOT NULL)", name="live"),
    CheckConstraint("(state = 'paused') = (paused_at IS NOT NULL)", name="paused"),
    CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended"),
    CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled"),
)
# The storefront's list: what is on now, and what comes next. And the timetable's: which rooms are on?
Index("live_rooms_coming_idx", rooms.c.state, rooms.c.starts_at, rooms.c.id)
# Which have just ended, and are to be counted once more?
Index("live_rooms_ended_idx", rooms.c.ended_at, postgresql_where=text("state = 'ended'"))

# Who runs a room: a host, or an assistant.
crew = Table(
    "live_room_crew",
    metadata,
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("duty", String(10), nullable=False),
    PrimaryKeyConstraint("room_id", "account_id"),
    CheckConstraint("duty IN ('host', 'assistant')", name="duty"),
)
# Which rooms do I run?
Index("live_room_crew_account_idx", crew.c.account_id, crew.c.room_id.desc())

# A product on the shelf. One that was taken off stays, for its chapters and its sales.
items = Table(
    "live_room_items",
    metadata,
    id_column(),
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    Column("product_id", Uuid, ForeignKey("products.id"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    # the host's word on it, shown beside it
    Column("pitch", String(60), nullable=False, server_default=""),
    moment("pinned_at", nullable=True),
    moment("removed_at", nullable=True),
    UniqueConstraint("room_id", "product_id"),
    CheckConstraint("position BETWEEN 1 AND 200", name="position"),
    CheckConstraint("pinned_at IS NULL OR removed_at IS NULL", name="pinned"),
)
Index("live_room_items_pinned_key", items.c.room_id, unique=True, postgresql_where=text("pinned_at IS NOT NULL"))

# What the crew may ask for a SKU: its live price while on air, and how low a sale started in the room may go.
prices = Table(
    "live_room_prices",
    metadata,
    Column("item_id", Uuid, ForeignKey("live_room_items.id"), nullable=False),
    Column("sku_id", Uuid, ForeignKey("skus.id"), nullable=False),
    Column("live_minor", BigInteger),
    Column("floor_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("item_id", "sku_id"),
    CheckConstraint("floor_minor >= 1 AND live_minor >= floor_minor", name="amounts"),
)

# An item's time on air, at the prices of that time; what a replay jumps to.
chapters = Table(
    "live_room_chapters",
    metadata,
    id_column(),
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    Column("item_id", Uuid, ForeignKey("live_room_items.id"), nullable=False),
    moment("began_at"),
    moment("ended_at", nullable=True),
    # until when its live prices hold, once it has ended
    moment("prices_until", nullable=True),
    # {SKU: minor units}
    Column("live_prices", JSONB, nullable=False),
    CheckConstraint("(ended_at IS NULL) = (prices_until IS NULL)", name="prices_until"),
    CheckConstraint("ended_at >= began_at AND prices_until >= ended_at", name="moments"),
)
# One item is on air at a time. And a quote's question: which live prices of this room still hold?
Index("live_room_chapters_on_air_key", chapters.c.room_id, unique=True, postgresql_where=text("ended_at IS NULL"))
Index("live_room_chapters_room_idx", chapters.c.room_id, chapters.c.began_at)

# Sales that were started from the room, or coupons dropped in it: each knows its room.
promotions = Table(
    "live_room_promotions",
    metadata,
    Column("target_id", Uuid, primary_key=True),
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("item_id", Uuid, ForeignKey("live_room_items.id")),
    moment("started_at"),
    id_column("started_by"),
    # the room was told of it
    moment("told_at", nullable=True),
    CheckConstraint("kind IN ('flash_sale', 'group_buy', 'coupons', 'draw')", name="kind"),
)
Index("live_room_promotions_room_idx", promotions.c.room_id, promotions.c.started_at)
# The timetable's: of which was a room not told?
Index("live_room_promotions_untold_idx", promotions.c.started_at, postgresql_where=text("told_at IS NULL"))

# Orders that were placed in the room: at checkout with the room named, or in a sale that was started there.
orders = Table(
    "live_room_orders",
    metadata,
    # written before the order, in one transaction with it
    Column("order_id", Uuid, primary_key=True),
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    Column("shopper_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("channel", String(12), nullable=False),
    moment("placed_at"),
    CheckConstraint("channel IN ('shelf', 'flash_sale', 'group_buy')", name="channel"),
)
# The dashboard's question; and "N people are buying".
Index("live_room_orders_room_idx", orders.c.room_id, orders.c.placed_at)
# A draw's, of all who enter: has this shopper bought in the room?
Index("live_room_orders_shopper_idx", orders.c.room_id, orders.c.shopper_id)
# The leaderboards': what was bought in all rooms in a stretch of time?
Index("live_room_orders_placed_idx", orders.c.placed_at)

reservations = Table(
    "live_room_reservations",
    metadata,
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    Column("shopper_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    moment("reserved_at"),
    # when the reminder was sent, or given up; nobody is reminded twice
    moment("reminded_at", nullable=True),
    PrimaryKeyConstraint("room_id", "shopper_id"),
)
Index(
    "live_room_reservations_due_idx",
    reservations.c.room_id,
    reservations.c.shopper_id,
    postgresql_where=text("reminded_at IS NULL"),
)

# What has happened in a room, numbered without gaps: what `roomEvents(since:)` goes on from. Kept for three years.
events = Table(
    "live_room_events",
    metadata,
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("kind", String(20), nullable=False),
    # as `rules.FACTS` says, kind by kind
    Column("facts", JSONB, nullable=False),
    moment("happened_at"),
    PrimaryKeyConstraint("room_id", "number"),
    CheckConstraint(
        "kind IN ('went_live', 'paused', 'resumed', 'ended', 'cancelled', 'shelf_changed', 'on_air', 'off_air', 'pinned',"
        " 'unpinned', 'flash_sale_started', 'group_buy_started', 'coupons_dropped', 'draw_opened', 'draw_called_off',"
        " 'drawn', 'commented', 'comment_removed', 'chat_changed', 'notice')",
        name="kind",
    ),
)
