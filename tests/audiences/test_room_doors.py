"""Sales that are started in a live room for some only."""

import pytest

from domain.audiences.rules import Crowd, CrowdKind
from domain.flash_sales.rules import FlashSaleNotForYou, SaleState
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.group_buys.rules import GroupBuyNotForYou
from tests.given.audiences import MEMBERS, MEMBERS_ONLY
from tests.live_rooms.test_selling import flash_sale, group_buy, start, started


async def test_a_flash_sale_in_a_room_is_open_at_once_to_members_only(given):
    one, member, stranger = await given.live_room(), await given.member(), await given.shopper()
    wish = flash_sale(one, only_for=(MEMBERS,))

    sale = await start(given, one, wish)
    again = await start(given, one, wish)
    item_id = sale.items[0].id
    await given.pass_desk().request(shopper_id=member, item_id=item_id, now=given.now)
    with pytest.raises(FlashSaleNotForYou):
        await given.pass_desk().request(shopper_id=stranger, item_id=item_id, now=given.now)

    assert (sale.state, sale.doors, again.id) == (SaleState.WARM, MEMBERS_ONLY, sale.id)


async def test_a_group_buy_in_a_room_is_open_at_once_to_members_only(given):
    one, member, stranger = await given.live_room(), await given.member(), await given.shopper()

    campaign = await start(given, one, group_buy(one, only_for=(MEMBERS,)))
    opened = await given.opened(campaign, member)
    with pytest.raises(GroupBuyNotForYou):
        await given.joined(opened.group, stranger)

    assert campaign.doors == MEMBERS_ONLY


@pytest.mark.parametrize(
    ("crowd", "refused"),
    [
        (Crowd(CrowdKind.SEGMENT, segment_id=new_id()), NotFound),
        (Crowd(CrowdKind.EARLY_ACCESS), BadInput),
    ],
)
async def test_a_crowd_that_cannot_be_starts_nothing(given, crowd, refused):
    one = await given.live_room()

    with pytest.raises(refused):
        await start(given, one, flash_sale(one, only_for=(crowd,)))

    assert await started(given, one) == []
