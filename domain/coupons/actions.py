"""What merchandisers do with batches, and what becomes of a coupon when its order does."""

from dataclasses import asdict, replace
from datetime import datetime
from uuid import UUID

from domain.coupons import rules, store
from domain.coupons.rules import Batch, NewBatch
from domain.foundation import idempotency
from domain.foundation.database import Database
from domain.foundation.ids import encode, new_id
from domain.orders import store as orders
from domain.orders.rules import OrderState
from domain.trail import store as trail

ENDED = frozenset({OrderState.LAPSED, OrderState.CANCELLED, OrderState.REFUNDED})
"""Orders that need no coupon any more. One that is refunded in part keeps its."""


async def create(db: Database, wish: NewBatch, *, by: UUID, idempotency_key: str, now: datetime) -> Batch:
    """A batch, to be claimed from its window's beginning on. The same key with the same wish gives the same batch again.

    Raises BadInput, NotFound (product, sku), IdempotencyConflict.
    """
    rules.check_batch(wish, now=now)
    terms = asdict(wish)
    batch_id = new_id()
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=by,
            key=idempotency_key,
            operation="create_coupon_batch",
            request=terms,
            answer=str(batch_id),
        )
        if replay:
            return await store.lock_batch(tx, UUID(replay.answer))
        for_goods = await store.goods_of(tx, wish)
        del terms["product_ids"], terms["sku_ids"]
        batch = Batch(batch_id, **terms | {"title": wish.title.strip()})
        await store.add_batch(tx, batch, for_goods, by=by, now=now)
        await trail.note(
            tx,
            by=by,
            deed="create_coupon_batch",
            subject="couponbatch",
            subject_id=batch.id,
            now=now,
            title=batch.title,
            pieces=batch.pieces,
            worth_minor=batch.amount_minor or batch.cap_minor,
            goods=[
                encode("sku", sku_id) if sku_id else encode("product", product_id) for product_id, sku_id in for_goods
            ],
        )
        return batch


async def stop(db: Database, *, batch_id: UUID, by: UUID, now: datetime) -> Batch:
    """Nobody claims of the batch from now on; what was claimed stays good. Stopped already: no change. Raises NotFound."""
    async with db.transaction() as tx:
        batch = await store.lock_batch(tx, batch_id)
        if batch.stopped_at is not None:
            return batch
        await store.stop_batch(tx, batch, by=by, now=now)
        await trail.note(
            tx,
            by=by,
            deed="stop_coupon_batch",
            subject="couponbatch",
            subject_id=batch.id,
            now=now,
            claimed=batch.claimed,
        )
        return replace(batch, stopped_at=now)


async def raise_pieces(db: Database, *, batch_id: UUID, pieces: int, by: UUID, now: datetime) -> Batch:
    """The batch has so many pieces in all, those included that were claimed. As many already: no change.

    Raises BadInput, also for fewer than it has, and NotFound.
    """
    async with db.transaction() as tx:
        batch = await store.lock_batch(tx, batch_id)
        rules.check_pieces(batch, pieces)
        if pieces == batch.pieces:
            return batch
        await store.set_pieces(tx, batch, pieces)
        await trail.note(
            tx,
            by=by,
            deed="raise_coupon_pieces",
            subject="couponbatch",
            subject_id=batch.id,
            now=now,
            pieces=pieces,
            before=batch.pieces,
        )
        return replace(batch, pieces=pieces)


async def settle(db: Database, *, order_id: UUID, now: datetime) -> None:
    """Give an order's coupon back, or take it again, as the order stands now. A second call changes nothing.

    It is the order's state that decides, under its lock, and not the news that led here: those may come twice and late.
    """
    # most orders have none: they cost one question
    coupon_id = await store.coupon_of_order(db, order_id)
    if coupon_id is None:
        return
    async with db.transaction() as tx:
        order = await orders.lock(tx, order_id)
        uses = await store.lock_uses(tx, coupon_id)
        is_living = order.state not in ENDED
        await store.write_uses(tx, rules.settle(uses, order_id, is_living=is_living, now=now))
