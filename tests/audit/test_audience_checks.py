"""The checks of doors and segments: clean after some were let in, and then exactly one thing is wrong."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from domain.audiences.segment_rules import Segment
from domain.audit import audiences
from domain.flash_sales import passes
from domain.flash_sales.desk import Claimed
from domain.foundation.ids import encode, new_id
from domain.group_buys import actions as group_buys
from domain.group_buys.rules import Seat
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after
from tests.given.audiences import MEMBERS_ONLY, SUPER_USERS_EARLY
from tests.given.flash_sales import OneItem


@dataclass(frozen=True)
class Guests:
    """Who was let in where: a super user early, a member to a sale and to a group, and a list of both."""

    super_user: UUID
    member: UUID
    early: OneItem
    for_members: OneItem
    members_ticket: Claimed
    seat: Seat
    listed: Segment


@pytest.fixture
async def guests(given) -> Guests:
    """Two sales and a campaign with doors, and who came in by them."""
    [super_user], member = await given.known_super_users(1), await given.member()
    early = await given.sale_with_doors(SUPER_USERS_EARLY, opens_at=given.now + timedelta(minutes=11))
    for_members = await given.sale_with_doors(MEMBERS_ONLY, opens_at=given.now)

    async def claimed(sale, shopper_id, now):
        leave = await given.pass_desk().request(shopper_id=shopper_id, item_id=sale.item.id, now=now)
        text = passes.sign(given.market.settings.signing_secret, leave)
        ticket = await given.desk().claim(
            leave=text, shopper_id=shopper_id, quantity=1, request_id="request-1", now=now
        )
        await given.reserved_all(sale.item)
        return ticket

    await claimed(early, super_user, given.now + timedelta(minutes=2))
    ticket = await claimed(for_members, member, given.now)
    draft = await given.campaign(is_live=False)
    await group_buys.set_doors(given.db, campaign_id=draft.id, doors=MEMBERS_ONLY, by=new_id(), now=given.now)
    await group_buys.publish(given.db, campaign_id=draft.id, by=new_id(), now=given.now)
    seat = (await given.opened(draft, member)).seat
    listed = await given.listed([super_user, member])
    return Guests(super_user, member, early, for_members, ticket, seat, listed)


def names_of(guests: Guests) -> dict[str, UUID]:
    """What the corruptions name."""
    return {
        "super_user": guests.super_user,
        "member": guests.member,
        "early": guests.early.sale.id,
        "for_members": guests.for_members.sale.id,
        "segment": guests.listed.id,
    }


def members_ticket(guests):
    return {encode("ticket", guests.members_ticket.ticket_id)}


def seat(guests):
    return {encode("groupseat", guests.seat.id)}


def account(name):
    return lambda guests: {encode("account", getattr(guests, name))}


CORRUPTIONS = [
    Corruption(
        "a ticket of somebody who was never let in",
        "DELETE FROM sale_entrances WHERE sale_id = :for_members",
        (audiences.CLAIMS,),
        members_ticket,
    ),
    Corruption(
        "a ticket that was claimed long after its shopper was let in last",
        "UPDATE flash_sale_tickets SET claimed_at = claimed_at + interval '30 seconds' WHERE shopper_id = :member",
        (audiences.CLAIMS,),
        members_ticket,
    ),
    Corruption(
        "a seat of somebody who was never let in",
        "DELETE FROM sale_entrances WHERE account_id = :member AND sale_id <> :for_members",
        (audiences.SEATS,),
        seat,
    ),
    Corruption(
        "somebody who came by a door that the sale has not",
        """UPDATE sale_entrances SET door = '{"crowd": "level", "rank": 2, "minutes_early": 10}' WHERE sale_id = :early""",
        (audiences.ENTRANCES,),
        account("super_user"),
    ),
    Corruption(
        "somebody who came as a member and never was one",
        "INSERT INTO sale_entrances (sale_id, account_id, door, opened_at, first_at, last_at)"
        " SELECT sale_id, :super_user, door, opened_at, first_at, last_at FROM sale_entrances WHERE sale_id = :for_members",
        (audiences.OF_THE_CROWD,),
        account("super_user"),
    ),
    Corruption(
        "a super user who never became one",
        "DELETE FROM super_user_moves WHERE account_id = :super_user;"
        " DELETE FROM super_users WHERE account_id = :super_user",
        (audiences.OF_THE_CROWD,),
        account("super_user"),
    ),
    Corruption(
        "a list that has lost somebody",
        "DELETE FROM segment_members WHERE segment_id = :segment AND account_id = :member",
        (audiences.COUNTED,),
        lambda guests: {encode("segment", guests.listed.id)},
    ),
]


async def test_exactly_what_was_corrupted_is_found(guests, given, subtests):
    await assert_clean(given.market, in_flight=True)

    for corruption in CORRUPTIONS:
        with subtests.test(corruption.what):
            lines = await found_after(given.db, corruption.sql, names_of(guests), now=given.now)
            check_found(lines, corruption, guests)
