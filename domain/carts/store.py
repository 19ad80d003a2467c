"""How carts change: the only SQL that writes them.

Whoever writes to a cart locks its row first, most by touching it: two tabs at once come one after the other.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from domain.carts.rules import MOST_LINES, MOST_UNITS, CartFull, CartLineFull, Holder, guest_hash
from domain.carts.tables import cart_lines, carts
from domain.foundation.database import Transaction
from domain.foundation.ids import new_id

c, ln = carts.c, cart_lines.c

# The count cannot grow meanwhile: the cart is locked.
_ADD = text(f"""
    INSERT INTO cart_lines (cart_id, sku_id, quantity, seen_price_minor, added_at)
    SELECT :cart_id, :sku_id, :quantity, :price_minor, CAST(:now AS timestamptz)
    WHERE (SELECT count(*) FROM cart_lines WHERE cart_id = :cart_id AND sku_id <> :sku_id) < {MOST_LINES}
    ON CONFLICT (cart_id, sku_id) DO UPDATE
    SET quantity = cart_lines.quantity + excluded.quantity, is_chosen = true, added_at = excluded.added_at,
        seen_price_minor = excluded.seen_price_minor
    WHERE cart_lines.quantity + excluded.quantity <= {MOST_UNITS}
""").bindparams(bindparam("cart_id", type_=c.id.type), bindparam("sku_id", type_=ln.sku_id.type))  # noqa: S608

# The guest's newest lines come first, for as long as there is room; both carts are locked.
_MERGE = text(f"""
    WITH brought AS (DELETE FROM cart_lines WHERE cart_id = :guest_id RETURNING *),
    ranked AS (
        SELECT brought.*, own.sku_id IS NOT NULL AS is_known,
               row_number() OVER (PARTITION BY own.sku_id IS NULL ORDER BY brought.added_at DESC, brought.sku_id) AS place
        FROM brought LEFT JOIN cart_lines AS own ON own.cart_id = :cart_id AND own.sku_id = brought.sku_id
    )
    INSERT INTO cart_lines (cart_id, sku_id, quantity, is_chosen, seen_price_minor, added_at)
    SELECT :cart_id, sku_id, quantity, is_chosen, seen_price_minor, added_at FROM ranked
    WHERE is_known OR place <= {MOST_LINES} - (SELECT count(*) FROM cart_lines WHERE cart_id = :cart_id)
    ON CONFLICT (cart_id, sku_id) DO UPDATE
    SET quantity = least(cart_lines.quantity + excluded.quantity, {MOST_UNITS}),
        is_chosen = cart_lines.is_chosen OR excluded.is_chosen,
        added_at = greatest(cart_lines.added_at, excluded.added_at)
""").bindparams(bindparam("cart_id", type_=c.id.type), bindparam("guest_id", type_=c.id.type))  # noqa: S608

# The lock of the cart comes first: whoever else holds several lines of it holds the cart as well.
_THEIRS = select(c.id).where(c.shopper_id == bindparam("shopper_id")).with_for_update(key_share=True).scalar_subquery()
_TAKE_CHOSEN = (
    delete(cart_lines).where(ln.cart_id == _THEIRS, ln.is_chosen).returning(ln.sku_id, ln.quantity, ln.added_at)
)

_FORGET = text("""
    DELETE FROM carts WHERE id IN (
        SELECT id FROM carts WHERE guest_hash IS NOT NULL AND touched_at < :before
        ORDER BY touched_at LIMIT :limit FOR UPDATE SKIP LOCKED)
""")


async def open_shoppers(tx: Transaction, shopper_id: UUID, *, now: datetime) -> UUID:
    """The shopper's cart, locked; a new one at the first call."""
    added = insert(carts).values(id=new_id(), shopper_id=shopper_id, touched_at=now)
    touched = added.on_conflict_do_update(index_elements=[c.shopper_id], set_={"touched_at": now}).returning(c.id)
    cart_id: UUID = await tx.value(touched)
    return cart_id


