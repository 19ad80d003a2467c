"""Builders for trust: evidence of people, and tiers derived of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.trust import deriving, pacing, queries, rules, store
from domain.trust.pacing_rules import Message, MessagePurpose
from domain.trust.rules import EvidenceKind, Terms, Tier


class TrustGiven:
    """Builders for trust."""

    db: Database
    now: datetime

    async def evidence(
        self, account_id: UUID, kind: EvidenceKind, *, at: datetime | None = None, cause: str = "", amount: int = 1
    ) -> None:
        """Evidence of a cause of its own, unless one is given."""
        moment = at or self.now
        piece = store.Piece.of(account_id, kind, moment, cause or str(new_id()), amount=amount)
        async with self.db.transaction() as tx:
            await store.record(tx, [piece], now=moment)

    async def reviewed(self, *, at: datetime | None = None) -> int:
        """Everybody's tier is derived who is due, or was judged by earlier rules; how many reviews there were."""
        moment, reviews = at or self.now, 0
        while found := await deriving.review_by_new_rules(self.db, now=moment, limit=100):
            reviews += found
        while found := await deriving.review_due(self.db, now=moment, limit=100):
            reviews += found
        return reviews

    async def tier(self, account_id: UUID, *, at: datetime | None = None) -> Tier:
        """Somebody's tier, once whoever was due was reviewed."""
        await self.reviewed(at=at)
        return (await queries.tiers_of(self.db, [account_id]))[account_id]

    async def tiers_counted(self) -> dict[Tier, int]:
        """How many people are of each tier, counted now."""
        async with self.db.transaction() as tx:
            await store.count_tiers(tx, now=self.now)
        return {each.tier: each.people for each in await queries.counts(self.db)}

    async def trust_rules(self, terms: Terms) -> rules.TrustRules:
        """These terms, in force."""
        version = (await store.rules_in_force(self.db)).version
        return await deriving.set_rules(self.db, terms=terms, version=version, by=new_id(), now=self.now)

    async def message(self, account_id: UUID, *, at: datetime | None = None, **more: Any) -> Message:
        """A message of marketing, taken of what they bear, unless something else is said."""
        usual = {"purpose": MessagePurpose.MARKETING, "key": f"message-{new_id()}", "by": new_id()}
        return await pacing.record_message(self.db, account_id=account_id, now=at or self.now, **(usual | more))


def asked_of(terms: Terms, *, version: int = 0) -> dict[str, Any]:
    """The input of setTrustRules that asks for these terms."""

    def need(of: rules.Need) -> dict[str, Any]:
        evidence = [kind.name for kind in of.kinds]
        return {"evidence": evidence, "atLeast": of.at_least, "withinDays": of.within_days}

    return {
        "version": version,
        "rungs": [
            {
                "tier": rung.tier.name,
                "anyOf": [need(of) for of in rung.any_of],
                "messages": rung.messages,
                "perDays": rung.per_days,
                "nextAction": rung.next_action.name,
            }
            for rung in terms.rungs
        ],
        "ceilings": [{"need": need(each.need), "atMost": each.at_most.name} for each in terms.ceilings],
        "silentDays": terms.silent_days,
        "silentAtMost": terms.silent_at_most.name,
    }
