"""The rehearsal from the first shopper to the last check of the books, in its order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from cli.demo import books, telling
from cli.demo.counter import Counter
from cli.demo.crowd import Crowd
from cli.demo.door import Answer, Door, ask_gateway, connections, sign_in
from cli.demo.group_buys import GroupBuys
from cli.demo.journal import Pulse
from cli.demo.live_room import MOST_SOCKETS, LiveRoom
from cli.demo.members import Members
from cli.demo.occasion import Occasion
from cli.demo.plan import Plan, cast
from cli.demo.stall import Offer, Sale, Stall, choose, goods_for_sale
from cli.demo.steps import Step, Steps
from cli.demo.telling import Rehearsed
from cli.demo.till import Till
from cli.demo.visit import FIRST_PAUSES_MS
from cli.house import House
from cli.report import SaleReport, percentile
from cli.report.figures import duration
from domain.audit import running as audit
from domain.audit.rules import Line, counted, yuan
from domain.foundation import clock
from domain.foundation.ids import new_id
from domain.foundation.runtime import Market
from domain.ledger import queries as ledger
from domain.stock import importing

TITLE = "夜市开场秒杀"
LOOK_SECONDS = 0.5
ROUNDS = 12
"""How often units may lapse and pass on, in times to pay, before the story loses its patience."""
STILL_LOOKS = 6
GOING_HOME_SECONDS = 5.0
STATEMENT_SECONDS = 5.0


@dataclass(frozen=True)
class Rehearsal:
    """What came of it: the report, what was not as it must be, and tokens of two people who were there."""

    report: SaleReport
    complaints: Sequence[str]
    shopper_token: str
    admin_token: str


async def rehearse(plan: Plan, house: House, catalogue: Path, steps: Steps) -> Rehearsal:
    """Run a whole sale in an open house. Raises NothingToSell, MarketFault, BadInput (the catalogue)."""
    market = Market.open(house.settings)
    try:
        async with connections(plan.connections) as session, connections(plan.connections) as wallets:
            door = Door(session, house.url)
            with steps.step("上架", "import the catalogue") as step:
                await _import(market, catalogue, step)
                offers = choose(await goods_for_sale(door), plan)
            tag = new_id().hex[-6:]
            tokens, plan = await _gather(plan, door, steps, tag=tag)
            with steps.step("排期", "put the sale up") as step:
                stall = Stall(door, await sign_in(door, "demo-merchandiser", ["MERCHANDISER"]))
                sale = await _put_up(plan, stall, offers, step, tag=tag)
                occasion = Occasion(door, wallets, sale, tag=tag, wallet_url=house.settings.wechat_wallet_url)
            seen = await _hold_sale(plan, house, market, stall, occasion, tokens, steps)
            report = telling.report(seen)
            a_buyer = next(iter(seen.journal.buyers), 0)
            admin_token = await sign_in(door, "demo-admin", ["ADMIN"])
            return Rehearsal(report, telling.complaints(seen, report), tokens[a_buyer], admin_token)
    finally:
        await market.close()


async def _import(market: Market, catalogue: Path, step: Step) -> None:
    def show(report: importing.Report, share: float) -> None:
        step.show(counted([("products", report.products)]), bar=[("yellow", int(share * 100))], whole=100)

    found = await importing.import_file(market.db, catalogue, now=clock.now(), progress=show)
    mistakes = f", {found.skipped:,} skipped" if found.skipped else ""
    step.show(counted([("products", found.products), ("SKUs", found.skus)]) + mistakes)


async def _gather(plan: Plan, door: Door, steps: Steps, *, tag: str) -> tuple[list[str], Plan]:
    """Everybody's tokens, and the plan at a pace that this machine can keep."""
    with steps.step("进场", "shoppers sign in") as step:
        tokens, per_second = await _sign_in_all(plan, door, step, tag=tag)
        plan = plan.paced(per_second)
        if plan.pace >= 1.1:
            step.show(f"{step.note}; a busy machine, so people take {plan.pace:.1f} x their time")
    return tokens, plan


