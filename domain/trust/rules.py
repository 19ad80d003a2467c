"""How near somebody is to the shop: a pure function of what they did and of the rules of the day.

A tier is reached by any one of the needs of its rung, whichever tiers lie below: who has bought without ever chatting
trusts the shop. Ceilings lower it again, and so does a long silence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from operator import attrgetter
from typing import Any, ClassVar, Self

from domain.foundation.errors import BadInput, Refusal

MOST_NEEDED = 100
"""Pieces of one kind of evidence that a rule may ask for, and so the most that are read of anybody."""
MOST_DAYS = 3650
MOST_NEEDS = 10
MOST_MESSAGES = 100
FOREVER = datetime.max.replace(tzinfo=UTC)


class Tier(IntEnum):
    """How near somebody is, the nearest last."""

    STRANGER = 0
    KNOWS = 1
    ACQUAINTED = 2
    APPROVES = 3
    TRUSTS = 4
    SUPER_USER = 5

    @property
    def word(self) -> str:
        """As it is kept."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> "Tier":
        """The tier that is kept as this word."""
        return cls[word.upper()]


class EvidenceKind(StrEnum):
    """What somebody did, or what was done about them."""

    COMMENT = "comment"
    LIKE = "like"
    RESERVATION = "reservation"
    COUPON_CLAIM = "coupon_claim"
    CHECK_IN = "check_in"
    CHAT = "chat"
    """Its amount: rounds, a question and its answer each."""
    REVIEW = "review"
    RECOMMENDATION = "recommendation"
    SHARE = "share"
    """Their share link brought a visitor."""
    PURCHASE = "purchase"
    REFERRAL = "referral"
    """A paid order came of their share link."""
    SUPER_USER = "super_user"
    COMPLAINT = "complaint"
    """Open: one that is resolved is evidence no more."""
    OPT_OUT = "opt_out"
    SHOP_MUTED = "shop_muted"
    """They have muted or deleted the shop's contact."""
    SILENCED = "silenced"
    """The crew of a live room has muted or banned them. Letting them in again takes nothing back: it is forgotten in time."""


INTERACTIONS = (
    EvidenceKind.COMMENT,
    EvidenceKind.LIKE,
    EvidenceKind.RESERVATION,
    EvidenceKind.COUPON_CLAIM,
    EvidenceKind.CHECK_IN,
)
DAILY = frozenset({EvidenceKind.COMMENT, EvidenceKind.LIKE, EvidenceKind.COUPON_CLAIM, EvidenceKind.CHECK_IN})
"""Of these one piece is kept of each day at the shop: the first."""
ACTIVE = (
    *INTERACTIONS,
    EvidenceKind.CHAT,
    EvidenceKind.REVIEW,
    EvidenceKind.RECOMMENDATION,
    EvidenceKind.SHARE,
    EvidenceKind.PURCHASE,
    EvidenceKind.REFERRAL,
)
"""What breaks a silence."""


class NextAction(StrEnum):
    """What to do next about somebody of a tier."""

    GREET = "greet"
    INVITE = "invite"
    LISTEN = "listen"
    OFFER_FIRST_PURCHASE = "offer_first_purchase"
    OFFER_SECOND_PURCHASE = "offer_second_purchase"
    CARE = "care"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece that counts from `at` on; the amount is 1 of all kinds but CHAT."""

    kind: EvidenceKind
    at: datetime
    amount: int = 1


@dataclass(frozen=True, slots=True)
class Need:
    """So much evidence of these kinds together, none of it older than so many days of 24 hours; None: however old."""

    kinds: tuple[EvidenceKind, ...]
    at_least: int = 1
    within_days: int | None = None

    def kept(self) -> dict[str, Any]:
        """As JSON."""
        return {"kinds": [*self.kinds], "at_least": self.at_least, "within_days": self.within_days}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """The need that `kept` gave."""
        return cls(tuple(EvidenceKind(kind) for kind in kept["kinds"]), kept["at_least"], kept["within_days"])

    def met_until(self, evidence: Sequence[Evidence]) -> datetime | None:
        """When it ceases to be met unless something more happens; None: evidence is too little at any moment.

        The newest pieces count first, so the last one that is needed is the one that gets too old.
        """
        amount = 0
        for piece in sorted(_of(self.kinds, evidence), key=attrgetter("at"), reverse=True):
            amount += piece.amount
            if amount >= self.at_least:
                return FOREVER if self.within_days is None else piece.at + timedelta(days=self.within_days)
        return None


@dataclass(frozen=True, slots=True)
class Rung:
    """What leads to a tier (any one need does), the messages that it bears, and what to do next about whoever is there."""

    tier: Tier
    any_of: tuple[Need, ...]
    messages: int
    per_days: int
    next_action: NextAction


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Whoever meets the need is of this tier at most."""

    need: Need
    at_most: Tier


