"""The report as a page for a browser: words and layout stand in `page.html.jinja`, plots are drawn by `cli.charts`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cli import charts
from cli.report import series
from cli.report.figures import (
    SaleReport,
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
    sold_out_after,
    yuan,
)
from cli.report.group_buys import WORDS, Funnel, GroupBuysReport, GroupFigures
from cli.report.live_room import LiveRoomReport, OnAir
from cli.report.members import MembersReport, Metric
from domain.foundation.clock import SHOP_ZONE

MOST_BARS = 60
"""Bars of a timeline that a phone can still show apart."""

LATENCY_BINS = 48


@dataclass(frozen=True)
class Plot:
    """A plot with its two names, what one bar counts, and its legend."""

    zh: str
    en: str
    note: str
    legend: Sequence[series.Series]
    svg: Markup


@dataclass(frozen=True)
class LinkStep:
    """How far those came who opened a share link, and a bar of it."""

    zh: str
    en: str
    count: int
    bar: Markup


def write_html(report: SaleReport, path: Path) -> Path:
    """Write the page to `path` and give `path` back. Replaces an older page, makes missing folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html(report), encoding="utf-8")
    return path


def html(report: SaleReport) -> str:
    """The report as one page that stands alone: no script, no font, no picture to fetch."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(yuan=yuan, count="{:,}".format)
    return pages.get_template("page.html.jinja").render(
        report=report,
        started_at=report.started_at.astimezone(SHOP_ZONE),
        headline=headline(report),
        figures=figures(report),
        funnel=list(_funnel(report.funnel)),
        unit_series=(series.PAID, series.HELD, series.RETURNED),
        skus=list(_sku_bars(report.skus)),
        timeline=list(_timeline(report)),
        latencies=list(_latencies(report)),
        groups=list(_groups(report.group_buys)),
        event_words=WORDS,
        group_facts=group_facts(report.group_buys) if report.group_buys else [],
        room_facts=room_facts(report.live_room) if report.live_room else [],
        on_air=list(_on_air(report.live_room)),
        viewers_plot=_viewers(report.live_room),
        member_facts=member_facts(report.members) if report.members else [],
        metrics=list(_metrics(report.members)),
    )


def _funnel(steps: Sequence[Step]) -> Iterator[tuple[Step, str, Markup]]:
    entered = max((step.count for step in steps), default=0) or 1
    for step in steps:
        share = per_cent(step.count, entered)
        tip = f"{step.zh} {step.en}: {step.count:,} ({share})"
        yield step, share, charts.bar([("funnel", step.count, tip)], whole=entered, label=tip)


def _sku_bars(skus: Sequence[SkuFigures]) -> Iterator[tuple[SkuFigures, Markup]]:
    longest = series.longest(skus)
    for sku in skus:
        parts = [(colour.css, count, f"{colour.zh} {colour.en}: {count:,}") for colour, count in series.units(sku)]
        yield sku, charts.bar(parts, whole=longest, label=f"{sku.title} {sku.options}")


def _groups(report: GroupBuysReport | None) -> Iterator[tuple[GroupFigures, series.Series, Sequence[LinkStep]]]:
    for group in report.groups if report else ():
        yield group, series.ENDINGS[group.ending], list(_link_steps(group.funnel)) if group.funnel else []


def _link_steps(funnel: Funnel) -> Iterator[LinkStep]:
    steps = (
        ("打开", "opened", funnel.opened),
        ("登录", "signed in", funnel.signed_in),
        ("入团", "joined", funnel.joined),
        ("付款", "paid", funnel.paid),
    )
    whole = max(count for _, _, count in steps) or 1
    for zh, en, count in steps:
        tip = f"{zh} {en}: {count:,}"
        yield LinkStep(zh, en, count, charts.bar([("funnel", count, tip)], whole=whole, label=tip))


def _on_air(report: LiveRoomReport | None) -> Iterator[tuple[OnAir, Markup]]:
    items = report.items if report else ()
    most = max((item.gmv_minor for item in items), default=0) or 1
    for item in items:
        tip = f"{item.title}: {yuan(item.gmv_minor)}"
        yield item, charts.bar([("paid", item.gmv_minor, tip)], whole=most, label=tip)


def _viewers(report: LiveRoomReport | None) -> Plot | None:
    """Who watched, from sample to sample."""
    if report is None or len(report.curve) < 2:
        return None
    length = report.curve[-1].seconds or 1.0
    bars = [
        charts.Column(
            left=max(now.seconds, 0) / length,
            right=then.seconds / length,
            parts=[("claims", now.viewers)],
            tip=f"{now.seconds:.0f} s: {now.viewers:,}",
        )
        for now, then in pairwise(report.curve)
    ]
    ticks = [(tick / length, f"{tick} s") for tick in charts.round_ticks(int(length), most=8) if tick <= length]
    svg = charts.columns(bars, label="在线人数 viewers", x_ticks=ticks)
    return Plot("在线人数", "viewers", note=f"峰值 peak {report.peak:,}", legend=(), svg=svg)


def _metrics(report: MembersReport | None) -> Iterator[tuple[Metric, Markup | None]]:
    for metric in report.metrics if report else ():
        if metric.share is None:
            yield metric, None
        else:
            tip = f"{metric.zh} {metric.en}: {metric.shown}"
            yield metric, charts.bar([("paid", round(metric.share * 1000), tip)], whole=1000, label=tip)


def _timeline(report: SaleReport) -> Iterator[Plot]:
    if not report.timeline:
        return
    seconds = seconds_per_slice(report.timeline, most=MOST_BARS)
    slices = in_slices(report.timeline, seconds=seconds)
    length = len(slices) * seconds
    ticks = [(tick / length, f"{tick:,} s") for tick in charts.round_ticks(length, most=8) if tick <= length]
    for plot in series.TIMELINE:
        bars = [
            charts.Column(
                left=second.second / length,
                right=(second.second + seconds) / length,
                parts=[(line.colour.css, line.count(second)) for line in plot.lines],
                tip=_tip(second, seconds, plot.lines),
            )
            for second in slices
        ]
        yield Plot(
            plot.zh,
            plot.en,
            note="每秒 per second" if seconds == 1 else f"每 {seconds} 秒 per {seconds} s",
            legend=[line.colour for line in plot.lines],
            svg=charts.columns(bars, label=f"{plot.zh} {plot.en}", x_ticks=ticks, marks=_sold_out(report, length)),
        )


def _tip(second: SecondFigures, seconds: int, lines: Sequence[series.Line]) -> str:
    counts = (f"{line.colour.zh} {line.colour.en}: {line.count(second):,}" for line in lines)
    return "\n".join([f"{second.second:,} – {second.second + seconds:,} s", *counts])


def _sold_out(report: SaleReport, length: int) -> list[charts.Mark]:
    if report.seconds_to_sold_out is None or report.seconds_to_sold_out > length:
        return []
    return [charts.Mark(report.seconds_to_sold_out / length, f"售罄 {sold_out_after(report)}")]


def _latencies(report: SaleReport) -> Iterator[Plot]:
    plots = series.latencies(report)
    if not plots:
        return
    # One axis for all of them: an axis of its own for each would make a slow one look like a fast one.
    scale = charts.LogScale.around([sample for plot in plots for sample in plot.samples])
    for plot in plots:
        counts = scale.histogram(plot.samples, LATENCY_BINS)
        bars = [
            charts.Column(
                left=scale.position(low),
                right=scale.position(high),
                parts=[(plot.colour.css, count)],
                tip=f"{duration(low)} – {duration(high)}: {count:,} 次",
            )
            for (low, high), count in zip(pairwise(scale.edges(LATENCY_BINS)), counts, strict=True)
        ]
        marks = [
            charts.Mark(scale.position(rank), f"p{percent} {duration(rank)}")
            for percent in (50, 99)
            if (rank := percentile(plot.samples, percent)) is not None
        ]
        yield Plot(
            plot.zh,
            plot.en,
            note=f"{len(plot.samples):,} 次 samples",
            legend=(),
            svg=charts.columns(
                bars,
                label=f"{plot.zh} {plot.en}",
                x_ticks=[(scale.position(tick), duration(tick).removesuffix(" ms")) for tick in scale.ticks],
                marks=marks,
            ),
        )
