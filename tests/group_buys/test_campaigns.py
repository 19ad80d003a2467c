"""Campaigns: what a merchandiser may wish for, and how units are set aside for it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.group_buys import actions
from domain.group_buys.rules import (
    CampaignState,
    GroupBuyCampaignClosed,
    NewCampaign,
    NewItem,
    NotOneProduct,
    OpenerBenefit,
    WrongCampaignState,
    pause_after,
)
from domain.stock.queries import allotments_by_ids
from domain.stock.rules import NotEnoughStock
from domain.trail.tables import deeds
from tests.audit import assert_clean


@pytest.fixture
async def wish(given):
    """A campaign of one product with two SKUs of thirty units each."""
    campaign = await given.campaign(units=30, skus=2, is_live=False)
    return NewCampaign(
        title=" 邻里拼 ",
        opens_at=given.now,
        closes_at=given.now + timedelta(days=3),
        seats=3,
        fill_seconds=86_400,
        items=tuple(NewItem(item.sku_id, 990, 10) for item in campaign.items),
    )


async def create(given, wish, *, by=None, key="campaign-1"):
    return await actions.create(given.db, wish, by=by or new_id(), idempotency_key=key, now=given.now)


async def test_a_draft_is_kept_as_it_was_wished_for_and_once(given, wish):
    by = new_id()

    campaign = await create(given, wish, by=by)
    again = await create(given, wish, by=by)
    with pytest.raises(IdempotencyConflict):
        await create(given, replace(wish, seats=4), by=by)

    assert again == campaign == await given.campaign_again(campaign.id)
    assert (campaign.title, campaign.state, campaign.seats) == ("邻里拼", CampaignState.DRAFT, 3)
    assert [(item.group_price_minor, item.units, item.allotment_id) for item in campaign.items] == [(990, 10, None)] * 2
    assert all(item.title.endswith("号") for item in campaign.items)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"title": " "}, "title must have 1 to 120 characters"),
        ({"title": "拼\0"}, "title must have 1 to 120 characters"),
        ({"seats": 1}, "seats is 1; allowed: 2 to 100"),
        ({"seats": 101}, "seats is 101; allowed: 2 to 100"),
        ({"fill_seconds": 604_801}, "fillSeconds is 604801; allowed: 1 to 604800"),
        ({"pay_seconds": 0}, "paySeconds is 0; allowed: 1 to 86400"),
        ({"per_shopper": 0}, "perShopper is 0; allowed: 1 to 10000"),
        ({"items": ()}, "a campaign has 1 to 50 items, each SKU once"),
        ({"seats": 21}, "the items have fewer units together than a group has seats, 21"),
        ({"opener_benefit": OpenerBenefit.DISCOUNT}, "openerDiscountMinor belongs to the benefit DISCOUNT"),
        ({"opener_discount_minor": 5}, "openerDiscountMinor belongs to the benefit DISCOUNT"),
        (
            {"opener_benefit": OpenerBenefit.DISCOUNT, "opener_discount_minor": 991},
            "openerDiscountMinor is 991; allowed: 1 to 990",
        ),
    ],
)
async def test_a_wish_outside_its_limits_names_them(given, wish, changed, said):
    with pytest.raises(BadInput, match=said):
        await create(given, replace(wish, **changed))


async def test_a_window_ends_in_the_future_and_within_ninety_days(given, wish):
    for opens, closes in ((0, 0), (0, 91), (-2, -1)):
        window = {"opens_at": given.now + timedelta(days=opens), "closes_at": given.now + timedelta(days=closes)}
        with pytest.raises(BadInput, match="window must end"):
            await create(given, replace(wish, **window))


async def test_a_campaign_is_about_one_product(given, wish):
    other = await given.campaign(is_live=False)

    with pytest.raises(NotOneProduct) as refused:
        await create(given, replace(wish, items=(*wish.items, NewItem(other.items[0].sku_id, 990, 1))))
    with pytest.raises(NotFound):
        await create(given, replace(wish, items=(NewItem(new_id(), 990, 10),)), key="campaign-2")

    assert refused.value.products == 2


async def test_publishing_sets_the_units_aside_once_and_is_noted(given, wish):
    by = await given.shopper()
    draft = await create(given, wish, by=by)

    live = await actions.publish(given.db, campaign_id=draft.id, by=by, now=given.now)
    again = await actions.publish(given.db, campaign_id=draft.id, by=by, now=given.now + timedelta(hours=1))

    assert live == again == await given.campaign_again(draft.id)
    assert (live.state, live.published_at) == (CampaignState.LIVE, given.now)
    levels = await allotments_by_ids(given.db, [item.allotment_id for item in live.items])
    assert [(level.free, level.held) for level in levels.values()] == [(10, 0), (10, 0)]
    noted = await given.db.column(select(deeds.c.deed).where(deeds.c.by == by).order_by(deeds.c.position))
    assert noted == ["create_group_buy_campaign", "publish_group_buy_campaign"]
    await assert_clean(given.market)


async def test_too_little_stock_moves_nothing(given, wish):
    draft = await create(given, replace(wish, items=(wish.items[0], replace(wish.items[1], units=31))))

    with pytest.raises(NotEnoughStock):
        await actions.publish(given.db, campaign_id=draft.id, by=new_id(), now=given.now)

    assert await given.campaign_again(draft.id) == draft
    await assert_clean(given.market)


async def test_a_campaign_is_not_published_after_its_window_nor_after_it_was_stopped(given, wish):
    draft, other = await create(given, wish), await create(given, wish, key="campaign-2")
    by = new_id()

    with pytest.raises(GroupBuyCampaignClosed):
        await actions.publish(given.db, campaign_id=draft.id, by=by, now=draft.closes_at)
    with pytest.raises(WrongCampaignState):
        await actions.stop(given.db, campaign_id=draft.id, by=by, now=given.now)
    await actions.publish(given.db, campaign_id=other.id, by=by, now=given.now)
    stopped = await actions.stop(given.db, campaign_id=other.id, by=by, now=given.now)
    assert await actions.stop(given.db, campaign_id=other.id, by=by, now=given.now) == stopped
    with pytest.raises(WrongCampaignState):
        await actions.publish(given.db, campaign_id=other.id, by=by, now=given.now)

    assert await actions.settle(given.db, campaign_id=other.id, now=given.now)
    await assert_clean(given.market)


def test_pauses_between_refunds_double_up_to_an_hour():
    assert [pause_after(failures).total_seconds() for failures in (1, 2, 3, 10, 11, 1000)] == [
        5, 10, 20, 2560, 3600, 3600,
    ]  # fmt: skip