@dataclass(frozen=True, slots=True)
class Terms:
    """Rules: a rung for each tier in their order, ceilings, and the tier that is left after so many silent days."""

    rungs: tuple[Rung, ...]
    ceilings: tuple[Ceiling, ...]
    silent_days: int
    silent_at_most: Tier

    def rung(self, tier: Tier) -> Rung:
        """The rung of a tier."""
        return self.rungs[tier]

    def kept(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "rungs": [
                {
                    "tier": rung.tier.word,
                    "any_of": [need.kept() for need in rung.any_of],
                    "messages": rung.messages,
                    "per_days": rung.per_days,
                    "next_action": rung.next_action,
                }
                for rung in self.rungs
            ],
            "ceilings": [{"need": each.need.kept(), "at_most": each.at_most.word} for each in self.ceilings],
            "silent_days": self.silent_days,
            "silent_at_most": self.silent_at_most.word,
        }

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """The terms that `kept` gave."""
        return cls(
            tuple(
                Rung(
                    Tier.of(rung["tier"]),
                    tuple(Need.read(need) for need in rung["any_of"]),
                    rung["messages"],
                    rung["per_days"],
                    NextAction(rung["next_action"]),
                )
                for rung in kept["rungs"]
            ),
            tuple(Ceiling(Need.read(each["need"]), Tier.of(each["at_most"])) for each in kept["ceilings"]),
            kept["silent_days"],
            Tier.of(kept["silent_at_most"]),
        )


@dataclass(frozen=True, slots=True)
class TrustRules:
    """Terms in force under a version; version 0 are those of the first day, which nobody has set."""

    version: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody is of a tier: so much evidence of these kinds, the newest of a moment.

    `at_most`: the tier to which it has lowered them; None: it has raised them. Without kinds: silence since that moment.
    """

    kinds: tuple[EvidenceKind, ...]
    amount: int
    latest_at: datetime
    at_most: Tier | None = None

    def kept(self) -> dict[str, Any]:
        """As JSON."""
        at_most = None if self.at_most is None else self.at_most.word
        latest_at = self.latest_at.isoformat()
        return {"kinds": [*self.kinds], "amount": self.amount, "latest_at": latest_at, "at_most": at_most}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """The reason that `kept` gave."""
        at_most = None if kept["at_most"] is None else Tier.of(kept["at_most"])
        latest_at = datetime.fromisoformat(kept["latest_at"])
        return cls(tuple(EvidenceKind(kind) for kind in kept["kinds"]), kept["amount"], latest_at, at_most)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A tier, why, and the moment at which it will be another one if nothing more happens."""

    tier: Tier
    reasons: tuple[Reason, ...]
    next_review_at: datetime | None


@dataclass(frozen=True, slots=True)
class Goal:
    """One way to the next tier: so much more evidence of these kinds, within so many days."""

    kinds: tuple[EvidenceKind, ...]
    missing: int
    within_days: int | None


