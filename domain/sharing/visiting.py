"""Opening links, and claiming what was opened before somebody signed in.

A visit of somebody who is signed in is judged at once; any other when somebody signs in on its device, which makes it
theirs. Then it is one of three:

- oneself: the shopper has opened a link of their own;
- circular: whoever shared has come here themselves by a share, whose sharer has come by a share, and so on, to this shopper;
- counted: all others. The last of them is the share that counts for the shopper, for as many days as the shop says.

So at no moment do people lead to each other in a circle, whatever is opened at the same time. An opening that would make a
circle of a visit that counts already changes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.foundation.database import Database, Transaction
from domain.foundation.errors import NotFound
from domain.sharing import store
from domain.sharing.rules import FORGOTTEN_AFTER, TOKEN_SHAPE, Link, Opening, Outcome, Visit, surely_counts

MOST_CLAIMED = 50
"""Visits that one sign-in makes somebody's, at most: the last ones."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that was opened, and what its sharer is called."""

    link: Link
    sharer_name: str


async def open_link(
    db: Database, *, token: str, visitor: str, shopper_id: UUID | None, share_days: int, now: datetime
) -> Opened:
    """Note that a link was opened on a device, by this shopper if they are signed in; again changes only when.

    Raises NotFound for an unknown token.
    """
    if not TOKEN_SHAPE.fullmatch(token):
        raise NotFound("sharelink", token[:64])
    async with db.transaction() as tx:
        found = await store.link_by_token(tx, token)
        if found is None:
            raise NotFound("sharelink", token)
        link, sharer_name = found
        opening = Opening(link.id, link.sharer_id, visitor, now, now + timedelta(days=share_days))
        if shopper_id is None:
            await store.add_visit(tx, opening, now=now)
        else:
            await _open_as(tx, shopper_id, opening, now=now)
    return Opened(link, sharer_name)


async def claim(db: Database, *, visitor: str, shopper_id: UUID, signed_in_at: datetime, now: datetime) -> int:
    """Make what was opened on a device before somebody signed in there theirs; how many visits, 50 at most.

    A second call finds none left.
    """
    async with db.transaction() as tx:
        await store.lock(tx, visitor=visitor, shopper_id=shopper_id)
        waiting = await store.waiting(tx, visitor=visitor, shopper_id=shopper_id, at=signed_in_at, limit=MOST_CLAIMED)
        sharers = {opening.sharer_id for _, opening, _ in waiting}
        outcomes = await _outcomes(tx, sharers, shopper_id, now=now)
        for visit, opening, known in waiting:
            outcome = outcomes[opening.sharer_id]
            await _note(tx, known or visit, opening, shopper_id=shopper_id, outcome=outcome, now=now)
            if known is not None:
                await store.let_go(tx, visit)
    return len(waiting)


async def forget(db: Database, *, now: datetime, limit: int) -> int:
    """Drop visits that nobody has signed in to and that ceased to count a day ago, at most so many; how many went.

    What the links have counted stays. A device that was forgotten and comes again is another one.
    """
    async with db.transaction() as tx:
        return await store.forget(tx, before=now - FORGOTTEN_AFTER, limit=limit)


async def _open_as(tx: Transaction, shopper_id: UUID, opening: Opening, *, now: datetime) -> None:
    await store.lock(tx, visitor=opening.visitor, shopper_id=shopper_id)
    visit, last = await store.look(tx, opening, shopper_id)
    if surely_counts(last, opening.sharer_id, now=now):
        outcome = Outcome.COUNTED  # the shopper leads where they led before: nobody else need wait
    else:
        outcome = (await _outcomes(tx, {opening.sharer_id}, shopper_id, now=now))[opening.sharer_id]
    if visit is None:
        await store.add_visit(tx, opening, shopper_id=shopper_id, outcome=outcome, now=now)
    else:
        await _note(tx, visit, opening, shopper_id=shopper_id, outcome=outcome, now=now)


async def _outcomes(
    tx: Transaction, sharers: Collection[UUID], shopper_id: UUID, *, now: datetime
) -> dict[UUID, Outcome]:
    """What visits of the shopper are by whose share they came; where somebody else's is asked of, all others wait."""
    others = [sharer_id for sharer_id in sharers if sharer_id != shopper_id]
    circular = await store.circles(tx, others, shopper_id, now=now) if others else frozenset()
    outcomes = {each: Outcome.CIRCULAR if each in circular else Outcome.COUNTED for each in others}
    return outcomes | {shopper_id: Outcome.ONESELF}


async def _note(
    tx: Transaction, visit: Visit, opening: Opening, *, shopper_id: UUID, outcome: Outcome, now: datetime
) -> None:
    if visit.outcome is Outcome.COUNTED and outcome is Outcome.CIRCULAR:
        return
    await store.know(tx, visit, opening, shopper_id=shopper_id, outcome=outcome, now=now)
