"""Batches of coupons, the goods they are for, the coupons that were claimed, and the orders they were used for."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from domain.foundation.tables import id_column, metadata, moment

batches = Table(
    "coupon_batches",
    metadata,
    id_column(),
    Column("title", String(60), nullable=False),
    # so much off, or a percentage up to the cap
    Column("amount_minor", BigInteger),
    Column("percent", SmallInteger),
    Column("cap_minor", BigInteger),
    # of goods that it is for, in a basket
    Column("threshold_minor", BigInteger, nullable=False),
    Column("stacks_with_sale_prices", Boolean, nullable=False),
    Column("pieces", Integer, nullable=False),
    Column("per_shopper", SmallInteger, nullable=False),
    moment("claimable_from"),
    moment("claimable_until"),
    # from when it was claimed, or until one moment for all
    Column("usable_days", SmallInteger),
    moment("usable_until", nullable=True),
    Column("claimable_in", String(10), nullable=False),
    # as many rows of it as there are in `coupons`
    Column("claimed", Integer, nullable=False, server_default="0"),
    moment("created_at"),
    id_column("created_by"),
    moment("stopped_at", nullable=True),
    Column("stopped_by", Uuid),
    CheckConstraint("(amount_minor IS NULL) <> (percent IS NULL)", name="worth"),
    CheckConstraint("(percent IS NULL) = (cap_minor IS NULL)", name="cap"),
    CheckConstraint("amount_minor >= 1 AND cap_minor >= 1 AND threshold_minor >= 0", name="amounts"),
    CheckConstraint("percent BETWEEN 1 AND 100", name="percent"),
    CheckConstraint("pieces BETWEEN 1 AND 10000000 AND claimed BETWEEN 0 AND pieces", name="pieces"),
    CheckConstraint("per_shopper BETWEEN 1 AND 20", name="per_shopper"),
    CheckConstraint("claimable_from < claimable_until", name="window"),
    CheckConstraint("(usable_days IS NULL) <> (usable_until IS NULL)", name="usable"),
    CheckConstraint("usable_days BETWEEN 1 AND 365 AND usable_until >= claimable_until", name="usable_until"),
    CheckConstraint("claimable_in IN ('everywhere', 'room', 'nowhere')", name="claimable_in"),
    CheckConstraint("(stopped_at IS NULL) = (stopped_by IS NULL)", name="stopped"),
)

# What a batch is for: all SKUs of a product, or one of them. Without any row: everything.
goods = Table(
    "coupon_goods",
    metadata,
    Column("batch_id", Uuid, ForeignKey("coupon_batches.id"), nullable=False),
    Column("product_id", Uuid, ForeignKey("products.id"), nullable=False),
    Column("sku_id", Uuid, ForeignKey("skus.id")),
    UniqueConstraint("batch_id", "product_id", "sku_id", postgresql_nulls_not_distinct=True),
)

coupons = Table(
    "coupons",
    metadata,
    id_column(),
    Column("batch_id", Uuid, ForeignKey("coupon_batches.id"), nullable=False),
    Column("shopper_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("code", String(16), nullable=False, unique=True),
    # the idempotency key of the claim, or of the house's grant, which names one coupon for ever
    Column("claim_key", String(64), nullable=False),
    moment("claimed_at"),
    moment("usable_until"),
    UniqueConstraint("shopper_id", "claim_key"),
    CheckConstraint("code ~ '^[0-9A-HJKMNP-TV-Z]{16}$'", name="code"),
)
# What has this shopper of a batch? And what in all, the newest first?
Index("coupons_batch_idx", coupons.c.batch_id, coupons.c.shopper_id)
Index("coupons_shopper_idx", coupons.c.shopper_id, coupons.c.id.desc())

# A coupon counts for one living order at a time. Whoever changes a row has locked its coupon.
uses = Table(
    "coupon_uses",
    metadata,
    # written before the order, in one transaction with it
    id_column("order_id", primary_key=True),
    Column("coupon_id", Uuid, ForeignKey("coupons.id"), nullable=False),
    moment("used_at"),
    moment("given_back_at", nullable=True),
    # the order was revived by late money when the coupon was used for another: it keeps its discount all the same
    moment("without_since", nullable=True),
    CheckConstraint("without_since IS NULL OR given_back_at IS NOT NULL", name="without"),
)
Index("coupon_uses_living_key", uses.c.coupon_id, unique=True, postgresql_where=text("given_back_at IS NULL"))
Index("coupon_uses_coupon_idx", uses.c.coupon_id)
