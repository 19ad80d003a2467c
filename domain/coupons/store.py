"""How batches, coupons and their uses are written and locked: the only SQL that changes them.

Locks are taken in one order: the order, the coupon; a batch is locked by itself.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, text, update

from domain.coupons import rules
from domain.coupons.rules import GRANTED, Batch, Claim, ClaimPlace, Coupon, NewBatch, Use
from domain.coupons.tables import batches, coupons, goods, uses
from domain.foundation.database import AnyRow, Database, Reader, Transaction
from domain.foundation.errors import IdempotencyConflict, NotFound, Refusal
from domain.products.tables import products, skus

b, c, g, u = batches.c, coupons.c, goods.c, uses.c
BATCH_COLUMNS = (
    b.id, b.title, b.amount_minor, b.percent, b.cap_minor, b.threshold_minor, b.stacks_with_sale_prices, b.pieces,
    b.per_shopper, b.claimable_from, b.claimable_until, b.usable_days, b.usable_until, b.claimable_in, b.claimed,
    b.stopped_at,
)  # fmt: skip
COUPON_COLUMNS = (c.id, c.batch_id, c.shopper_id, c.code, c.claim_key, c.claimed_at, c.usable_until)

_LOCK_BATCH = select(*BATCH_COLUMNS).where(b.id == bindparam("batch_id")).with_for_update()
_KNOWN = text("""
    SELECT id, batch_id, shopper_id, code, claim_key, claimed_at, usable_until
    FROM coupons WHERE batch_id = :batch_id AND shopper_id = ANY(CAST(:shopper_ids AS uuid[]))
    UNION ALL
    SELECT coupon.id, batch_id, coupon.shopper_id, code, claim_key, claimed_at, usable_until
    FROM coupons AS coupon
    JOIN unnest(CAST(:shopper_ids AS uuid[]), CAST(:keys AS text[])) AS wish (shopper_id, key)
      ON coupon.shopper_id = wish.shopper_id AND claim_key = wish.key
    WHERE batch_id <> :batch_id
""")
_ADD_COUPONS = text("""
    INSERT INTO coupons (id, batch_id, shopper_id, code, claim_key, claimed_at, usable_until)
    SELECT id, :batch_id, shopper_id, code, claim_key, claimed_at, usable_until
    FROM unnest(CAST(:ids AS uuid[]), CAST(:shopper_ids AS uuid[]), CAST(:codes AS text[]), CAST(:keys AS text[]),
                CAST(:claimed_at AS timestamptz[]), CAST(:usable_until AS timestamptz[]))
      AS new (id, shopper_id, code, claim_key, claimed_at, usable_until)
    ON CONFLICT (shopper_id, claim_key) DO NOTHING
    RETURNING id
""")
# The coupon's row is locked before its uses are looked at: whoever gives it back, or takes it again, waits.
_USE = text("""
    INSERT INTO coupon_uses (order_id, coupon_id, used_at)
    SELECT :order_id, id, :now FROM coupons WHERE id = :coupon_id AND usable_until > :now FOR UPDATE
    ON CONFLICT (coupon_id) WHERE given_back_at IS NULL DO NOTHING
""")
_WITHDRAW = text("""
    UPDATE coupons SET usable_until = claimed_at WHERE id = ANY(CAST(:ids AS uuid[]))
