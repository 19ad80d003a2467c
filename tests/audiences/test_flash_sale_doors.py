"""Flash sales with doors: who gets a pass and when, and that nobody buys by another road."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.audiences.rules import Crowd, CrowdKind, Door, Doors, SaleDoorsFixed
from domain.audiences.tables import entrances
from domain.benefits.rules import BenefitKind
from domain.flash_sales import actions, passes
from domain.flash_sales.desk import Claimed
from domain.flash_sales.doors import set_doors
from domain.flash_sales.passes import AT_A_DOOR, Pass
from domain.flash_sales.rules import (
    FlashSaleNotForYou,
    FlashSaleNotOpen,
    FlashSalePassRefused,
    FlashSaleSoldOut,
    SaleState,
)
from domain.foundation import clock
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.stock.queries import allotments_by_ids
from domain.trail.tables import deeds
from tests.audit import assert_clean
from tests.given.audiences import MEMBERS, MEMBERS_ONLY, SUPER_USERS, SUPER_USERS_EARLY
from tests.statements import count_statements
from workers import flash_sales as flash_sales_worker

IN_FIVE_MINUTES, HOUR = timedelta(minutes=5), timedelta(hours=1)


async def let_in(db, sale):
    c = entrances.c
    return [
        tuple(row)
        for row in await db.rows(select(c.account_id, c.first_at, c.last_at).where(c.sale_id == sale.sale.id))
    ]


async def outcome(given, sale, shopper_id, *, now=None):
    """What asking for a pass comes to: a pass, or what is raised."""
    try:
        return await given.pass_desk().request(shopper_id=shopper_id, item_id=sale.item.id, now=now or given.now)
    except Exception as refused:
        return refused


async def test_super_users_come_ten_minutes_early_and_everybody_else_when_it_opens(given, market):
    [super_user], stranger = await given.known_super_users(1), await given.shopper()
    opens_at = given.now + IN_FIVE_MINUTES + timedelta(minutes=6)
    sale = await given.sale_with_doors(SUPER_USERS_EARLY, opens_at=opens_at)

    async def at(shopper_id, moment):
        return await outcome(given, sale, shopper_id, now=moment)

    begins_at = opens_at - timedelta(minutes=10)
    just_before = timedelta(microseconds=1)
    assert sale.sale.begins_at == begins_at
    assert await at(super_user, begins_at - just_before) == FlashSaleNotOpen(opens_at=begins_at)
    assert await at(stranger, begins_at) == FlashSaleNotOpen(opens_at=opens_at)
    assert await at(stranger, opens_at - just_before) == FlashSaleNotOpen(opens_at=opens_at)
    early = await at(super_user, begins_at)
    assert isinstance(early, Pass)
    assert early.expires_at == begins_at + AT_A_DOOR
    late = await at(stranger, opens_at)
    assert late.expires_at == opens_at + timedelta(seconds=market.settings.pass_seconds)
    assert await let_in(given.db, sale) == [(super_user, begins_at, begins_at)]


async def test_each_kind_of_crowd_is_asked_of_who_knows_it(given):
    plan, other_plan = await given.plan(), await given.monthly()
    member, monthly, stranger = (
        await given.member(plan=plan),
        await given.member(plan=other_plan),
        await given.shopper(),
    )
    await given.level_ladder()
    [regular] = await given.people_on_levels(1, guaranteed_until=given.now + HOUR)
    named, holder = await given.shoppers(2)
    segment = await given.listed([named])
    await given.holding(holder, given.benefit(BenefitKind.EARLY_ACCESS, minutes=30), starts_at=given.now - HOUR)
    everybody = {"member": member, "monthly": monthly, "stranger": stranger, "regular": regular, "named": named}
    everybody["holder"] = holder

    async def come(crowd, minutes=60):
        doors = Doors((Door(crowd, minutes),), lets_others_in=True)
        given.now, now = given.now - timedelta(hours=2), given.now
        sale = await given.sale_with_doors(doors, opens_at=now + timedelta(minutes=20), closes_at=now + HOUR)
        given.now = now
        found = {name: await outcome(given, sale, id) for name, id in everybody.items()}
        return {name for name, leave in found.items() if isinstance(leave, Pass)}

    assert await come(MEMBERS) == {"member", "monthly"}
    assert await come(Crowd(CrowdKind.PLAN, plan_id=plan.id)) == {"member"}
    assert await come(Crowd(CrowdKind.LEVEL, rank=2)) == {"regular"}
    assert await come(Crowd(CrowdKind.SEGMENT, segment_id=segment.id)) == {"named"}
    assert await come(Crowd(CrowdKind.EARLY_ACCESS)) == {"holder"}
    assert await come(Crowd(CrowdKind.EARLY_ACCESS), minutes=10) == set()


async def test_a_sale_for_members_only_lets_in_nobody_else_whenever_they_come(given, market):
    member, stranger = await given.member(), await given.shopper()
    sale = await given.sale_with_doors(MEMBERS_ONLY, opens_at=given.now)

    leave = await outcome(given, sale, member)
    refused = [await outcome(given, sale, stranger, now=given.now + timedelta(minutes=m)) for m in (-5, 0, 30)]
    claimed = await given.desk().claim(
        leave=passes.sign(market.settings.signing_secret, leave),
        shopper_id=member,
        quantity=1,
        request_id="request-1",
        now=given.now,
    )

    assert refused == [FlashSaleNotForYou()] * 3
    assert isinstance(claimed, Claimed)
    assert await given.reserved_all(sale.item) == 1
    assert [account_id for account_id, *_ in await let_in(given.db, sale)] == [member]
    await assert_clean(market, in_flight=True)


async def test_whoever_is_no_member_any_more_buys_as_one_for_five_seconds_at_most(given, market):
    member = await given.member()
    sale = await given.sale_with_doors(MEMBERS_ONLY, opens_at=given.now)
    desk, secret = given.pass_desk(), market.settings.signing_secret
    leave = await desk.request(shopper_id=member, item_id=sale.item.id, now=given.now)
    text = passes.sign(secret, leave)

    await given.end_membership(member)

    with pytest.raises(FlashSaleNotForYou):
        await desk.request(shopper_id=member, item_id=sale.item.id, now=given.now)
    just_within = int((given.now + AT_A_DOOR).timestamp() * 1000) - 1
    assert passes.read(secret, text, shopper_id=member, now_ms=just_within) == leave
    with pytest.raises(FlashSalePassRefused, match="expired"):
        passes.read(secret, text, shopper_id=member, now_ms=just_within + 1)


async def test_a_pass_of_a_door_is_worth_nothing_to_anybody_else(given, market):
    [super_user], stranger = await given.known_super_users(1), await given.shopper()
    sale = await given.sale_with_doors(SUPER_USERS_EARLY, opens_at=given.now + timedelta(minutes=11))
    early = given.now + timedelta(minutes=2)
    leave = await outcome(given, sale, super_user, now=early)

    with pytest.raises(FlashSalePassRefused, match="another shopper's"):
        await given.desk().claim(
            leave=passes.sign(market.settings.signing_secret, leave),
            shopper_id=stranger,
            quantity=1,
            request_id="request-1",
            now=early,
        )


async def test_units_claimed_early_are_not_there_at_the_opening(given, market):
    super_users, crowd = await given.known_super_users(8), await given.shoppers(60)
    opens_at = given.now + timedelta(minutes=11)
    sale = await given.sale_with_doors(SUPER_USERS_EARLY, opens_at=opens_at, units=20)
    desks = [given.desk(), given.desk()]  # two API processes
    pass_desks = [given.pass_desk(), given.pass_desk()]

    async def buy(number, shopper_id, moment):
        leave = await pass_desks[number % 2].request(shopper_id=shopper_id, item_id=sale.item.id, now=moment)
        text = passes.sign(market.settings.signing_secret, leave)
        return await desks[number % 2].claim(
            leave=text, shopper_id=shopper_id, quantity=1, request_id="request-1", now=moment
        )

    async def rush(people, moment):
        found = await asyncio.gather(*(buy(n, id, moment) for n, id in enumerate(people)), return_exceptions=True)
        return Counter(map(type, found))

    early = await rush([*super_users, *crowd], opens_at - timedelta(minutes=5))
    assert await given.reserved_all(sale.item) == 8
    at_the_opening = await rush(crowd, opens_at)
    assert await given.reserved_all(sale.item) == 12

    assert early == {Claimed: 8, FlashSaleNotOpen: 60}
    assert at_the_opening == {Claimed: 12, FlashSaleSoldOut: 48}
    assert sale.item.allotment_id is not None
    level = (await allotments_by_ids(given.db, [sale.item.allotment_id]))[sale.item.allotment_id]
    assert (level.free, level.held) == (0, 20)
    assert len(await let_in(given.db, sale)) == 8
    await assert_clean(market, in_flight=True)


async def test_a_sale_is_warm_before_its_first_door_opens(given, market, worker):
    opens_at = given.now + timedelta(minutes=30)
    sale = await given.sale_with_doors(SUPER_USERS_EARLY, opens_at=opens_at, warm=False)
    await actions.schedule(given.db, sale_id=sale.sale.id, by=new_id(), now=given.now)

    async def state_at(moment):
        await flash_sales_worker.open_and_close(worker(moment))
        return (await given.reread(sale.sale.id)).sale.state

    assert await state_at(opens_at - timedelta(minutes=11, seconds=1)) is SaleState.SCHEDULED
    assert await state_at(opens_at - timedelta(minutes=11)) is SaleState.WARM


async def test_the_line_of_a_sale_begins_at_its_first_door(given, market):
    """Admission counts seconds since then: before it opens to everybody, as many a second come in as after."""
    [super_user] = await given.known_super_users(1)
    given.now = clock.now()  # the line goes by the gate's own clock
    sale = await given.sale_with_doors(
        SUPER_USERS_EARLY,
        opens_at=given.now + timedelta(minutes=10, milliseconds=20),
        admissions_per_second=1000,
    )
    await asyncio.sleep(0.05)

    leave = await outcome(given, sale, super_user, now=clock.now())

    assert isinstance(leave, Pass)


async def test_a_sale_without_doors_asks_nobody_who_they_are(given):
    shoppers = await given.shoppers(3)
    sale = await given.flash_sale(units=3)
    desk = given.pass_desk()

    with count_statements(given.db) as sent:
        for shopper_id in shoppers:
            await desk.request(shopper_id=shopper_id, item_id=sale.item.id, now=given.now)

    assert len(sent) == 3  # the item, its sale, the sale's items: for whoever asks within a second


async def test_whoever_asks_at_a_door_together_is_asked_after_together(given):
    members = [await given.member() for _ in range(3)]
    sale = await given.sale_with_doors(MEMBERS_ONLY, opens_at=given.now)
    desk = given.pass_desk()
    await desk.request(shopper_id=members[0], item_id=sale.item.id, now=given.now)

    with count_statements(given.db) as sent:
        leaves = [desk.request(shopper_id=id, item_id=sale.item.id, now=given.now) for id in members]
        await asyncio.gather(*leaves)

    assert len(sent) == 2, sent  # which of them are members; that they were let in


async def test_doors_are_set_until_somebody_can_rely_on_them(given, market):
    opens_at = given.now + timedelta(minutes=30)
    sale = await given.sale_with_doors(SUPER_USERS_EARLY, opens_at=opens_at, warm=False)
    set_them = {"sale_id": sale.sale.id, "by": new_id(), "now": given.now}
    await actions.schedule(given.db, sale_id=sale.sale.id, by=new_id(), now=given.now)

    changed = await set_doors(given.db, doors=MEMBERS_ONLY, **set_them)
    again = await set_doors(given.db, doors=MEMBERS_ONLY, **set_them)
    none = await set_doors(given.db, doors=None, **set_them)
    await actions.warm(given.db, market.gate, sale_id=sale.sale.id, now=given.now)
    with pytest.raises(SaleDoorsFixed):
        await set_doors(given.db, doors=MEMBERS_ONLY, **set_them)

    assert (changed.doors, again.doors, none.doors) == (MEMBERS_ONLY, MEMBERS_ONLY, None)
    noted = await given.db.column(
        select(deeds.c.facts["doors"]).where(deeds.c.deed == "set_sale_doors").order_by(deeds.c.position)
    )
    assert noted == [SUPER_USERS_EARLY.kept(), MEMBERS_ONLY.kept(), None]
    assert (await given.reread(sale.sale.id)).sale.doors is None


async def test_doors_for_what_there_is_not_or_that_would_be_open_already_are_refused(given):
    sale = await given.flash_sale(opens_at=given.now + timedelta(minutes=9), warm=False)

    async def refused(*doors):
        with pytest.raises((BadInput, NotFound)) as caught:
            await set_doors(
                given.db, sale_id=sale.sale.id, doors=Doors(doors, lets_others_in=True), by=new_id(), now=given.now
            )
        return caught.value

    assert "the first door would have opened" in str(await refused(Door(SUPER_USERS, 10)))
    assert (await refused(Door(Crowd(CrowdKind.PLAN, plan_id=new_id()), 5))).kind == "plan"
    assert (await refused(Door(Crowd(CrowdKind.SEGMENT, segment_id=new_id()), 5))).kind == "segment"
    assert (await given.reread(sale.sale.id)).sale.doors is None
