"""Coupons as shoppers see them: what is given out, what they have claimed, and claiming."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api import rates
from api.access import Who, public, to
from api.context import Info
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.refusals import refusal
from api.scalars import Long
from domain.coupons import queries, rules
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.rates import Rate

CouponPlace = strawberry.enum(
    rules.ClaimPlace,
    name="CouponPlace",
    description="Where coupons are claimed. ROOM: once a live room has dropped them, while it is on. NOWHERE: the merchant gives "
    "them, as a benefit or a reward.",
)
CouponState = strawberry.enum(rules.CouponState, name="CouponState", description="What a coupon is good for.")


@strawberry.type(
    directives=to(Who.ANYONE),
    description="Coupons that are given out on terms that never change. 优惠券批次",
)
class CouponBatch(Node):
    """What is given out."""

    title: str
    amount_off: Money | None = strawberry.field(description="What comes off; null where it is a percentage.")
    percent_off: int | None = strawberry.field(
        description="1 to 100 percent of eligible goods, up to `cap`; else null."
    )
    cap: Money | None = strawberry.field(description="What a percentage takes off at most.")
    threshold: Money = strawberry.field(description="Eligible goods that the basket needs; 0: none. 使用门槛")
    stacks_with_sale_prices: bool = strawberry.field(
        description="Whether goods at a sale, live or ladder price are eligible, too."
    )
    pieces: Long
    left: Long = strawberry.field(description="Pieces that nobody has claimed. A guest's answer may be a second old.")
    per_shopper: int = strawberry.field(
        description="Pieces that one shopper may claim, at most; those that the merchant gives do not count."
    )
    claimable_from: datetime
    claimable_until: datetime = strawberry.field(description="From this moment on nobody claims any more.")
    stopped_at: datetime | None = strawberry.field(
        description="The merchant ended the claiming before. What was claimed stays good."
    )
    claimable_in: CouponPlace
    usable_days: int | None = strawberry.field(description="Days for which a coupon counts, from its claim; else null.")
    usable_until: datetime | None = strawberry.field(
        description="Of a batch without `usableDays`: until when its coupons count."
    )
    row: strawberry.Private[rules.Batch]

    @strawberry.field(description="Whether its window is open and pieces are left. Of a ROOM's, only there.")
    def is_claimable(self, info: Info) -> bool:
        """Whether it can be claimed."""
        return self.row.is_claimable(info.context.now)

    @strawberry.field(description="All SKUs of these products are eligible. Without products and SKUs, all goods are.")
    async def product_ids(self, info: Info) -> list[strawberry.ID]:
        """The products, fetched for all batches together."""
        goods = await batched(info, queries.goods_by_batch_ids).load(self.row.id)
        return [show_id("product", id) for id in goods.product_ids] if goods else []

    @strawberry.field(description="These SKUs are eligible.")
    async def sku_ids(self, info: Info) -> list[strawberry.ID]:
        """The SKUs, fetched for all batches together."""
        goods = await batched(info, queries.goods_by_batch_ids).load(self.row.id)
        return [show_id("sku", id) for id in goods.sku_ids] if goods else []

    @strawberry.field(
        description="Pieces that the asker has claimed; 0 for a guest, and in a room's news, which are the same for everybody."
    )
    async def claimed_by_me(self, info: Info) -> int:
        """The asker's, fetched for all batches together."""
        return await _claimed_by_me(info).load(self.row.id) if info.context.principal else 0


@strawberry.type(directives=to(Who.OWNER), description="A coupon that a shopper has claimed, or was given. 优惠券")
class Coupon(Node):
    """A coupon."""

    coupon_code: str | None = strawberry.field(
        directives=to(Who.ONLY_OWNER), description="For quote and placeOrder, and for its owner alone. 券码"
    )
    state: CouponState
    claimed_at: datetime
    usable_until: datetime = strawberry.field(description="An order must be placed before this moment.")
    order_id: strawberry.ID | None = strawberry.field(
        description="The order that it is used for. One that ends unpaid, or is refunded whole, gives it back."
    )
    used_at: datetime | None
    row: strawberry.Private[rules.Coupon]
    owner: strawberry.Private[UUID]

    @strawberry.field(description="What it is one of.")
    async def batch(self, info: Info) -> CouponBatch:
        """The batch, fetched for all coupons together."""
        batch = await batched(info, queries.batches_by_ids).load(self.row.batch_id)
        assert batch is not None
        return show_batch(batch)


