"""Who is let in by which door and from when on, without anybody being asked."""

from datetime import timedelta

import pytest

from domain.audiences.rules import Crowd, CrowdKind, Door, Doors, Opening, Standing, check_doors
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.trust.rules import Tier
from tests.conftest import NOON

PLAN, SEGMENT = new_id(), new_id()
CROWDS = {
    CrowdKind.MEMBERS: Crowd(CrowdKind.MEMBERS),
    CrowdKind.PLAN: Crowd(CrowdKind.PLAN, plan_id=PLAN),
    CrowdKind.LEVEL: Crowd(CrowdKind.LEVEL, rank=3),
    CrowdKind.SUPER_USERS: Crowd(CrowdKind.SUPER_USERS),
    CrowdKind.TIER: Crowd(CrowdKind.TIER, tier=Tier.TRUSTS),
    CrowdKind.SEGMENT: Crowd(CrowdKind.SEGMENT, segment_id=SEGMENT),
    CrowdKind.EARLY_ACCESS: Crowd(CrowdKind.EARLY_ACCESS),
}
WITHIN = {
    CrowdKind.MEMBERS: Standing(is_member=True),
    CrowdKind.PLAN: Standing(is_member=True, plan_ids=frozenset({PLAN})),
    CrowdKind.LEVEL: Standing(rank=3),
    CrowdKind.SUPER_USERS: Standing(is_super_user=True),
    CrowdKind.TIER: Standing(tier=Tier.TRUSTS),
    CrowdKind.SEGMENT: Standing(segment_ids=frozenset({SEGMENT})),
    CrowdKind.EARLY_ACCESS: Standing(early_minutes=1),
}
OUTSIDE = {
    CrowdKind.PLAN: Standing(is_member=True, plan_ids=frozenset({new_id()})),
    CrowdKind.LEVEL: Standing(rank=2),
    CrowdKind.TIER: Standing(tier=Tier.APPROVES),
    CrowdKind.SEGMENT: Standing(segment_ids=frozenset({new_id()})),
}


@pytest.mark.parametrize("kind", list(CrowdKind))
def test_a_crowd_holds_whom_it_names_and_nobody_else(kind):
    crowd = CROWDS[kind]

    assert WITHIN[kind].is_of(crowd)
    assert not Standing().is_of(crowd)
    assert not OUTSIDE.get(kind, Standing()).is_of(crowd)


@pytest.mark.parametrize("kind", list(CrowdKind))
def test_doors_are_kept_and_read_again(kind):
    doors = Doors((Door(CROWDS[kind], 30),), lets_others_in=True)

    assert Doors.read(doors.kept()) == doors
    check_doors(doors)


def early(minutes):
    return NOON - timedelta(minutes=minutes)


SUPER_TEN, MEMBERS_FIVE = Door(CROWDS[CrowdKind.SUPER_USERS], 10), Door(CROWDS[CrowdKind.MEMBERS], 5)
BY_BENEFIT = Door(CROWDS[CrowdKind.EARLY_ACCESS], 15)


@pytest.mark.parametrize(
    ("doors", "standing", "opening"),
    [
        ((SUPER_TEN,), Standing(is_super_user=True), Opening(early(10), SUPER_TEN)),
        ((SUPER_TEN,), Standing(), Opening(NOON)),
        ((SUPER_TEN, MEMBERS_FIVE), Standing(is_member=True), Opening(early(5), MEMBERS_FIVE)),
        ((MEMBERS_FIVE, SUPER_TEN), Standing(is_member=True, is_super_user=True), Opening(early(10), SUPER_TEN)),
        ((BY_BENEFIT,), Standing(early_minutes=60), Opening(early(15), BY_BENEFIT)),
        ((BY_BENEFIT,), Standing(early_minutes=7), Opening(early(7), BY_BENEFIT)),
    ],
)
def test_the_earliest_door_counts(doors, standing, opening):
    assert Doors(doors, lets_others_in=True).opening(standing, opens_at=NOON) == opening


def test_where_others_are_not_let_in_who_comes_through_no_door_never_comes():
    members_only = Doors((Door(CROWDS[CrowdKind.MEMBERS]),), lets_others_in=False)

    assert members_only.opening(Standing(is_super_user=True), opens_at=NOON) is None
    assert members_only.opening(Standing(is_member=True), opens_at=NOON) == Opening(NOON, members_only.doors[0])


MEMBERS = CROWDS[CrowdKind.MEMBERS]


@pytest.mark.parametrize(
    ("doors", "why"),
    [
        (Doors((), True), "0 doors; allowed: 1 to 10"),
        (Doors((SUPER_TEN,) * 11, True), "11 doors; allowed: 1 to 10"),
        (Doors((Door(MEMBERS, 1441),), True), "minutesEarly is 1441; allowed: 0 to 1440"),
        (Doors((Door(MEMBERS, -1),), True), "minutesEarly is -1; allowed: 0 to 1440"),
        (Doors((Door(MEMBERS, 0),), True), "the door for MEMBERS opens with the sale, which lets others in too"),
        (Doors((Door(MEMBERS, 5), Door(MEMBERS, 9)), True), "a crowd has two doors; allowed: one for each"),
        (Doors((Door(Crowd(CrowdKind.PLAN), 5),), True), "a door for PLAN names plan_id"),
        (Doors((Door(Crowd(CrowdKind.MEMBERS, plan_id=PLAN), 5),), True), "a door for MEMBERS names nothing else"),
        (Doors((Door(Crowd(CrowdKind.LEVEL, rank=0), 5),), True), "rank is 0; allowed: 1 to 10"),
        (
            Doors((Door(CROWDS[CrowdKind.EARLY_ACCESS]),), False),
            "a door for EARLY_ACCESS opens before the sale; allowed: 1 minute or more",
        ),
    ],
)
def test_doors_that_cannot_be_are_refused(doors, why):
    with pytest.raises(BadInput, match=f"^{why}$"):
        check_doors(doors)
