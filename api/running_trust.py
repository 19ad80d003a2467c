"""Trust behind the counter: its rules, how many are of each tier, what staff tell of customers, and messages within the cap."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.customer_profiles import CustomerComplaint, CustomerProfile, profile_now, show_complaint
from api.nodes import read_id, show_id
from api.refusals import refusal
from api.scalars import Long
from api.trust import (
    MessagePace,
    MessagePurpose,
    TrustAction,
    TrustEvidence,
    TrustNeed,
    TrustTier,
    show_need,
    show_pace,
)
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.trust import caring, deriving, pacing, pacing_rules, queries, recording, rules, store
from domain.trust.rules import Ceiling, Need, Rung, Terms


@strawberry.type(directives=to(Who.INHERITED), description="What leads to a tier, and what follows from it.")
class TrustRung:
    """A rung."""

    tier: TrustTier
    any_of: list[TrustNeed] = strawberry.field(description="Any one of these leads there, whichever tiers lie below.")
    messages: int = strawberry.field(description="Messages that the tier bears within `perDays`.")
    per_days: int
    next_action: TrustAction


@strawberry.type(directives=to(Who.INHERITED), description="Whoever meets the need is of this tier at most.")
class TrustCeiling:
    """A ceiling."""

    need: TrustNeed
    at_most: TrustTier


@strawberry.type(directives=to(Who.STAFF), description="The rules by which tiers are derived. 分层规则")
class TrustRules:
    """Rules."""

    version: Long = strawberry.field(description="0: the first day's, which nobody has set.")
    rungs: list[TrustRung] = strawberry.field(description="One for each tier, the stranger's first.")
    ceilings: list[TrustCeiling]
    silent_days: int = strawberry.field(description="After so many days without a sign of life...")
    silent_at_most: TrustTier = strawberry.field(description="...somebody is of this tier at most.")


@strawberry.type(directives=to(Who.STAFF), description="How many people are of a tier.")
class TrustTierCount:
    """A count."""

    tier: TrustTier
    customers: Long
    counted_at: datetime


@strawberry.type(directives=to(Who.STAFF), description="A message that may be sent now: it is taken of the cap.")
class RecordedMessage:
    """A message."""

    id: strawberry.ID
    customer_id: strawberry.ID
    purpose: MessagePurpose
    sent_at: datetime


@strawberry.input(description="So much evidence of these kinds together.")
class TrustNeedInput:
    """A need."""

    evidence: list[TrustEvidence]
    at_least: int = strawberry.field(default=1, description="1 to 100.")
    within_days: int | None = strawberry.field(default=None, description="1 to 3650; none: however old.")


@strawberry.input(description="What leads to a tier, and what follows from it.")
class TrustRungInput:
    """A rung."""

    tier: TrustTier
    any_of: list[TrustNeedInput] = strawberry.field(description="1 to 10; of STRANGER none.")
    messages: int = strawberry.field(description="0 to 100.")
    per_days: int = strawberry.field(description="1 to 3650.")
    next_action: TrustAction


@strawberry.input(description="Whoever meets the need is of this tier at most.")
class TrustCeilingInput:
    """A ceiling."""

    need: TrustNeedInput
    at_most: TrustTier


@strawberry.input(description="Rules in place of those of a version.")
class SetTrustRulesInput:
    """Rules."""

    version: Long = strawberry.field(description="Of the rules that these take the place of.")
    rungs: list[TrustRungInput] = strawberry.field(description="One for each tier, the stranger's first.")
    ceilings: list[TrustCeilingInput] = strawberry.field(description="At most 10.")
    silent_days: int = strawberry.field(description="1 to 3650.")
    silent_at_most: TrustTier


@strawberry.input(description="What passed between a customer and the shop where only people or another system see it.")
class RecordContactInput:
    """A contact."""

    customer_id: strawberry.ID
    kind: TrustEvidence = strawberry.field(description="CHAT, REVIEW, RECOMMENDATION or SHOP_MUTED.")
    reference: str = strawberry.field(description="Names it, 1 to 64 characters: told again, it changes nothing.")
    rounds: int = strawberry.field(
        default=1, description="Of a CHAT: 1 to 1000 rounds, a question and its answer each; else 1."
    )
    happened_at: datetime | None = strawberry.field(default=None, description="Not in the future; none: now.")


@strawberry.input(description="A complaint of a customer.")
class RecordComplaintInput:
    """A complaint."""

    customer_id: strawberry.ID
    words: str = strawberry.field(description="1 to 500 characters.")
    reference: str = strawberry.field(description="Names it, 1 to 64 characters: recorded again, it is the same one.")


@strawberry.input(description="A complaint that is settled.")
class ResolveComplaintInput:
    """A resolution."""

    complaint_id: strawberry.ID
    words: str = strawberry.field(description="How: 1 to 500 characters.")


@strawberry.input(description="A message that is to be sent.")
class RecordMessageInput:
    """A message."""

    customer_id: strawberry.ID
    purpose: MessagePurpose
    key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name it: repeated, it is the same one."
    )


SetTrustRulesResult = Annotated[TrustRules | refusal(rules.TrustRulesChanged), strawberry.union("SetTrustRulesResult")]
RecordContactResult = Annotated[CustomerProfile | refusal(NotFound), strawberry.union("RecordContactResult")]
ComplaintResult = Annotated[
    CustomerComplaint | refusal(NotFound) | refusal(IdempotencyConflict), strawberry.union("ComplaintResult")
]
RecordMessageResult = Annotated[
    RecordedMessage
    | refusal(NotFound)
    | refusal(IdempotencyConflict)
    | refusal(pacing_rules.MessageCapReached)
    | refusal(pacing_rules.MessagesOptedOut),
    strawberry.union("RecordMessageResult"),
]


@strawberry.type
class RunningTrustQuery:
    """What staff ask about trust."""

    @strawberry.field(directives=to(Who.STAFF), description="The rules in force.")
    async def trust_rules(self, info: Info) -> TrustRules:
        """The rules."""
        return _show_rules(await store.rules_in_force(info.context.market.db))

    @strawberry.field(
        directives=to(Who.STAFF),
        description="How many people are of each tier, the strangers first. Counted once a minute: `countedAt` says when. None "
        "before the first time.",
    )
    async def trust_tiers(self, info: Info) -> list[TrustTierCount]:
        """The counts."""
        return [
            TrustTierCount(tier=each.tier, customers=Long(each.people), counted_at=each.counted_at)
            for each in await queries.counts(info.context.market.db)
        ]

    @strawberry.field(
        directives=to(Who.MERCHANDISER), description="What somebody still bears; only `recordMessage` takes of it."
    )
    async def may_message(self, info: Info, customer_id: strawberry.ID) -> MessagePace:
        """The pace."""
        account_id = read_id("account", customer_id)
        return show_pace(await pacing.pace_of(info.context.market.db, account_id, now=info.context.now))


@strawberry.type
class RunningTrustMutation:
    """What staff do about trust."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Put these rules in force. Tiers follow within minutes. The same rules again: no change.",
    )
    async def set_trust_rules(self, info: Info, input: SetTrustRulesInput) -> SetTrustRulesResult:
        """Set the rules."""
        context = info.context
        in_force = await deriving.set_rules(
            context.market.db,
            terms=_read_terms(input),
            version=input.version,
            by=context.shopper.account_id,
            now=context.now,
        )
        return _show_rules(in_force)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Note a conversation, a good review, a recommendation, or that they have muted the shop. The tier follows "
        "within seconds.",
    )
    async def record_contact(self, info: Info, input: RecordContactInput) -> RecordContactResult:
        """Note a contact."""
        context, account_id = info.context, read_id("account", input.customer_id)
        await recording.record_contact(
            context.market.db,
            account_id=account_id,
            kind=input.kind,
            reference=input.reference,
            rounds=input.rounds,
            at=input.happened_at or context.now,
            by=context.shopper.account_id,
            now=context.now,
        )
        return await profile_now(info, account_id)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Keep that somebody complains; it counts against them until resolved.",
    )
    async def record_complaint(self, info: Info, input: RecordComplaintInput) -> ComplaintResult:
        """Record a complaint."""
        context = info.context
        complaint = await caring.open_complaint(
            context.market.db,
            account_id=read_id("account", input.customer_id),
            words=input.words,
            reference=input.reference,
            by=context.shopper.account_id,
            now=context.now,
        )
        return show_complaint(complaint)

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="It is settled. Resolved already: no change.")
    async def resolve_complaint(self, info: Info, input: ResolveComplaintInput) -> ComplaintResult:
        """Resolve a complaint."""
        context = info.context
        complaint = await caring.resolve_complaint(
            context.market.db,
            complaint_id=read_id("complaint", input.complaint_id),
            words=input.words,
            by=context.shopper.account_id,
            now=context.now,
        )
        return show_complaint(complaint)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Take one of the messages that somebody bears, and only then send it. However many ask at once, no more are "
        "given than the cap allows.",
    )
    async def record_message(self, info: Info, input: RecordMessageInput) -> RecordMessageResult:
        """Take a message."""
        context = info.context
        message = await pacing.record_message(
            context.market.db,
            account_id=read_id("account", input.customer_id),
            purpose=input.purpose,
            key=input.key,
            by=context.shopper.account_id,
            now=context.now,
        )
        return RecordedMessage(
            id=show_id("message", message.id),
            customer_id=show_id("account", message.account_id),
            purpose=message.purpose,
            sent_at=message.sent_at,
        )


def _show_rules(in_force: rules.TrustRules) -> TrustRules:
    terms = in_force.terms
    return TrustRules(
        version=Long(in_force.version),
        rungs=[
            TrustRung(
                tier=rung.tier,
                any_of=[show_need(need) for need in rung.any_of],
                messages=rung.messages,
                per_days=rung.per_days,
                next_action=rung.next_action,
            )
            for rung in terms.rungs
        ],
        ceilings=[TrustCeiling(need=show_need(each.need), at_most=each.at_most) for each in terms.ceilings],
        silent_days=terms.silent_days,
        silent_at_most=terms.silent_at_most,
    )


def _read_terms(input: SetTrustRulesInput) -> Terms:
    return Terms(
        tuple(
            Rung(
                rung.tier,
                tuple(_read_need(need) for need in rung.any_of),
                rung.messages,
                rung.per_days,
                rung.next_action,
            )
            for rung in input.rungs
        ),
        tuple(Ceiling(_read_need(each.need), each.at_most) for each in input.ceilings),
        input.silent_days,
        input.silent_at_most,
    )


def _read_need(need: TrustNeedInput) -> Need:
    return Need(tuple(need.evidence), need.at_least, need.within_days)
