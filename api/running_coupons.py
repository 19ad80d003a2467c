"""Giving coupons out: what merchandisers make and stop, and what the crew of a live room drops there."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.coupons import CouponBatch, CouponPlace, show_batch
from api.nodes import Connection, read_id
from api.refusals import refusal
from api.scalars import Long
from domain.coupons import actions, queries, rules
from domain.coupons.rules import ClaimPlace, NewBatch
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.live_rooms import rules as rooms
from domain.live_rooms import running, selling


@strawberry.input(
    description="Coupons to be given out; only their number can be raised later. All of them may cost 10^15 minor units at most."
)
class CreateCouponBatchInput:
    """The terms."""

    title: str = strawberry.field(description="1 to 60 characters.")
    pieces: Long = strawberry.field(description="1 to 10000000. 发行张数")
    claimable_from: datetime
    claimable_until: datetime = strawberry.field(
        description="In the future, at most 365 days after `claimableFrom`; 3653 for coupons that are claimed NOWHERE."
    )
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same batch."
    )
    amount_off_minor: Long | None = strawberry.field(
        default=None, description="Minor units: fen. This, or `percentOff`."
    )
    percent_off: int | None = strawberry.field(default=None, description="1 to 100; goes with `capMinor`.")
    cap_minor: Long | None = strawberry.field(default=None, description="What a percentage takes off at most: fen.")
    threshold_minor: Long = strawberry.field(default=0, description="Eligible goods that a basket needs: fen.")
    per_shopper: int = strawberry.field(default=1, description="1 to 20.")
    usable_days: int | None = strawberry.field(
        default=None, description="1 to 365, from the claim. This, or `usableUntil`."
    )
    usable_until: datetime | None = strawberry.field(
        default=None, description="From `claimableUntil` on, at most 365 days after it."
    )
    claimable_in: CouponPlace = ClaimPlace.EVERYWHERE
    stacks_with_sale_prices: bool = strawberry.field(
        default=True, description="Whether goods at a sale, live or ladder price are eligible, too."
    )
    product_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="All their SKUs are eligible. Without products and SKUs, all goods are."
    )
    sku_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Eligible; with the products 1000 at most."
    )


@strawberry.input(description="More pieces of a batch.")
class RaiseCouponPiecesInput:
    """Of which, and how many."""

    batch_id: strawberry.ID
    pieces: Long = strawberry.field(
        description="In all, with those that were claimed: as many as there are, to 10000000."
    )


@strawberry.input(description="Give a batch to whoever is in a live room.")
class DropCouponsInput:
    """What, and where."""

    room_id: strawberry.ID
    batch_id: strawberry.ID


CouponBatchResult = Annotated[
    CouponBatch | refusal(NotFound) | refusal(IdempotencyConflict), strawberry.union("CouponBatchResult")
]
DropCouponsResult = Annotated[
    CouponBatch
    | refusal(NotFound)
    | refusal(rooms.RoomNotOn)
    | refusal(rooms.CouponsDroppedElsewhere)
    | refusal(rules.CouponsNotYet)
    | refusal(rules.CouponsOver)
    | refusal(rules.CouponsOnlyGiven),
    strawberry.union("DropCouponsResult"),
]


@strawberry.type
class RunningCouponsQuery:
    """What those who give coupons out ask."""

    @strawberry.field(
        directives=to(Who.CREW),
        description="Batches of which pieces can be claimed now, newest first: what can be dropped in the room. For who runs the "
        "room.",
    )
    async def coupons_to_drop(
        self, info: Info, room_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> Connection[CouponBatch]:
        """What the crew chooses from."""
        context = info.context
        async with context.market.db.reading() as reader:
            await running.check_crew(reader, read_id("room", room_id), context.shopper)
            page = await queries.claimable_batches(reader, now=context.now, first=first, after=after)
        return Connection.of(page, show_batch)

    @strawberry.field(directives=to(Who.STAFF), description="Every batch of coupons, newest first.")
    async def coupon_batches(self, info: Info, first: int = 20, after: str | None = None) -> Connection[CouponBatch]:
        """Every batch."""
        return Connection.of(await queries.all_batches(info.context.market.db, first=first, after=after), show_batch)


@strawberry.type
class RunningCouponsMutation:
    """What those who give coupons out do."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Coupons that can be claimed from `claimableFrom` on."
    )
    async def create_coupon_batch(self, info: Info, input: CreateCouponBatchInput) -> CouponBatchResult:
        """A batch."""
        context = info.context
        wish = NewBatch(
            title=input.title,
            pieces=input.pieces,
            claimable_from=input.claimable_from,
            claimable_until=input.claimable_until,
            amount_minor=input.amount_off_minor,
            percent=input.percent_off,
            cap_minor=input.cap_minor,
            threshold_minor=input.threshold_minor,
            per_shopper=input.per_shopper,
            usable_days=input.usable_days,
            usable_until=input.usable_until,
            claimable_in=input.claimable_in,
            stacks_with_sale_prices=input.stacks_with_sale_prices,
            product_ids=tuple(read_id("product", id) for id in input.product_ids[: rules.MOST_GOODS + 1]),
            sku_ids=tuple(read_id("sku", id) for id in input.sku_ids[: rules.MOST_GOODS + 1]),
        )
        batch = await actions.create(
            context.market.db,
            wish,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_batch(batch)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Nobody claims of it from now on; what was claimed stays good. Repeating it changes nothing.",
    )
    async def stop_coupon_batch(self, info: Info, id: strawberry.ID) -> CouponBatchResult:
        """Stop a batch."""
        context = info.context
        batch = await actions.stop(
            context.market.db, batch_id=read_id("couponbatch", id), by=context.shopper.account_id, now=context.now
        )
        return show_batch(batch)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="More pieces of it; nothing else of a batch changes. Repeating it changes nothing.",
    )
    async def raise_coupon_pieces(self, info: Info, input: RaiseCouponPiecesInput) -> CouponBatchResult:
        """More pieces."""
        context = info.context
        batch = await actions.raise_pieces(
            context.market.db,
            batch_id=read_id("couponbatch", input.batch_id),
            pieces=input.pieces,
            by=context.shopper.account_id,
            now=context.now,
        )
        return show_batch(batch)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Give a batch to whoever is in the room; a batch belongs to one room. Repeating it changes nothing. For who "
        "runs the room.",
    )
    async def drop_coupons(self, info: Info, input: DropCouponsInput) -> DropCouponsResult:
        """Drop a batch."""
        context = info.context
        batch = await selling.drop_coupons(
            context.market.db,
            context.services.bus,
            room_id=read_id("room", input.room_id),
            batch_id=read_id("couponbatch", input.batch_id),
            by=context.shopper,
            now=context.now,
        )
        return show_batch(batch)
