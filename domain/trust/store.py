"""How evidence and tiers are written: the only SQL that changes them.

Evidence and the review that it makes due are written by one statement. A review takes whoever's state nobody else has locked,
so it either sees a piece or finds its review due again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from domain.foundation.clock import shop_day
from domain.foundation.database import Database, Reader, Transaction
from domain.trust.rules import DAILY, DEFAULT, MOST_NEEDED, Evidence, EvidenceKind, Terms, Tier, TrustRules, Verdict
from domain.trust.tables import rules as rules_table

_IN_FORCE = select(rules_table.c.version, rules_table.c.terms).order_by(rules_table.c.version.desc()).limit(1)
# Due whatever anybody's clock says.
_MAKE_DUE = """
    INSERT INTO trust_states (account_id, tier, since, rule_version, next_review_at)
    SELECT DISTINCT account_id, 0, CAST(:now AS timestamptz), 0, CAST('-infinity' AS timestamptz)
    FROM changed ORDER BY account_id
    ON CONFLICT (account_id) DO UPDATE SET next_review_at = excluded.next_review_at
"""
_RECORD = text(f"""
    WITH changed AS (
      INSERT INTO trust_evidence (account_id, kind, cause, amount, at)
      SELECT * FROM unnest(CAST(:account_ids AS uuid[]), CAST(:kinds AS text[]), CAST(:causes AS text[]),
                           CAST(:amounts AS smallint[]), CAST(:moments AS timestamptz[]))
        AS new (account_id, kind, cause, amount, at)
      ORDER BY account_id, kind, cause, at
      ON CONFLICT (account_id, kind, cause) DO NOTHING
      RETURNING account_id
    )
    {_MAKE_DUE}
""")  # noqa: S608 - made of this module's own text
_WITHDRAW = text(f"""
    WITH changed AS (
      UPDATE trust_evidence SET withdrawn_at = :now
      WHERE account_id = :account_id AND kind = :kind AND withdrawn_at IS NULL
        AND (cause = CAST(:cause AS text) OR CAST(:cause AS text) IS NULL)
        AND (at <= CAST(:begun_by AS timestamptz) OR CAST(:begun_by AS timestamptz) IS NULL)
      RETURNING account_id
    )
    {_MAKE_DUE}
""")  # noqa: S608 - made of this module's own text
# Whoever has no state is a stranger by any rules.
_ENROL = text("""
    INSERT INTO trust_states (account_id, tier, since, rule_version)
    SELECT id, 0, :now, :version FROM unnest(CAST(:account_ids AS uuid[])) AS id ORDER BY id
    ON CONFLICT (account_id) DO NOTHING
""")
_TAKE = """
    SELECT account_id FROM trust_states WHERE {which} LIMIT :limit FOR UPDATE SKIP LOCKED
"""
_TAKE_DUE = text(_TAKE.format(which="next_review_at <= :now ORDER BY next_review_at"))
_TAKE_OLD = text(_TAKE.format(which="rule_version < :version ORDER BY rule_version"))
_COUNTING = text(f"""
    SELECT account_id, piece.kind, piece.at, piece.amount
    FROM unnest(CAST(:account_ids AS uuid[])) AS account_id
    CROSS JOIN unnest(CAST(:kinds AS text[])) AS kind
    CROSS JOIN LATERAL (
      SELECT evidence.kind, at, amount FROM trust_evidence AS evidence
      WHERE evidence.account_id = account_id.account_id AND evidence.kind = kind.kind AND withdrawn_at IS NULL
      ORDER BY at DESC LIMIT {MOST_NEEDED}
    ) AS piece
""")  # noqa: S608 - made of this module's own text
_MOVE = text("""
    WITH new AS (
      SELECT * FROM unnest(CAST(:account_ids AS uuid[]), CAST(:tiers AS smallint[]), CAST(:reasons AS jsonb[]),
                           CAST(:reviews AS timestamptz[])) AS new (account_id, tier, reasons, next_review_at)
    ), moved AS (
      INSERT INTO trust_moves (account_id, from_tier, to_tier, reasons, rule_version, moved_at)
      SELECT account_id, state.tier, new.tier, new.reasons, :version, :now
      FROM new JOIN trust_states AS state USING (account_id) WHERE state.tier <> new.tier ORDER BY account_id
    )
    UPDATE trust_states AS state
    SET since = CASE WHEN state.tier = new.tier THEN since ELSE :now END, tier = new.tier, reasons = new.reasons,
        rule_version = :version, next_review_at = new.next_review_at
    FROM new WHERE state.account_id = new.account_id
""")
# Ordered: two counts at once must lock in the same order.
_COUNT_TIERS = text("""
    INSERT INTO trust_tier_counts (tier, people, counted_at)
    SELECT tier, coalesce(people, 0), :now
    FROM unnest(CAST(:tiers AS smallint[])) AS each (tier)
    LEFT JOIN (SELECT tier, count(*) AS people FROM trust_states GROUP BY tier) AS found USING (tier)
    ORDER BY tier
    ON CONFLICT (tier) DO UPDATE SET people = excluded.people, counted_at = excluded.counted_at
