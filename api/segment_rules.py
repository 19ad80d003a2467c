"""Rules of segments, as merchandisers write and read them."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from api.access import Who, to
from api.customers import CustomerSegment
from api.nodes import read_id, show_id
from api.scalars import Long
from api.trust import TrustTier
from domain.audiences import segment_rules
from domain.audiences.segment_rules import SegmentRule

SegmentMemberState = strawberry.enum(
    segment_rules.MemberState, name="SegmentMemberState", description="Where somebody stands with paid memberships."
)


@strawberry.input(description="Who is chosen: whoever meets every condition that is given, one at least.")
class SegmentRuleInput:
    """A rule."""

    rfm: list[CustomerSegment] = strawberry.field(default_factory=list, description="One of these RFM segments.")
    value_at_least_minor: Long | None = strawberry.field(default=None, description="User value, in fen.")
    spent_at_least_minor: Long | None = strawberry.field(
        default=None, description="Paid for orders and kept, ever, in fen."
    )
    orders_at_least: int | None = strawberry.field(
        default=None, description="Paid orders that were not given back whole."
    )
    orders_at_most: int | None = strawberry.field(default=None, description="As `ordersAtLeast`; 0: who never bought.")
    ordered_within_days: int | None = strawberry.field(
        default=None,
        description="Whose last order was paid within so many days of the shop, today one of them: 1 to 3650.",
    )
    not_ordered_within_days: int | None = strawberry.field(
        default=None, description="Who paid for no order within so many days, also who never did: 1 to 3650."
    )
    tier_at_least: TrustTier | None = None
    tags: list[str] = strawberry.field(default_factory=list, description="Who has one of these tags; 50 at most.")
    rank_at_least: int | None = strawberry.field(default=None, description="Whose level has this rank or a higher one.")
    member_state: SegmentMemberState | None = None
    bought_product_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="Who has paid for one of these, or of `boughtSkuIds`, and kept it; 50 at most.",
    )
    bought_sku_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description="50 at most.")


@strawberry.type(
    directives=to(Who.MERCHANDISER),
    name="SegmentRule",
    description="A version of a segment's rule. Null: no such condition.",
)
class SegmentRuleShown:
    """A rule."""

    rfm: list[CustomerSegment]
    value_at_least_minor: Long | None
    spent_at_least_minor: Long | None
    orders_at_least: int | None
    orders_at_most: int | None
    ordered_within_days: int | None
    not_ordered_within_days: int | None
    tier_at_least: TrustTier | None
    tags: list[str]
    rank_at_least: int | None
    member_state: SegmentMemberState | None
    bought_product_ids: list[strawberry.ID]
    bought_sku_ids: list[strawberry.ID]


def read_rule(wish: SegmentRuleInput) -> SegmentRule:
    """The rule, as the domain knows it."""
    return SegmentRule(
        rfm=tuple(wish.rfm),
        value_at_least_minor=wish.value_at_least_minor,
        spent_at_least_minor=wish.spent_at_least_minor,
        orders_at_least=wish.orders_at_least,
        orders_at_most=wish.orders_at_most,
        ordered_within_days=wish.ordered_within_days,
        not_ordered_within_days=wish.not_ordered_within_days,
        tier_at_least=wish.tier_at_least,
        tags=tuple(wish.tags),
        rank_at_least=wish.rank_at_least,
        member_state=wish.member_state,
        bought_product_ids=_read_ids("product", wish.bought_product_ids),
        bought_sku_ids=_read_ids("sku", wish.bought_sku_ids),
    )


def _read_ids(prefix: str, ids: Sequence[strawberry.ID]) -> tuple[UUID, ...]:
    return tuple(read_id(prefix, id) for id in ids[: segment_rules.MOST_NAMED + 1])


def show_rule(rule: SegmentRule) -> SegmentRuleShown:
    """The GraphQL object of a rule."""
    return SegmentRuleShown(
        rfm=list(rule.rfm),
        value_at_least_minor=_long(rule.value_at_least_minor),
        spent_at_least_minor=_long(rule.spent_at_least_minor),
        orders_at_least=rule.orders_at_least,
        orders_at_most=rule.orders_at_most,
        ordered_within_days=rule.ordered_within_days,
        not_ordered_within_days=rule.not_ordered_within_days,
        tier_at_least=rule.tier_at_least,
        tags=list(rule.tags),
        rank_at_least=rule.rank_at_least,
        member_state=rule.member_state,
        bought_product_ids=[show_id("product", id) for id in rule.bought_product_ids],
        bought_sku_ids=[show_id("sku", id) for id in rule.bought_sku_ids],
    )


def _long(value: int | None) -> Long | None:
    return None if value is None else Long(value)
