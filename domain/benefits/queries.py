"""How screens and other features read what accounts hold, what it brought them, and what members pay."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text

from domain.benefits.grants import GRANT_COLUMNS, Grant, g, grant_of
from domain.benefits.rules import HolderSource, Holding, Privileges, privileges
from domain.benefits.store import HOLDING_COLUMNS, h, holding_of, is_held
from domain.benefits.tables import granted_coupons, member_only_goods, member_prices
from domain.foundation.database import Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.points import queries as points

# A line's explanation says what a member's price and freight would otherwise have been, and what a coupon took off. Of the
# units that were given back nothing counts.
_VALUE_USED = text("""
    WITH holding AS (
        SELECT * FROM benefit_holdings WHERE source = :source AND source_id = :source_id
    ),
    granted AS (
        SELECT benefit_grants.id, points FROM benefit_grants JOIN holding ON holding.id = holding_id
        WHERE due_at >= CAST(:since AS timestamptz)
    ),
    used AS (
        SELECT order_id, CASE kind WHEN 'member_price' THEN 'member_price' ELSE 'freight' END AS rule
        FROM benefit_uses JOIN holding ON holding.id = holding_id JOIN orders ON orders.id = order_id
        WHERE placed_at >= CAST(:since AS timestamptz)
        UNION ALL
        SELECT order_id, 'coupon' FROM coupon_uses JOIN benefit_coupons USING (coupon_id) JOIN granted ON granted.id = grant_id
        WHERE given_back_at IS NULL
    ),
    saved AS (
        SELECT quantity - refunded AS kept, quantity,
               CASE used.rule
                 WHEN 'member_price' THEN
                   (CAST(step -> 'facts' ->> 'otherwise_minor' AS bigint)
                    - CAST(step -> 'facts' ->> 'unit_minor' AS bigint)) * quantity
                 WHEN 'freight' THEN coalesce(CAST(step -> 'facts' ->> 'otherwise_minor' AS bigint), 0)
                 ELSE -CAST(step ->> 'minor' AS bigint)
               END AS minor
        FROM used JOIN orders ON orders.id = order_id AND orders.state IN ('placed', 'paid', 'shipped', 'received')
        JOIN order_lines AS line ON line.order_id = orders.id
        CROSS JOIN LATERAL jsonb_array_elements(line.explanation) AS step
        WHERE step ->> 'rule' = used.rule
    ),
    multiplied AS (
        SELECT (earning.points - taken_back) * (points_percent - 100) / points_percent AS points
        FROM holding
        JOIN orders ON shopper_id = holding.account_id AND received_at >= greatest(starts_at, CAST(:since AS timestamptz))
                   AND (ends_at IS NULL OR received_at <= ends_at)
        JOIN point_earnings AS earning ON earning.order_id = orders.id
        WHERE points_percent > 100 AND benefits @> jsonb_build_array(jsonb_build_object(
            'kind', 'points_multiplier', 'terms', jsonb_build_object('percent', points_percent)))
    )
    SELECT (SELECT coalesce(sum(minor * kept / quantity), 0) FROM saved) AS saved_minor,
           (SELECT coalesce(sum(points), 0) FROM granted) + (SELECT coalesce(sum(points), 0) FROM multiplied) AS points
""")


@dataclass(frozen=True, slots=True)
class MemberPrice:
    """What a unit of a SKU costs members: minor units."""

    sku_id: UUID
    price_minor: int
    set_at: datetime


async def privileges_of(
    reader: Database | Reader, account_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, Privileges]:
    """What each account's holdings come to at this moment; one that holds nothing has the privileges of nobody."""
    held: dict[UUID, list[Holding]] = defaultdict(list)
    for holding in await _held(reader, account_ids, now=now):
        held[holding.account_id].append(holding)
    return {account_id: privileges(held[account_id]) for account_id in account_ids}


async def holdings_of(reader: Database | Reader, account_id: UUID, *, now: datetime) -> list[Holding]:
    """What an account holds at this moment, the oldest first."""
    return await _held(reader, [account_id], now=now)


async def value_used(reader: Database | Reader, *, source: HolderSource, source_id: UUID, since: datetime) -> int:
    """What a holding has been worth to its holder since then: fen. 0 where there is no such holding.

    Counted are, of orders that are placed or paid, without the units whose money went back: what member prices saved against
    the price of somebody who is no member, the freight that was not charged, and what coupons took off that it brought; and,
    at what points are worth by the rules of now, those of birthday gifts and those that it multiplied on goods received while
    it held. A saving is one holding's, by `rules.credited`; points are every holding's that multiplies by as much. An order
    that waits for its money counts, as it keeps its price; cancelled, it counts no more. Coupons that were not used do not
    count: `store.withdraw` takes them.
    """
    row = await reader.one(_VALUE_USED, {"source": source, "source_id": source_id, "since": since})
    assert row is not None
    worth = 0
    if row.points:
        per_yuan = (await points.rules_in_force(reader)).terms.spent_per_yuan
        worth = int(row.points) * 100 // per_yuan
    return int(row.saved_minor) + worth


