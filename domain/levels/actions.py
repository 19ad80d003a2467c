"""What becomes of growth and levels: orders settle, guarantees end, and the merchant sets another ladder."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.benefits import store as benefits
from domain.foundation.database import Database
from domain.levels import rules, store
from domain.levels.deciding import decide
from domain.levels.rules import Ladder, LevelLadderChanged, NewLadder, Rung
from domain.trail import store as trail


async def settle(db: Database, *, order_id: UUID, cause_id: UUID, now: datetime) -> None:
    """Move its buyer's growth to what a received order's goods are worth by now, and decide their level. Twice: no change.

    It is the order as it stands that decides, and not the news that led here: those may come twice and late. `cause_id`
    names the news: the order that was received, or the refund.
    """
    buyer_id = await store.buyer_of_received(db, order_id)
    if buyer_id is None:
        return
    async with db.transaction() as tx:
        ladder = await store.ladder(tx)
        held = await store.lock(tx, buyer_id, ladder=ladder)
        order = await store.settled(tx, order_id)
        per_yuan = order.per_yuan or ladder.growth_per_yuan
        growth = rules.growth_of(order.minor, per_yuan) - order.growth
        if growth == 0:
            return
        moved = await store.move(
            tx, held, order, order_id=order_id, cause_id=cause_id, growth=growth, per_yuan=per_yuan, now=now
        )
        # old news again: what has changed since has its own on the way
        if moved:
            await decide(tx, [held], ladder=ladder, now=now)


async def review_due(db: Database, *, now: datetime, limit: int) -> int:
    """Decide levels anew whose guarantee is over, at most `limit`; how many there were. Twice, or side by side: each once."""
    async with db.transaction() as tx:
        due = await store.lock_due(tx, now=now, limit=limit)
        if due:
            await decide(tx, due, ladder=await store.ladder(tx), now=now)
        return len(due)


async def climb(db: Database, *, now: datetime, limit: int) -> int:
    """Move people, at most `limit`, from earlier ladders to the one in force; how many. Twice, or side by side: each once."""
    async with db.transaction() as tx:
        ladder = await store.ladder(tx)
        behind = await store.lock_behind(tx, version=ladder.version, limit=limit)
        if behind:
            await decide(tx, behind, ladder=ladder, now=now)
        return len(behind)


async def set_ladder(db: Database, wish: NewLadder, *, version: int, by: UUID, now: datetime) -> Ladder:
    """Put a ladder in force in place of the one of this version; the same again: no change.

    People are moved by the timetable, and whoever earns before it comes to them at once. Raises BadInput,
    NotFound (batch of coupons), LevelLadderChanged when somebody else has set a ladder since.
    """
    rules.check_ladder(wish)
    rungs = tuple(Rung(rung.title.strip(), rung.threshold, rung.benefits) for rung in wish.rungs)
    async with db.transaction() as tx:
        await benefits.check_batches(tx, [benefit for rung in rungs for benefit in rung.benefits])
        before = await store.ladder(tx)
        after = Ladder(version + 1, rungs, wish.growth_per_yuan, wish.counting_months, wish.guarantee_months)
        if before == replace(after, version=before.version):
            return before
        if before.version != version or not await store.set_ladder(tx, after, by=by, now=now):
            raise LevelLadderChanged(version=before.version)
        await trail.note(
            tx,
            by=by,
            deed="set_level_ladder",
            subject="account",
            subject_id=by,
            now=now,
            version=after.version,
            levels=[{"title": rung.title, "threshold": rung.threshold} for rung in rungs],
        )
        return after
