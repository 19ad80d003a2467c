"""From what was measured to the report, and what about the sale was not as it must be. Measures nothing itself."""

import os
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cli.demo import group_telling
from cli.demo.books import Books, Ticket
from cli.demo.door import Answer
from cli.demo.journal import Journal
from cli.demo.plan import Plan
from cli.demo.stall import Offer, Sale
from cli.report import AccountFigures, AuditLine, SaleReport, Scene, SecondFigures, SkuFigures, Step, percentile
from cli.report.figures import duration
from cli.report.group_buys import GroupBuysReport
from cli.report.live_room import LiveRoomReport
from cli.report.members import MembersReport
from domain.audit.rules import Line
from domain.flash_sales.rules import TicketState
from domain.foundation.money import SHOP_CURRENCY
from domain.ledger.rules import CHART, Balance


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """All that is known of a rehearsal when it is over."""

    plan: Plan
    sale: Sale
    journal: Journal
    statistics: Answer
    books: Books
    audit: Sequence[Line]
    counter: Sequence[Scene]
    group_buys: GroupBuysReport | None = None
    live_room: LiveRoomReport | None = None
    members: MembersReport | None = None
    balances: Sequence[Balance]
    environment: Mapping[str, str]
    is_decided: bool
    is_settled: bool


def report(seen: Rehearsed) -> SaleReport:
    """The figures for `cli.report`. Claims are counted as the shoppers heard them, units and money from the books."""
    timeline = list(_timeline(seen))
    claims = seen.journal.claims
    rush_seconds = max((claim.at for claim in claims), default=0.0)
    return SaleReport(
        title=seen.sale.title,
        started_at=seen.sale.opens_at,
        shoppers=seen.plan.shoppers,
        units=seen.plan.units,
        skus=[_sku(offer, seen.books) for offer in seen.sale.offers],
        seconds_to_sold_out=seconds_to_sold_out(seen),
        claims_per_second=max((second.claims for second in timeline), default=0),
        claims_per_second_mean=len(claims) / rush_seconds if rush_seconds else 0,
        claim_ms=[claim.ms for claim in claims],
        reserve_ms=seen.journal.reserve_ms,
        funnel=_funnel(seen.journal),
        detours=list(_detours(seen.journal)),
        timeline=timeline,
        revenue_minor=seen.books.revenue_minor,
        orders_paid=seen.books.orders_paid,
        environment={**seen.environment, "排队 in the queue": _queued(seen)},
        audit=[
            AuditLine(line.zh or line.check, line.subject, line.expected, line.found, line.ok)
            for line in seen.audit
            if line.ok is not None
        ],
        counter=seen.counter,
        group_buys=seen.group_buys,
        live_room=seen.live_room,
        members=seen.members,
        trial_balance=[
            _account(balance)
            for balance in seen.balances
            if balance.balance_minor and balance.currency == SHOP_CURRENCY
        ],
    )


def seconds_to_sold_out(seen: Rehearsed) -> float | None:
    """From the opening to the batch that reserved the last of all units for the first time; None if some never were."""
    first = [_first_tickets(seen.books, offer) for offer in seen.sale.offers]
    if any(len(tickets) < offer.units for tickets, offer in zip(first, seen.sale.offers, strict=True)):
        return None
    return (max(tickets[-1].decided_at for tickets in first) - seen.sale.opens_at).total_seconds()


def _first_tickets(books: Books, offer: Offer) -> Sequence[Ticket]:
    """The oldest tickets of an item, one for each unit: later ones have a unit that came back."""
    return [ticket for ticket in books.tickets if ticket.item_id == offer.item_id][: offer.units]


def _sku(offer: Offer, books: Books) -> SkuFigures:
    lapsed = sum(ticket.item_id == offer.item_id and ticket.state is TicketState.LAPSED for ticket in books.tickets)
    return SkuFigures(
        title=offer.goods.title,
        options=offer.goods.options,
        sale_price_minor=offer.sale_price_minor,
        list_price_minor=offer.goods.price_minor,
        allotment=offer.units,
        sold=books.sold[offer.item_id],
        lapsed=lapsed,
        returned=books.returned[offer.item_id],
    )


def _account(balance: Balance) -> AccountFigures:
    """An account's balance, on the side where it stands."""
    net = balance.debit_minor - balance.credit_minor
    subject = f" {balance.subject}" if balance.subject else ""
    return AccountFigures(CHART[balance.account].zh + subject, balance.account.value, max(net, 0), max(-net, 0))


