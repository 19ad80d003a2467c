"""What a batch of coupons promises, who may claim one now, and which of its orders a coupon counts for."""

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, IdempotencyConflict, Refusal
from domain.foundation.ids import new_id
from domain.foundation.money import LARGEST_MINOR

LONGEST_TITLE = 60
MOST_PIECES = 10_000_000
MOST_PER_SHOPPER = 20
MOST_GOODS = 1_000
"""Products and SKUs that a batch names."""
LONGEST_WINDOW = timedelta(days=365)
LONGEST_GIVING = timedelta(days=3653)
"""How long the house gives coupons of a batch that only it gives: as long as a card may run that promises them."""
MOST_DAYS = 365
GRANTED = "grant/"
"""How the key of a coupon begins that the house has given. No shopper's key may have a slash."""
_CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 16
"""Of 32 letters: 80 bits, which nobody guesses; and a code is of use to its owner only."""


class ClaimPlace(StrEnum):
    """Where coupons may be claimed. ROOM: once a live room has dropped them, while that room is on. NOWHERE: the house gives
    them, as a benefit or a reward.
    """

    EVERYWHERE = "everywhere"
    ROOM = "room"
    NOWHERE = "nowhere"


class CouponState(StrEnum):
    """What a coupon is good for."""

    USABLE = "usable"
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class NewBatch:
    """Coupons that are to be given out: `amount_minor` off, or `percent` up to `cap_minor`, minor units all.

    A coupon counts until `usable_until`, or for `usable_days` from when it was claimed. Without products and SKUs it is
    for all goods; a product stands for all its SKUs.
    """

    title: str
    pieces: int
    claimable_from: datetime
    claimable_until: datetime
    amount_minor: int | None = None
    percent: int | None = None
    cap_minor: int | None = None
    threshold_minor: int = 0
    per_shopper: int = 1
    usable_days: int | None = None
    usable_until: datetime | None = None
    claimable_in: ClaimPlace = ClaimPlace.EVERYWHERE
    stacks_with_sale_prices: bool = True
    product_ids: tuple[UUID, ...] = ()
    sku_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Coupons that are given out, `claimed` of them so far. Its terms never change; it can be stopped, or get more pieces."""

    id: UUID
    title: str
    amount_minor: int | None
    percent: int | None
    cap_minor: int | None
    threshold_minor: int
    stacks_with_sale_prices: bool
    pieces: int
    per_shopper: int
    claimable_from: datetime
    claimable_until: datetime
    usable_days: int | None
    usable_until: datetime | None
    claimable_in: ClaimPlace
    claimed: int = 0
    stopped_at: datetime | None = None

    @property
    def left(self) -> int:
        """Pieces that nobody has claimed."""
        return self.pieces - self.claimed

    def is_claimable(self, now: datetime) -> bool:
        """Whether there is one to be claimed now, by somebody who may."""
        if self.claimable_in is ClaimPlace.NOWHERE:
            return False
        return self.stopped_at is None and self.claimable_from <= now < self.claimable_until and self.left > 0

    def check_claimable(self, now: datetime, *, is_dropped: bool) -> None:
        """Raises CouponsNotYet, CouponsOver, CouponsOnlyGiven, or CouponsOnlyInRoom where no room that is on has dropped them."""
        if self.claimable_in is ClaimPlace.NOWHERE:
            raise CouponsOnlyGiven()
        if self.claimable_in is ClaimPlace.ROOM and not is_dropped:
            raise CouponsOnlyInRoom()
        self.check_window(now)

    def check_window(self, now: datetime) -> None:
        """Raises CouponsNotYet or CouponsOver, wherever they may be claimed."""
        if now < self.claimable_from:
            raise CouponsNotYet(claimable_from=self.claimable_from)
        ended_at = min(self.claimable_until, self.stopped_at or self.claimable_until)
        if now >= ended_at:
            raise CouponsOver(ended_at=ended_at)

    def end_of_use(self, claimed_at: datetime) -> datetime:
        """From when on a coupon that is claimed then counts no more."""
        if self.usable_days is not None:
            return claimed_at + timedelta(days=self.usable_days)
        assert self.usable_until is not None
        return self.usable_until

    def cut(self, claim: "Claim") -> "Coupon":
        """A new coupon for the claimer. Raises CouponsGone."""
        if self.left == 0:
            raise CouponsGone(pieces=self.pieces)
        return Coupon(new_id(), self.id, claim.shopper_id, new_code(), claim.key, claim.now, self.end_of_use(claim.now))


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon that somebody has claimed; `order_id`: what it is used for, with `used_at`."""

    id: UUID
    batch_id: UUID
    shopper_id: UUID
    code: str
    claim_key: str
    claimed_at: datetime
    usable_until: datetime
    order_id: UUID | None = None
    used_at: datetime | None = None

    @property
    def is_granted(self) -> bool:
        """Whether the house has given it; those do not count towards what a shopper may claim."""
        return self.claim_key.startswith(GRANTED)

    def state(self, now: datetime) -> CouponState:
        """What it is good for at this moment."""
        if self.order_id is not None:
            return CouponState.USED
        return CouponState.USABLE if now < self.usable_until else CouponState.EXPIRED


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody wants a coupon; the key names the wish: repeated, it gives the same coupon."""

    shopper_id: UUID
    key: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """A coupon that was used for an order, and may have been given back.

    `without_since`: the order came back to life when the coupon was used for another already. It keeps its discount, and
    the coupon is its as soon as the other gives it back.
    """

    order_id: UUID
    given_back_at: datetime | None
    without_since: datetime | None = None


def check_batch(wish: NewBatch, *, now: datetime) -> None:
    """Raises BadInput for a batch that cannot be."""
    if not 1 <= len(wish.title.strip()) <= LONGEST_TITLE or "\0" in wish.title:
        raise BadInput(f"title must have 1 to {LONGEST_TITLE} characters")
    _check_range("pieces", wish.pieces, 1, MOST_PIECES)
    _check_range("perShopper", wish.per_shopper, 1, MOST_PER_SHOPPER)
    _check_range("thresholdMinor", wish.threshold_minor, 0, LARGEST_MINOR)
    if len(wish.product_ids) + len(wish.sku_ids) > MOST_GOODS:
        raise BadInput(f"a batch names at most {MOST_GOODS} products and SKUs")
    _check_worth(wish)
    _check_moments(wish, now)


def check_pieces(batch: Batch, pieces: int) -> None:
    """Raises BadInput for fewer pieces than the batch has, and for more than there may be."""
    _check_range("pieces", pieces, batch.pieces, MOST_PIECES)
    _check_cost(batch.amount_minor or batch.cap_minor or 0, pieces)


def judge(
    batch: Batch, claims: Sequence[Claim], known: Sequence[Coupon], *, is_dropped: bool
) -> list[Coupon | Refusal]:
    """What each claim comes to, in their order: the coupon that its key was given before, a new one, or why not.

    `known` are the coupons of this batch that the claimers have, and those of other batches that their keys were given.
    """
    held = Counter(coupon.shopper_id for coupon in known if coupon.batch_id == batch.id and not coupon.is_granted)

    def claimed(batch: Batch, claim: Claim) -> Coupon:
        batch.check_claimable(claim.now, is_dropped=is_dropped)
        if held[claim.shopper_id] >= batch.per_shopper:
            raise CouponLimitReached(per_shopper=batch.per_shopper)
        coupon = batch.cut(claim)
        held[claim.shopper_id] += 1
        return coupon

    return _answered(batch, claims, known, claimed)


def give(batch: Batch, grants: Sequence[Claim], known: Sequence[Coupon]) -> list[Coupon | Refusal]:
    """`judge` for what the house gives: wherever the batch may be claimed, and however many somebody has of it."""

    def given(batch: Batch, grant: Claim) -> Coupon:
        batch.check_window(grant.now)
        return batch.cut(grant)

    return _answered(batch, grants, known, given)


def settle(uses: Mapping[UUID, Use], order_id: UUID, *, is_living: bool, now: datetime) -> list[Use]:
    """The uses of a coupon that change once it is known whether this order of theirs lives; what is given back is first.

    One order at a time has the coupon. An order that ends gives it back, to an order that stands without it if there is
    one; an order that late money revived takes it again, or stands without it. A second time, nothing changes.
    """
    mine = uses[order_id]
    holder = next((use for use in uses.values() if use.given_back_at is None), None)
    if is_living:
        if holder is None:
            return [replace(mine, given_back_at=None, without_since=None)]
        return [] if holder is mine or mine.without_since else [replace(mine, without_since=now)]
    if holder is not mine:
        return [replace(mine, without_since=None)] if mine.without_since else []
    waiting = [use for use in uses.values() if use.without_since is not None]
    first = min(waiting, key=lambda use: (use.without_since, use.order_id), default=None)
    heir = [] if first is None else [replace(first, given_back_at=None, without_since=None)]
    return [replace(mine, given_back_at=now), *heir]


def new_code() -> str:
    """What nobody guesses."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))


