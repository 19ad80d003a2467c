"""Benefits as shoppers see them: what they hold, from whom and until when, what it has brought, and their birthday."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api.access import Who, to
from api.context import Info
from api.coupons import CouponBatch, show_batch
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.refusals import refusal
from api.scalars import Long
from domain.benefits import actions, grants, occasions, queries, rules, store
from domain.coupons.queries import batches_by_ids

BenefitKind = strawberry.enum(
    rules.BenefitKind,
    name="BenefitKind",
    description="What somebody may be granted; the fields named here are its terms. 权益",
)
BenefitSource = strawberry.enum(rules.HolderSource, name="BenefitSource", description="Who has granted benefits.")


@strawberry.input(description="A benefit: its kind, and those terms that the kind takes, no others.")
class BenefitInput:
    """A benefit."""

    kind: BenefitKind
    percent: int | None = strawberry.field(
        default=None,
        description="MEMBER_PRICE: what goods without a member price cost, 1 to 100 percent of their list price. "
        "POINTS_MULTIPLIER: 100 to 1000; 150 is half as many points again.",
    )
    from_minor: Long | None = strawberry.field(
        default=None, description="FREE_DELIVERY: goods of so many fen on travel free; 0: all."
    )
    pieces: int | None = strawberry.field(default=None, description="COUPONS: 1 to 20 in each month.")
    batch_id: strawberry.ID | None = strawberry.field(
        default=None, description="COUPONS, and a BIRTHDAY_GIFT that is no points: of which batch."
    )
    minutes: int | None = strawberry.field(default=None, description="EARLY_ACCESS: 1 to 10080.")
    rank: int | None = strawberry.field(default=None, description="SERVICE_LANE: 1, the fastest, to 9.")
    points: Long | None = strawberry.field(default=None, description="BIRTHDAY_GIFT: 1 to 1000000000 points.")

    def read(self) -> rules.Benefit:
        """The domain's benefit; its terms are not looked at here."""
        terms: dict[str, Any] = {
            "percent": self.percent,
            "from_minor": self.from_minor,
            "pieces": self.pieces,
            "batch_id": str(read_id("couponbatch", self.batch_id)) if self.batch_id else None,
            "minutes": self.minutes,
            "rank": self.rank,
            "points": self.points,
        }
        return rules.Benefit(rules.BenefitKind(self.kind), {k: v for k, v in terms.items() if v is not None})


@strawberry.type(
    directives=to(Who.INHERITED), description="A benefit with its terms; those of other kinds are null. 权益"
)
class Benefit:
    """A benefit."""

    kind: BenefitKind
    row: strawberry.Private[rules.Benefit]

    @strawberry.field(
        description="MEMBER_PRICE: what goods without a member price cost, in percent of their list price. POINTS_MULTIPLIER: "
        "percent of the points that others earn."
    )
    def percent(self) -> int | None:
        """A percentage."""
        return self.row.terms.get("percent")

    @strawberry.field(description="FREE_DELIVERY: goods of so much on travel free.")
    def free_from(self) -> Money | None:
        """An amount."""
        return Money.maybe(self.row.terms.get("from_minor"))

    @strawberry.field(description="COUPONS: so many in each month.")
    def pieces(self) -> int | None:
        """Coupons a month."""
        return self.row.terms.get("pieces")

    @strawberry.field(description="COUPONS and BIRTHDAY_GIFT: what is given.")
    async def batch(self, info: Info) -> CouponBatch | None:
        """The batch, fetched for all benefits together."""
        if self.row.batch_id is None:
            return None
        batch = await batched(info, batches_by_ids).load(self.row.batch_id)
        return show_batch(batch) if batch else None

    @strawberry.field(description="EARLY_ACCESS: so many minutes before a sale opens, where it allows that.")
    def minutes(self) -> int | None:
        """Minutes."""
        return self.row.terms.get("minutes")

    @strawberry.field(description="SERVICE_LANE: 1 is the fastest.")
    def rank(self) -> int | None:
        """The lane."""
        return self.row.terms.get("rank")

    @strawberry.field(description="BIRTHDAY_GIFT: so many points.")
    def points(self) -> Long | None:
        """Points."""
        return self.row.terms.get("points")