""")


@dataclass(frozen=True, slots=True)
class Piece:
    """Evidence of somebody, and what it came of."""

    account_id: UUID
    kind: EvidenceKind
    at: datetime
    cause: str
    amount: int = 1

    @classmethod
    def of(cls, account_id: UUID, kind: EvidenceKind, at: datetime, cause: str = "", *, amount: int = 1) -> "Piece":
        """The piece of a cause; of kinds that come often, that of the day."""
        return cls(account_id, kind, at, shop_day(at).isoformat() if kind in DAILY else cause, amount)


async def rules_in_force(reader: Database | Reader) -> TrustRules:
    """The rules by which tiers are derived now."""
    row = await reader.one(_IN_FORCE)
    return DEFAULT if row is None else TrustRules(row.version, Terms.read(row.terms))


async def set_rules(tx: Transaction, rules: TrustRules, *, by: UUID, now: datetime) -> bool:
    """Put rules in force; False, and nothing changes, when there are some of this version."""
    row = {"version": rules.version, "terms": rules.terms.kept(), "set_at": now, "set_by": by}
    return await tx.execute(insert(rules_table).values(row).on_conflict_do_nothing()) == 1


async def record(tx: Transaction, pieces: Sequence[Piece], *, now: datetime) -> int:
    """Keep evidence, and make the reviews of whoever it is about due; how many people those are.

    What is known of its cause changes nothing.
    """
    if not pieces:
        return 0
    parameters = {
        "account_ids": [piece.account_id for piece in pieces],
        "kinds": [piece.kind.value for piece in pieces],
        "causes": [piece.cause for piece in pieces],
        "amounts": [piece.amount for piece in pieces],
        "moments": [piece.at for piece in pieces],
        "now": now,
    }
    return await tx.execute(_RECORD, parameters)


async def withdraw(
    tx: Transaction,
    account_id: UUID,
    kind: EvidenceKind,
    cause: str | None = None,
    *,
    begun_by: datetime | None = None,
    now: datetime,
) -> None:
    """Evidence of this cause, or all of the kind, counts no more; only what began by a moment, if one is given.

    Withdrawn already: no change.
    """
    facts = {"account_id": account_id, "kind": kind.value, "cause": cause, "begun_by": begun_by, "now": now}
    await tx.execute(_WITHDRAW, facts)


async def enrol(tx: Transaction, account_ids: Sequence[UUID], *, now: datetime) -> None:
    """People of whom nothing is known yet are strangers. Known already: no change."""
    version = (await rules_in_force(tx)).version
    await tx.execute(_ENROL, {"account_ids": list(account_ids), "version": version, "now": now})


async def take_due(tx: Transaction, *, now: datetime, limit: int) -> Sequence[UUID]:
    """Whose review is due, the longest first, locked until the transaction ends."""
    return await tx.column(_TAKE_DUE, {"now": now, "limit": limit})


async def take_old(tx: Transaction, version: int, *, limit: int) -> Sequence[UUID]:
    """Who was judged by earlier rules than these, locked until the transaction ends."""
    return await tx.column(_TAKE_OLD, {"version": version, "limit": limit})


async def evidence_of(reader: Database | Reader, account_ids: Sequence[UUID]) -> dict[UUID, list[Evidence]]:
    """What counts for and against each of them: of each kind the newest 100 pieces, which is all that rules may ask for."""
    found: dict[UUID, list[Evidence]] = {account_id: [] for account_id in account_ids}
    kinds = [kind.value for kind in EvidenceKind]
    for row in await reader.rows(_COUNTING, {"account_ids": list(account_ids), "kinds": kinds}):
        found[row.account_id].append(Evidence(EvidenceKind(row.kind), row.at, row.amount))
    return found


async def move(tx: Transaction, verdicts: Mapping[UUID, Verdict], *, version: int, now: datetime) -> None:
    """Write verdicts on locked states; whoever's tier changes gets a line of history."""
    parameters: dict[str, Any] = {
        "account_ids": list(verdicts),
        "tiers": [int(verdict.tier) for verdict in verdicts.values()],
        "reasons": [
            orjson.dumps([reason.kept() for reason in verdict.reasons]).decode() for verdict in verdicts.values()
        ],
        "reviews": [verdict.next_review_at for verdict in verdicts.values()],
        "version": version,
        "now": now,
    }
    await tx.execute(_MOVE, parameters)


async def count_tiers(tx: Transaction, *, now: datetime) -> None:
    """Keep how many people are of each tier at this moment: a look at every state, half a second for a million."""
    await tx.execute(_COUNT_TIERS, {"tiers": [int(tier) for tier in Tier], "now": now})