async def _hold_sale(
    plan: Plan, house: House, market: Market, stall: Stall, occasion: Occasion, tokens: Sequence[str], steps: Steps
) -> Rehearsed:
    opening_minor = await books.at_gateway_minor(market)
    pulse, is_decided = await _rush(plan, stall, occasion, tokens, steps)
    with steps.step("收摊", "stop and settle") as step:
        is_settled = await stall.close(occasion.sale)
        step.show("what was left is free stock again" if is_settled else "not settled")
    found = await books.read(market, occasion.sale.id)
    with steps.step("柜台", "a cart, a return, late money") as step:
        till = Till(occasion.door, occasion.wallets, house.settings.wechat_wallet_url)
        counter = Counter(till, stall.token, occasion.tag)
        scenes = await counter.serve(await goods_for_sale(occasion.door), step.show)
    with steps.step("拼团", "groups, share links, refunds") as step:
        neighbours = GroupBuys(till, market, stall.token, occasion.tag)
        group_buys = await neighbours.hold(await goods_for_sale(occasion.door), step.show)
    with steps.step("会员", "cards, an early door, a refund") as step:
        club = await Members(till, market, stall.token, occasion.tag).hold(
            await goods_for_sale(occasion.door), step.show
        )
    with steps.step("直播", "a night in a live room") as step:
        async with connections(MOST_SOCKETS) as sockets:  # each phone keeps its own
            night = await LiveRoom(till, sockets, house.url, stall.token, occasion.tag, tokens).hold(step)
    with steps.step("对账", "audit the books") as step:
        lines = await audit.run(market.db, market.gate, now=clock.now())
        balances = await ledger.trial_balance(market.db)
        lines.append(await _statement(house, occasion, market, opening_minor=opening_minor))
        step.show(_verdict(lines))
    return Rehearsed(
        plan=plan,
        sale=occasion.sale,
        journal=occasion.journal,
        statistics=await stall.statistics(occasion.sale),
        books=found,
        audit=lines,
        counter=scenes,
        group_buys=group_buys,
        members=club,
        live_room=night,
        balances=balances,
        environment=await _environment(plan, market, occasion, pulse),
        is_decided=is_decided,
        is_settled=is_settled,
    )


async def _sign_in_all(plan: Plan, door: Door, step: Step, *, tag: str) -> tuple[list[str], float]:
    """A token for each shopper, and how many a second it were once the market was warm: in the second half of them.

    Names carry the run's tag, so that every rehearsal has new people.
    """
    signed_in_at: list[float] = []

    async def sign_one_in(number: int) -> str:
        token = await sign_in(door, f"{tag}-{number:05}")
        signed_in_at.append(monotonic())
        done = len(signed_in_at)
        step.show(f"{done:,} of {plan.shoppers:,}", bar=[("yellow", done)], whole=plan.shoppers)
        return token

    tokens = await asyncio.gather(*(sign_one_in(number) for number in range(plan.shoppers)))
    half = plan.shoppers // 2
    seconds = signed_in_at[-1] - signed_in_at[half - 1]
    return tokens, (plan.shoppers - half) / max(seconds, 0.001)


async def _put_up(plan: Plan, stall: Stall, offers: Sequence[Offer], step: Step, *, tag: str) -> Sale:
    sale = await stall.put_up(plan, offers, title=f"{TITLE} {tag}", key=f"{tag}-sale")
    opens_at = sale.opens_at.astimezone(clock.SHOP_ZONE)
    step.show(f"{counted([('units', plan.units)])} of {counted([('SKUs', len(offers))])}, opens {opens_at:%H:%M:%S}")
    return sale


async def _rush(
    plan: Plan, stall: Stall, occasion: Occasion, tokens: Sequence[str], steps: Steps
) -> tuple[Pulse, bool]:
    """Everybody comes, claims, pays or does not, until each unit is sold or nobody is left who wants it.

    Gives back what the crowd cost while everybody came, and whether the sale was decided in time.
    """
    crowd = Crowd(occasion)
    watch = _Watch(plan, stall, occasion)
    crowd.come(cast(plan, items=len(occasion.sale.offers)), tokens)
    try:
        with steps.step("开抢", "the opening") as step:
            async with Pulse() as pulse:
                await watch.until(watch.everybody_is_answered, step)
        with steps.step("候补", "unpaid units pass on") as step:
            is_decided = await watch.until(watch.is_decided, step)
        await crowd.go_home(patience_seconds=GOING_HOME_SECONDS)
    finally:
        await crowd.go_home()
    return pulse, is_decided


