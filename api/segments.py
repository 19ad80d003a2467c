"""Segments: people whom a rule chooses, or who are named one by one, to be let in to sales and written to."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import ROLES, Who, to
from api.context import Info
from api.loaders import batched
from api.nodes import Connection, Node, finds, read_id, show_id
from api.refusals import refusal
from api.scalars import Long
from api.segment_rules import SegmentRuleInput, SegmentRuleShown, read_rule, show_rule
from domain.accounts.queries import names_by_ids
from domain.audiences import queries, refreshing, segment_actions, segment_rules
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound


@strawberry.type(directives=to(Who.MERCHANDISER), description="How far a look at everybody has come.")
class SegmentRefresh:
    """A refresh."""

    version: int = strawberry.field(description="Of the rule.")
    started_at: datetime = strawberry.field(description="What the rule's days are counted back from.")
    looked_at: Long = strawberry.field(description="Accounts so far.")
    found: Long = strawberry.field(description="Of them, those that the rule chooses.")


@strawberry.type(directives=to(Who.MERCHANDISER), description="Somebody in a segment.")
class SegmentPerson:
    """Somebody."""

    account_id: strawberry.ID
    key: strawberry.Private[UUID]

    @strawberry.field(description="What they are called.")
    async def name(self, info: Info) -> str:
        """Their name, fetched for all of them together."""
        return await batched(info, names_by_ids).load(self.key) or ""


@strawberry.type(
    directives=to(Who.MERCHANDISER), description="People whom a rule chooses, or who are named one by one. 分群"
)
class AudienceSegment(Node):
    """A segment."""

    name: str
    version: int = strawberry.field(description="Of its rule, from 1 on; 0: it is a list of people who were named.")
    rule: SegmentRuleShown | None
    refresh_minutes: int | None = strawberry.field(
        description="So often the timetable looks at its rule again; null: when somebody asks."
    )
    members: Long = strawberry.field(description="People whom it holds: as of `refreshedAt`.")
    refreshed_at: datetime | None = strawberry.field(description="Null: not yet.")
    created_at: datetime
    row: strawberry.Private[segment_rules.Segment]

    @strawberry.field(description="The refresh that is under way; until it is over the segment holds whom it held.")
    async def refresh(self, info: Info) -> SegmentRefresh | None:
        """The refresh, asked for all segments together."""
        found = await batched(info, queries.refreshes_under_way).load(self.row.id)
        if found is None:
            return None
        return SegmentRefresh(
            version=found.version,
            started_at=found.started_at,
            looked_at=Long(found.looked_at),
            found=Long(found.found),
        )

    @strawberry.field(description="Whom it holds, by account.")
    async def people(self, info: Info, first: int = 20, after: str | None = None) -> Connection[SegmentPerson]:
        """Its members."""
        page = await queries.members(info.context.market.db, self.row, first=first, after=after)
        return Connection.of(page, lambda key: SegmentPerson(account_id=show_id("account", key), key=key))


@strawberry.input(description="A segment, new or with another rule.")
class SetSegmentInput:
    """A segment."""

    segment_id: strawberry.ID | None = strawberry.field(
        default=None, description="Null: a new one, which needs a `name`."
    )
    name: str | None = strawberry.field(default=None, description="Of a new one: 1 to 60 characters, no other's name.")
    rule: SegmentRuleInput | None = strawberry.field(
        default=None, description="Null for a new one: a list, on which people are named by `nameInSegment`."
    )
    refresh_minutes: int | None = strawberry.field(
        default=None, description="Look at the rule again so often: 5 to 43200, thirty days. Null: when somebody asks."
    )
    idempotency_key: str


@strawberry.input(description="People of a list.")
class SegmentPeopleInput:
    """Which list, and who."""

    segment_id: strawberry.ID
    people: str = strawberry.field(
        description="CSV: an account's id stands first in each row, whatever follows; with or without a heading. 1 to 2000 at a "
        "time."
    )


SegmentResult = Annotated[
    AudienceSegment | refusal(NotFound) | refusal(segment_rules.SegmentNameTaken) | refusal(IdempotencyConflict),
    strawberry.union("SegmentResult"),
]


@strawberry.type
class SegmentQuery:
    """What merchandisers ask about segments."""

    @strawberry.field(directives=to(Who.MERCHANDISER), description="Every segment, newest first.")
    async def segments(self, info: Info, first: int = 20, after: str | None = None) -> Connection[AudienceSegment]:
        """Every segment."""
        return Connection.of(await queries.all_segments(info.context.market.db, first=first, after=after), show_segment)

    @strawberry.field(directives=to(Who.MERCHANDISER), description="One segment; null when there is none.")
    async def segment(self, info: Info, id: strawberry.ID) -> AudienceSegment | None:
        """One segment."""
        return await find_segment(info, read_id("segment", id))

    @strawberry.field(
        directives=to(Who.MERCHANDISER), description="How many people a rule would choose now; nothing is kept of it."
    )
    async def preview_segment(self, info: Info, rule: SegmentRuleInput) -> Long:
        """The count."""
        context = info.context
        return Long(await refreshing.count(context.market.db, read_rule(rule), now=context.now))


@strawberry.type
class SegmentMutation:
    """What merchandisers do with segments."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="A new segment, or another rule for one: a version more. It is refreshed at once in the background; until that "
        "is over it holds whom it held.",
    )
    async def set_segment(self, info: Info, input: SetSegmentInput) -> SegmentResult:
        """Set a segment."""
        context, rule = info.context, read_rule(input.rule) if input.rule else None
        db, by, now = context.market.db, context.shopper.account_id, context.now
        if input.segment_id is None:
            segment = await segment_actions.create(
                db,
                name=input.name or "",
                rule=rule,
                refresh_minutes=input.refresh_minutes,
                by=by,
                idempotency_key=input.idempotency_key,
                now=now,
            )
        elif rule is None or input.name is not None:
            raise BadInput("of a segment that there is, its rule is set: give `rule`, and no `name`")
        else:
            segment_id = read_id("segment", input.segment_id)
            segment = await segment_actions.change(
                db, segment_id=segment_id, rule=rule, refresh_minutes=input.refresh_minutes, by=by, now=now
            )
        return show_segment(segment)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Look at a segment's rule again now, in the background. One that is under way goes on.",
    )
    async def refresh_segment(self, info: Info, id: strawberry.ID) -> SegmentResult:
        """Refresh a segment."""
        context = info.context
        return show_segment(
            await refreshing.start(
                context.market.db, segment_id=read_id("segment", id), by=context.shopper.account_id, now=context.now
            )
        )

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Put people on a list; who is on it already stays there."
    )
    async def name_in_segment(self, info: Info, input: SegmentPeopleInput) -> SegmentResult:
        """Name people."""
        context = info.context
        segment = await segment_actions.name_people(
            context.market.db,
            segment_id=read_id("segment", input.segment_id),
            people=input.people,
            by=context.shopper.account_id,
            now=context.now,
        )
        return show_segment(segment)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Take people off a list; who is not on it is passed over."
    )
    async def strike_from_segment(self, info: Info, input: SegmentPeopleInput) -> SegmentResult:
        """Strike people."""
        context = info.context
        segment = await segment_actions.strike_people(
            context.market.db,
            segment_id=read_id("segment", input.segment_id),
            people=input.people,
            by=context.shopper.account_id,
            now=context.now,
        )
        return show_segment(segment)


@finds("segment")
async def find_segment(info: Info, id: UUID) -> AudienceSegment | None:
    """A segment, for those who work with them."""
    principal = info.context.principal
    if principal is None or not ROLES[Who.MERCHANDISER] & principal.roles:
        return None
    found = await batched(info, queries.segments_by_ids).load(id)
    return show_segment(found) if found else None


def show_segment(segment: segment_rules.Segment) -> AudienceSegment:
    """The GraphQL object of a segment."""
    return AudienceSegment(
        id=show_id("segment", segment.id),
        name=segment.name,
        version=segment.version,
        rule=show_rule(segment.rule) if segment.rule else None,
        refresh_minutes=segment.refresh_minutes,
        members=Long(segment.members),
        refreshed_at=segment.refreshed_at,
        created_at=segment.created_at,
        row=segment,
    )
