"""What was opened before somebody signed in becomes theirs when they do, on that device and nowhere else."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.accounts.events import AccountSignedIn
from domain.foundation import outbox
from domain.sharing import visiting
from domain.sharing.rules import Funnel
from domain.sharing.tables import visits
from tests.given.sharing import SHARE_DAYS
from tests.statements import count_statements
from tests.workers.conftest import running, until
from workers.relay import Relay

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

SIGN_IN = """mutation ($name: String!) { signInForDevelopment(input: {name: $name}) {
    ... on SignedIn { viewer { id } } } }"""
OPEN = (
    """mutation ($token: String!) { openShareLink(input: {token: $token}) { __typename ... on UserError { code } } }"""
)


@pytest.fixture
def claim(db, now):
    """Somebody signed in on a device at noon, and a worker hears of it a moment later."""

    async def claim(shopper_id, *, on="phone", at=now):
        return await visiting.claim(
            db, visitor=on, shopper_id=shopper_id, signed_in_at=at, now=at + timedelta(seconds=1)
        )

    return claim


async def whose(db, link):
    """Of a link's visits, in the order in which they were kept: whose they are, and their outcomes."""
    columns = (visits.c.shopper_id, visits.c.outcome)
    rows = await db.rows(select(*columns).where(visits.c.link_id == link.id).order_by(visits.c.id))
    return [tuple(row) for row in rows]


async def test_signing_in_claims_what_was_opened_on_that_device_before(db, given, claim, now):
    shopper_id, link, other = await given.shopper(), await given.link(), await given.link()
    await given.visit(link, on="phone", at=now - DAY)
    await given.visit(other, on="phone", at=now - MINUTE)
    await given.visit(link, on="pad", at=now - MINUTE)

    claimed, again = await claim(shopper_id), await claim(shopper_id)

    assert (claimed, again) == (2, 0)
    assert await whose(db, link) == [(shopper_id, "counted"), (None, None)]
    assert await whose(db, other) == [(shopper_id, "counted")]
    assert await given.funnel(link) == Funnel(opened=2, signed_in=1)
    assert await given.attributed(shopper_id) == other.id


async def test_only_the_next_who_signs_in_claims(db, given, claim, now):
    first, second, link = await given.shopper(), await given.shopper(), await given.link()
    await given.visit(link, on="phone", at=now - DAY)

    await claim(first)
    await claim(second)

    assert await whose(db, link) == [(first, "counted")]


@pytest.mark.parametrize(
    ("opened_ago", "is_claimed"),
    [
        (timedelta(days=SHARE_DAYS) - timedelta(microseconds=1), True),
        (timedelta(days=SHARE_DAYS), False),
        (timedelta(), True),
        (-timedelta(microseconds=1), False),  # after they had signed in: it may be anybody's
    ],
)
async def test_what_still_counts_when_somebody_signs_in_is_claimed(db, given, claim, now, opened_ago, is_claimed):
    shopper_id, link = await given.shopper(), await given.link()
    await given.visit(link, on="phone", at=now - opened_ago)

    assert await claim(shopper_id) == int(is_claimed)

    assert await whose(db, link) == [(shopper_id, "counted") if is_claimed else (None, None)]
    assert await given.funnel(link) == Funnel(opened=1, signed_in=int(is_claimed))


async def test_a_claimed_visit_is_judged_like_any_other(db, given, claim, now):
    mine, theirs = await given.link(), await given.link()
    await given.visit(mine, by=theirs.sharer_id, at=now - DAY)
    for link in (mine, theirs):
        await given.visit(link, on="phone", at=now - MINUTE)

    await claim(mine.sharer_id)

    assert (await whose(db, mine))[-1] == (mine.sharer_id, "oneself")
    assert await whose(db, theirs) == [(mine.sharer_id, "circular")]
    assert await given.attributed(mine.sharer_id) is None


async def test_what_was_opened_signed_out_counts_for_the_visit_that_is_known(db, given, claim, now):
    shopper_id, link, other = await given.shopper(), await given.link(), await given.link()
    await given.visit(link, by=shopper_id, on="phone", at=now - 3 * DAY)
    await given.visit(other, by=shopper_id, on="phone", at=now - 2 * DAY)
    await given.visit(link, on="phone", at=now - DAY)

    claimed, again = await claim(shopper_id), await claim(await given.shopper())

    assert (claimed, again) == (1, 0)
    assert await whose(db, link) == [(shopper_id, "counted"), (None, None)]
    assert await given.funnel(link) == Funnel(opened=2, signed_in=1)
    assert await given.attributed(shopper_id) == link.id


async def test_two_who_sign_in_at_once_on_one_device_claim_each_visit_once(db, given, claim, now):
    people = await given.shoppers(2)
    links = [await given.link() for _ in range(10)]
    for link in links:
        await given.visit(link, on="phone", at=now - MINUTE)

    claimed = await asyncio.gather(*(claim(people[number % 2]) for number in range(10)))

    assert sum(claimed) == 10
    assert {(await given.funnel(link)).signed_in for link in links} == {1}


async def test_one_sign_in_claims_the_last_fifty(given, claim, now):
    shopper_id = await given.shopper()
    sharer_id = await given.shopper()
    links = [await given.link(sharer_id, campaign=f"c{number}") for number in range(52)]
    for number, link in enumerate(links):
        await given.visit(link, on="phone", at=now - timedelta(hours=1) + number * MINUTE / 2)

    assert await claim(shopper_id) == 50

    assert [(await given.funnel(link)).signed_in for link in links] == [0] * 2 + [1] * 50


async def test_a_sign_in_with_nothing_to_claim_is_two_statements(db, given, claim):
    shopper_id = await given.shopper()

    with count_statements(db) as sent:
        await claim(shopper_id)

    assert len(sent) == 2


async def test_signing_in_on_a_device_makes_its_visits_count(context, ask, given, db):
    link = await given.link()
    phone, pad = {"x-device-id": "phone-0001"}, {"x-device-id": "pad-0001"}
    for device in (phone, pad, {"user-agent": "Safari"}):
        assert (await ask(OPEN, {"token": link.token}, **device)).data == {"__typename": "OpenedShare"}

    async with running(Relay(context).run()):
        for name, device in (
            ("amei", phone),
            ("alan", {"user-agent": "Safari"}),
            ("ahua", {"x-device-id": "tv-00001"}),
        ):
            await ask(SIGN_IN, {"name": name}, **device)
        await until(lambda: is_heard(db))

    assert await given.funnel(link) == Funnel(opened=3, signed_in=2)
    signed_in = await given.recorded(AccountSignedIn)
    assert [event.is_new for event in signed_in] == [True, True, True]
    assert [shopper_id for shopper_id, _ in await whose(db, link)] == [
        signed_in[0].account_id, None, signed_in[1].account_id
    ]  # fmt: skip


async def test_nothing_that_is_kept_names_a_device_or_an_address(ask, given, db):
    link = await given.link()
    for device in ({"x-device-id": "phone-0001"}, {"user-agent": "Safari-0001"}):
        await ask(OPEN, {"token": link.token}, **device)
        await ask(SIGN_IN, {"name": "amei"}, **device)

    kept = await db.rows(select(visits)) + await db.rows(select(outbox.events))
    assert len(kept) == 4
    assert not any(word in str(row) for row in kept for word in ("phone-0001", "Safari-0001", "127.0.0.1"))


async def is_heard(db):
    return (await outbox.backlog(db)).waiting == 0
