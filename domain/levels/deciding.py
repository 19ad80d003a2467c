"""How levels are decided: what growth and guarantees give, what it changes, and which benefits end and begin with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict
from uuid import UUID, uuid5

from domain.benefits import store as benefits
from domain.benefits.rules import Benefit, HolderSource
from domain.foundation.database import Transaction
from domain.foundation.ids import new_id
from domain.levels import rules, store
from domain.levels.rules import Change, Growth, Held, Ladder, Standing

NO_GROWTH = Growth()
_HOLDINGS = UUID("b2c7a9f4-53d1-5e86-8f0a-7d94e1c63b25")


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

    def guaranteed(self, standing: Standing) -> UUID | None:
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
        change = replace(change, holding_id=await _hold(tx, held, standing, grants=grants, now=now))
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


async def _hold(tx: Transaction, held: Held, standing: Standing, *, grants: Grants, now: datetime) -> UUID | None:
    """End the benefits of the level that was, and begin those of the level that is; what names these."""
    if grants.is_same(held, standing):
        if held.holding_id is not None and standing.until is not None:
            await benefits.extend(tx, **_named(held.holding_id), ends_at=standing.until, now=now)
        return held.holding_id
    begun = await _begin(tx, held.account_id, standing, grants=grants, now=now)
    # afterwards: what begins may lock the account, and that comes before its holdings
    if held.holding_id is not None and held.holding_id != begun:
        await benefits.end(tx, **_named(held.holding_id), ends_at=now, now=now)
    return begun


async def _begin(
    tx: Transaction, account_id: UUID, standing: Standing, *, grants: Grants, now: datetime
) -> UUID | None:
    """Begin the benefits of a level that somebody did not have; what names them, None where there are none.

    Whoever falls back to a level that they are still guaranteed goes on with the benefits of that one. Whoever has had the
    level on this ladder before has the same benefits again, and not their first month anew.
    """
    guaranteed = grants.guaranteed(standing)
    if guaranteed is not None and standing.until is not None:
        await benefits.extend(tx, **_named(guaranteed), ends_at=standing.until, now=now)
        return guaranteed
    version = grants.ladder.version
    granted = grants.of(version, standing.rank)
    if not granted:
        return None
    holding_id = uuid5(_HOLDINGS, f"{account_id}:{version}:{standing.rank}")
    # without an end: who keeps the level misses nothing until the timetable comes by
    if not await benefits.resume(tx, **_named(holding_id), now=now):
        await benefits.hold(
            tx,
            account_id=account_id,
            **_named(holding_id),
            benefits=granted,
            starts_at=now,
            ends_at=None,
            now=now,
        )
    return holding_id


async def _grants(tx: Transaction, people: Sequence[Held], standings: Sequence[Standing], *, ladder: Ladder) -> Grants:
    versions = {held.ladder_version for held in people} | {each.by.ladder_version for each in standings if each.by}
    if versions <= {ladder.version}:
        return Grants(ladder, {ladder.version: ladder})
    return Grants(ladder, {**await store.ladders_of(tx, versions), ladder.version: ladder})


def _named(holding_id: UUID) -> _Name:
    return {"source": HolderSource.LEVEL, "source_id": holding_id}
