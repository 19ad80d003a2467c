"""What is held, by whom and until when; and what staff grant to one person."""

from datetime import timedelta

import pytest

from domain.benefits import actions, queries, store
from domain.benefits.rules import BenefitKind, BenefitsElsewhere, HolderSource, Privileges
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.trail import queries as trail
from tests.audit import assert_clean
from tests.statements import count_statements

DAY = timedelta(days=1)
K = BenefitKind


async def held(given, *accounts, now=None):
    return await queries.privileges_of(given.db, accounts, now=now or given.now)


async def test_a_holding_holds_from_its_beginning_until_before_its_end(given):
    shopper, nobody = await given.shopper(), await given.shopper()
    early = given.benefit(K.EARLY_ACCESS, minutes=10)
    await given.holding(shopper, early, starts_at=given.now + DAY, ends_at=given.now + 2 * DAY)

    moment = timedelta.resolution
    for at, minutes in [(DAY - moment, 0), (DAY, 10), (2 * DAY - moment, 10), (2 * DAY, 0)]:
        found = await held(given, shopper, nobody, now=given.now + at)
        assert found == {shopper: Privileges(early_minutes=minutes), nobody: Privileges()}


async def test_many_accounts_cost_one_statement(given):
    shoppers = await given.shoppers(20)
    for shopper in shoppers[:10]:
        await given.holding(shopper, given.benefit(K.SERVICE_LANE, rank=1), given.benefit(K.MEMBER_ONLY_GOODS))

    with count_statements(given.db) as sent:
        found = await held(given, *shoppers)

    assert len(sent) == 1
    assert [found[shopper].service_rank for shopper in shoppers] == [1] * 10 + [None] * 10


async def test_the_same_source_holds_once_whatever_else_is_said(given):
    shopper, source_id = await given.shopper(), new_id()
    first = await given.holding(shopper, given.benefit(K.SERVICE_LANE, rank=1), source_id=source_id)

    again = await given.holding(shopper, given.benefit(K.SERVICE_LANE, rank=9), source_id=source_id, ends_at=given.now)

    assert again == first
    assert await queries.holdings_of(given.db, shopper, now=given.now) == [first]


async def test_an_end_only_shortens_and_an_extension_only_lengthens(given):
    shopper, source_id = await given.shopper(), new_id()
    named = {"source": HolderSource.MEMBERSHIP, "source_id": source_id}
    holding = await given.holding(shopper, given.benefit(K.MEMBER_ONLY_GOODS), **named, ends_at=given.now + 30 * DAY)

    async def ends_at(change, days):
        async with given.db.transaction() as tx:
            await change(tx, **named, ends_at=given.now + days * DAY, now=given.now)
        return ((await given.holding_again(holding.id)).ends_at - given.now).days

    assert await ends_at(store.end, 40) == 30
    assert await ends_at(store.extend, 20) == 30
    assert await ends_at(store.end, 10) == 10
    assert await ends_at(store.extend, 50) == 50
    assert await ends_at(store.end, -5) == 0
    assert await queries.holdings_of(given.db, shopper, now=given.now) == []
    async with given.db.transaction() as tx:
        for change in (store.end, store.extend):
            await change(tx, source=HolderSource.LEVEL, source_id=source_id, ends_at=given.now, now=given.now)


async def granted(given, account_id, *benefits, key="grant-key-1", **more):
    wish = {"benefits": benefits, "ends_at": None, "reason": "老客回馈", "by": given.staff} | more
    return await actions.grant(given.db, account_id=account_id, idempotency_key=key, now=given.now, **wish)


@pytest.fixture
def given(given):
    given.staff = new_id()
    return given


async def test_staff_grant_to_one_person_once_and_end_it(given):
    shopper = await given.shopper()
    lane = given.benefit(K.SERVICE_LANE, rank=1)

    holding = await granted(given, shopper, lane)
    again = await granted(given, shopper, lane)

    assert again == holding
    assert (await held(given, shopper))[shopper].service_rank == 1
    with pytest.raises(IdempotencyConflict):
        await granted(given, shopper, lane, reason="另一个理由")

    for _ in range(2):
        ended = await actions.end(given.db, holding_id=holding.id, reason="结束", by=given.staff, now=given.now + DAY)
        assert ended.ends_at == given.now + DAY
    assert (await held(given, shopper, now=given.now + DAY))[shopper].service_rank is None
    page = await trail.page(given.db, first=10)
    assert [deed.deed for deed in page.rows] == ["end_benefits", "grant_benefits"]
    assert page.rows[1].facts["reason"] == "老客回馈"
    await assert_clean(given.market)


async def test_what_cannot_be_granted_changes_nothing(given):
    shopper = await given.shopper()
    lane = given.benefit(K.SERVICE_LANE, rank=1)

    with pytest.raises(NotFound):
        await granted(given, new_id(), lane)
    with pytest.raises(NotFound):
        await granted(given, shopper, given.benefit(K.COUPONS, pieces=1, batch_id=str(new_id())))
    for bad in [{"reason": " "}, {"ends_at": given.now}, {"benefits": ()}]:
        with pytest.raises(BadInput):
            await granted(given, shopper, lane, **bad)

    assert (await queries.holdings_page(given.db, shopper, since=None, first=1)).rows == []


async def test_a_memberships_benefits_end_with_it_and_not_by_staff(given):
    shopper = await given.shopper()
    holding = await given.holding(shopper, given.benefit(K.MEMBER_ONLY_GOODS), source=HolderSource.MEMBERSHIP)

    with pytest.raises(BenefitsElsewhere) as refused:
        await actions.end(given.db, holding_id=holding.id, reason="结束", by=given.staff, now=given.now)
    with pytest.raises(NotFound):
        await actions.end(given.db, holding_id=new_id(), reason="结束", by=given.staff, now=given.now)

    assert refused.value.source is HolderSource.MEMBERSHIP
    assert await given.holding_again(holding.id) == holding