def show_benefit(benefit: rules.Benefit) -> Benefit:
    """The GraphQL object of a benefit."""
    return Benefit(kind=benefit.kind, row=benefit)


@strawberry.type(directives=to(Who.OWNER), description="Benefits that somebody is granted for a while. 权益持有")
class BenefitHolding(Node):
    """A holding."""

    source: BenefitSource
    benefits: list[Benefit]
    starts_at: datetime
    ends_at: datetime | None = strawberry.field(description="From this moment on they do not hold; null: for good.")
    owner: strawberry.Private[UUID]


@strawberry.type(
    directives=to(Who.OWNER), description="What a benefit gave for a month of its holding, or for a birthday. 权益发放"
)
class BenefitGrant(Node):
    """A grant."""

    kind: BenefitKind
    holding_id: strawberry.ID
    period: int = strawberry.field(description="COUPONS: which month, 0 is the first. BIRTHDAY_GIFT: the year.")
    due_at: datetime
    granted_at: datetime | None = strawberry.field(description="Null while not all of it could be given.")
    points: Long | None
    pieces: int | None = strawberry.field(description="Coupons, of `batch`.")
    row: strawberry.Private[grants.Grant]
    owner: strawberry.Private[UUID]

    @strawberry.field(description="What the coupons are of.")
    async def batch(self, info: Info) -> CouponBatch | None:
        """The batch, fetched for all grants together."""
        if self.row.batch_id is None:
            return None
        batch = await batched(info, batches_by_ids).load(self.row.batch_id)
        return show_batch(batch) if batch else None

    @strawberry.field(description="The coupons that came of it.")
    async def coupon_ids(self, info: Info) -> list[strawberry.ID]:
        """The coupons, fetched for all grants together."""
        came = await batched(info, queries.coupons_by_grant_ids).load(self.row.id)
        return [show_id("coupon", id) for id in came or ()]


@strawberry.type(directives=to(Who.INHERITED), description="A day of the year.")
class Birthday:
    """A birthday."""

    month: int
    day: int
    set_at: datetime


@strawberry.type(
    directives=to(Who.INHERITED), description="What the asker's benefits come to now: of each kind the best."
)
class MyBenefits:
    """One's own privileges."""

    member_price_percent: int | None = strawberry.field(
        description="Member prices count, and goods without one cost so many percent of their list price; null: neither."
    )
    free_delivery_from: Money | None = strawberry.field(description="Goods of so much on travel free; null: none do.")
    early_minutes: int = strawberry.field(description="So many minutes before a sale opens that allows it; 0: none.")
    service_rank: int | None = strawberry.field(description="1 is the fastest; null: as everybody.")
    has_member_only_goods: bool
    points_percent: int = strawberry.field(description="Percent of the points that others earn: 100 is as many.")

    @strawberry.field(description="Null where it is not known.")
    async def birthday(self, info: Info) -> Birthday | None:
        """The birthday."""
        known = await store.read_birthday(info.context.market.db, info.context.shopper.account_id)
        return show_birthday(known) if known else None

    @strawberry.field(description="What holds now or will, newest first.")
    async def holdings(self, info: Info, first: int = 20, after: str | None = None) -> Connection[BenefitHolding]:
        """The holdings."""
        context = info.context
        page = await queries.holdings_page(
            context.market.db, context.shopper.account_id, since=context.now, first=first, after=after
        )
        return Connection.of(page, show_holding)

    @strawberry.field(description="What was given so far for months and birthdays, newest first.")
    async def grants(self, info: Info, first: int = 20, after: str | None = None) -> Connection[BenefitGrant]:
        """The grants."""
        context = info.context
        page = await queries.grants_page(context.market.db, context.shopper.account_id, first=first, after=after)
        return Connection.of(page, show_grant)


@strawberry.input(description="One's own birthday.")
class SetBirthdayInput:
    """The day."""

    month: int = strawberry.field(description="1 to 12.")
    day: int = strawberry.field(
        description="1 to 31. Who was born on a 29th of February has it on the 28th in other years."
    )


