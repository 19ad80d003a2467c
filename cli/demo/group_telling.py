"""From what the market tells of a group and a poster to their figures, and what of them was not as it must be."""

import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from cli.demo.door import Answer
from cli.report.group_buys import Ending, Event, Funnel, GroupBuysReport, GroupFigures, Poster
from domain.group_buys.rules import EventKind

EXPECTED = "2 filled, 1 completed, 1 refunded"
_PNG_SIZE = struct.Struct(">16xII")


def figures_of(news: Answer, funnel: Funnel | None) -> GroupFigures:
    """A group by its events from the first."""
    group, told = news["groupBuy"], news["events"]
    began_at = datetime.fromisoformat(told[0]["happenedAt"])
    events = [
        Event(
            number=event["number"],
            kind=EventKind[event["kind"]],
            seconds=(datetime.fromisoformat(event["happenedAt"]) - began_at).total_seconds(),
            seat=event["seat"],
        )
        for event in told
    ]
    refunded = sum(event.kind is EventKind.REFUNDED for event in events)
    return GroupFigures(
        leader=group["leader"]["name"],
        ending=_ending(group, refunded),
        seats=group["seats"],
        paid=group["paid"],
        refunded=refunded,
        events=events,
        funnel=funnel,
    )


def endings_of(groups: Sequence[GroupFigures]) -> str:
    """How many of the groups ended how."""
    ended = Counter(group.ending for group in groups)
    return ", ".join(f"{ended[ending]} {ending}" for ending in Ending if ended[ending])


def poster_of(path: str, png: bytes) -> Poster:
    """A poster; how large it is stands in its first bytes (PNG specification, 11.2.2)."""
    width, height = _PNG_SIZE.unpack_from(png)
    return Poster(path, width, height, png)


def complaints(told: GroupBuysReport | None) -> Iterator[str]:
    """What was not as it must be; nothing where no group was opened."""
    if told is None:
        return
    books = told.books
    if (ended := endings_of(told.groups)) != EXPECTED:
        yield f"groups ended {ended}, not {EXPECTED}"
    if any([event.number for event in group.events] != [*range(1, len(group.events) + 1)] for group in told.groups):
        yield "a group's events are not numbered without gaps"
    if told.contest.seated != 1:
        yield f"{told.contest.seated} of {told.contest.joiners} had the last seat"
    if (paid := sum(group.paid for group in told.groups)) != books.orders:
        yield f"{paid} seats were paid in groups, but {books.orders} of their orders"
    kept = sum(group.paid for group in told.groups if group.ending is not Ending.REFUNDED)
    if not kept == books.confirmed == books.sold:
        yield f"{kept} seats in groups that have their price, but {books.confirmed} orders confirmed, {books.sold} units sold"
    refunded = sum(group.refunded for group in told.groups)
    if not refunded == books.refunded == told.refunds or books.refunded_minor != told.refunded_minor:
        yield f"{refunded} seats, {books.refunded} orders, but {told.refunds} refunds at the gateway, or another amount"


def _ending(group: Answer, refunded: int) -> Ending:
    if group["state"] == "FILLED":
        return Ending.COMPLETED if group["isCompletedByMerchant"] else Ending.FILLED
    return Ending.REFUNDED if group["state"] == "EXPIRED" and refunded == group["paid"] else Ending.UNDECIDED