def _answered(
    batch: Batch, claims: Sequence[Claim], known: Sequence[Coupon], new: Callable[[Batch, Claim], Coupon]
) -> list[Coupon | Refusal]:
    by_key = {(coupon.shopper_id, coupon.claim_key): coupon for coupon in known}
    answers: list[Coupon | Refusal] = []
    for claim in claims:
        before = by_key.get((claim.shopper_id, claim.key))
        if before is not None:
            answers.append(before if before.batch_id == batch.id else IdempotencyConflict(key=claim.key))
            continue
        try:
            coupon = new(batch, claim)
        except Refusal as refusal:
            answers.append(refusal)
            continue
        answers.append(coupon)
        by_key[claim.shopper_id, claim.key] = coupon
        batch = replace(batch, claimed=batch.claimed + 1)
    return answers


def _check_worth(wish: NewBatch) -> None:
    if (wish.amount_minor is None) == (wish.percent is None):
        raise BadInput("give either amountOffMinor or percentOff")
    if (wish.percent is None) != (wish.cap_minor is None):
        raise BadInput("percentOff goes with capMinor: without a cap nobody knows what a coupon costs at most")
    if wish.percent is not None:
        _check_range("percentOff", wish.percent, 1, 100)
    name, most = ("amountOffMinor", wish.amount_minor) if wish.cap_minor is None else ("capMinor", wish.cap_minor)
    assert most is not None
    _check_range(name, most, 1, LARGEST_MINOR)
    _check_cost(most, wish.pieces)


