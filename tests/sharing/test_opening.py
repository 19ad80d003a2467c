"""Opening links: one visit for each shopper, and for each device of nobody known; nothing tells whose device it was."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from domain.accounts.visitors import visitor_of
from domain.foundation.errors import NotFound
from domain.sharing import visiting
from domain.sharing.rules import SHARDS, Funnel
from domain.sharing.tables import counts, visits
from tests.given.sharing import SHARE_DAYS
from tests.statements import count_statements

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def link(given):
    return await given.link(await given.shopper("阿美"))


async def kept(db):
    """The visits, as (outcome, first opening, last opening, until when they count)."""
    columns = (visits.c.outcome, visits.c.opened_at, visits.c.last_opened_at, visits.c.counts_until)
    return [tuple(row) for row in await db.rows(select(*columns).order_by(visits.c.id))]


@pytest.mark.parametrize("is_signed_in", [False, True])
async def test_a_repeated_opening_counts_once_and_is_remembered(db, given, link, now, is_signed_in):
    by = await given.shopper() if is_signed_in else None
    outcome = "counted" if is_signed_in else None

    opened = await given.visit(link, by=by, on="phone")
    await given.visit(link, by=by, on="phone", at=now + MINUTE)

    assert (opened.link, opened.sharer_name) == (link, "阿美")
    assert await kept(db) == [(outcome, now, now + MINUTE, now + MINUTE + timedelta(days=SHARE_DAYS))]
    assert await given.funnel(link) == Funnel(opened=1, signed_in=int(is_signed_in))


@pytest.mark.parametrize("is_signed_in", [False, True])
async def test_thirty_openings_at_once_are_one_visit(db, given, link, is_signed_in):
    by = await given.shopper() if is_signed_in else None

    await asyncio.gather(*(given.visit(link, by=by, on="phone") for _ in range(30)))

    assert len(await kept(db)) == 1
    assert await given.funnel(link) == Funnel(opened=1, signed_in=int(is_signed_in))


async def test_every_shopper_and_every_device_of_nobody_known_is_a_visit(given, link):
    first, second = await given.shopper(), await given.shopper()

    for by, on in ((None, "phone"), (None, "pad"), (first, "tv"), (second, "tv"), (first, "phone 2")):
        await given.visit(link, by=by, on=on)

    assert await given.funnel(link) == Funnel(opened=4, signed_in=2)


async def test_made_up_devices_make_nobody_a_crowd(db, given, link):
    shopper_id = await given.shopper()

    await asyncio.gather(*(given.visit(link, by=shopper_id, on=f"phone {number}") for number in range(20)))

    assert len(await kept(db)) == 1
    assert await given.funnel(link) == Funnel(opened=1, signed_in=1)


async def test_what_a_shopper_opens_on_another_device_before_signing_in_is_no_second_visit_of_theirs(
    db, given, link, now
):
    shopper_id = await given.shopper()
    await given.visit(link, by=shopper_id, on="phone")
    await given.visit(link, on="pad", at=now + MINUTE)

    claimed = await visiting.claim(
        db, visitor="pad", shopper_id=shopper_id, signed_in_at=now + 2 * MINUTE, now=now + 2 * MINUTE
    )

    assert claimed == 1
    assert await given.funnel(link) == Funnel(opened=2, signed_in=1)
    assert [(outcome, last) for outcome, _, last, _ in await kept(db)] == [
        ("counted", now + MINUTE), (None, now + MINUTE)
    ]  # fmt: skip


async def test_a_visit_that_waits_becomes_that_of_whoever_opens_the_link_signed_in(db, given, link, now):
    shopper_id = await given.shopper()
    await given.visit(link, on="phone")

    await given.visit(link, by=shopper_id, on="phone", at=now + MINUTE)

    until = now + MINUTE + timedelta(days=SHARE_DAYS)
    assert await kept(db) == [("counted", now, now + MINUTE, until)]
    assert await given.funnel(link) == Funnel(opened=1, signed_in=1)


async def test_signed_in_and_not_on_one_device_at_once_are_counted_as_they_are_kept(db, given, link):
    shopper_id = await given.shopper()

    await asyncio.gather(*(given.visit(link, by=by, on="phone") for by in [shopper_id, None] * 15))

    assert (await given.funnel(link)).signed_in == 1
    assert (await given.funnel(link)).opened == len(await kept(db))


async def test_counts_are_kept_in_several_rows(db, given, link):
    for number in range(60):
        await given.visit(link, on=f"phone {number}")

    shards = await db.column(select(counts.c.shard))
    assert 1 < len(shards) <= SHARDS
    assert await given.funnel(link) == Funnel(opened=60)


async def test_opening_a_link_is_few_statements(db, given, link, now):
    shopper_id = await given.shopper()

    async def statements(**how):
        with count_statements(db) as sent:
            await given.visit(link, **how)
        return len(sent)

    assert await statements(on="phone") == 2
    assert await statements(on="phone") == 2
    # whose share counts for the shopper changes: two more, behind the lock of all who would change that
    assert await statements(by=shopper_id, on="pad") == 6
    assert await statements(by=shopper_id, on="pad", at=now + MINUTE) == 4
    assert await statements(by=link.sharer_id, on="own phone") == 4


@pytest.mark.parametrize("token", ["", "a" * 16, "a" * 11, "a" * 33, "a" * 15 + "\0", "' OR 1=1 --" * 9])
async def test_an_unknown_token_is_refused_and_nothing_is_kept(db, given, link, token):
    with pytest.raises(NotFound) as refused:
        await given.visit(type(link)(**{name: getattr(link, name) for name in link.__slots__} | {"token": token}))

    assert (refused.value.kind, refused.value.id) == ("sharelink", token[:64])
    assert await kept(db) == []
    assert await db.rows(select(counts)) == []


def test_a_device_is_known_again_by_a_mark_that_does_not_name_it(settings):
    def mark(settings=settings, **other):
        return visitor_of(settings, **{"device": "", "address": "203.0.113.7", "agent": "Chrome"} | other)

    named = mark(device="phone-0001")

    assert named == mark(device="phone-0001", address="198.51.100.1", agent="Firefox")
    marks = [named, mark(device="phone-0002"), mark(), mark(address="203.0.113.8"), mark(agent="Firefox")]
    marks.append(mark(settings.model_copy(update={"pass_key": type(settings.pass_key)("p" * 32)})))
    assert len(set(marks)) == 6
    assert {len(each) for each in marks} == {43}
    assert not any(word in each for each in marks for word in ("phone", "203", "Chrome"))


async def test_of_visits_only_what_the_shop_said_then_counts(db, given, link, now):
    for days, visitor in ((1, "phone"), (30, "pad")):
        await visiting.open_link(db, token=link.token, visitor=visitor, shopper_id=None, share_days=days, now=now)

    found = await db.rows(text("SELECT visitor, counts_until FROM share_visits ORDER BY counts_until"))
    assert [tuple(row) for row in found] == [("phone", now + timedelta(days=1)), ("pad", now + timedelta(days=30))]
