"""Who is a super user, how many of them make a milestone, and when a poll takes votes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal
from domain.foundation.money import LARGEST_MINOR

MOST_ORDERS = 1_000
MOST_DAYS = 1_095
MILESTONES = (150, 500, 2_000, 5_000, 20_000, 100_000)
"""Core fans: whom one person can know, a full group, enough to launch a brand, enough to make it known; and beyond."""
LONGEST_TITLE = 60
FEWEST_OPTIONS, MOST_OPTIONS = 2, 10
LONGEST_POLL = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Criteria:
    """What all has to be so of a super user, in the window of user value; a version of it, 0 before anybody has set one.

    `value_minor`: user value, at least; `orders` and `referred`: paid orders, and buyers brought along, at least;
    `bought_within_days`: the last purchase is no longer ago; `are_members`: who holds a living membership only.
    """

    version: int = 0
    value_minor: int = 50_000
    orders: int = 4
    referred: int = 0
    bought_within_days: int = 90
    are_members: bool = False

    def kept(self) -> dict[str, Any]:
        """The criteria as JSON, without their version."""
        return {name: value for name, value in asdict(self).items() if name != "version"}

    @classmethod
    def read(cls, version: int, kept: Mapping[str, Any]) -> Self:
        """The criteria that `kept` gave."""
        return cls(version=version, **kept)


@dataclass(frozen=True, slots=True)
class SuperUser:
    """Somebody who is one, since when, and by which version of the rules."""

    account_id: UUID
    since: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Move:
    """Somebody became a super user, or is one no more; `facts` are what was known of them then."""

    account_id: UUID
    has_become: bool
    version: int
    facts: Mapping[str, Any]
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class Milestone:
    """So many super users; when there were that many for the first time, if ever."""

    size: int
    reached_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewPoll:
    """What super users are to be asked: which of these products the shop shall sell, or do something with."""

    title: str
    product_ids: tuple[UUID, ...]
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Option:
    """One of a poll's products, and how many want it."""

    id: UUID
    poll_id: UUID
    product_id: UUID
    votes: int = 0


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll. Its options never change."""

    id: UUID
    title: str
    opens_at: datetime
    closes_at: datetime

    def check_votable(self, now: datetime) -> None:
        """Raises PollNotOpen before it opens and from its closing on."""
        if not self.opens_at <= now < self.closes_at:
            raise PollNotOpen(opens_at=self.opens_at, closes_at=self.closes_at)


def check_criteria(criteria: Criteria) -> None:
    """Raises BadInput for what cannot be, and for criteria that everybody meets who has bought once."""
    for name, value, least, most in (
        ("value", criteria.value_minor, 0, LARGEST_MINOR),
        ("orders", criteria.orders, 1, MOST_ORDERS),
        ("referred", criteria.referred, 0, MOST_ORDERS),
        ("boughtWithinDays", criteria.bought_within_days, 1, MOST_DAYS),
    ):
        if not least <= value <= most:
            raise BadInput(f"{name} is {value}; allowed: {least} to {most}")
    if criteria.value_minor == 0 and criteria.orders == 1 and criteria.referred == 0:
        raise BadInput(
            "everybody who has bought once would be a super user; ask for value, for orders or for referrals"
        )


def check_poll(wish: NewPoll, now: datetime) -> None:
    """Raises BadInput for a title, products or times that are not allowed."""
    if not 1 <= len(wish.title) <= LONGEST_TITLE or "\0" in wish.title:
        raise BadInput(f"title has {len(wish.title)} characters; allowed: 1 to {LONGEST_TITLE}, without U+0000")
    if not FEWEST_OPTIONS <= len(set(wish.product_ids)) == len(wish.product_ids) <= MOST_OPTIONS:
        raise BadInput(f"a poll is about {FEWEST_OPTIONS} to {MOST_OPTIONS} different products")
    if not max(wish.opens_at, now) < wish.closes_at <= wish.opens_at + LONGEST_POLL:
        raise BadInput(f"a poll closes after it opens, in the future, and within {LONGEST_POLL.days} days")


def reached(milestones: Sequence[Milestone], size: int) -> list[int]:
    """The milestones that were never reached before and are now, with so many super users."""
    return [each.size for each in milestones if each.reached_at is None and each.size <= size]


@dataclass(eq=False)
class SuperUsersOnly(Refusal):
    """Only super users are asked."""

    code: ClassVar[str] = "SUPER_USERS_ONLY"
    zh: ClassVar[str] = "该投票仅限超级用户参与"
    en: ClassVar[str] = "only super users vote here"


@dataclass(eq=False)
class PollNotOpen(Refusal):
    """The poll takes no votes yet, or none any more."""

    opens_at: datetime
    closes_at: datetime

    code: ClassVar[str] = "POLL_NOT_OPEN"
    zh: ClassVar[str] = "投票未开始或已结束"
    en: ClassVar[str] = "the poll takes no votes now"
