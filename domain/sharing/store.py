"""How links and visits are written and counted: the only SQL that changes them, with that of `attributing`."""

from collections.abc import Collection, Sequence
from dataclasses import astuple
from datetime import datetime
from secrets import randbelow
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import insert

from domain.accounts.tables import accounts
from domain.foundation.database import AnyRow, Transaction
from domain.foundation.ids import new_id
from domain.foundation.locks import SHARE_CIRCLES, SHARE_SHOPPERS, SHARE_VISITORS
from domain.sharing.rules import CLOCKS_DIFFER, SHARDS, LastShare, Link, Opening, Outcome, TargetKind, Visit
from domain.sharing.tables import links, visits

_l, _v = links.c, visits.c
COLUMNS = (
    _l.id, _l.token, _l.sharer_id, _l.target_kind, _l.target_id, _l.channel, _l.campaign, _l.created_at,
)  # fmt: skip
_SAME = (_l.sharer_id, _l.target_kind, _l.target_id, _l.channel, _l.campaign)
_BY_TOKEN = (
    select(*COLUMNS, accounts.c.display_name)
    .join(accounts, accounts.c.id == _l.sharer_id)
    .where(_l.token == bindparam("token"))
)

_LOCK = text(f"""
    SELECT pg_advisory_xact_lock({SHARE_VISITORS}, hashtext(:visitor)),
           pg_advisory_xact_lock({SHARE_SHOPPERS}, hashtext(:shopper))
""")
_LOCK_CIRCLES = text(f"SELECT pg_advisory_xact_lock({SHARE_CIRCLES})")
_LAST = """
    SELECT link.sharer_id, visit.counts_until
    FROM share_visits AS visit JOIN share_links AS link ON link.id = visit.link_id
    WHERE visit.shopper_id = {shopper} AND visit.outcome = 'counted'
    ORDER BY visit.last_opened_at DESC, visit.id DESC LIMIT 1
"""
_LAST_OF_SHOPPER = text(_LAST.format(shopper=":shopper_id"))
# UNION, not UNION ALL: whoever was met before is not followed again
_CIRCLES = text(f"""
    WITH RECURSIVE chain AS (
      SELECT start, start AS person FROM unnest(CAST(:sharers AS uuid[])) AS start
      UNION
      SELECT chain.start, last.sharer_id FROM chain CROSS JOIN LATERAL ({_LAST.format(shopper="chain.person")}) AS last
      WHERE chain.person <> :shopper_id AND last.counts_until > :now
    )
    SELECT start FROM chain WHERE person = :shopper_id
""")  # noqa: S608
_COUNT = """
    ON CONFLICT (link_id, shard) DO UPDATE
    SET opened = share_counts.opened + excluded.opened, signed_in = share_counts.signed_in + excluded.signed_in
"""
_ADD = text(f"""
    WITH visit AS (
      INSERT INTO share_visits (id, link_id, visitor, shopper_id, outcome, opened_at, last_opened_at, counts_until, known_at)
      VALUES (:id, :link_id, :visitor, :shopper_id, :outcome, :at, :at, :counts_until, :known_at)
      ON CONFLICT (link_id, visitor, shopper_id) DO UPDATE
      SET last_opened_at = GREATEST(share_visits.last_opened_at, excluded.last_opened_at),
          counts_until = GREATEST(share_visits.counts_until, excluded.counts_until)
      RETURNING id
    )
    INSERT INTO share_counts (link_id, shard, opened, signed_in)
    SELECT :link_id, :shard, 1, :signed_in FROM visit WHERE id = :id
    {_COUNT}
""")  # noqa: S608
