"""The metrics of paid membership, each beside what its definition says, reckoned from the rows one by one."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import text

from domain.foundation.clock import shop_day, shop_midnight
from domain.foundation.errors import BadInput
from domain.insights import member_days, members
from tests.given.customers import Bought
from tests.given.memberships import MembershipsGiven

DAY = timedelta(days=1)
AT_ONCE = timedelta(0)


async def rows(db, table):
    return await db.rows(text(f"SELECT * FROM {table}"))


async def reckon(db, first, last, *, now):
    """Every sum and metric of the days, as `member_rules` defines them."""
    trials = {plan.id for plan in await rows(db, "membership_plans") if plan.kind == "trial"}
    never = datetime.max.replace(tzinfo=UTC)
    runs = [
        (one.account_id, one.began_at, min(one.ended_at or never, one.grace_until or one.ends_at))
        for one in await rows(db, "memberships")
        if one.plan_id not in trials
    ]
    orders = {one.id: one for one in await rows(db, "orders") if one.paid_at}

    def is_member(account_id, at):
        return any(who == account_id and began <= at < over for who, began, over in runs)

    def at_end_of(day):
        return min(shop_midnight(day + DAY) - timedelta(microseconds=1), now)

    def members_on(day):
        return {who for who, _, _ in runs if is_member(who, at_end_of(day))}

    def people_by(day):
        return {one.shopper_id for one in orders.values() if one.paid_at <= at_end_of(day)} | {
            who for who, began, _ in runs if began <= at_end_of(day)
        }

    days = [first + n * DAY for n in range((last - first).days + 1)]
    spend = {True: 0, False: 0}
    for one in orders.values():
        if shop_day(one.paid_at) in days:
            spend[is_member(one.shopper_id, one.paid_at)] += one.total_minor
    for back in await rows(db, "refunds"):
        order = next(one for one in orders.values() if one.paid_with == back.payment_id)
        if shop_day(back.refunded_at) in days:
            spend[is_member(order.shopper_id, order.paid_at)] -= back.amount_minor
    firsts = {who: min(began for other, began, _ in runs if other == who) for who, _, _ in runs}
    terms = [term for term in await rows(db, "membership_terms") if not term.is_trial]
    due = [term for term in terms if term.closed_at is None and term.last_day in days and term.ends_at <= now]
    renewed = [
        term
        for term in due
        if any(
            one.account_id == term.account_id
            and one.starts_at >= term.ends_at
            and one.made_at < term.ends_at + 30 * DAY
            for one in terms
        )
    ]
    member_sum = sum(len(members_on(day)) for day in days)
    other_sum = sum(len(people_by(day) - members_on(day)) for day in days)
    could = people_by(last) - members_on(first - DAY)
    joined = {who for who, began in firsts.items() if shop_day(began) in days}
    assert joined <= could
    return {
        "members": len(members_on(last)),
        "people": len(people_by(last)),
        "penetration": len(members_on(last)) / len(people_by(last)) if people_by(last) else None,
        "new_members": len(joined),
        "conversion": len(joined) / len(could) if could else None,
        "terms_due": len(due),
        "terms_renewed": len(renewed),
        "renewal_rate": len(renewed) / len(due) if due else None,
        "member_spend_minor": spend[True],
        "other_spend_minor": spend[False],
        "revenue_per_member_minor": spend[True] * len(days) // member_sum if member_sum else None,
        "spend_multiple": spend[True] * other_sum / (spend[False] * member_sum)
        if member_sum and spend[False] > 0
        else None,
    }


async def check(db, first, last, *, now):
    found = await members.figures(db, first=first, last=last)
    expected = await reckon(db, first, last, now=now)
    assert found is not None
    assert {name: getattr(found, name) for name in expected} == {
        name: pytest.approx(value, rel=1e-9) if isinstance(value, float) else value for name, value in expected.items()
    }
    return found


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.faults)])
async def test_every_metric_of_random_months_is_what_its_definition_says(db, given, seed):
    random = Random(seed)
    shoppers = await given.shoppers(25)
    month, trial = await given.monthly(), await given.trial()
    began = now = given.now

    for _ in range(9):
        now += random.choice([DAY / 3, 3 * DAY, 17 * DAY])
        for shopper_id in random.sample(shoppers, 2):
            running = await given.db.value(
                text("SELECT plan_id FROM memberships WHERE account_id = :id AND ended_at IS NULL AND ends_at > :now"),
                {"id": shopper_id, "now": now},
            )
            if running != trial.id:
                await MembershipsGiven.card(given, month, shopper_id, now=now)
        newcomer = await given.shopper()
        shoppers.append(newcomer)
        await MembershipsGiven.card(given, trial, newcomer, now=now)
        sold = [Bought(random.choice(shoppers), now - n * DAY / 24, 1_000 + random.randrange(9_000)) for n in range(6)]
        [first, *_] = await given.history(sold)
        await given.money_back(first, 500, at=now)
        await member_days.keep(db, now=now, again_after=AT_ONCE)

    last = shop_day(now)
    whole = await check(db, shop_day(began), last, now=now)
    assert whole.terms_renewed and whole.terms_due > whole.terms_renewed and whole.spend_multiple
    await check(db, last - 40 * DAY, last - 9 * DAY, now=now)
    await check(db, last, last, now=now)


async def test_the_last_instant_before_midnight_in_shanghai_is_still_the_day_before(db, given):
    midnight = shop_midnight(shop_day(given.now) + DAY)
    late, early = await given.shoppers(2)
    await given.history([Bought(late, midnight - timedelta(microseconds=1), 100), Bought(early, midnight, 30)])

    await member_days.keep(db, now=midnight, again_after=AT_ONCE)

    day = shop_day(given.now)
    before, after = [await members.figures(db, first=one, last=one) for one in (day, day + DAY)]
    assert (before.other_spend_minor, before.people) == (100, 1)
    assert (after.other_spend_minor, after.people) == (30, 2)


async def test_days_are_kept_once_and_a_second_timetable_finds_them_done(db, given):
    await given.history([Bought(await given.shopper(), given.now - 70 * DAY, 100)])

    assert await member_days.keep(db, now=given.now) == 71
    kept = await rows(db, "member_days")

    assert await member_days.keep(db, now=given.now) == 0
    assert await rows(db, "member_days") == kept


async def test_too_many_days_are_not_added_up(db, given):
    day = shop_day(given.now)

    assert await members.figures(db, first=day, last=day) is None
    for first, last in ((day, day - DAY), (day - 366 * DAY, day)):
        with pytest.raises(BadInput):
            await members.figures(db, first=first, last=last)