async def open_guests(tx: Transaction, guest_token: str, *, now: datetime) -> UUID:
    """A new cart behind a token that nobody else has."""
    cart_id = new_id()
    await tx.execute(insert(carts).values(id=cart_id, guest_hash=guest_hash(guest_token), touched_at=now))
    return cart_id


async def lock(tx: Transaction, holder: Holder, *, now: datetime) -> UUID | None:
    """The cart, locked and touched; None where there is none, or one that was merged."""
    if holder.shopper_id is not None:
        is_theirs = c.shopper_id == holder.shopper_id
    elif holder.guest_token is not None:
        is_theirs = (c.guest_hash == guest_hash(holder.guest_token)) & c.merged_at.is_(None)
    else:
        return None
    cart_id: UUID | None = await tx.value(update(carts).where(is_theirs).values(touched_at=now).returning(c.id))
    return cart_id


async def add(tx: Transaction, cart_id: UUID, sku_id: UUID, *, quantity: int, price_minor: int, now: datetime) -> None:
    """More units of a SKU in a locked cart; the price is the one the shopper sees. Raises CartFull, CartLineFull."""
    line = {"cart_id": cart_id, "sku_id": sku_id, "quantity": quantity, "price_minor": price_minor, "now": now}
    if await tx.execute(_ADD, line) == 0:
        in_cart = await tx.value(select(ln.quantity).where(ln.cart_id == cart_id, ln.sku_id == sku_id))
        if in_cart is None:
            raise CartFull(most_lines=MOST_LINES)
        raise CartLineFull(sku_id=sku_id, in_cart=in_cart, most_units=MOST_UNITS)


async def set_quantity(tx: Transaction, cart_id: UUID, sku_id: UUID, *, quantity: int) -> bool:
    """So many units of a SKU from now on; whether the cart has such a line."""
    line = update(cart_lines).where(ln.cart_id == cart_id, ln.sku_id == sku_id)
    return await tx.execute(line.values(quantity=quantity)) == 1


async def choose(tx: Transaction, cart_id: UUID, sku_ids: Sequence[UUID], *, is_chosen: bool) -> None:
    """Tick or untick lines for checkout; what is not in the cart is passed over."""
    these = update(cart_lines).where(ln.cart_id == cart_id, ln.sku_id == func.any(list(sku_ids)))
    await tx.execute(these.values(is_chosen=is_chosen))


async def remove(tx: Transaction, cart_id: UUID, sku_ids: Sequence[UUID]) -> None:
    """Take lines out; what is not in the cart is passed over."""
    await tx.execute(delete(cart_lines).where(ln.cart_id == cart_id, ln.sku_id == func.any(list(sku_ids))))


async def clear(tx: Transaction, cart_id: UUID) -> None:
    """Take every line out."""
    await tx.execute(delete(cart_lines).where(ln.cart_id == cart_id))


async def merge(tx: Transaction, *, guest_id: UUID, cart_id: UUID, now: datetime) -> None:
    """Move the lines of a guest's locked cart into a locked one. Quantities add up to the limit; what finds no room is gone."""
    await tx.execute(_MERGE, {"guest_id": guest_id, "cart_id": cart_id})
    await tx.execute(update(carts).where(c.id == guest_id).values(merged_at=now))


async def take_chosen(tx: Transaction, shopper_id: UUID) -> list[tuple[UUID, int]]:
    """Take the chosen lines out of a shopper's cart: SKU and units of each, as the shopper saw them, last first.

    Units that another tab adds meanwhile wait for us, and are in the cart afterwards.
    """
    rows = await tx.rows(_TAKE_CHOSEN, {"shopper_id": shopper_id})
    return [(row.sku_id, row.quantity) for row in sorted(rows, key=lambda row: (-row.added_at.timestamp(), row.sku_id))]


async def forget(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Drop guests' carts that nobody has touched since then, merged ones too, at most `limit`; how many went."""
    return await tx.execute(_FORGET, {"before": before, "limit": limit})
