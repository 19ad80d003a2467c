"""Group-buys with doors: who may open a group and who may join it, asked where the seat is taken."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from domain.audiences.rules import SaleDoorsFixed
from domain.audiences.tables import entrances
from domain.foundation.ids import new_id
from domain.group_buys import actions, screens
from domain.group_buys.rules import GroupBuyCampaignClosed, GroupBuyNotForYou
from domain.group_buys.tables import seats
from tests.audit import assert_clean
from tests.given.audiences import MEMBERS_ONLY, SUPER_USERS_EARLY
from tests.statements import count_statements

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def campaign(given):
    """A campaign that opens in eleven minutes, for super users in one."""
    draft = await given.campaign(opens_at=given.now + 11 * MINUTE, is_live=False)
    await actions.set_doors(given.db, campaign_id=draft.id, doors=SUPER_USERS_EARLY, by=new_id(), now=given.now)
    await actions.publish(given.db, campaign_id=draft.id, by=new_id(), now=given.now)
    return await given.campaign_again(draft.id)


@pytest.fixture
async def for_members(given):
    """A campaign for members only, open since a minute."""
    draft = await given.campaign(is_live=False)
    await actions.set_doors(given.db, campaign_id=draft.id, doors=MEMBERS_ONLY, by=new_id(), now=given.now)
    await actions.publish(given.db, campaign_id=draft.id, by=new_id(), now=given.now)
    return await given.campaign_again(draft.id)


async def count(db, table):
    return await db.value(select(func.count()).select_from(table))


async def test_a_super_user_opens_a_group_early_and_others_join_when_the_campaign_opens(given, market, campaign):
    super_user, other_super_user = await given.known_super_users(2)
    stranger = await given.shopper()
    early, opens_at = campaign.opens_at - 5 * MINUTE, campaign.opens_at

    with pytest.raises(GroupBuyCampaignClosed) as too_early:
        await given.opened(campaign, super_user, now=campaign.begins_at - timedelta(microseconds=1))
    opened = await given.opened(campaign, super_user, now=early)
    joined = await given.joined(opened.group, other_super_user, now=early)
    with pytest.raises(GroupBuyCampaignClosed) as not_yet:
        await given.joined(opened.group, stranger, now=opens_at - timedelta(microseconds=1))
    with pytest.raises(GroupBuyCampaignClosed):
        await given.opened(campaign, stranger, now=early)
    assert await count(given.db, seats) == 2  # and nothing changed
    late = await given.joined(opened.group, stranger, now=opens_at)

    assert too_early.value.opens_at == campaign.begins_at == opens_at - 10 * MINUTE
    assert not_yet.value.opens_at == opens_at
    assert [joined.seat.number, late.seat.number] == [2, 3]
    assert await count(given.db, entrances) == 2
    await assert_clean(market, in_flight=True)


async def test_a_campaign_for_members_only_is_opened_and_joined_by_members(given, market, for_members):
    opener, joiner, stranger = await given.member(), await given.member(), await given.shopper()

    opened = await given.opened(for_members, opener)
    for attempt in (given.opened(for_members, stranger), given.joined(opened.group, stranger)):
        with pytest.raises(GroupBuyNotForYou):
            await attempt
    joined = await given.joined(opened.group, joiner)

    assert joined.seat.number == 2
    assert await count(given.db, seats) == 2
    assert set(await given.db.column(select(entrances.c.account_id))) == {opener, joiner}
    await assert_clean(market, in_flight=True)


async def test_a_campaign_is_listed_from_its_first_door_on(given, campaign):
    async def listed(now):
        return [found.id for found in (await screens.open_campaigns(given.db, now=now, first=10)).rows]

    assert await listed(campaign.begins_at - timedelta(microseconds=1)) == []
    assert await listed(campaign.begins_at) == [campaign.id]


async def test_doors_are_set_until_the_first_of_them_is_open(given, campaign):
    set_them = {"campaign_id": campaign.id, "by": new_id()}
    just_before = campaign.begins_at - timedelta(microseconds=1)

    none = await actions.set_doors(given.db, doors=None, now=just_before, **set_them)
    with pytest.raises(SaleDoorsFixed):
        await actions.set_doors(given.db, doors=MEMBERS_ONLY, now=campaign.opens_at, **set_them)

    assert (none.doors, none.begins_at) == (None, campaign.opens_at)
    assert (await given.campaign_again(campaign.id)).doors is None


async def test_a_door_costs_two_statements_and_none_where_there_is_none(given, for_members):
    open_to_all, member = await given.campaign(), await given.member()

    with count_statements(given.db) as without:
        await given.opened(open_to_all, member)
    with count_statements(given.db) as with_doors:
        await given.opened(for_members, member)

    assert len(with_doors) == len(without) + 2  # whether they are a member; that they were let in
