"""A circle of friends who bought in groups, through the real actions: groups of every end, and a share that brought one."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from domain.foundation.ids import new_id
from domain.group_buys import actions, ending
from domain.group_buys.rules import Campaign, Group, OpenerBenefit, Seat
from domain.sharing.rules import Link
from tests.audit.evening import Listener
from tests.given import Given
from workers import group_buys as _group_buys  # noqa: F401 - importing registers the hearers
from workers import payments as _payments  # noqa: F401
from workers import sharing as _sharing  # noqa: F401


@dataclass(frozen=True)
class Circle:
    """What a test may look at, or corrupt, by name. Openers pay 0.90 less; groups have three seats."""

    campaign: Campaign
    filled: Group
    open: Group
    expired: Group
    completed: Group
    opening: Seat
    """Of the open group, the first, paid; so is the second."""
    paid: Seat
    held: Seat
    """Of the open group, the third: one unit there, and one more of the same shopper's in the filled group."""
    refunded: Seat
    due: Seat
    newcomer: Seat
    brought: Seat
    """The second of the filled group, who came by `link`."""
    link: Link
    friend_id: UUID
    """Whom the sharer had come by."""


async def after_buying_together(given: Given, listener: Listener) -> Circle:
    """A group of every end in one campaign, one in which only newcomers may join, and a campaign that is settled."""
    campaign = await given.campaign(
        units=20, per_shopper=2, opener_benefit=OpenerBenefit.DISCOUNT, opener_discount_minor=90
    )
    sharer = await given.opened(campaign)
    friend_id = await given.shopper()
    link = await given.link(sharer.seat.shopper_id)
    await given.visit(await given.link(friend_id), by=sharer.seat.shopper_id)
    brought_id, collector_id = await given.shoppers(2)
    await given.visit(link, by=brought_id)
    brought = await given.joined(sharer.group, brought_id)
    collector = await given.joined(sharer.group, collector_id)

    first = await given.opened(campaign)
    second, third = await given.joined(first.group), await given.joined(first.group, collector_id)
    due = await given.opened(campaign)
    refunded = await given.joined(due.group)
    alone = await given.opened(campaign)
    only_newcomers = await given.campaign(newcomers_only=True)
    newcomer = await given.joined((await given.opened(only_newcomers)).group)
    for one in (sharer, brought, collector, first, second, due, refunded, alone, newcomer):
        await given.money_for(await given.order_again(one.seat.order_id))
    await listener.hear()

    await ending.complete(
        given.db, group_id=alone.group.id, by=new_id(), reason="店庆", idempotency_key="complete-1", now=given.now
    )
    later = given.now + timedelta(hours=1)
    await _ends(given, due.group)
    assert await ending.refund(given.db, seat_id=refunded.seat.id, now=later)
    over = await given.campaign(units=3)
    await given.left((await given.opened(over)).seat)
    await actions.stop(given.db, campaign_id=over.id, by=new_id(), now=given.now)
    assert await actions.settle(given.db, campaign_id=over.id, now=given.now)
    await listener.hear()

    return Circle(
        campaign=campaign,
        filled=await given.group_again(sharer.group.id),
        open=await given.group_again(first.group.id),
        expired=await given.group_again(due.group.id),
        completed=await given.group_again(alone.group.id),
        opening=await given.seat_again(first.seat.id),
        paid=await given.seat_again(second.seat.id),
        held=await given.seat_again(third.seat.id),
        refunded=await given.seat_again(refunded.seat.id),
        due=await given.seat_again(due.seat.id),
        newcomer=await given.seat_again(newcomer.seat.id),
        brought=await given.seat_again(brought.seat.id),
        link=link,
        friend_id=friend_id,
    )


async def _ends(given: Given, group: Group) -> None:
    """This group's time is over, and no other's."""
    assert await ending._expire(given.db, group.id, now=group.expires_at)


def names_of(circle: Circle) -> dict[str, UUID]:
    """Whom the statements speak of."""
    return {
        "campaign": circle.campaign.id,
        "item": circle.campaign.items[0].id,
        "filled": circle.filled.id,
        "open": circle.open.id,
        "expired": circle.expired.id,
        "completed": circle.completed.id,
        "paid": circle.paid.id,
        "paid_order": circle.paid.order_id,
        "held": circle.held.id,
        "collector": circle.held.shopper_id,
        "refunded": circle.refunded.id,
        "due": circle.due.id,
        "newcomer": circle.newcomer.id,
        "newcomer_order": circle.newcomer.order_id,
        "brought": circle.brought.id,
        "brought_order": circle.brought.order_id,
        "link": circle.link.id,
        "sharer": circle.link.sharer_id,
        "friend": circle.friend_id,
    }