@dataclass
class _Watch:
    """Looks at the sale's figures twice a second and shows them."""

    plan: Plan
    stall: Stall
    occasion: Occasion
    _still: int = 0
    """Looks in a row at which nothing was under way."""

    async def until(self, is_reached: Callable[[Answer], bool], step: Step) -> bool:
        """Whether it was reached before patience ended."""
        deadline = monotonic() + ROUNDS * self.plan.pay_seconds
        while monotonic() < deadline:
            statistics = await self.stall.statistics(self.occasion.sale)
            self._show(statistics, step)
            if is_reached(statistics):
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    def everybody_is_answered(self, _: Answer) -> bool:
        """Whether all have come and know whether they have a ticket."""
        return self.occasion.journal.answered == self.plan.shoppers

    def is_decided(self, statistics: Answer) -> bool:
        """Whether every unit is paid for; or nothing moves: what is left nobody waits for, who waits has nothing left."""
        nothing_queued = statistics["reserved"] + statistics["waiting"] >= self.occasion.journal.tickets
        nothing_moves = nothing_queued and _unpaid(statistics) <= 0
        # a unit that came back is nobody's for a moment, so one look proves nothing
        self._still = self._still + 1 if nothing_moves else 0
        return bool(statistics["paid"] >= self.plan.units or self._still >= STILL_LOOKS)

    def _show(self, statistics: Answer, step: Step) -> None:
        paid, due = statistics["paid"], max(_unpaid(statistics), 0)
        note = f"paid {paid}  due {due}  lapsed {statistics['lapsed']}  waiting {statistics['waiting']}"
        step.show(note, bar=[("green", paid), ("blue", due)], whole=self.plan.units)


def _unpaid(statistics: Answer) -> int:
    return int(statistics["reserved"] - statistics["paid"] - statistics["lapsed"])


async def _statement(house: House, occasion: Occasion, market: Market, *, opening_minor: int) -> Line:
    """The other company's books against our ledger, since the market opened.

    No verdict when its process was started again: it forgets everything.
    """
    has_forgotten = house.members["gateway"].restarts > 0
    deadline = monotonic() + STATEMENT_SECONDS
    while True:
        told = await ask_gateway(occasion.wallets, f"{house.settings.wechat_url}/simulator/statement")
        kept = told["captured"]["minor"] - told["refunded"]["minor"]
        ours = await books.at_gateway_minor(market) - opening_minor
        if kept == ours or has_forgotten or monotonic() > deadline:
            break
        await asyncio.sleep(LOOK_SECONDS)  # a refund may be on its way
    payments = f"{told['captured']['payments']:,} captured, {told['refunded']['payments']:,} refunded"
    is_equal = None if has_forgotten else kept == ours
    return Line("the gateway's statement", payments, yuan(kept), yuan(ours), is_equal, "渠道流水 = 总账")


def _verdict(lines: Sequence[Line]) -> str:
    checks = {line.check for line in lines if line.ok is not None}
    differing = {line.check for line in lines if line.ok is False}
    return f"{len(differing)} of {len(checks)} checks differ" if differing else f"{len(checks)} checks, nothing differs"


async def _environment(plan: Plan, market: Market, occasion: Occasion, pulse: Pulse) -> dict[str, str]:
    """What ran where, so that nobody takes the crowd's own weight for the market's."""
    settings = market.settings
    return {
        **telling.machine(),
        **await books.versions(market),
        "市场 market": f"{settings.api_processes} API, {settings.worker_processes} worker, 1 gateway process",
        "人群 crowd": f"1 process on the same machine, {plan.connections} connections, looks after a ticket "
        f"{FIRST_PAUSES_MS[0]} ms after its claim; in the rush {pulse.core_share:.0%} of a core, its own delay p99 "
        f"{duration(percentile(pulse.late_ms, 99))}",
        "重发请求 requests repeated": f"{occasion.door.repeats:,}",
        "节奏 pace": f"{plan.pace:.1f} x",
        "种子 seed": f"{plan.seed}",
    }
