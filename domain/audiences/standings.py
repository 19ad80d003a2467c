"""What people are, as far as the doors of a sale ask: each kind of crowd is asked of the feature that knows it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.audiences import queries
from domain.audiences.rules import CrowdKind, Doors, Standing
from domain.benefits.queries import privileges_of
from domain.foundation.database import Database, Reader
from domain.levels.queries import levels_of
from domain.memberships.queries import current_of
from domain.super_users.queries import are_super_users
from domain.trust.queries import tiers_of

_IN_MEMBERSHIPS = frozenset({CrowdKind.MEMBERS, CrowdKind.PLAN})


async def standings(
    reader: Database | Reader, account_ids: Sequence[UUID], all_doors: Collection[Doors], *, now: datetime
) -> dict[UUID, Standing]:
    """What each of these accounts is to these doors; a statement for each kind of crowd that they name, however many ask."""
    kinds: frozenset[CrowdKind] = frozenset().union(*(doors.kinds for doors in all_doors))
    segment_ids: frozenset[UUID] = frozenset().union(*(doors.segment_ids for doors in all_doors))
    about: dict[UUID, dict[str, Any]] = {account_id: {} for account_id in account_ids}
    if kinds & _IN_MEMBERSHIPS:
        for account_id, membership in (await current_of(reader, account_ids, now=now)).items():
            about[account_id] |= {"is_member": True, "plan_ids": frozenset({membership.plan_id})}
    if CrowdKind.LEVEL in kinds:
        for account_id, level in (await levels_of(reader, account_ids)).items():
            about[account_id]["rank"] = level.rank
    if CrowdKind.SUPER_USERS in kinds:
        for account_id in await are_super_users(reader, account_ids):
            about[account_id]["is_super_user"] = True
    if CrowdKind.TIER in kinds:
        for account_id, tier in (await tiers_of(reader, account_ids)).items():
            about[account_id]["tier"] = tier
    if CrowdKind.SEGMENT in kinds:
        for account_id, held_by in (await queries.segments_of(reader, account_ids, segment_ids)).items():
            about[account_id]["segment_ids"] = held_by
    if CrowdKind.EARLY_ACCESS in kinds:
        for account_id, privileges in (await privileges_of(reader, account_ids, now=now)).items():
            about[account_id]["early_minutes"] = privileges.early_minutes
    return {account_id: Standing(**named) for account_id, named in about.items()}
