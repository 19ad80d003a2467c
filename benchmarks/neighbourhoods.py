"""Made-up neighbourhoods: who led whom into which group-buys during sixty days, and what became of each seat.

Nothing here reads or writes a table: `neighbourhood_rows` does. A seeded die throws everything, so two runs tell the same
stories; what happens in a group goes by the feature's own rule, `Course`.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from domain.group_buys.rules import (
    Campaign,
    Course,
    EventKind,
    Group,
    GroupEvent,
    GroupState,
    Item,
    Seat,
    SeatState,
)

DAYS = 60
TO_FILL = timedelta(hours=24)
SEATS = (2, 2, 3, 3, 5, 5, 5, 10, 10, 20, 20, 20, 50, 50, 50, 50, 100, 100, 100, 100)
"""How many seats the groups of each campaign have, over and over; most people sit in large ones."""
SHARED = 0.7
"""The share of people who come through a link whenever they come."""
_PAYING = timedelta(minutes=1)


class Ending(Enum):
    """How a group's story goes."""

    FILLED = auto()
    COMPLETED = auto()
    EXPIRED = auto()
    DISSOLVED = auto()
    UNDER_WAY = auto()


ENDINGS = {
    Ending.FILLED: 83,
    Ending.COMPLETED: 2,
    Ending.EXPIRED: 8,
    Ending.DISSOLVED: 1,
    Ending.UNDER_WAY: 6,
}
"""Of a hundred groups; one that too few people are left for to be filled is never that."""


@dataclass(frozen=True)
class Size:
    """How much there is: people are members and their leaders, each in one neighbourhood."""

    leaders: int = 9_100
    people: int = 1_100_000
    busiest: int = 5_000
    """Groups of a few seats that the first leader has led before, with the same neighbours again and again."""
    keenest: int = 600
    """Seats that the first leader's first neighbour has taken, in as many groups."""

    @classmethod
    def of(cls, people: int) -> "Size":
        """So many people, and of everything else as much as belongs to them."""
        share = people / cls.people
        return cls(max(1, round(cls.leaders * share)), people, round(cls.busiest * share), round(cls.keenest * share))


@dataclass(frozen=True)
class Neighbourhood:
    """A leader and their people."""

    leader_id: UUID
    people: tuple[UUID, ...]


@dataclass(frozen=True)
class Story:
    """A group as it is now, with all that happened in it and every seat that was taken."""

    campaign: Campaign
    group: Group
    events: Sequence[GroupEvent]
    seats: Sequence[Seat]


class Ids:
    """UUIDv7 of any moment, in the order in which they are asked for."""

    def __init__(self) -> None:
        self._count = 0

    def at(self, moment: datetime) -> UUID:
        """One more."""
        self._count += 1
        milliseconds = int(moment.timestamp() * 1000)
        return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | self._count)