async def holdings_by_ids(reader: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, Holding]:
    """Holdings that exist, by id."""
    rows = await reader.rows(select(*HOLDING_COLUMNS).where(h.id == func.any(list(ids))))
    return {row.id: holding_of(row) for row in rows}


async def holdings_page(
    db: Database, account_id: UUID, *, since: datetime | None, first: int, after: str | None = None
) -> Page[Holding]:
    """What an account has been granted, newest first; with `since` only what had not ended by then."""
    newest_first = select(*HOLDING_COLUMNS).where(h.account_id == account_id).order_by(h.id.desc())
    if since is not None:
        newest_first = newest_first.where(h.ends_at.is_(None) | (h.ends_at > since))
    if after is not None:
        newest_first = newest_first.where(h.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([holding_of(row) for row in rows], first, lambda holding: (str(holding.id),))


async def grants_page(db: Database, account_id: UUID, *, first: int, after: str | None = None) -> Page[Grant]:
    """What the timetable has given to an account, newest first."""
    newest_first = select(*GRANT_COLUMNS).where(g.account_id == account_id, g.granted_at.isnot(None))
    return await _grants(db, newest_first, first, after)


async def failed_grants_page(db: Database, *, first: int, after: str | None = None) -> Page[Grant]:
    """What was due to somebody and could not be given, newest first."""
    return await _grants(db, select(*GRANT_COLUMNS).where(g.granted_at.is_(None)), first, after)


async def grants_by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Grant]:
    """Grants that exist, by id."""
    rows = await db.rows(select(*GRANT_COLUMNS).where(g.id == func.any(list(ids))))
    return {row.id: grant_of(row) for row in rows}


async def coupons_by_grant_ids(db: Database, grant_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The coupons that came of each grant; one without any is left out."""
    k = granted_coupons.c
    came: dict[UUID, list[UUID]] = defaultdict(list)
    found = select(k.grant_id, k.coupon_id).where(k.grant_id == func.any(list(grant_ids))).order_by(k.coupon_id)
    for row in await db.rows(found):
        came[row.grant_id].append(row.coupon_id)
    return came


async def member_prices_by_sku_ids(db: Database, sku_ids: Sequence[UUID]) -> dict[UUID, int]:
    """What a unit costs members, of the SKUs that have a member price: minor units."""
    m = member_prices.c
    rows = await db.rows(select(m.sku_id, m.price_minor).where(m.sku_id == func.any(list(sku_ids))))
    return {row.sku_id: row.price_minor for row in rows}


async def member_prices_page(db: Database, *, first: int, after: str | None = None) -> Page[MemberPrice]:
    """Every member price, the newest SKU first."""
    m = member_prices.c
    newest_first = select(m.sku_id, m.price_minor, m.set_at).order_by(m.sku_id.desc())
    if after is not None:
        newest_first = newest_first.where(m.sku_id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([MemberPrice(*row) for row in rows], first, lambda price: (str(price.sku_id),))


async def members_only(db: Database, product_ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Which of these products are sold to members only; the others are left out."""
    o = member_only_goods.c
    found = await db.column(select(o.product_id).where(o.product_id == func.any(list(product_ids))))
    return dict.fromkeys(found, True)


async def member_only_page(db: Database, *, first: int, after: str | None = None) -> Page[UUID]:
    """The products that are sold to members only, the newest first."""
    o = member_only_goods.c
    newest_first = select(o.product_id).order_by(o.product_id.desc())
    if after is not None:
        newest_first = newest_first.where(o.product_id < read_cursor(after, UUID)[0])
    ids = await db.column(newest_first.limit(page_size(first) + 1))
    return page_of(ids, first, lambda product_id: (str(product_id),))


async def _grants(db: Database, found: Select[Any], first: int, after: str | None) -> Page[Grant]:
    newest_first = found.order_by(g.id.desc()).limit(page_size(first) + 1)
    if after is not None:
        newest_first = newest_first.where(g.id < read_cursor(after, UUID)[0])
    return page_of([grant_of(row) for row in await db.rows(newest_first)], first, lambda grant: (str(grant.id),))


async def _held(reader: Database | Reader, account_ids: Sequence[UUID], *, now: datetime) -> list[Holding]:
    held = select(*HOLDING_COLUMNS).where(h.account_id == func.any(list(account_ids)), is_held(now))
    return [holding_of(row) for row in await reader.rows(held.order_by(h.starts_at, h.id))]