@strawberry.input(description="A coupon, for oneself.")
class ClaimCouponInput:
    """Which."""

    batch_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same coupon."
    )


ClaimCouponResult = Annotated[
    Coupon
    | refusal(NotFound)
    | refusal(rules.CouponsNotYet)
    | refusal(rules.CouponsOver)
    | refusal(rules.CouponsOnlyInRoom)
    | refusal(rules.CouponsOnlyGiven)
    | refusal(rules.CouponLimitReached)
    | refusal(rules.CouponsGone)
    | refusal(IdempotencyConflict),
    strawberry.union("ClaimCouponResult"),
]


@strawberry.type
class CouponQuery:
    """What shoppers ask about coupons."""

    @strawberry.field(directives=public(), description="What is given out; null when there is no such batch.")
    async def coupon_batch(self, info: Info, id: strawberry.ID) -> CouponBatch | None:
        """A batch."""
        return await find_batch(info, read_id("couponbatch", id))

    @strawberry.field(
        directives=to(Who.SIGNED_IN), description="One's own coupons, newest first; in one state, if it is given."
    )
    async def my_coupons(
        self, info: Info, state: CouponState | None = None, first: int = 20, after: str | None = None
    ) -> Connection[Coupon]:
        """The asker's coupons."""
        context = info.context
        page = await queries.of_shopper(
            context.market.db, context.shopper.account_id, state=state, now=context.now, first=first, after=after
        )
        return Connection.of(page, lambda coupon: show_coupon(info, coupon))


@strawberry.type
class CouponMutation:
    """Claiming."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CLAIM)],
        description="A coupon of the batch, for oneself.",
    )
    async def claim_coupon(self, info: Info, input: ClaimCouponInput) -> ClaimCouponResult:
        """Claim one."""
        context = info.context
        coupon = await context.services.coupons.claim(
            batch_id=read_id("couponbatch", input.batch_id),
            shopper_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_coupon(info, coupon)


@finds("couponbatch")
async def find_batch(info: Info, id: UUID) -> CouponBatch | None:
    """A batch, fetched with all that the operation asks for."""
    batch = await batched(info, queries.batches_by_ids).load(id)
    return show_batch(batch) if batch else None


@finds("coupon")
async def find_coupon(info: Info, id: UUID) -> Coupon | None:
    """A coupon that the asker may see: one's own, or as staff anybody's."""
    coupon = await batched(info, queries.coupons_by_ids).load(id)
    principal = info.context.principal
    if coupon is None or principal is None or not (principal.is_staff or coupon.shopper_id == principal.account_id):
        return None
    return show_coupon(info, coupon)


def show_batch(batch: rules.Batch) -> CouponBatch:
    """The GraphQL object of a batch."""
    return CouponBatch(
        id=show_id("couponbatch", batch.id),
        title=batch.title,
        amount_off=Money.maybe(batch.amount_minor),
        percent_off=batch.percent,
        cap=Money.maybe(batch.cap_minor),
        threshold=Money.of(batch.threshold_minor),
        stacks_with_sale_prices=batch.stacks_with_sale_prices,
        pieces=Long(batch.pieces),
        left=Long(batch.left),
        per_shopper=batch.per_shopper,
        claimable_from=batch.claimable_from,
        claimable_until=batch.claimable_until,
        stopped_at=batch.stopped_at,
        claimable_in=batch.claimable_in,
        usable_days=batch.usable_days,
        usable_until=batch.usable_until,
        row=batch,
    )


def show_coupon(info: Info, coupon: rules.Coupon) -> Coupon:
    """The GraphQL object of a coupon, as it stands at this moment."""
    return Coupon(
        id=show_id("coupon", coupon.id),
        coupon_code=coupon.code,
        state=coupon.state(info.context.now),
        claimed_at=coupon.claimed_at,
        usable_until=coupon.usable_until,
        order_id=show_id("order", coupon.order_id) if coupon.order_id else None,
        used_at=coupon.used_at,
        row=coupon,
        owner=coupon.shopper_id,
    )


def _claimed_by_me(info: Info) -> DataLoader[UUID, int]:
    loaders, context = info.context.loaders, info.context
    if _claimed_by_me not in loaders:

        async def load(ids: list[UUID]) -> list[int]:
            found = await queries.claimed_by(context.market.db, context.shopper.account_id, ids)
            return [found.get(id, 0) for id in ids]

        loaders[_claimed_by_me] = DataLoader(load_fn=load)
    loader: DataLoader[UUID, int] = loaders[_claimed_by_me]
    return loader
