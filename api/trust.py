"""Trust as the schema names it, and what shoppers say themselves: whether they want messages."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from api import rates
from api.access import Who, to
from api.context import Info
from api.label_words import LABELS
from domain.foundation.rates import Rate
from domain.trust import pacing, pacing_rules, rules

TrustTier = strawberry.enum(
    rules.Tier,
    name="TrustTier",
    description="How near somebody is to the shop, the nearest last; as the rules in force say. 信任层级",
)
TrustEvidence = strawberry.enum(
    rules.EvidenceKind,
    name="TrustEvidence",
    description="What speaks for and against somebody. CHAT: rounds of a conversation. SHARE: their link brought a visitor. "
    "REFERRAL: a paid order came of it. COMPLAINT: an open one. SHOP_MUTED: they have muted or deleted the shop's contact. "
    "SILENCED: the crew of a live room has muted or banned them. 证据",
)
TrustAction = strawberry.enum(
    rules.NextAction, name="TrustAction", description="What to do next about somebody of a tier. 下一步"
)
MessagePurpose = strawberry.enum(
    pacing_rules.MessagePurpose,
    name="MessagePurpose",
    description="What a message is for. ORDER and REFUND are told to everybody and not counted. 消息用途",
)


@strawberry.type(directives=to(Who.SIGNED_IN), description="Whether a shopper wants messages of marketing and care.")
class MessageConsent:
    """Consent."""

    accepts: bool = strawberry.field(description="False: none is sent, but about their orders and refunds. 退订")


@strawberry.input(description="Opt out of messages, or in again: one call either way.")
class SetMessageConsentInput:
    """Consent."""

    accepts: bool


@strawberry.type(directives=to(Who.INHERITED), description="So much evidence of these kinds together.")
class TrustNeed:
    """A need."""

    evidence: list[TrustEvidence]
    at_least: int
    within_days: int | None = strawberry.field(
        description="Not older than so many days of 24 hours; null: however old."
    )


@strawberry.type(directives=to(Who.INHERITED), description="Why somebody is of a tier.")
class TrustReason:
    """A reason."""

    evidence: list[TrustEvidence] = strawberry.field(description="Of these kinds; none: long silence.")
    amount: int = strawberry.field(description="How much of it counted.")
    latest_at: datetime = strawberry.field(description="The newest of it; of a silence, when it began.")
    at_most: TrustTier | None = strawberry.field(description="To which it has lowered them; null: it has raised them.")


@strawberry.type(directives=to(Who.INHERITED), description="One way to the next tier: any one of them leads there.")
class TrustGoal:
    """A goal."""

    evidence: list[TrustEvidence]
    missing: int = strawberry.field(description="How much more is needed; 0: only `reasons` hold them down.")
    within_days: int | None
    words: str = strawberry.field(description="The same for people, Chinese or English by Accept-Language.")


@strawberry.type(directives=to(Who.INHERITED), description="What somebody still bears. 触达节奏")
class MessagePace:
    """A pace."""

    tier: TrustTier
    may_message: bool = strawberry.field(description="Whether a message may be sent now; `recordMessage` takes it.")
    cap: int = strawberry.field(description="Messages that the tier bears within `capDays`.")
    cap_days: int = strawberry.field(description="Days of 24 hours before this moment.")
    left: int
    next_at: datetime | None = strawberry.field(
        description="When the next one may be sent; null: never, as things stand."
    )
    has_opted_out: bool


@strawberry.type
class TrustQuery:
    """What shoppers ask about messages."""

    @strawberry.field(
        directives=to(Who.SIGNED_IN), description="Whether one wants messages; everybody does until they say no."
    )
    async def my_message_consent(self, info: Info) -> MessageConsent:
        """The asker's consent."""
        context = info.context
        has_opted_out = await pacing.has_opted_out(context.market.db, context.shopper.account_id)
        return MessageConsent(accepts=not has_opted_out)


@strawberry.type
class TrustMutation:
    """What shoppers say about messages."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CHECK_IN)],
        description="Want messages, or none: it binds the next one. As it is already: no change. Withdrawing consent is as easy as "
        "giving it (Personal Information Protection Law of the PRC, articles 15 and 24).",
    )
    async def set_message_consent(self, info: Info, input: SetMessageConsentInput) -> MessageConsent:
        """Opt out or in."""
        context = info.context
        accepts = await pacing.set_consent(
            context.market.db, account_id=context.shopper.account_id, accepts=input.accepts, now=context.now
        )
        return MessageConsent(accepts=accepts)


def show_need(need: rules.Need) -> TrustNeed:
    """The GraphQL object of a need."""
    return TrustNeed(evidence=list(need.kinds), at_least=need.at_least, within_days=need.within_days)


def show_reason(reason: rules.Reason) -> TrustReason:
    """The GraphQL object of a reason."""
    return TrustReason(
        evidence=list(reason.kinds), amount=reason.amount, latest_at=reason.latest_at, at_most=reason.at_most
    )


def show_goal(goal: rules.Goal, language: str) -> TrustGoal:
    """The GraphQL object of a goal."""
    return TrustGoal(
        evidence=list(goal.kinds), missing=goal.missing, within_days=goal.within_days, words=_words(goal, language)
    )


def show_pace(pace: pacing_rules.Pace) -> MessagePace:
    """The GraphQL object of a pace."""
    return MessagePace(
        tier=pace.tier,
        may_message=pace.may_message,
        cap=pace.cap,
        cap_days=pace.cap_days,
        left=pace.left,
        next_at=pace.next_at,
        has_opted_out=pace.has_opted_out,
    )


def _words(goal: rules.Goal, language: str) -> str:
    labels = [LABELS["TrustEvidence"][kind.name] for kind in goal.kinds]
    if language == "en":
        kinds = _listed([en.lower() for _, en in labels], ", ", " or ")
        within = f" within {goal.within_days} days" if goal.within_days else ""
        return f"{goal.missing} more{within}: {kinds}" if goal.missing else f"reached: {kinds}"
    kinds = _listed([zh for zh, _ in labels], "、", "或")
    within = f"{goal.within_days} 天内" if goal.within_days else ""
    return f"{within}再有 {goal.missing} 次{kinds}" if goal.missing else f"已达成：{kinds}"


def _listed(words: Sequence[str], comma: str, last: str) -> str:
    *most, end = words
    return last.join(filter(None, (comma.join(most), end)))
