"""The lists that screens show: which rows, in which order, page by page."""

from datetime import timedelta

import pytest

from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.group_buys import actions, ending, screens
from domain.group_buys.rules import GroupState, SeatState
from domain.orders import actions as orders
from domain.orders.rules import Fulfilment, OrderState
from tests.statements import count_statements


async def every_page(ask, *, first=2):
    """All rows of a list, asked for two at a time."""
    rows, after = [], None
    while True:
        page = await ask(first=first, after=after)
        assert len(page.rows) <= first
        rows += page.rows
        if not page.has_next:
            return rows
        after = page.cursors[-1]


def ids(rows):
    return [row.id for row in rows]


async def say_where_to(given, seat):
    """The seat's goods are delivered to an address of its shopper's."""
    await orders.set_destination(
        given.db,
        order_id=seat.order_id,
        shopper_id=seat.shopper_id,
        address_id=await given.home_of(seat.shopper_id),
        idempotency_key=f"destination-{seat.id}",
        now=given.now,
    )


async def test_open_campaigns_come_in_the_order_of_their_end(given):
    late, soon, soonest = [await given.campaign(closes_at=given.now + timedelta(hours=hours)) for hours in (9, 3, 2)]
    await given.campaign(is_live=False)
    await given.campaign(opens_at=given.now + timedelta(hours=2, seconds=1))
    stopped = await given.campaign()
    await actions.stop(given.db, campaign_id=stopped.id, by=new_id(), now=given.now)

    found = await every_page(lambda **page: screens.open_campaigns(given.db, now=given.now, **page))

    assert found == [soonest, soon, late]
    at_its_end = await screens.open_campaigns(given.db, now=soonest.closes_at, first=10)
    assert at_its_end.rows == [soon, late]


async def test_merchandisers_see_drafts_and_stopped_campaigns_too_newest_first(given):
    made = [await given.campaign(is_live=is_live) for is_live in (True, False, True)]
    await actions.stop(given.db, campaign_id=made[0].id, by=new_id(), now=given.now)

    found = await every_page(lambda **page: screens.all_campaigns(given.db, **page))

    assert ids(found) == [campaign.id for campaign in reversed(made)]


async def test_a_product_tells_its_open_campaigns_in_two_statements(given):
    one, other = await given.campaign(skus=2), await given.campaign()
    draft = await given.campaign(is_live=False)
    wanted = [one.product_id, other.product_id, draft.product_id]

    with count_statements(given.db) as sent:
        found = await screens.campaigns_of_products(given.db, wanted, now=given.now)

    assert found == {one.product_id: [one], other.product_id: [other]}
    assert len(sent) == 2


async def test_groups_with_room_come_fullest_first_and_then_by_age(given):
    campaign = await given.campaign(seats=3)
    one_paid, two_paid, one_paid_too = [
        await given.group(campaign, members=members, paid=members) for members in (1, 2, 1)
    ]
    await given.group(campaign, members=1, paid=0)
    await given.group(campaign, members=3, paid=2)
    await given.group(campaign, members=3, paid=3)
    elsewhere = await given.group(paid=1)
    wanted = [two_paid, one_paid, one_paid_too]

    found = await every_page(lambda **page: screens.open_groups(given.db, campaign.id, now=given.now, **page))
    together = await screens.open_groups_of_campaigns(
        given.db, [campaign.id, elsewhere.campaign_id, new_id()], now=given.now, first=2
    )
    at_their_end = await screens.open_groups(given.db, campaign.id, now=two_paid.expires_at, first=10)

    assert found == wanted
    assert [(list(page.rows), page.has_next) for page in together.values()] == [
        (wanted[:2], True), ([elsewhere], False), ([], False)
    ]  # fmt: skip
    assert at_their_end.rows == []


async def test_a_campaigns_groups_come_newest_first(given):
    campaign = await given.campaign()
    opened, filled = await given.group(campaign, paid=1), await given.group(campaign, members=3, paid=3)
    await given.group()

    found = await every_page(lambda **page: screens.groups_of_campaign(given.db, campaign.id, **page), first=1)
    only_filled = await screens.groups_of_campaign(given.db, campaign.id, first=9, state=GroupState.FILLED)

    assert found == [filled, opened]
    assert only_filled.rows == [filled]


async def test_a_leader_sees_the_groups_they_lead_also_one_that_was_handed_on(given):
    campaign, leader_id = await given.campaign(per_shopper=9), await given.shopper()
    mine = [(await given.opened(campaign, leader_id)).group for _ in range(2)]
    left = await given.opened(campaign)
    joined = await given.joined(left.group, leader_id)
    before = await screens.groups_of_leader(given.db, leader_id, first=9)

    handed_on = await given.left(left.seat)

    assert ids(before.rows) == ids(reversed(mine))
    assert handed_on.leader_id == joined.seat.shopper_id == leader_id
    found = await every_page(lambda **page: screens.groups_of_leader(given.db, leader_id, **page))
    assert ids(found) == [handed_on.id, *ids(reversed(mine))]
    assert (await screens.groups_of_leader(given.db, leader_id, first=9, state=GroupState.FILLED)).rows == []


async def test_a_shopper_sees_every_seat_they_took_also_those_they_gave_up(given):
    campaign, shopper_id = await given.campaign(per_shopper=9), await given.shopper()
    seats = [(await given.joined(await given.group(campaign), shopper_id)).seat for _ in range(3)]
    await given.left(seats[1])

    found = await every_page(lambda **page: screens.seats_of_shopper(given.db, shopper_id, **page))

    assert ids(found) == ids(reversed(seats))
    assert [seat.state for seat in found] == [SeatState.HELD, SeatState.FREED, SeatState.HELD]


