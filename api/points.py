"""Points as shoppers see them: what they have, what became of it, and by which rules."""

from datetime import datetime
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.nodes import Connection, show_id
from api.scalars import Long
from api.trail import StaffMember
from domain.accounts.queries import names_by_ids
from domain.points import queries, rules

PointMoveKind = strawberry.enum(
    rules.MoveKind,
    name="PointMoveKind",
    description="What happened to points. TAKEN_BACK: they should not have been given; RETURNED: what they were spent on went "
    "back.",
)
PointCause = strawberry.enum(
    rules.Cause,
    name="PointCause",
    description="Why points moved. REFUND: units of an order were given back; LATE_MONEY: an order was paid after it had ended.",
)


@strawberry.type(
    directives=to(Who.INHERITED), description="What points are earned by and worth, until they are set anew. 积分规则"
)
class PointRules:
    """A version of the rules."""

    version: int = strawberry.field(description="0: what counts until somebody has set any.")
    earned_per_yuan: int = strawberry.field(
        description="Points for each ¥1 that was paid for goods, once they are received; not for freight."
    )
    spent_per_yuan: int = strawberry.field(description="So many points take ¥1 off.")
    most_percent: int = strawberry.field(
        description="How much of a basket's goods, less its coupon, points may pay: 0 to 100 percent."
    )
    months: int = strawberry.field(
        description="Points count for so many months, to the end of that day at the shop; the oldest are spent first."
    )
    set_at: datetime | None
    set_by_id: strawberry.Private[UUID | None]

    @strawberry.field(directives=to(Who.STAFF), description="Who set them; null for version 0.")
    async def set_by(self, info: Info) -> StaffMember | None:
        """Who set them."""
        if self.set_by_id is None:
            return None
        name = await batched(info, names_by_ids).load(self.set_by_id)
        return StaffMember(id=show_id("account", self.set_by_id), name=name)


@strawberry.type(directives=to(Who.INHERITED), description="What a shopper has in points. 我的积分")
class PointBalance:
    """A balance."""

    points: Long = strawberry.field(description="What can be spent now. 0 where points are owed.")
    owed: Long = strawberry.field(
        description="Points that were taken back after they were spent; the next ones pay for them. 欠积分"
    )
    expiring_points: Long = strawberry.field(description="Those of `points` that expire next.")
    expiring_at: datetime | None = strawberry.field(
        description="A midnight at the shop: from then on these count no more; null without points."
    )
    rules: PointRules = strawberry.field(description="Those in force.")


@strawberry.type(directives=to(Who.OWNER), description="A movement of points; it never changes. 积分明细")
class PointMove:
    """A move."""

    id: strawberry.ID
    kind: PointMoveKind
    cause: PointCause
    points: Long = strawberry.field(description="Above zero where they became more, below where they became fewer.")
    balance: Long = strawberry.field(description="What the shopper had after it.")
    owed: Long = strawberry.field(description="What the shopper owed after it.")
    order_id: strawberry.ID | None = strawberry.field(description="The order that it is about, if it is about one.")
    note: str = strawberry.field(description="What was said of it; may be empty.")
    moved_at: datetime
    owner: strawberry.Private[UUID]


@strawberry.type
class PointQuery:
    """What shoppers ask about points."""

    @strawberry.field(directives=to(Who.SIGNED_IN), description="What one has in points at this moment.")
    async def my_points(self, info: Info) -> PointBalance:
        """The asker's balance."""
        context = info.context
        async with context.market.db.reading() as reader:
            balance = await queries.balance_of(reader, context.shopper.account_id, now=context.now)
            in_force = await queries.rules_in_force(reader)
        return PointBalance(
            points=Long(balance.points),
            owed=Long(balance.owed),
            expiring_points=Long(balance.expiring_points),
            expiring_at=balance.expiring_at,
            rules=show_rules(in_force),
        )

    @strawberry.field(directives=to(Who.SIGNED_IN), description="What became of one's points, newest first.")
    async def my_point_moves(self, info: Info, first: int = 20, after: str | None = None) -> Connection[PointMove]:
        """The asker's moves."""
        context = info.context
        page = await queries.moves_of(context.market.db, context.shopper.account_id, first=first, after=after)
        return Connection.of(page, show_move)


def show_rules(found: rules.Rules) -> PointRules:
    """The GraphQL object of a version of the rules."""
    terms = found.terms
    return PointRules(
        version=found.version,
        earned_per_yuan=terms.earned_per_yuan,
        spent_per_yuan=terms.spent_per_yuan,
        most_percent=terms.most_percent,
        months=terms.months,
        set_at=found.set_at,
        set_by_id=found.set_by,
    )


def show_move(move: rules.Move) -> PointMove:
    """The GraphQL object of a move."""
    return PointMove(
        id=show_id("pointmove", move.id),
        kind=move.kind,
        cause=move.cause,
        points=Long(move.kind.sign * move.points),
        balance=Long(move.balance),
        owed=Long(move.owed),
        order_id=show_id("order", move.order_id) if move.order_id else None,
        note=move.note,
        moved_at=move.moved_at,
        owner=move.account_id,
    )
