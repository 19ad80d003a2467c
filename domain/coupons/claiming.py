"""Where coupons are claimed: claims of one batch that come together share one transaction, and so its one hot row."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.coupons import rules, store
from domain.coupons.rules import Claim, ClaimPlace, Coupon
from domain.foundation.database import Database, Reader
from domain.foundation.errors import IdempotencyConflict, NotFound, Refusal
from domain.foundation.idempotency import check_key
from domain.foundation.together import Together

AT_ONCE = 200


class Drops(Protocol):
    """Who knows what was dropped in live rooms."""

    async def is_dropped(self, reader: Reader, batch_id: UUID) -> bool:
        """Whether a room that is on now has dropped this batch."""


class CouponDesk:
    """Takes claims. One per process and event loop."""

    def __init__(self, db: Database, drops: Drops) -> None:
        self._db, self._drops = db, drops
        # one call at a time: a second one would wait for the row of the first, on a connection that others need
        self._claims: Together[UUID, Claim, Coupon | Refusal] = Together(self._claim, at_most=AT_ONCE, in_flight=1)

    async def claim(self, *, batch_id: UUID, shopper_id: UUID, idempotency_key: str, now: datetime) -> Coupon:
        """A coupon of the batch; the same key again gives the same one.

        Raises NotFound, CouponsOnlyInRoom, CouponsOnlyGiven, CouponsNotYet, CouponsOver, CouponLimitReached, CouponsGone,
        IdempotencyConflict, BadInput for a malformed key.
        """
        answer = await self._claims.ask(batch_id, Claim(shopper_id, check_key(idempotency_key), now))
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def _claim(self, batch_id: UUID, claims: Sequence[Claim]) -> list[Coupon | Refusal]:
        async with self._db.transaction() as tx:
            try:
                batch = await store.lock_batch(tx, batch_id)
            except NotFound as unknown:
                return [unknown] * len(claims)
            is_dropped = batch.claimable_in is ClaimPlace.ROOM and await self._drops.is_dropped(tx, batch_id)
            known = await store.known(tx, batch_id, claims)
            answers = rules.judge(batch, claims, known, is_dropped=is_dropped)
            before = {coupon.id for coupon in known}
            new = {each.id: each for each in answers if isinstance(each, Coupon) and each.id not in before}
            if not new:
                return answers
            lost = new.keys() - await store.add_coupons(tx, batch, list(new.values()))
            return [
                IdempotencyConflict(key=each.claim_key) if isinstance(each, Coupon) and each.id in lost else each
                for each in answers
            ]
