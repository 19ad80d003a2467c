"""Whose share counts for whom is never a circle, whatever is opened at the same time."""

import asyncio
import random
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from domain.sharing.rules import Funnel
from domain.sharing.tables import visits
from tests.given.sharing import SHARE_DAYS

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

LEADS = text("""
    SELECT DISTINCT ON (visit.shopper_id) visit.shopper_id, link.sharer_id
    FROM share_visits AS visit JOIN share_links AS link ON link.id = visit.link_id
    WHERE visit.outcome = 'counted' ORDER BY visit.shopper_id, visit.last_opened_at DESC, visit.id DESC
""")


@pytest.fixture
async def people(given):
    """Four shoppers with a link each."""
    return [await given.link(await given.shopper(name)) for name in "甲乙丙丁"]


async def outcomes(db):
    """The outcomes of all visits, in the order in which they were first kept."""
    return list(await db.column(select(visits.c.outcome).order_by(visits.c.id)))


async def is_acyclic(db):
    leads = {row.shopper_id: row.sharer_id for row in await db.rows(LEADS)}
    for start in leads:
        person, steps = start, 0
        while (person := leads.get(person)) is not None:
            steps += 1
            if person == start or steps > len(leads):
                return False
    return True


async def walked(given, people, *steps, at=None):
    """Each step is (who, whose): the first opens the second's link, a minute after the step before."""
    for number, (who, whose) in enumerate(steps):
        await given.visit(people[whose], by=people[who].sharer_id, at=(at or given.now) + number * MINUTE)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(0, 0)], "oneself"),
        ([(0, 1), (1, 0)], "circular"),
        ([(0, 1), (1, 2), (2, 0)], "circular"),
        ([(0, 1), (1, 2), (2, 3), (3, 0)], "circular"),
        ([(0, 1), (2, 1), (2, 0)], "counted"),  # two ways to one sharer are no circle
        ([(0, 1), (0, 2), (1, 0)], "counted"),  # the first has come by another's share since
        ([(0, 1), (0, 2), (2, 0)], "circular"),
        ([(0, 1), (1, 0), (0, 1)], "counted"),  # again by the one whose share counts anyway
    ],
)
async def test_whether_the_last_visit_counts(db, given, people, steps, expected):
    await walked(given, people, *steps)

    latest = steps.index(steps[-1])
    assert (await outcomes(db))[latest] == expected
    assert await is_acyclic(db)


async def test_a_visit_that_would_make_a_circle_is_never_attributed(given, people, now):
    await walked(given, people, (0, 1), (1, 0))

    assert await given.attributed(people[1].sharer_id, at=now + DAY) is None
    assert await given.attributed(people[0].sharer_id, at=now + DAY) == people[1].id
    assert await given.funnel(people[0]) == Funnel(opened=1)


async def test_a_share_that_is_over_makes_no_circle(db, given, people, now):
    await walked(given, people, (0, 1))
    await walked(given, people, (1, 0), at=now + timedelta(days=SHARE_DAYS) + 6 * MINUTE)

    assert await outcomes(db) == ["counted", "counted"]


async def test_a_circular_visit_counts_once_it_is_opened_when_it_makes_no_circle(db, given, people, now):
    await walked(given, people, (0, 1), (1, 0), (0, 2), (1, 0), (1, 0))

    assert await outcomes(db) == ["counted", "counted", "counted"]
    assert await given.funnel(people[0]) == Funnel(opened=1, signed_in=1)
    # what was ordered while it made a circle came of nobody
    assert await given.attributed(people[1].sharer_id, at=now + 2 * MINUTE) is None
    assert await given.attributed(people[1].sharer_id, at=now + 3 * MINUTE) == people[0].id


async def test_a_counted_visit_that_is_opened_again_when_it_would_make_a_circle_stays_as_it_was(db, given, people, now):
    # 甲 comes by 乙, then by 丙; 乙 comes by 甲; now 甲 opens the link of 乙 once more
    await walked(given, people, (0, 1), (0, 2), (1, 0), (0, 1))

    assert await outcomes(db) == ["counted", "counted", "counted"]
    assert await is_acyclic(db)
    assert await given.attributed(people[0].sharer_id, at=now + DAY) == people[2].id
    assert await given.funnel(people[1]) == Funnel(opened=1, signed_in=1, joined=0)


@pytest.mark.parametrize("size", [2, 3])
async def test_a_ring_that_is_closed_at_once_stays_open_somewhere(db, given, size):
    rings = [[await given.link(id) for id in await given.shoppers(size)] for _ in range(50 // (size - 1))]

    for ring in rings:
        await asyncio.gather(*(given.visit(link, by=ring[number - 1].sharer_id) for number, link in enumerate(ring)))

    found = await outcomes(db)
    assert await is_acyclic(db)
    assert (found.count("circular"), found.count("counted")) == (len(rings), len(rings) * (size - 1))


async def test_a_crowd_that_opens_each_others_links_at_once_ends_without_a_circle(db, given, now):
    chance = random.Random(9)
    links = [await given.link(id) for id in await given.shoppers(12)]
    openings = [
        (chance.choice(links), chance.choice(links).sharer_id, now + chance.randrange(600) * MINUTE) for _ in range(300)
    ]

    for start in range(0, 300, 15):
        await asyncio.gather(*(given.visit(link, by=by, at=at) for link, by, at in openings[start : start + 15]))

    assert await is_acyclic(db)
    found = await outcomes(db)
    assert {"counted", "circular", "oneself"} == set(found)
    funnels = [await given.funnel(link) for link in links]
    assert sum(funnel.opened for funnel in funnels) == len(found)
    assert sum(funnel.signed_in for funnel in funnels) == found.count("counted")