async def test_what_is_to_be_handed_over_is_paid_confirmed_and_not_received(given):
    campaign, leader_id = await given.campaign(seats=2, per_shopper=9), await given.shopper("林小满")
    filled = [(await given.opened(campaign, leader_id)), (await given.opened(campaign, leader_id))]
    members = [await given.joined(opened.group) for opened in filled]
    for joined in (*filled, *members):
        await given.pay_seat(joined.seat)
    waiting = await given.opened(campaign, leader_id)
    await given.pay_seat(waiting.seat)
    await given.group(campaign, members=2, paid=2)

    found = await every_page(lambda **page: screens.orders_to_hand_over(given.db, leader_id, **page), first=3)

    newest_first = [(filled[1], 1), (members[1], 2), (filled[0], 1), (members[0], 2)]
    assert [(row.order_id, row.group_id, row.seat) for row in found] == [
        (joined.seat.order_id, joined.group.id, number) for joined, number in newest_first
    ]
    first, order = found[0], await given.order_again(filled[1].seat.order_id)
    assert (first.order_number, first.member, first.state, first.fulfilment) == (order.number, "林小满", "paid", None)
    assert [(line.title, line.quantity) for line in first.lines] == [(campaign.items[0].title, 1)]


async def test_what_has_come_or_went_back_is_not_to_be_handed_over(given):
    campaign, leader_id = await given.campaign(seats=3), await given.shopper()
    opened = await given.opened(campaign, leader_id)
    seats = [opened.seat, *[(await given.joined(opened.group)).seat for _ in range(2)]]
    for seat in seats:
        await given.pay_seat(seat)
    for seat in seats[:2]:
        await say_where_to(given, seat)
        await given.shipped(await given.order_again(seat.order_id))
    await given.confirmed(await given.order_again(seats[1].order_id))

    page = await screens.orders_to_hand_over(given.db, leader_id, first=9)

    assert [(row.seat, row.state, row.fulfilment) for row in page.rows] == [
        (1, OrderState.SHIPPED, Fulfilment.DELIVERY), (3, OrderState.PAID, None)
    ]  # fmt: skip


async def test_a_leaders_figures_are_those_of_their_groups(given):
    campaign, leader_id = await given.campaign(seats=3, per_shopper=9), await given.shopper()
    opened = [await given.opened(campaign, leader_id) for _ in range(3)]
    for joined in opened[:2]:
        await given.pay_seat(joined.seat)
        for _ in range(2):
            await given.joined(joined.group)
    for seat in (await given.seats_of(opened[0].group))[1:]:
        await given.pay_seat(seat)
    expired = (await given.opened(campaign, leader_id)).seat
    await given.pay_seat(expired)
    await given.group(campaign, paid=1)

    assert await screens.figures_of_leader(given.db, leader_id) == screens.LeaderFigures(3, 1, 0, 5, 3)
    assert await screens.figures_of_leader(given.db, new_id()) == screens.LeaderFigures(0, 0, 0, 0, 0)


async def test_an_expired_groups_members_count_no_more(given):
    leader_id = await given.shopper()
    opened = await given.opened(await given.campaign(), leader_id)
    await given.pay_seat(opened.seat)
    assert await ending.expire_due(given.db, now=opened.group.expires_at, limit=9) == 1

    assert await screens.figures_of_leader(given.db, leader_id) == screens.LeaderFigures(0, 0, 1, 0, 0)
    assert (await screens.orders_to_hand_over(given.db, leader_id, first=9)).rows == []


@pytest.mark.parametrize("first", [0, 101])
async def test_a_page_has_1_to_100_rows(given, first):
    for ask in (screens.groups_of_leader, screens.seats_of_shopper, screens.orders_to_hand_over):
        with pytest.raises(BadInput):
            await ask(given.db, new_id(), first=first)


async def test_a_cursor_of_another_list_is_refused(given):
    page = await screens.open_campaigns(given.db, now=(await given.campaign()).opens_at, first=1)

    with pytest.raises(BadInput):
        await screens.orders_to_hand_over(given.db, new_id(), first=1, after=page.cursors[0])


async def test_a_group_names_who_sits_in_it_and_who_leads_it(given):
    campaign, leader_id = await given.campaign(seats=4), await given.shopper("林小满")
    opened = await given.opened(campaign, leader_id)
    left, stayed = [await given.joined(opened.group, await given.shopper(name)) for name in ("王大山", "张秀英")]
    await given.left(left.seat)
    alone = await given.group()
    wanted = [opened.group.id, alone.id, new_id()]

    with count_statements(given.db) as sent:
        members = await screens.members_by_group_ids(given.db, wanted)
        leaders = await screens.leaders_by_group_ids(given.db, wanted)

    assert [(member.seat, member.name) for member in members[opened.group.id]] == [
        (await given.seat_again(opened.seat.id), "林小满"), (await given.seat_again(stayed.seat.id), "张秀英")
    ]  # fmt: skip
    assert [len(members[group_id]) for group_id in wanted] == [2, 1, 0]
    assert leaders == {group_id: members[group_id][0] for group_id in wanted[:2]}
    assert len(sent) == 2


async def test_an_expired_group_names_who_has_their_money_back(given):
    group = await given.group(members=2, paid=2)
    await ending.expire_due(given.db, now=group.expires_at, limit=9)
    await ending.refund_due(given.db, now=group.expires_at, limit=9)

    members = (await screens.members_by_group_ids(given.db, [group.id]))[group.id]

    assert [(member.seat.number, member.seat.state) for member in members] == [
        (1, SeatState.REFUNDED), (2, SeatState.REFUNDED)
    ]  # fmt: skip
    leader = (await screens.leaders_by_group_ids(given.db, [group.id]))[group.id]
    assert leader == members[0]