""")


def batch_of(row: AnyRow) -> Batch:
    """A batch out of a row of `BATCH_COLUMNS`."""
    return Batch(**{**row._mapping, "claimable_in": ClaimPlace(row.claimable_in)})


async def goods_of(tx: Transaction, wish: NewBatch) -> list[tuple[UUID, UUID | None]]:
    """What a batch is to be for: products, and SKUs with their products. Raises NotFound for what does not exist."""
    product_ids, sku_ids = dict.fromkeys(wish.product_ids), dict.fromkeys(wish.sku_ids)
    found = set(await tx.column(select(products.c.id).where(products.c.id == func.any(list(product_ids)))))
    if missing := next((id for id in product_ids if id not in found), None):
        raise NotFound.of("product", missing)
    rows = await tx.rows(select(skus.c.id, skus.c.product_id).where(skus.c.id == func.any(list(sku_ids))))
    product_of = {row.id: row.product_id for row in rows}
    if missing := next((id for id in sku_ids if id not in product_of), None):
        raise NotFound.of("sku", missing)
    return [(id, None) for id in product_ids] + [(product_of[id], id) for id in sku_ids]


async def add_batch(
    tx: Transaction, batch: Batch, for_goods: Sequence[tuple[UUID, UUID | None]], *, by: UUID, now: datetime
) -> None:
    """Write a new batch and what it is for."""
    row = {column.name: getattr(batch, column.name) for column in BATCH_COLUMNS}
    await tx.execute(insert(batches).values(row | {"created_at": now, "created_by": by}))
    if for_goods:
        rows = [{"batch_id": batch.id, "product_id": product_id, "sku_id": sku_id} for product_id, sku_id in for_goods]
        await tx.execute(insert(goods), rows)


async def lock_batch(tx: Transaction, batch_id: UUID) -> Batch:
    """A batch, locked until the transaction ends: nobody claims of it meanwhile. Raises NotFound."""
    row = await tx.one(_LOCK_BATCH, {"batch_id": batch_id})
    if row is None:
        raise NotFound.of("couponbatch", batch_id)
    return batch_of(row)


async def stop_batch(tx: Transaction, batch: Batch, *, by: UUID, now: datetime) -> None:
    """Nobody claims of a locked batch any more."""
    await tx.execute(update(batches).where(b.id == batch.id).values(stopped_at=now, stopped_by=by))


async def set_pieces(tx: Transaction, batch: Batch, pieces: int) -> None:
    """A locked batch has so many pieces in all."""
    await tx.execute(update(batches).where(b.id == batch.id).values(pieces=pieces))


async def known(tx: Transaction, batch_id: UUID, claims: Sequence[Claim]) -> list[Coupon]:
    """The coupons of the batch that the claimers have, and those of other batches that their keys were given."""
    asked = {
        "batch_id": batch_id,
        "shopper_ids": [claim.shopper_id for claim in claims],
        "keys": [claim.key for claim in claims],
    }
    return [Coupon(*row) for row in await tx.rows(_KNOWN, asked)]


async def add_coupons(tx: Transaction, batch: Batch, new: Sequence[Coupon]) -> set[UUID]:
    """Write coupons of a locked batch and count them; the ids of those that were written.

    One is not written whose key another batch took at this very moment.
    """
    # by key: two batches of which the same people claim under the same keys must wait for them in the same order
    new = sorted(new, key=lambda coupon: (coupon.shopper_id, coupon.claim_key))
    added = await tx.column(
        _ADD_COUPONS,
        {
            "batch_id": batch.id,
            "ids": [coupon.id for coupon in new],
            "shopper_ids": [coupon.shopper_id for coupon in new],
            "codes": [coupon.code for coupon in new],
            "keys": [coupon.claim_key for coupon in new],
            "claimed_at": [coupon.claimed_at for coupon in new],
            "usable_until": [coupon.usable_until for coupon in new],
        },
    )
    await tx.execute(update(batches).where(b.id == batch.id).values(claimed=b.claimed + len(added)))
    return set(added)


async def grant(tx: Transaction, batch_id: UUID, account_id: UUID, *, grant_key: str, now: datetime) -> Coupon:
    """A coupon that the house gives: a piece of the batch, whether or not shoppers may claim it. The same key again gives the
    same coupon; a key has up to 58 characters.

    Raises NotFound, CouponsNotYet, CouponsOver, CouponsGone, and IdempotencyConflict where the key stands for another batch.
    Batches are hot rows: whoever locks other things in the same transaction does so before.
    """
    coupon = (await grant_many(tx, batch_id, [(account_id, grant_key)], now=now))[0]
    if isinstance(coupon, Refusal):
        raise coupon
    return coupon


async def grant_many(
    tx: Transaction, batch_id: UUID, grants: Sequence[tuple[UUID, str]], *, now: datetime
) -> list[Coupon | Refusal]:
    """`grant` for many accounts and keys, in their order, with a refusal for whoever gets none. Raises NotFound."""
    batch = await lock_batch(tx, batch_id)
    claims = [Claim(account_id, GRANTED + key, now) for account_id, key in grants]
    before = await known(tx, batch_id, claims)
    answers = rules.give(batch, claims, before)
    ids = {coupon.id for coupon in before}
    new = {each.id: each for each in answers if isinstance(each, Coupon) and each.id not in ids}
    lost = new.keys() - await add_coupons(tx, batch, list(new.values())) if new else set[UUID]()
    return [
        IdempotencyConflict(key=each.claim_key) if isinstance(each, Coupon) and each.id in lost else each
        for each in answers
    ]


async def withdraw(tx: Transaction, coupon_ids: Sequence[UUID]) -> None:
    """These coupons count no more, nor for a checkout that began before. One that an order has stays that order's, and is over
    when the order gives it back.
    """
    # in one order; whoever uses one at this very moment is seen by what the caller asks next
    await tx.column(select(c.id).where(c.id == func.any(list(coupon_ids))).order_by(c.id).with_for_update())
    await tx.execute(_WITHDRAW, {"ids": list(coupon_ids)})


async def use(tx: Transaction, coupon_id: UUID, *, order_id: UUID, now: datetime) -> bool:
    """The coupon counts for this order; False, and nothing changes, when it counts for another or not any more."""
    return await tx.execute(_USE, {"coupon_id": coupon_id, "order_id": order_id, "now": now}) == 1


async def coupon_of_order(reader: Database | Reader, order_id: UUID) -> UUID | None:
    """The coupon that was used for an order, if one was: it stays that one, whatever becomes of the order."""
    coupon_id: UUID | None = await reader.value(select(u.coupon_id).where(u.order_id == order_id))
    return coupon_id


async def lock_uses(tx: Transaction, coupon_id: UUID) -> dict[UUID, Use]:
    """All uses of a coupon, by order; they stay as they are until the transaction ends."""
    await tx.value(select(c.id).where(c.id == coupon_id).with_for_update())
    found = select(u.order_id, u.given_back_at, u.without_since).where(u.coupon_id == coupon_id)
    return {row.order_id: Use(*row) for row in await tx.rows(found)}


async def write_uses(tx: Transaction, changed: Sequence[Use]) -> None:
    """Write uses of a locked coupon, in this order: it is given back before another order has it."""
    for each in changed:
        values = {"given_back_at": each.given_back_at, "without_since": each.without_since}
        await tx.execute(update(uses).where(u.order_id == each.order_id).values(values))
