"""Customers once more, reckoned in plain Python from orders read one by one: what the tables must say."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

from sqlalchemy import text

from domain.customers.rules import ValueRules
from domain.foundation.clock import shop_day
from domain.foundation.database import Database

_SOLD = text("""
    SELECT orders.id, orders.shopper_id, orders.paid_at, state, orders.total_minor - refunded_minor AS spend, refunded_minor,
           line.sku_id, line.total_minor - line.refunded_goods_minor AS net, line.quantity - line.refunded AS units,
           line.cost_minor, sharer_id
    FROM orders JOIN order_lines AS line ON line.order_id = orders.id
    LEFT JOIN share_attributions AS share ON share.order_id = orders.id
    WHERE orders.paid_at IS NOT NULL
""")


@dataclass
class Reckoned:
    """What a customer comes to."""

    days: list[date]
    orders: int
    spend_minor: int
    refunded_minor: int
    goods_minor: int
    costed_minor: int
    margin_minor: int
    recent_orders: int
    recent_purchases: int
    recent_spend_minor: int
    recent_margin_minor: int
    referred_by: UUID | None
    referred: int = 0
    value_minor: int = 0


async def reckon(db: Database, *, as_of: date, rules: ValueRules) -> dict[UUID, Reckoned]:
    """Every customer."""
    costs = defaultdict(list)
    for row in await db.rows(text("SELECT * FROM sku_costs ORDER BY since")):
        costs[row.sku_id].append(row)
    before = as_of - timedelta(days=rules.window_days)
    by_order = defaultdict(list)
    for row in await db.rows(_SOLD):
        by_order[row.id].append(row)
    by_shopper = defaultdict(list)
    for lines in by_order.values():
        by_shopper[lines[0].shopper_id].append(lines)
    found: dict[UUID, Reckoned] = {}
    for shopper_id, orders in by_shopper.items():
        kept = sorted(
            (lines for lines in orders if lines[0].state != "refunded"),
            key=lambda lines: (lines[0].paid_at, lines[0].id),
        )
        if not kept:
            continue
        recent = [lines for lines in kept if shop_day(lines[0].paid_at) > before]
        found[shopper_id] = Reckoned(
            days=sorted({shop_day(lines[0].paid_at) for lines in kept}),
            orders=len(kept),
            spend_minor=sum(lines[0].spend for lines in kept),
            refunded_minor=sum(lines[0].refunded_minor for lines in orders),
            goods_minor=sum(line.net for lines in kept for line in lines),
            costed_minor=sum(line.net for lines in kept for line in lines if _cost(line, costs) is not None),
            margin_minor=sum(_margin(line, costs) for lines in kept for line in lines),
            recent_orders=len(recent),
            recent_purchases=len({shop_day(lines[0].paid_at) for lines in recent}),
            recent_spend_minor=sum(lines[0].spend for lines in recent),
            recent_margin_minor=sum(_margin(line, costs) for lines in recent for line in lines),
            referred_by=kept[0][0].sharer_id,
        )
    for one in found.values():
        if one.referred_by in found and one.days[0] > before:
            found[one.referred_by].referred += 1
    for one in found.values():
        index = 1 + Fraction(rules.referral_permille, 1000) * min(one.referred, rules.most_referred)
        one.value_minor = int((one.recent_margin_minor * index).__floor__())
    return found


def ladder(customers: dict[UUID, Reckoned]) -> Counter[tuple[date, int, int]]:
    """Customers by the month of their first purchase, the step and the days to it."""
    counted: Counter[tuple[date, int, int]] = Counter()
    for one in customers.values():
        cohort = one.days[0].replace(day=1)
        counted[cohort, 0, 0] += 1
        for step, (earlier, later) in enumerate(zip(one.days[:3], one.days[1:4], strict=False), 1):
            counted[cohort, step, (later - earlier).days] += 1
    return counted


def _cost(line, costs):
    if line.cost_minor is not None:
        return line.cost_minor
    known = [row.cost_minor for row in costs[line.sku_id] if row.since <= line.paid_at]
    return known[-1] if known else None


def _margin(line, costs):
    cost = _cost(line, costs)
    return 0 if cost is None else line.net - cost * line.units
