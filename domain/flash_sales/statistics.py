"""A sale in figures: what the gate answered and what the ledger decided, second by second."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.flash_sales import gate as gates
from domain.flash_sales import queries
from domain.foundation.database import Database
from domain.foundation.redis import Gate


@dataclass(frozen=True)
class Second:
    """One second: the gate's answers by kind, and the ledger's decisions."""

    at: datetime
    claims: int = 0
    queued: int = 0
    waiting: int = 0
    sold_out: int = 0
    refused: int = 0
    reserved: int = 0
    paid: int = 0
    lapsed: int = 0

    @property
    def figures(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)


@dataclass(frozen=True)
class Statistics:
    """A sale in figures; the sums are over the seconds asked for, `waiting` is now."""

    seconds: list[Second]
    reserved: int
    paid: int
    lapsed: int
    waiting: int


async def of_sale(
    db: Database, gate: Gate, *, sale_id: UUID, since: datetime | None, longest: timedelta
) -> Statistics | None:
    """A sale's seconds from `since` (by default its first opening), at most `longest` of them; None when there is no such sale."""
    sale = (await queries.sales_by_ids(db, [sale_id])).get(sale_id)
    if sale is None:
        return None
    start = (since or sale.begins_at).replace(microsecond=0)
    end = start + longest
    answered = await _answered(gate, [lane for item in sale.items for lane in item.lanes], start, end)
    item_ids = [item.id for item in sale.items]
    decided = {s.at: s for s in await queries.per_second(db, item_ids=item_ids, since=start, until=end)}
    seconds = [_second(at, answered.get(at, {}), decided.get(at)) for at in sorted(answered.keys() | decided.keys())]
    lanes = [await gates.figures(gate, lane=lane) for item in sale.items for lane in item.lanes]
    return Statistics(
        seconds=seconds,
        reserved=sum(second.reserved for second in seconds),
        paid=sum(second.paid for second in seconds),
        lapsed=sum(second.lapsed for second in seconds),
        waiting=sum(figures.waiting for figures in lanes if figures),
    )


async def _answered(gate: Gate, lanes: list[int], start: datetime, end: datetime) -> dict[datetime, dict[str, int]]:
    counted: dict[datetime, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for lane in lanes:
        for unix, answers in (await gates.seconds(gate, lane=lane)).items():
            at = datetime.fromtimestamp(unix, UTC)
            if start <= at < end:
                for kind, count in answers.items():
                    counted[at][kind] += count
    return counted


def _second(at: datetime, answers: dict[str, int], decided: queries.Second | None) -> Second:
    named = {"queued": answers.get("queued", 0), "waiting": answers.get("waiting", 0)}
    sold_out = answers.get("soldout", 0)
    claims = sum(answers.values())
    return Second(
        at,
        claims=claims,
        sold_out=sold_out,
        refused=claims - sold_out - sum(named.values()),
        reserved=decided.reserved if decided else 0,
        paid=decided.paid if decided else 0,
        lapsed=decided.lapsed if decided else 0,
        **named,
    )