def neighbourhoods(dice: random.Random, ids: Ids, size: Size, *, since: datetime) -> Iterator[Neighbourhood]:
    """So many leaders with 30 to 500 people each, of whom few have very many; exactly `size.people` together."""
    mean = size.people // size.leaders
    fewest = max(1, mean // 4)
    left = size.people
    for leaders_left in range(size.leaders, 0, -1):
        count = min(500, fewest + int(dice.expovariate(1 / max(1, mean - fewest))))
        # whoever comes last gets the rest: what is left must always do for the others, and they for it
        count = min(max(count, left - 500 * (leaders_left - 1)), left - fewest * (leaders_left - 1))
        left -= count
        yield Neighbourhood(ids.at(since), tuple(ids.at(since) for _ in range(count - 1)))


class Storyteller:
    """Seats people in groups. Give it the campaigns, the present moment and the die."""

    def __init__(self, dice: random.Random, ids: Ids, campaigns: Sequence[Campaign], *, now: datetime) -> None:
        self._dice, self._ids, self._now = dice, ids, now
        self._campaigns = campaigns
        self._small = [campaign for campaign in campaigns if campaign.seats <= 5]

    def of(self, neighbourhood: Neighbourhood) -> Iterator[Story]:
        """Everybody sits in one group of their leader's, who sits in all of them."""
        waiting = list(neighbourhood.people)
        while waiting:
            campaign, ending = self._dice.choice(self._campaigns), self._ending()
            if ending is Ending.FILLED and campaign.seats - 1 > len(waiting):
                ending = self._dice.choice((Ending.COMPLETED, Ending.EXPIRED, Ending.UNDER_WAY))
            story, came = self._story(campaign, neighbourhood.leader_id, waiting, ending)
            del waiting[:came]
            yield story

    def again(self, neighbourhood: Neighbourhood, *, groups: int, keenest: int) -> Iterator[Story]:
        """More groups of the same people, all of them filled; the first of them sits in so many of these."""
        keen, *others = neighbourhood.people
        for number in range(groups):
            campaign = self._dice.choice(self._small)
            members = self._dice.sample(others, campaign.seats - 1)
            if number < keenest:
                members[0] = keen
            yield self._story(campaign, neighbourhood.leader_id, members, Ending.FILLED)[0]

    def _ending(self) -> Ending:
        return self._dice.choices(list(ENDINGS), weights=list(ENDINGS.values()))[0]

    def _story(self, campaign: Campaign, leader_id: UUID, waiting: Sequence[UUID], ending: Ending) -> tuple[Story, int]:
        """A story, and how many of those who wait sit in it."""
        if ending is Ending.UNDER_WAY:
            opened_at = self._now - timedelta(minutes=self._dice.randint(30, 20 * 60))
        else:
            opened_at = self._now - timedelta(minutes=self._dice.randint(25 * 60, DAYS * 24 * 60))
        group = Group(
            id=self._ids.at(opened_at),
            campaign_id=campaign.id,
            opened_by=leader_id,
            leader_id=leader_id,
            state=GroupState.OPEN,
            seats=campaign.seats,
            taken=0,
            paid=0,
            events=0,
            opened_at=opened_at,
            expires_at=opened_at + TO_FILL,
        )
        if ending is Ending.DISSOLVED:
            return self._dissolved(campaign, group), 0
        full = ending is Ending.FILLED
        members = campaign.seats - 1 if full else self._dice.randint(0, min(campaign.seats - 2, len(waiting)))
        return self._gathered(campaign, group, waiting[:members], ending), members

    def _dissolved(self, campaign: Campaign, group: Group) -> Story:
        """The opener leaves before anybody has come."""
        telling = _Telling(group)
        seat = self._sit(campaign, group, 1, group.leader_id, group.opened_at)
        telling.at(group.opened_at).go(EventKind.OPENED, seat=1, taken=1)
        left_at = group.opened_at + 5 * _PAYING
        course = telling.at(left_at)
        course.go(EventKind.LEFT, seat=1, taken=-1)
        course.end(EventKind.DISSOLVED, GroupState.DISSOLVED)
        return telling.story(campaign, [replace(seat, state=SeatState.FREED, freed_at=left_at)])

    def _gathered(self, campaign: Campaign, group: Group, members: Sequence[UUID], ending: Ending) -> Story:
        """The opener and those who come after, one after the other; now and then somebody needs two attempts."""
        telling, seats = _Telling(group), list[Seat]()
        is_under_way = ending is Ending.UNDER_WAY
        time = (self._now if is_under_way else group.expires_at) - group.opened_at
        pause = time / (len(members) + 2)
        unpaid = self._dice.randint(0, len(members) // 3) if is_under_way else 0
        for number, shopper_id in enumerate((group.leader_id, *members), 1):
            came_at = group.opened_at + pause * (number - 1)
            kind = EventKind.OPENED if number == 1 else EventKind.JOINED
            if number > 1 and self._dice.random() < 0.03:
                left_at = came_at + pause / 4
                gone = self._sit(campaign, group, number, shopper_id, came_at)
                seats.append(replace(gone, state=SeatState.FREED, freed_at=left_at))
                telling.at(came_at).go(EventKind.JOINED, seat=number, taken=1)
                telling.at(left_at).go(EventKind.LEFT, seat=number, taken=-1)
                came_at = left_at
            seat = self._sit(campaign, group, number, shopper_id, came_at)
            telling.at(came_at).go(kind, seat=number, taken=1)
            if number <= 1 + len(members) - unpaid:
                paid_at = came_at + min(_PAYING, pause / 4)
                course = telling.at(paid_at)
                course.go(EventKind.PAID, seat=number, paid=1)
                seat = replace(seat, state=SeatState.PAID, paid_at=paid_at)
                if course.group.paid == group.seats:
                    course.end(EventKind.FILLED, GroupState.FILLED)
            seats.append(seat)
        if ending is Ending.COMPLETED:
            telling.at(group.expires_at - pause / 2).end(
                EventKind.COMPLETED, GroupState.FILLED, completed_by=self._ids.at(group.opened_at)
            )
        if ending is Ending.EXPIRED:
            seats = self._given_back(telling, seats, group.expires_at)
        return telling.story(campaign, seats)

    def _given_back(self, telling: "_Telling", seats: Sequence[Seat], expired_at: datetime) -> list[Seat]:
        telling.at(expired_at).end(EventKind.EXPIRED, GroupState.EXPIRED)
        refunded_at, after = expired_at + _PAYING, list[Seat]()
        for seat in seats:
            if seat.state is SeatState.PAID:
                telling.at(refunded_at).go(EventKind.REFUNDED, seat=seat.number)
                seat = replace(seat, state=SeatState.REFUNDED, refunded_at=refunded_at)
            after.append(seat)
        return after

    def _sit(self, campaign: Campaign, group: Group, number: int, shopper_id: UUID, held_at: datetime) -> Seat:
        item: Item = self._dice.choice(campaign.items)
        return Seat(
            id=self._ids.at(held_at),
            group_id=group.id,
            number=number,
            shopper_id=shopper_id,
            item_id=item.id,
            quantity=1,
            order_id=self._ids.at(held_at),
            state=SeatState.HELD,
            held_at=held_at,
        )


class _Telling:
    """A group's course over many moments."""

    def __init__(self, group: Group) -> None:
        self._courses: list[Course] = []
        self._group = group

    def at(self, moment: datetime) -> Course:
        """What happens next happens then."""
        self._courses.append(Course(self.group, now=moment))
        return self._courses[-1]

    @property
    def group(self) -> Group:
        return self._courses[-1].group if self._courses else self._group

    def story(self, campaign: Campaign, seats: Sequence[Seat]) -> Story:
        """All of it."""
        events = [event for course in self._courses for event in course.news]
        return Story(campaign, self.group, events, seats)