def _check_cost(most: int, pieces: int) -> None:
    if most * pieces > LARGEST_MINOR:
        raise BadInput(f"{pieces} pieces of {most} minor units are too much; allowed: {LARGEST_MINOR} together")


def _check_moments(wish: NewBatch, now: datetime) -> None:
    window = wish.claimable_until - max(wish.claimable_from, now)
    longest = LONGEST_GIVING if wish.claimable_in is ClaimPlace.NOWHERE else LONGEST_WINDOW
    if window <= timedelta(0) or wish.claimable_until - wish.claimable_from > longest:
        raise BadInput(
            f"claimableUntil must be after claimableFrom and this moment, and at most {longest.days} days after it"
        )
    if (wish.usable_days is None) == (wish.usable_until is None):
        raise BadInput("give either usableDays or usableUntil")
    if wish.usable_days is not None:
        _check_range("usableDays", wish.usable_days, 1, MOST_DAYS)
    if wish.usable_until is not None and not timedelta(0) <= wish.usable_until - wish.claimable_until <= LONGEST_WINDOW:
        raise BadInput(f"usableUntil must be from claimableUntil to {LONGEST_WINDOW.days} days after it")


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadInput(f"{name} is {value}; allowed: {least} to {most}")


@dataclass(eq=False)
class CouponsNotYet(Refusal):
    """These coupons can be claimed later."""

    claimable_from: datetime

    code: ClassVar[str] = "COUPONS_NOT_YET"
    zh: ClassVar[str] = "领券尚未开始"
    en: ClassVar[str] = "these coupons can be claimed from {claimable_from:%Y-%m-%d %H:%M} UTC on"


@dataclass(eq=False)
class CouponsOver(Refusal):
    """The time to claim these coupons is over, or the shop has stopped it."""

    ended_at: datetime

    code: ClassVar[str] = "COUPONS_OVER"
    zh: ClassVar[str] = "领券已结束"
    en: ClassVar[str] = "these coupons could be claimed until {ended_at:%Y-%m-%d %H:%M} UTC"


@dataclass(eq=False)
class CouponsGone(Refusal):
    """Every piece was claimed."""

    pieces: int

    code: ClassVar[str] = "COUPONS_GONE"
    zh: ClassVar[str] = "优惠券已被领完"
    en: ClassVar[str] = "all {pieces} coupons were claimed"


@dataclass(eq=False)
class CouponLimitReached(Refusal):
    """The shopper has as many of these coupons as one may have."""

    per_shopper: int

    code: ClassVar[str] = "COUPON_LIMIT_REACHED"
    zh: ClassVar[str] = "每人限领 {per_shopper} 张，您已领取"
    en: ClassVar[str] = "{per_shopper} of these coupons are for one shopper, and you have claimed them"


@dataclass(eq=False)
class CouponsOnlyInRoom(Refusal):
    """These coupons are claimed in a live room, once its host has dropped them and while it is on."""

    code: ClassVar[str] = "COUPONS_ONLY_IN_ROOM"
    zh: ClassVar[str] = "该优惠券仅限直播间内领取"
    en: ClassVar[str] = "these coupons are claimed in a live room, while it is on"


@dataclass(eq=False)
class CouponsOnlyGiven(Refusal):
    """These coupons are not claimed: the house gives them, as a benefit or a reward."""

    code: ClassVar[str] = "COUPONS_ONLY_GIVEN"
    zh: ClassVar[str] = "该优惠券由商家发放，无需领取"
    en: ClassVar[str] = "these coupons are given by the merchant and not claimed"
