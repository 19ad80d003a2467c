"""How levels are decided: what growth and guarantees give, what it changes, and which benefits end and begin with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from domain.benefits import store as benefits
from domain.benefits.rules import Benefit, HolderSource
from domain.foundation.database import Transaction
from domain.foundation.ids import new_id
from domain.levels import rules, store
from domain.levels.rules import Change, Growth, Held, Ladder, Standing

NO_GROWTH = Growth()


class _Name(TypedDict):
    """How benefits are asked for a holding of ours."""

    source: HolderSource
    source_id: UUID


@dataclass(frozen=True)
class Grants:
    """What levels bring, on the ladder in force and on those before it."""

    ladder: Ladder
    ladders: Mapping[int, Ladder]

    def of(self, version: int, rank: int) -> tuple[Benefit, ...]:
        """The benefits of a level of a ladder."""
        return self.ladders[version].rung(rank).benefits

    def is_same(self, held: Held, standing: Standing) -> bool:
        """Whether the level stays, and brings what it has brought."""
        brings = self.of(self.ladder.version, standing.rank)
        return held.rank == standing.rank and self.of(held.ladder_version, held.rank) == brings

    def to_resume(self, standing: Standing) -> UUID | None:
        """The holding of a guarantee, if it has what the level brings now."""
        by, brings = standing.by, self.of(self.ladder.version, standing.rank)
        return by.holding_id if by is not None and self.of(by.ladder_version, by.rank) == brings else None


async def decide(tx: Transaction, people: Sequence[Held], *, ladder: Ladder, now: datetime) -> None:
    """Decide locked levels, keep what has changed, and give whoever has another level the benefits of that."""
    ids = [held.account_id for held in people]
    growth = await store.growth_by_ids(tx, ids, counted_from=ladder.counted_from(now))
    guarantees = await store.guarantees_by_ids(tx, ids, now=now)
    standings = [
        rules.decide(
            ladder,
            held,
            growth=growth.get(held.account_id, NO_GROWTH).counted,
            guarantees=guarantees.get(held.account_id, ()),
            now=now,
        )
        for held in people
    ]
    grants = await _grants(tx, people, standings, ladder=ladder)
    changes: list[Change] = []
    after: list[Held] = []
    for held, standing in zip(people, standings, strict=True):
        if grants.is_same(held, standing) and standing.until == held.guaranteed_until:
            after.append(held)
            continue
        change = _change(held, standing, growth.get(held.account_id, NO_GROWTH), ladder=ladder, now=now)
        change = replace(change, holding_id=await _hold(tx, held, standing, change, grants=grants, now=now))
        changes.append(change)
        after.append(replace(held, rank=change.to_rank, guaranteed_until=standing.until, holding_id=change.holding_id))
    await store.add_changes(tx, changes)
    await store.write(tx, after, version=ladder.version)


def _change(held: Held, standing: Standing, growth: Growth, *, ladder: Ladder, now: datetime) -> Change:
    return Change(
        id=new_id(),
        account_id=held.account_id,
        from_rank=held.rank,
        to_rank=standing.rank,
        reason=rules.reason_of(held, standing.rank, ladder=ladder, now=now),
        ladder_version=ladder.version,
        threshold=ladder.rung(standing.rank).threshold,
        growth=growth.counted,
        counted_from=ladder.counted_from(now),
        last_move=growth.last_move,
        guaranteed_until=standing.until,
        holding_id=None,
        decided_at=now,
    )


async def _hold(
    tx: Transaction, held: Held, standing: Standing, change: Change, *, grants: Grants, now: datetime
) -> UUID | None:
    """End the benefits of the level that was, and begin those of the level that is; what names these.

    Whoever falls back to a level that they are still guaranteed goes on with the benefits of that one.
    """
    if grants.is_same(held, standing):
        if held.holding_id is not None and standing.until is not None:
            await benefits.extend(tx, **_named(held.holding_id), ends_at=standing.until, now=now)
        return held.holding_id
    if held.holding_id is not None:
        await benefits.end(tx, **_named(held.holding_id), ends_at=now, now=now)
    before = grants.to_resume(standing)
    if before is not None and standing.until is not None:
        await benefits.extend(tx, **_named(before), ends_at=standing.until, now=now)
        return before
    granted = grants.of(grants.ladder.version, standing.rank)
    if not granted:
        return None
    # without an end: who keeps the level misses nothing until the timetable comes by
    await benefits.hold(
        tx,
        account_id=held.account_id,
        **_named(change.id),
        benefits=granted,
        starts_at=now,
        ends_at=None,
        now=now,
    )
    return change.id


async def _grants(tx: Transaction, people: Sequence[Held], standings: Sequence[Standing], *, ladder: Ladder) -> Grants:
    versions = {held.ladder_version for held in people} | {each.by.ladder_version for each in standings if each.by}
    if versions <= {ladder.version}:
        return Grants(ladder, {ladder.version: ladder})
    return Grants(ladder, {**await store.ladders_of(tx, versions), ladder.version: ladder})


def _named(holding_id: UUID) -> _Name:
    return {"source": HolderSource.LEVEL, "source_id": holding_id}