SetBirthdayResult = Annotated[MyBenefits | refusal(rules.BirthdaySetRecently), strawberry.union("SetBirthdayResult")]


@strawberry.type
class BenefitQuery:
    """What shoppers ask about benefits."""

    @strawberry.field(directives=to(Who.SIGNED_IN), description="One's own benefits. 我的权益")
    async def my_benefits(self, info: Info) -> MyBenefits:
        """The asker's benefits."""
        return await _mine(info)


@strawberry.type
class BenefitMutation:
    """What shoppers say of themselves."""

    @strawberry.mutation(
        directives=to(Who.SIGNED_IN),
        description="Say when one's birthday is: once a year. The same day again changes nothing.",
    )
    async def set_birthday(self, info: Info, input: SetBirthdayInput) -> SetBirthdayResult:
        """Set it."""
        context = info.context
        await actions.set_birthday(
            context.market.db,
            account_id=context.shopper.account_id,
            month=input.month,
            day=input.day,
            now=context.now,
        )
        return await _mine(info)


@finds("benefitholding")
async def find_holding(info: Info, id: UUID) -> BenefitHolding | None:
    """A holding that the asker may see: one's own, or as staff anybody's."""
    holding = await batched(info, queries.holdings_by_ids).load(id)
    principal = info.context.principal
    if holding is None or principal is None or not (principal.is_staff or holding.account_id == principal.account_id):
        return None
    return show_holding(holding)


@finds("benefitgrant")
async def find_grant(info: Info, id: UUID) -> BenefitGrant | None:
    """A grant that the asker may see: one's own, or as staff anybody's."""
    grant = await batched(info, queries.grants_by_ids).load(id)
    principal = info.context.principal
    if grant is None or principal is None or not (principal.is_staff or grant.account_id == principal.account_id):
        return None
    return show_grant(grant)


def show_holding(holding: rules.Holding) -> BenefitHolding:
    """The GraphQL object of a holding."""
    return BenefitHolding(
        id=show_id("benefitholding", holding.id),
        source=holding.source,
        benefits=[show_benefit(benefit) for benefit in holding.benefits],
        starts_at=holding.starts_at,
        ends_at=holding.ends_at,
        owner=holding.account_id,
    )


def show_grant(grant: grants.Grant) -> BenefitGrant:
    """The GraphQL object of a grant."""
    return BenefitGrant(
        id=show_id("benefitgrant", grant.id),
        kind=grant.kind,
        holding_id=show_id("benefitholding", grant.holding_id),
        period=grant.period,
        due_at=grant.due_at,
        granted_at=grant.granted_at,
        points=grant.points,
        pieces=grant.pieces,
        row=grant,
        owner=grant.account_id,
    )


def show_birthday(birthday: occasions.Birthday) -> Birthday:
    """The GraphQL object of a birthday."""
    return Birthday(month=birthday.month, day=birthday.day, set_at=birthday.set_at)


def privileges_of(info: Info) -> DataLoader[UUID, rules.Privileges]:
    """The operation's loader of what accounts' benefits come to at its moment."""
    loaders, context = info.context.loaders, info.context
    if privileges_of not in loaders:

        async def load(ids: list[UUID]) -> list[rules.Privileges]:
            found = await queries.privileges_of(context.market.db, ids, now=context.now)
            return [found[id] for id in ids]

        loaders[privileges_of] = DataLoader(load_fn=load)
    loader: DataLoader[UUID, rules.Privileges] = loaders[privileges_of]
    return loader


async def _mine(info: Info) -> MyBenefits:
    held = await privileges_of(info).load(info.context.shopper.account_id)
    return MyBenefits(
        member_price_percent=held.member_price_percent,
        free_delivery_from=Money.maybe(held.free_delivery_from_minor),
        early_minutes=held.early_minutes,
        service_rank=held.service_rank,
        has_member_only_goods=held.has_member_only_goods,
        points_percent=held.points_percent,
    )
