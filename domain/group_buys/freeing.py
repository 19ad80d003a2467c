"""How a seat of a locked group becomes free again, and what that means for whoever leads it."""

from dataclasses import replace
from datetime import datetime

from domain.foundation.database import Transaction
from domain.group_buys import store
from domain.group_buys.rules import Course, EventKind, GroupState, Seat, SeatState


async def free(tx: Transaction, course: Course, seat: Seat, *, now: datetime) -> None:
    """A seat that was held is nobody's: its limit is given back, the leader's place handed on, an empty group dissolved."""
    await store.move_seat(tx, seat, SeatState.FREED, freed_at=now)
    await store.give_limit_back(tx, course.group.campaign_id, seat)
    course.go(EventKind.LEFT, seat=seat.number, taken=-1)
    await go_on_without(tx, course, seat)
    await store.write(tx, course)


async def go_on_without(tx: Transaction, course: Course, seat: Seat) -> None:
    """A group goes on without somebody who has left it: the next one leads, with the same deadline; or nobody is left.

    In one that the merchant has completed somebody has paid, so that somebody is left.
    """
    group = course.group
    if group.taken == 0:
        course.end(EventKind.DISSOLVED, GroupState.DISSOLVED)
    elif seat.shopper_id == group.leader_id:
        leader_id = await store.next_leader(tx, group.id)
        assert leader_id is not None, f"nobody sits in group {group.id}, in which {group.taken} seats are taken"
        course.go(EventKind.HANDED_ON)
        course.group = replace(course.group, leader_id=leader_id)
