"""Deriving tiers: of whoever has new evidence, of whose evidence gets too old, and of everybody after new rules."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.foundation.database import Database, Transaction
from domain.trail import store as trail
from domain.trust import rules, store
from domain.trust.rules import Terms, TrustRules


async def review_due(db: Database, *, now: datetime, limit: int) -> int:
    """Derive the tiers of whoever is due, at most so many; how many were. Those whom somebody else reviews are left to them."""
    async with db.transaction() as tx:
        in_force = await store.rules_in_force(tx)
        return await _review(tx, await store.take_due(tx, now=now, limit=limit), in_force, now=now)


async def review_by_new_rules(db: Database, *, now: datetime, limit: int) -> int:
    """Derive the tiers of whoever was judged by earlier rules, at most so many; how many there were."""
    async with db.transaction() as tx:
        in_force = await store.rules_in_force(tx)
        return await _review(tx, await store.take_old(tx, in_force.version, limit=limit), in_force, now=now)


async def set_rules(db: Database, *, terms: Terms, version: int, by: UUID, now: datetime) -> TrustRules:
    """Put these terms in force in place of those of this version. The same terms again: no change.

    Tiers follow in batches. Raises BadInput, TrustRulesChanged when somebody else has set rules since.
    """
    rules.check(terms)
    async with db.transaction() as tx:
        before = await store.rules_in_force(tx)
        if before.terms == terms:
            return before
        if before.version != version:
            raise rules.TrustRulesChanged(version=before.version)
        after = TrustRules(version + 1, terms)
        if not await store.set_rules(tx, after, by=by, now=now):
            raise rules.TrustRulesChanged(version=after.version)
        await trail.note(
            tx, by=by, deed="set_trust_rules", subject="account", subject_id=by, now=now, version=after.version
        )
    return after


async def _review(tx: Transaction, account_ids: Sequence[UUID], in_force: TrustRules, *, now: datetime) -> int:
    if account_ids:
        evidence = await store.evidence_of(tx, account_ids)
        verdicts = {
            account_id: rules.derive(evidence[account_id], in_force.terms, now=now) for account_id in account_ids
        }
        await store.move(tx, verdicts, version=in_force.version, now=now)
    return len(account_ids)
