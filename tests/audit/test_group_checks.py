"""The checks of group-buys and of sharing: clean after friends bought together, and then exactly one thing is wrong."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.audit import campaigns, group_buys, running, sharing, trust
from domain.audit.rules import Line, is_clean
from domain.foundation.ids import encode
from domain.group_buys import ending
from domain.group_buys.rules import SeatState
from domain.orders import actions as orders
from tests.audit import assert_clean
from tests.audit.circle import Circle, after_buying_together, names_of
from tests.audit.corrupting import Corruption, check_found, found_after

HOUR = timedelta(hours=1)


@pytest.fixture
async def circle(given, listener) -> Circle:
    """Friends who bought together, and every event was heard."""
    return await after_buying_together(given, listener)


def group(*names: str) -> Callable[[Circle], set[str]]:
    return lambda circle: {encode("groupbuy", getattr(circle, name).id) for name in names}


def seat(*names: str) -> Callable[[Circle], set[str]]:
    return lambda circle: {encode("groupseat", getattr(circle, name).id) for name in names}


def order_of(name: str) -> Callable[[Circle], set[str]]:
    return lambda circle: {encode("order", getattr(circle, name).order_id)}


def item(circle: Circle) -> set[str]:
    return {encode("groupitem", circle.campaign.items[0].id)}


def collector(circle: Circle) -> set[str]:
    return {encode("account", circle.held.shopper_id)}


def payer(circle: Circle) -> set[str]:
    return {encode("account", circle.paid.shopper_id)}


def link(circle: Circle) -> set[str]:
    return {encode("sharelink", circle.link.id)}


CORRUPTIONS = [
    # -- seats and orders
    Corruption(
        "a seat that promises what no order keeps",
        "UPDATE orders SET source_id = :stranger WHERE id = :paid_order",
        (group_buys.SEATS_HAVE_ORDERS,),
        lambda circle: seat("paid")(circle) | order_of("paid")(circle),
    ),
    Corruption(
        "an order of another shopper than its seat",
        "UPDATE orders SET shopper_id = :stranger WHERE id = :paid_order",
        (group_buys.SEATS_HAVE_ORDERS, trust.CAUSES),
        lambda circle: seat("paid")(circle) | payer(circle),
    ),
    Corruption(
        "a benefit for somebody who did not open the group",
        "UPDATE group_buys SET opened_by = :collector WHERE id = :open",
        (group_buys.SEATS_HAVE_ORDERS,),
        lambda circle: {encode("groupseat", id) for id in (circle.held.id, circle.opening.id)},
    ),
    Corruption(
        "a paid seat that says held",
        "UPDATE group_buy_seats SET state = 'held', paid_at = NULL WHERE id = :paid",
        (group_buys.SEATS_AGREE, group_buys.GROUPS_COUNT_SEATS),
        lambda circle: seat("paid")(circle) | group("open")(circle),
    ),
    # -- groups
    Corruption(
        "two members on one seat",
        """
        DROP INDEX group_buy_seats_number_key;
        UPDATE group_buy_seats SET number = 1 WHERE id = :held
        """,
        (group_buys.GROUPS_COUNT_SEATS,),
        group("open"),
    ),
    Corruption(
        "a seat that the group does not have",
        "UPDATE group_buy_seats SET number = 4 WHERE id = :held",
        (group_buys.GROUPS_COUNT_SEATS,),
        group("open"),
    ),
    Corruption(
        "a leader who is no member",
        "UPDATE group_buys SET leader_id = :stranger WHERE id = :open",
        (group_buys.GROUPS_COUNT_SEATS,),
        group("open"),
    ),
    Corruption(
        "a group that says it is full, and is not paid",
        """
        ALTER TABLE group_buys DROP CONSTRAINT group_buys_filled_check;
        UPDATE group_buys SET state = 'filled', ended_at = now() WHERE id = :open
        """,
        (group_buys.FILLED, group_buys.CONFIRMED),
        lambda circle: group("open")(circle) | order_of("paid")(circle) | order_of("opening")(circle),
    ),
    Corruption(
        "a completion that nobody of the staff has done",
        "UPDATE group_buys SET completed_by = :stranger WHERE id = :completed",
        (group_buys.FILLED,),
        group("completed"),
    ),
    Corruption(
        "an order confirmed before its group is full",
        "UPDATE orders SET is_confirmed = true WHERE id = :paid_order",
        (group_buys.CONFIRMED,),
        order_of("paid"),
    ),
    Corruption(
        "an order that was not confirmed with its group",
        "UPDATE orders SET is_confirmed = false WHERE id = :brought_order",
        (group_buys.CONFIRMED,),
        order_of("brought"),
    ),
    Corruption(
        "money of an expired group that nobody gives back",
        "UPDATE group_buy_seats SET refund_at = NULL WHERE id = :due",
        (group_buys.EXPIRED,),
        seat("due"),
    ),
    Corruption(
        "an event torn out",
        "DELETE FROM group_buy_events WHERE group_id = :open AND number = 2",
        (group_buys.EVENTS,),
        group("open"),
    ),
    Corruption(
        "an event that tells other figures than the group's",
        "UPDATE group_buy_events SET taken = taken - 1 WHERE group_id = :open AND number = 5",
        (group_buys.EVENTS,),
        group("open"),
    ),
    # -- limits, newcomers and units
    Corruption(
        "a member's units forgotten",
        "UPDATE group_buy_shoppers SET units = 0 WHERE shopper_id = :collector",
        (campaigns.UNITS_COUNTED,),
        collector,
    ),
    Corruption(
        "a member never counted",
        "DELETE FROM group_buy_shoppers WHERE shopper_id = :collector",
        (campaigns.UNITS_COUNTED,),
        collector,
    ),
    Corruption(
        "a member above the limit",
        "UPDATE group_buy_campaigns SET per_shopper = 1 WHERE id = :campaign",
        (campaigns.UNITS_COUNTED,),
        collector,
    ),
    Corruption(
        "a newcomer nobody asked",
        "UPDATE group_buy_seats SET is_newcomers = false WHERE id = :newcomer",
        (campaigns.NEWCOMERS,),
        seat("newcomer"),
    ),
    Corruption(
        "a newcomer who had paid before",
        """
        UPDATE orders SET shopper_id = (SELECT shopper_id FROM group_buy_seats WHERE id = :newcomer),
                          paid_at = paid_at - interval '1 minute'
        WHERE id = :paid_order
        """,
        (group_buys.SEATS_HAVE_ORDERS, campaigns.NEWCOMERS, trust.CAUSES),
        lambda circle: seat("paid", "newcomer")(circle) | payer(circle),
    ),
    Corruption(
        "an item with fewer units than were ordered",
        "UPDATE group_buy_items SET units = 8 WHERE id = :item",
        (campaigns.NOT_OVERSOLD,),
        item,
    ),
    Corruption(
        "a campaign settled with a group open and units left",
        "UPDATE group_buy_campaigns SET state = 'settled', settled_at = now() WHERE id = :campaign",
        (campaigns.SETTLED,),
        lambda circle: item(circle) | group("open")(circle),
    ),
    # -- sharing
    Corruption(
        "a link that counts an order too many",
        "UPDATE share_counts SET joined = joined + 1 WHERE link_id = :link AND joined = 1",
        (sharing.COUNTED,),
        link,
    ),
    Corruption(
        "an order that came of a visit which does not count",
        "UPDATE share_visits SET outcome = 'circular' WHERE link_id = :link",
        (sharing.COUNTED, sharing.ATTRIBUTED),
        lambda circle: link(circle) | order_of("brought")(circle),
    ),
    Corruption(
        "an order that came too late",
        "UPDATE share_visits SET counts_until = last_opened_at WHERE link_id = :link",
        (sharing.ATTRIBUTED,),
        order_of("brought"),
    ),
    Corruption(
        "an order of oneself's share",
        """
        ALTER TABLE share_attributions DROP CONSTRAINT share_attributions_oneself_check;
        UPDATE share_attributions SET sharer_id = shopper_id WHERE order_id = :brought_order
        """,
        (sharing.ATTRIBUTED,),
        order_of("brought"),
    ),
    Corruption(
        "a paid order that its link does not know to be paid",
        """
        UPDATE share_attributions SET paid_at = NULL WHERE order_id = :brought_order;
        UPDATE share_counts SET paid = 0 WHERE link_id = :link AND paid = 1
        """,
        (sharing.PAID,),
        order_of("brought"),
    ),
    Corruption(
        "a seat that came by another link than its order",
        "UPDATE group_buy_seats SET share_link_id = :stranger WHERE id = :brought",
        (sharing.SEATS_CAME,),
        seat("brought"),
    ),
    Corruption(
        "a circle of friends who brought each other",
        """
        UPDATE share_visits SET shopper_id = :friend
        WHERE link_id = :link AND shopper_id = (SELECT shopper_id FROM group_buy_seats WHERE id = :brought)
        """,
        (sharing.ATTRIBUTED, sharing.NO_CIRCLES),
        lambda circle: (
            order_of("brought")(circle) | {encode("account", id) for id in (circle.friend_id, circle.link.sharer_id)}
        ),
    ),
]


async def test_exactly_what_was_corrupted_is_found(circle, market, db, now, subtests):
    await assert_clean(market)

    for corruption in CORRUPTIONS:
        with subtests.test(corruption.what):
            lines = await found_after(db, corruption.sql, names_of(circle), now=now)
            check_found(lines, corruption, circle)


async def test_friends_who_bought_together_leave_clean_books(circle, market):
    lines = await assert_clean(market)

    said = {line.check: line.subject for line in lines}
    assert said[group_buys.SEATS_HAVE_ORDERS.name] == "12 seats, 12 orders"
    assert said[group_buys.SEATS_AGREE.name] == "2 held, 8 paid, 1 freed, 1 refunded"
    assert (
        said[group_buys.GROUPS_COUNT_SEATS.name] == "2 open groups, 2 filled groups, 1 expired group, 1 dissolved group"
    )
    assert said[group_buys.FILLED.name] == "2 filled groups, 1 completed by staff"
    assert said[group_buys.EXPIRED.name] == "1 refunded seat, 1 due seat, ¥9.90"
    assert said[campaigns.NEWCOMERS.name] == "1 newcomer"
    assert said[sharing.COUNTED.name] == "2 links, 2 opened, 2 signed in, 2 joined, 2 paid"


async def test_a_seat_may_not_have_heard_of_its_order_yet(given, listener, market, now):
    group = await given.group(members=3)
    paying, *_ = await given.seats_of(group)
    await given.money_for(await given.order_again(paying.order_id))
    await given.hear_payments()
    unheard = await assert_clean(market, in_flight=True)
    await listener.hear()
    heard = await assert_clean(market)
    await orders.lapse_due(given.db, now=now + HOUR, limit=10)
    lapsed = await assert_clean(market, in_flight=True)

    assert [subject(lines, group_buys.SEATS_AGREE) for lines in (unheard, heard, lapsed)] == [
        "3 held, 0 paid, 0 freed, 0 refunded",
        "2 held, 1 paid, 0 freed, 0 refunded",
        "2 held, 1 paid, 0 freed, 0 refunded",
    ]


async def test_refunds_under_way_and_groups_over_their_time_are_told_and_are_no_difference(given, market, db):
    group = await given.group(members=2, paid=2)
    late = group.expires_at + timedelta(minutes=2)

    over = await ledger(market.db, late)
    await ending.expire_due(db, now=late, limit=1)
    under_way = await ledger(market.db, late)
    await ending.refund_due(db, now=late, limit=10)
    done = await ledger(market.db, late)

    assert is_clean(over) and is_clean(under_way) and is_clean(done)
    assert [found(lines, group_buys.OVERDUE) for lines in (over, under_way)] == ["1 group", "0 groups"]
    assert found(under_way, group_buys.REFUNDS_UNDER_WAY) == "2 seats, 0 after a failure, ¥19.80"
    assert found(done, group_buys.REFUNDS_UNDER_WAY) == "0 seats, 0 after a failure, ¥0.00"
    assert {seat.state for seat in await given.seats_of(group)} == {SeatState.REFUNDED}


def found(lines: list[Line], check: Any) -> str:
    return next(line.found for line in lines if line.check == check.name)


def subject(lines: list[Line], check: Any) -> str:
    return next(line.subject for line in lines if line.check == check.name)


async def ledger(db, now) -> list[Line]:
    async with running.snapshot(db) as reader:
        return await running.of_ledger(reader, now=now)
