"""What the demo tells of its group-buys: groups by their events, a poster, and what was not as it must be."""

from dataclasses import replace

import pytest

from cli.demo.group_buys import for_groups
from cli.demo.group_telling import complaints, figures_of, poster_of
from cli.demo.stall import Goods
from cli.report.group_buys import Contest, Ending, Event, GroupBooks, GroupBuysReport, GroupFigures, Poster
from domain.group_buys.rules import EventKind

MOMENTS = ("2026-11-11T12:00:00+00:00", "2026-11-11T12:00:08.500000+00:00", "2026-11-11T12:00:09+00:00")


def news(*kinds: str, state: str, paid: int, by_merchant: bool = False) -> dict[str, object]:
    events = [
        {"number": number, "kind": kind, "seat": None, "happenedAt": moment}
        for number, (kind, moment) in enumerate(zip(kinds, MOMENTS, strict=False), 1)
    ]
    group = {"state": state, "isCompletedByMerchant": by_merchant, "seats": 3, "paid": paid, "leader": {"name": "苏**"}}
    return {"events": events, "groupBuy": group}


@pytest.mark.parametrize(
    ("told", "ending", "refunded"),
    [
        (news("OPENED", "FILLED", state="FILLED", paid=3), Ending.FILLED, 0),
        (news("OPENED", "COMPLETED", state="FILLED", paid=2, by_merchant=True), Ending.COMPLETED, 0),
        (news("OPENED", "EXPIRED", "REFUNDED", state="EXPIRED", paid=1), Ending.REFUNDED, 1),
        (news("OPENED", "EXPIRED", "REFUNDED", state="EXPIRED", paid=2), Ending.UNDECIDED, 1),
        (news("OPENED", state="OPEN", paid=0), Ending.UNDECIDED, 0),
    ],
)
def test_a_group_is_told_by_its_events(told: dict[str, object], ending: Ending, refunded: int) -> None:
    figures = figures_of(told, None)

    assert (figures.ending, figures.refunded, figures.events[0]) == (ending, refunded, Event(1, EventKind.OPENED, 0.0))
    assert figures.seconds == {1: 0.0, 2: 8.5, 3: 9.0}[len(figures.events)]


def test_a_poster_tells_its_size() -> None:
    png = bytes.fromhex("89504e470d0a1a0a0000000d49484452000002ee000004f80802000000")

    assert poster_of("/posters/x.png", png) == Poster("/posters/x.png", 750, 1272, png)


def group(ending: Ending, *, paid: int, refunded: int = 0) -> GroupFigures:
    return GroupFigures("苏**", ending, 3, paid, refunded, [Event(1, EventKind.OPENED, 0.0)])


GROUP_BUYS = GroupBuysReport(
    title="竹编夜灯 · 三人团",
    seats=3,
    group_price_minor=1790,
    solo_price_minor=2990,
    groups=[
        group(Ending.FILLED, paid=3),
        group(Ending.FILLED, paid=3),
        group(Ending.COMPLETED, paid=2),
        group(Ending.REFUNDED, paid=2, refunded=2),
    ],
    contest=Contest(joiners=5, seated=1, offered=4, to_group_of="马**"),
    refunds=2,
    refunded_minor=3580,
    books=GroupBooks(orders=10, confirmed=8, paid_minor=17_900, refunded=2, refunded_minor=3580, units=12, left=4),
    poster=Poster("/posters/x.png", 750, 1272, b""),
)


@pytest.mark.parametrize("told", [GROUP_BUYS, None])
def test_groups_that_ended_as_they_must_and_none_at_all_are_no_complaint(told: GroupBuysReport | None) -> None:
    assert list(complaints(told)) == []


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (
            {"groups": GROUP_BUYS.groups[:3]},
            "groups ended 2 filled, 1 completed, not 2 filled, 1 completed, 1 refunded",
        ),
        (
            {
                "groups": [
                    replace(GROUP_BUYS.groups[0], events=[Event(2, EventKind.OPENED, 0.0)]),
                    *GROUP_BUYS.groups[1:],
                ]
            },
            "a group's events are not numbered without gaps",
        ),
        ({"contest": replace(GROUP_BUYS.contest, seated=2)}, "2 of 5 had the last seat"),
        ({"books": replace(GROUP_BUYS.books, orders=9)}, "10 seats were paid in groups, but 9 of their orders"),
        ({"books": replace(GROUP_BUYS.books, left=3)}, "8 orders confirmed, 9 units sold"),
        ({"refunds": 1}, "2 seats, 2 orders, but 1 refunds at the gateway"),
        ({"refunded_minor": 1790}, "or another amount"),
    ],
)
def test_groups_that_did_not_are_complaints(wrong: dict[str, object], complaint: str) -> None:
    told = replace(GROUP_BUYS, **wrong)  # type: ignore[arg-type]

    assert any(complaint in line for line in complaints(told))


def goods(*lots: tuple[int, int]) -> list[Goods]:
    return [Goods(f"sku_{n}", f"goods {n}", "", price, available) for n, (price, available) in enumerate(lots)]


def test_groups_buy_the_dearest_that_is_no_luxury() -> None:
    assert for_groups(goods((1990, 50), (9_900, 12), (9_990, 11), (15_900, 50))) == goods((0, 0), (9_900, 12))[1]
    assert for_groups(goods((15_900, 50), (12_900, 50))) == goods((0, 0), (12_900, 50))[1]


@pytest.mark.parametrize("lots", [(), ((1990, 11),), ((1, 50),)])
def test_a_shop_with_too_little_left_opens_no_group(lots: tuple[tuple[int, int], ...]) -> None:
    assert for_groups(goods(*lots)) is None