def _funnel(journal: Journal) -> list[Step]:
    return [
        Step("进场", "entered", journal.came),
        Step("拿到入场券", "passes", journal.passes),
        Step("领到凭证", "tickets", journal.tickets),
        Step("锁定库存", "reserved", journal.reserved),
        Step("已支付", "paid", len(journal.buyers)),
    ]


def _detours(journal: Journal) -> Iterator[Step]:
    """What befell people beside the straight way; what befell nobody is left out, but for the first three."""
    yield Step("未付款离开", "never paid", journal.walked_away)
    yield Step("候补成功", "served from the waiting line", journal.served)
    yield Step("未抢到", "sold out", journal.turned_away)
    seldom = (
        Step("提前到场", "came early", journal.early),
        Step("付款超时", "paid too late", journal.too_late),
        Step("入场券更新", "passes renewed", journal.stale_passes),
        Step("稍后重试", "told to come back", journal.busy),
        Step("凭证遗失", "tickets lost", journal.lost_tickets),
    )
    yield from (step for step in seldom if step.count)


def _timeline(seen: Rehearsed) -> Iterator[SecondFigures]:
    claims: Counter[int] = Counter()
    sold_out: Counter[int] = Counter()
    for claim in seen.journal.claims:
        claims[int(claim.at)] += 1
        sold_out[int(claim.at)] += claim.answer == "FlashSaleSoldOut"
    decided = {_second(seen.sale, second["at"]): second for second in seen.statistics["seconds"]}
    for second in sorted(claims.keys() | decided.keys()):
        ledger = decided.get(second, {})
        yield SecondFigures(
            second=second,
            claims=claims[second],
            reserved=ledger.get("reserved", 0),
            paid=ledger.get("paid", 0),
            lapsed=ledger.get("lapsed", 0),
            sold_out_answers=sold_out[second],
        )


def _second(sale: Sale, at: str) -> int:
    return int((datetime.fromisoformat(at) - sale.opens_at).total_seconds())


def _queued(seen: Rehearsed) -> str:
    """From the claim to the batch that decided it, by the market's clocks; of those who found a unit at the gate."""
    first = [ticket for offer in seen.sale.offers for ticket in _first_tickets(seen.books, offer)]
    waited_ms = [(ticket.decided_at - ticket.claimed_at).total_seconds() * 1000 for ticket in first]
    return f"p50 {duration(percentile(waited_ms, 50))}, p99 {duration(percentile(waited_ms, 99))}"


def complaints(seen: Rehearsed, told: SaleReport) -> list[str]:
    """What was not as it must be; nothing after a good rehearsal."""
    return list(_complaints(seen, told))


def _complaints(seen: Rehearsed, told: SaleReport) -> Iterator[str]:
    journal = seen.journal
    yield from journal.faults[:5]
    if len(journal.faults) > 5:
        yield f"and {len(journal.faults) - 5} more shoppers met a fault"
    if not seen.is_decided:
        yield "the sale was not decided in time: some units were neither paid nor given back"
    if not seen.is_settled:
        yield "the sale was not settled in time"
    for number, (offer, sku) in enumerate(zip(seen.sale.offers, told.skus, strict=True)):
        due = min(offer.units, journal.takers[number])
        if sku.oversold:
            yield f"{sku.title}: {sku.oversold} oversold"
        if sku.held:
            yield f"{sku.title}: {sku.held} units are neither sold nor given back"
        if sku.sold < due:
            yield f"{sku.title}: {sku.sold} sold, but {due} were there for those who would pay"
    if sum(seen.books.sold.values()) != seen.books.orders_paid:
        yield f"{sum(seen.books.sold.values())} units sold, but {seen.books.orders_paid} orders paid"
    # money that came late may have revived an order after its shopper had left
    if not len(journal.buyers) <= seen.books.orders_paid <= len(journal.buyers) + journal.too_late:
        yield f"{seen.books.orders_paid} orders paid, but {len(journal.buyers)} shoppers were told so"
    yield from group_telling.complaints(seen.group_buys)
    yield from seen.live_room.faults if seen.live_room else ()
    yield from seen.members.faults if seen.members else ()
    if sum(balance.debit_minor - balance.credit_minor for balance in seen.balances):
        yield "the ledger does not balance"
    differing = sum(line.ok is False for line in seen.audit)
    if differing:
        yield f"the audit found {differing} differences"


def machine() -> dict[str, str]:
    """What everything ran on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "机器 machine": f"{cores} cores, {platform.system()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }
