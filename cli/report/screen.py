"""The report on a terminal, fitted to its width.

A merchant's titles are printed as plain text: neither markup nor control codes in them do anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli import charts
from cli.report import series
from cli.report.figures import (
    AccountFigures,
    AuditLine,
    Figure,
    SaleReport,
    Scene,
    SecondFigures,
    SkuFigures,
    Step,
    duration,
    figures,
    group_facts,
    headline,
    in_slices,
    member_facts,
    per_cent,
    percentile,
    room_facts,
    seconds_per_slice,
    yuan,
)
from cli.report.group_buys import WORDS, Event, Funnel, GroupBuysReport
from cli.report.live_room import LiveRoomReport
from cli.report.members import MembersReport
from domain.foundation.clock import SHOP_ZONE


def terminal(report: SaleReport, console: Console) -> None:
    """Print the report. A part that has no figures is left out."""
    console.print(_masthead(report))
    console.print(_section("数字", "figures", _cards(figures(report))))
    if report.funnel:
        console.print(_section("漏斗", "funnel", _funnel(report.funnel, report.detours)))
    if report.timeline:
        console.print(_section("时间线", "timeline", _timeline(report.timeline)))
    if latencies := series.latencies(report):
        console.print(_section("延迟", "latency", _latencies(latencies)))
    if report.skus:
        console.print(_section("各款", "by SKU", _skus(report.skus)))
    if report.counter:
        console.print(_section("柜台", "counter", _counter(report.counter)))
    if report.group_buys:
        console.print(_section("拼团", "group-buys", _group_buys(report.group_buys)))
    if report.members:
        console.print(_section("会员", "members", _members(report.members)))
    if report.live_room:
        console.print(_section("直播", "live room", _live_room(report.live_room)))
    if report.trial_balance:
        console.print(_section("试算平衡", "trial balance", _trial_balance(report.trial_balance)))
    if report.audit:
        console.print(_section("对账", "audit", _audit(report.audit)))
    if report.environment:
        console.print(_text(" · ".join(f"{name} {fact}" for name, fact in report.environment.items()), "dim"))


def _masthead(report: SaleReport) -> Panel:
    zh, en = headline(report)
    started_at = report.started_at.astimezone(SHOP_ZONE)
    return Panel(
        Group(Text(zh, style="bold red" if report.oversold else "bold yellow"), Text(en), _text(report.title, "dim")),
        title="夜市 · 抢购战报",
        subtitle=f"{started_at:%Y-%m-%d %H:%M:%S} 北京时间",
        box=box.ROUNDED,
        border_style="yellow",
        padding=(1, 2),
    )


def _cards(cards: Sequence[Figure], *, in_a_row: int = 4) -> Table:
    table = Table.grid(padding=(0, 1, 1, 0), collapse_padding=False, expand=True)
    for _ in range(in_a_row):
        table.add_column(ratio=1)
    for start in range(0, len(cards), in_a_row):
        table.add_row(*(_card(card) for card in cards[start : start + in_a_row]))
    return table


def _card(figure: Figure) -> Group:
    colour = {None: "bold", True: "bold green", False: "bold red"}[figure.good]
    return Group(
        Text(figure.zh), Text(figure.value, style=colour), Text(figure.en, style="dim"), Text(figure.note, style="dim")
    )


def _funnel(steps: Sequence[Step], detours: Sequence[Step]) -> Group:
    entered = max(step.count for step in steps) or 1
    table = _plot_rows()
    for step in steps:
        drawing = Fitted(partial(_funnel_row, step, entered))
        table.add_row(_names(step.zh, step.en), drawing, f"{step.count:,}  {per_cent(step.count, entered):>6}")
    aside = Text("   ").join(_names(step.zh, step.en).append(f" {step.count:,}") for step in detours)
    return Group(table, aside) if detours else Group(table)


def _funnel_row(step: Step, entered: int, width: int) -> Text:
    return Text(charts.blocks(step.count, whole=entered, width=width), style="yellow")


def _timeline(timeline: Sequence[SecondFigures]) -> Table:
    table = _plot_rows()
    for plot in series.TIMELINE:
        for line in plot.lines:
            drawing = Fitted(partial(_timeline_row, timeline, line))
            highest = max(line.count(second) for second in timeline)
            table.add_row(_names(line.colour.zh, line.colour.en), drawing, f"峰值 {highest:,}/s")
    return table


def _timeline_row(timeline: Sequence[SecondFigures], line: series.Line, width: int) -> Text:
    slices = in_slices(timeline, seconds=seconds_per_slice(timeline, most=width))
    return Text(charts.sparkline([line.count(second) for second in slices]), style=line.colour.ansi)


def _latencies(plots: Sequence[series.LatencyPlot]) -> Table:
    scale = charts.LogScale.around([sample for plot in plots for sample in plot.samples])
    table = _plot_rows()
    for plot in plots:
        drawing = Fitted(partial(_latency_row, scale, plot))
        p50, p99 = (duration(percentile(plot.samples, percent)) for percent in (50, 99))
        table.add_row(_names(plot.zh, plot.en), drawing, f"p50 {p50:>7}  p99 {p99:>7}")
    return table


def _latency_row(scale: charts.LogScale, plot: series.LatencyPlot, width: int) -> Text:
    return Text(charts.sparkline(scale.histogram(plot.samples, width)), style=plot.colour.ansi)


def _skus(skus: Sequence[SkuFigures]) -> Table:
    whole = series.longest(skus)
    table = Table.grid(padding=(0, 0, 1, 0), collapse_padding=False, expand=True)
    for sku in skus:
        stack = series.units(sku)
        beside = [(series.LAPSED, sku.lapsed), (series.OVERSOLD, sku.oversold)]
        counts = [*stack, *((colour, count) for colour, count in beside if count)]
        legend = Text("  ").join(Text(f"{colour.zh} {count:,}", colour.ansi) for colour, count in counts)
        table.add_row(Group(_price_tag(sku), Fitted(partial(_stacked, stack, whole)), legend))
    return table


def _price_tag(sku: SkuFigures) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    price = Text.assemble((yuan(sku.list_price_minor), "dim strike"), "  ", (yuan(sku.sale_price_minor), "bold"))
    table.add_row(Text.assemble(_text(sku.title), "  ", _text(sku.options, "dim")), price)
    return table


def _stacked(stack: series.Stack, whole: int, width: int) -> Text:
    """A lying bar of several colours; whole cells only, cut so that their sum is right."""
    ends = list(accumulate((count for _, count in stack), initial=0))
    cells = [round(end * width / whole) for end in ends]
    return Text.assemble(
        *(("█" * (end - start), colour.ansi) for (colour, _), (start, end) in zip(stack, pairwise(cells), strict=True))
    )


def _counter(scenes: Sequence[Scene]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for scene in scenes:
        table.add_row(_names(scene.zh, scene.en), _text(scene.note))
    return table


def _group_buys(report: GroupBuysReport) -> Group:
    """A line for each group, what happened in it, and what is to be said of all."""
    prices = f"{yuan(report.group_price_minor)}, 单买 alone {yuan(report.solo_price_minor)}"
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for group in report.groups:
        ending = series.ENDINGS[group.ending]
        seats = Text("●" * group.paid, style=ending.ansi).append("○" * (group.seats - group.paid), "bright_black")
        course = Text.assemble((ending.zh, ending.ansi), " ", (f"{ending.en}, {group.seconds:.1f} s", "dim"))
        table.add_row(_text(group.leader), seats, course)
        table.add_row("", "", _text(_events(group.events), "dim"))
        if group.funnel:
            table.add_row("", "", _text(_link(group.funnel), "dim"))
    poster = report.poster
    size = f"{poster.width} × {poster.height}, {len(poster.png) / 1000:,.0f} kB"
    table.add_row("海报", "", _text(f"{size}  {poster.path}"))
    facts = Table.grid(padding=(0, 2, 0, 0), expand=True)
    facts.add_column()
    facts.add_column(ratio=1)
    for zh, en, fact in group_facts(report):
        facts.add_row(_names(zh, en), _text(fact))
    return Group(_text(f"{report.title}  {prices}", "bold"), table, facts)


def _members(report: MembersReport) -> Group:
    """A line for each metric, and what is to be said of the evening."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1)
    for metric in report.metrics:
        table.add_row(_names(metric.zh, metric.en), Text(metric.shown, "bold"), _text(metric.means, "dim"))
    facts = Table.grid(padding=(0, 2, 0, 0), expand=True)
    facts.add_column()
    facts.add_column(ratio=1)
    for zh, en, fact in member_facts(report):
        facts.add_row(_names(zh, en), _text(fact))
    head = f"{report.plan}  {yuan(report.price_minor)}, {report.bought:,} 张售出 bought, {report.given:,} 张赠出 given"
    return Group(_text(head, "bold"), table, facts)


def _live_room(report: LiveRoomReport) -> Group:
    """A line for each item that was on air, and what is to be said of the night."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(ratio=1)
    for _ in range(3):
        table.add_column(justify="right", no_wrap=True)
    for item in report.items:
        prices = Text.assemble((yuan(item.live_price_minor), "bold"), " ", (yuan(item.list_price_minor), "dim strike"))
        table.add_row(_text(item.title), prices, f"{item.units:,} 件", yuan(item.gmv_minor))
    facts = Table.grid(padding=(0, 2, 0, 0), expand=True)
    facts.add_column()
    facts.add_column(ratio=1)
    for zh, en, fact in room_facts(report):
        facts.add_row(_names(zh, en), _text(fact))
    head = f"{report.title}  {report.viewers:,} 人观看 viewers, {report.orders:,} 单 orders, {yuan(report.gmv_minor)}"
    curve = charts.sparkline([moment.viewers for moment in report.curve])
    return Group(_text(head, "bold"), Text(curve, "yellow"), table, facts)


def _events(events: Sequence[Event]) -> str:
    return " ".join(f"{event.number} {WORDS[event.kind][0]}" for event in events)


def _link(funnel: Funnel) -> str:
    return f"链接 {funnel.opened} 打开 → {funnel.signed_in} 登录 → {funnel.joined} 入团 → {funnel.paid} 付款"


def _trial_balance(accounts: Sequence[AccountFigures]) -> Table:
    table = Table(box=None, expand=True, header_style="dim", pad_edge=False, show_footer=True)
    table.add_column("科目 account", footer="合计 total")
    table.add_column("借方 debit", justify="right", footer=yuan(sum(one.debit_minor for one in accounts)))
    table.add_column("贷方 credit", justify="right", footer=yuan(sum(one.credit_minor for one in accounts)))
    for account in accounts:
        sides = (yuan(side) if side else "" for side in (account.debit_minor, account.credit_minor))
        table.add_row(_names(account.zh, account.en), *sides)
    return table


def _audit(lines: Sequence[AuditLine]) -> Table:
    table = Table("", "核对 check", "对象 subject", box=None, expand=True, header_style="dim", pad_edge=False)
    table.add_column("应为 expected", justify="right")
    table.add_column("实为 found", justify="right")
    for line in lines:
        verdict = Text("✓", style="green") if line.ok else Text("✗", style="bold red")
        table.add_row(verdict, *map(_text, (line.check, line.subject, line.expected, line.found)))
    return table


@dataclass(frozen=True)
class Fitted:
    """A drawing that is told how many cells wide it may be."""

    draw: Callable[[int], Text]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.draw(options.max_width)


def _plot_rows() -> Table:
    """Rows of a name, a drawing that takes what is left of the width, and figures."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column()
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    return table


def _section(zh: str, en: str, content: RenderableType) -> Panel:
    return Panel(content, title=f"{zh} {en}", title_align="left", box=box.HORIZONTALS, border_style="bright_black")


def _names(zh: str, en: str) -> Text:
    return Text.assemble(zh, " ", (en, "dim"))


def _text(words: str, style: str = "") -> Text:
    return Text("".join(character for character in words if character.isprintable()), style=style)