def derive(evidence: Sequence[Evidence], terms: Terms, *, now: datetime) -> Verdict:
    """The tier of whoever has this evidence, in whatever order it comes.

    Evidence counts as long as now is before its moment and the days of the need, so a piece of a clock that runs ahead
    counts at once.
    """
    prospect = _prospect(evidence, terms)
    tier = prospect.tier(now)
    turns = sorted(moment for moment in prospect.turns() if now < moment < FOREVER)
    next_review_at = next((moment for moment in turns if prospect.tier(moment) is not tier), None)
    return Verdict(tier, _reasons(evidence, terms, tier, prospect, now), next_review_at)


def goals(evidence: Sequence[Evidence], terms: Terms, tier: Tier, *, now: datetime) -> list[Goal]:
    """What is missing for the tier after this one: any one of them leads there, unless a ceiling holds. The last has none."""
    if tier is Tier.SUPER_USER:
        return []
    found = []
    for need in terms.rung(Tier(tier + 1)).any_of:
        amount = sum(piece.amount for piece in _counting(need, evidence, now))
        found.append(Goal(need.kinds, max(need.at_least - amount, 0), need.within_days))
    return found


def check(terms: Terms) -> None:
    """Raises BadInput for terms that cannot be."""
    if [rung.tier for rung in terms.rungs] != list(Tier):
        raise BadInput(f"rungs must be one for each tier, in this order: {', '.join(tier.name for tier in Tier)}")
    for rung in terms.rungs:
        if (rung.tier is Tier.STRANGER) == bool(rung.any_of) or len(rung.any_of) > MOST_NEEDS:
            raise BadInput(f"anyOf of {rung.tier.name} must have 1 to {MOST_NEEDS} needs; that of STRANGER none")
        _check_range("messages", rung.messages, 0, MOST_MESSAGES)
        _check_range("perDays", rung.per_days, 1, MOST_DAYS)
    if len(terms.ceilings) > MOST_NEEDS:
        raise BadInput(f"ceilings are {len(terms.ceilings)}; allowed: at most {MOST_NEEDS}")
    for need in (*(need for rung in terms.rungs for need in rung.any_of), *(each.need for each in terms.ceilings)):
        if not need.kinds or len(set(need.kinds)) < len(need.kinds):
            raise BadInput("a need must name at least one kind of evidence, and none twice")
        _check_range("atLeast", need.at_least, 1, MOST_NEEDED)
        if need.within_days is not None:
            _check_range("withinDays", need.within_days, 1, MOST_DAYS)
    _check_range("silentDays", terms.silent_days, 1, MOST_DAYS)


@dataclass(frozen=True, slots=True)
class _Prospect:
    """Until when each need of a rung or a ceiling is met, of those that are met at all, and from when on they are silent."""

    raises: Sequence[tuple[datetime, Need, Tier]]
    lowers: Sequence[tuple[datetime, Need, Tier]]
    silent_from: datetime
    silent_at_most: Tier

    def reached(self, now: datetime) -> Tier:
        """The tier that evidence raises them to."""
        return max((tier for until, _, tier in self.raises if now < until), default=Tier.STRANGER)

    def at_most(self, now: datetime) -> Tier:
        """The tier that evidence and silence leave them."""
        lowest = min((tier for until, _, tier in self.lowers if now < until), default=Tier.SUPER_USER)
        return min(lowest, self.silent_at_most) if self.silent_from <= now else lowest

    def tier(self, now: datetime) -> Tier:
        """Where they stand at a moment if nothing more happens."""
        return min(self.reached(now), self.at_most(now))

    def turns(self) -> Iterable[datetime]:
        """Every moment at which that may change."""
        return [*(until for until, _, _ in (*self.raises, *self.lowers)), self.silent_from]


def _prospect(evidence: Sequence[Evidence], terms: Terms) -> _Prospect:
    def met(needs: Iterable[tuple[Need, Tier]]) -> list[tuple[datetime, Need, Tier]]:
        found = ((need.met_until(evidence), need, tier) for need, tier in needs)
        return [(until, need, tier) for until, need, tier in found if until is not None]

    last = max((piece.at for piece in _of(ACTIVE, evidence)), default=None)
    return _Prospect(
        met((need, rung.tier) for rung in terms.rungs for need in rung.any_of),
        met((each.need, each.at_most) for each in terms.ceilings),
        FOREVER if last is None else last + timedelta(days=terms.silent_days),
        terms.silent_at_most,
    )


def _reasons(
    evidence: Sequence[Evidence], terms: Terms, tier: Tier, prospect: _Prospect, now: datetime
) -> tuple[Reason, ...]:
    if tier is prospect.reached(now):
        return tuple(_reason(need, evidence, now) for until, need, to in prospect.raises if now < until and to is tier)
    lowered = [_reason(need, evidence, now, to) for until, need, to in prospect.lowers if now < until and to is tier]
    if prospect.silent_from <= now and terms.silent_at_most is tier:
        lowered.append(Reason((), 0, prospect.silent_from - timedelta(days=terms.silent_days), tier))
    return tuple(lowered)


def _reason(need: Need, evidence: Sequence[Evidence], now: datetime, at_most: Tier | None = None) -> Reason:
    pieces = _counting(need, evidence, now)
    return Reason(need.kinds, sum(piece.amount for piece in pieces), max(piece.at for piece in pieces), at_most)


def _counting(need: Need, evidence: Sequence[Evidence], now: datetime) -> list[Evidence]:
    since = None if need.within_days is None else now - timedelta(days=need.within_days)
    return [piece for piece in _of(need.kinds, evidence) if since is None or piece.at > since]


def _of(kinds: Sequence[EvidenceKind], evidence: Sequence[Evidence]) -> list[Evidence]:
    return [piece for piece in evidence if piece.kind in kinds]


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadInput(f"{name} is {value}; allowed: {least} to {most}")


_K = EvidenceKind
DEFAULT = TrustRules(
    0,
    Terms(
        rungs=(
            Rung(Tier.STRANGER, (), 1, 7, NextAction.GREET),
            Rung(Tier.KNOWS, (Need((*INTERACTIONS, _K.CHAT), 1, 90),), 2, 7, NextAction.INVITE),
            Rung(Tier.ACQUAINTED, (Need((_K.CHAT,), 3, 180),), 3, 7, NextAction.LISTEN),
            Rung(
                Tier.APPROVES,
                (Need((_K.REVIEW, _K.RECOMMENDATION, _K.SHARE, _K.REFERRAL), 1, 365),),
                4,
                7,
                NextAction.OFFER_FIRST_PURCHASE,
            ),
            Rung(Tier.TRUSTS, (Need((_K.PURCHASE,), 1, 730),), 5, 7, NextAction.OFFER_SECOND_PURCHASE),
            Rung(Tier.SUPER_USER, (Need((_K.SUPER_USER,)),), 1, 1, NextAction.CARE),
        ),
        ceilings=(
            Ceiling(Need((_K.COMPLAINT,)), Tier.APPROVES),
            Ceiling(Need((_K.OPT_OUT,)), Tier.ACQUAINTED),
            Ceiling(Need((_K.SHOP_MUTED,), 1, 90), Tier.KNOWS),
            Ceiling(Need((_K.SILENCED,), 1, 30), Tier.KNOWS),
        ),
        silent_days=365,
        silent_at_most=Tier.KNOWS,
    ),
)
"""The tiers as the field describes them: known by public interaction, acquainted after three rounds of chat, trusting once
somebody has bought; one message a week for a stranger, one a day for a super user."""


@dataclass(eq=False)
class TrustRulesChanged(Refusal):
    """Somebody else has set the rules since: read them again. `version` is that of the rules now."""

    version: int

    code: ClassVar[str] = "TRUST_RULES_CHANGED"
    zh: ClassVar[str] = "分层规则已被他人修改，请刷新后重试"
    en: ClassVar[str] = "the trust rules were set by somebody else since: read them again"
