"""Which accounts a rule chooses, as SQL: over a stretch of accounts in the order of their ids, or over everybody.

Every table is narrowed to the stretch by itself: joined only by the account, it would be read from its beginning each time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select
from sqlalchemy.sql.expression import literal

from domain.accounts.tables import accounts
from domain.audiences.segment_rules import MemberState, SegmentRule
from domain.customers.rules import HIGH_FROM, SEGMENTS, Cuts, cuts_of
from domain.customers.tables import customers, standings
from domain.foundation.clock import shop_day
from domain.foundation.database import Reader
from domain.levels.tables import account_levels
from domain.memberships.tables import memberships
from domain.orders.tables import lines, orders
from domain.products.tables import skus
from domain.trust.tables import states, tags

a, c, o, ln = accounts.c, customers.c, orders.c, lines.c


@dataclass(frozen=True, slots=True)
class Stretch:
    """Accounts after one id, up to another one and with it. Everybody: both None."""

    after: UUID | None = None
    up_to: UUID | None = None

    def holds(self, account_id: ColumnElement[Any]) -> Iterator[ColumnElement[bool]]:
        """The condition that a column of accounts lies in it."""
        if self.after is not None:
            yield account_id > literal(self.after)
        if self.up_to is not None:
            yield account_id <= literal(self.up_to)


async def chosen(reader: Reader, rule: SegmentRule, *, stretch: Stretch, now: datetime) -> Select[Any]:
    """The ids of the accounts that meet all conditions of the rule; disabled ones never do. Days end with the shop's today."""
    cuts = await _latest_cuts(reader) if rule.rfm else None
    found = select(a.id).where(*stretch.holds(a.id), a.disabled_at.is_(None))
    for condition in _conditions(rule, stretch, cuts, now):
        found = found.where(condition)
    return found


async def _latest_cuts(reader: Reader) -> Cuts | None:
    kept = await reader.value(select(standings.c.cuts).order_by(standings.c.day.desc()).limit(1))
    return cuts_of(kept) if kept is not None else None


def _conditions(rule: SegmentRule, stretch: Stretch, cuts: Cuts | None, now: datetime) -> Iterator[ColumnElement[bool]]:
    yield from _as_customer(rule, stretch, cuts, shop_day(now))
    if rule.tier_at_least:
        tier = states.c.tier >= rule.tier_at_least
        yield exists().where(states.c.account_id == a.id, *stretch.holds(states.c.account_id), tier)
    if rule.tags:
        yield exists().where(
            tags.c.account_id == a.id, *stretch.holds(tags.c.account_id), tags.c.tag == func.any(list(rule.tags))
        )
    if rule.rank_at_least is not None and rule.rank_at_least > 1:  # who has no growth yet has the lowest level
        rank = account_levels.c.rank >= rule.rank_at_least
        yield exists().where(account_levels.c.account_id == a.id, *stretch.holds(account_levels.c.account_id), rank)
    if rule.member_state is not None:
        yield _is_member(rule.member_state, stretch, now)
    if rule.bought_product_ids or rule.bought_sku_ids:
        yield _has_bought(rule, stretch)


def _as_customer(rule: SegmentRule, stretch: Stretch, cuts: Cuts | None, today: date) -> Iterator[ColumnElement[bool]]:
    """What customers are known by; whoever has none of it has ordered nothing."""
    needed: list[ColumnElement[bool]] = []
    excluded: list[ColumnElement[bool]] = []
    if rule.rfm:
        needed.append(_is_of_rfm(rule, cuts))
    if rule.value_at_least_minor is not None:
        needed.append(c.value_minor >= rule.value_at_least_minor)
    if rule.spent_at_least_minor is not None:
        needed.append(c.spend_minor >= rule.spent_at_least_minor)
    if rule.orders_at_least:
        needed.append(c.orders >= rule.orders_at_least)
    if rule.ordered_within_days is not None:
        needed.append(c.last_day > today - timedelta(days=rule.ordered_within_days))
    if rule.orders_at_most is not None:
        excluded.append(c.orders > rule.orders_at_most)
    if rule.not_ordered_within_days is not None:
        excluded.append(c.last_day > today - timedelta(days=rule.not_ordered_within_days))
    is_theirs = and_(c.account_id == a.id, *stretch.holds(c.account_id))
    if needed:
        yield exists().where(is_theirs, *needed)
    if excluded:
        yield ~exists().where(is_theirs, or_(*excluded))


def _is_of_rfm(rule: SegmentRule, cuts: Cuts | None) -> ColumnElement[bool]:
    """The rule of `customers.rules.segment_of`, over columns."""
    if cuts is None:  # nobody has scores before the first ranking
        return false()
    dimensions = (
        (c.last_day, cuts.recency),
        (c.recent_purchases, cuts.frequency),
        (c.recent_spend_minor, cuts.monetary),
    )
    highs = [_is_high(column, of_dimension) for column, of_dimension in dimensions]
    return and_(
        c.recent_purchases > 0,
        or_(
            *(
                and_(*(high if wanted else ~high for high, wanted in zip(highs, scores, strict=True)))
                for scores, segment in SEGMENTS.items()
                if segment in rule.rfm
            )
        ),
    )


def _is_high(column: ColumnElement[Any], cuts: tuple[Any, ...]) -> ColumnElement[bool]:
    """Whether the score is high; a cut that is None is reached by nobody."""
    reached = sorted(cut for cut in cuts if cut is not None)
    # a score is 1 and one more for each cut that is reached
    return column >= reached[HIGH_FROM - 2] if len(reached) > HIGH_FROM - 2 else false()


def _is_member(state: MemberState, stretch: Stretch, now: datetime) -> ColumnElement[bool]:
    m = memberships.c
    theirs = (m.account_id == a.id, *stretch.holds(m.account_id))
    lives = exists().where(
        *theirs, m.ended_at.is_(None), m.began_at <= now, func.coalesce(m.grace_until, m.ends_at) > now
    )
    match state:
        case MemberState.MEMBER:
            return lives
        case MemberState.FORMER:
            return exists().where(*theirs, m.began_at <= now) & ~lives
        case MemberState.NEVER:
            return ~exists().where(*theirs, m.began_at <= now)


def _has_bought(rule: SegmentRule, stretch: Stretch) -> ColumnElement[bool]:
    of_products = select(skus.c.id).where(skus.c.product_id == func.any(list(rule.bought_product_ids)))
    is_wanted = ln.sku_id.in_(of_products) | (ln.sku_id == func.any(list(rule.bought_sku_ids)))
    bought = select(o.shopper_id).join_from(orders, lines, ln.order_id == o.id)
    return a.id.in_(
        bought.where(*stretch.holds(o.shopper_id), o.paid_at.isnot(None), ln.quantity > ln.refunded, is_wanted)
    )
