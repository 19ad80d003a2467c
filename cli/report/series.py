"""What each colour of the report stands for, and which counts a plot stacks; the page and the terminal share it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cli.report.figures import SaleReport, SecondFigures, SkuFigures
from cli.report.group_buys import Ending


@dataclass(frozen=True)
class Series:
    """A colour (a class of the style sheet, a colour of the terminal) and its two names."""

    css: str
    ansi: str
    zh: str
    en: str


QUEUED = Series("claims", "yellow", "排上队", "queued")
SOLD_OUT = Series("spare", "bright_black", "答已售罄", "told sold out")
RESERVED = Series("reserved", "blue", "锁定库存", "reserved")
PAID = Series("paid", "green", "已支付", "paid")
LAPSED = Series("lapsed", "red", "超时释放", "lapsed")
HELD = Series("reserved", "blue", "未结", "still held")
OVERSOLD = Series("oversold", "bold red", "超卖", "oversold")
RETURNED = Series("spare", "bright_black", "回库", "returned")

ENDINGS: Mapping[Ending, Series] = {
    Ending.FILLED: Series("paid", "green", "成团", "filled"),
    Ending.COMPLETED: Series("reserved", "blue", "商家成团", "by the merchant"),
    Ending.REFUNDED: Series("lapsed", "red", "未成团，已退款", "expired, refunded"),
    Ending.UNDECIDED: Series("spare", "bright_black", "未结", "undecided"),
}

Stack = Sequence[tuple[Series, int]]


@dataclass(frozen=True)
class Line:
    """One colour of the timeline and where its count is found."""

    colour: Series
    count: Callable[[SecondFigures], int]


@dataclass(frozen=True)
class TimelinePlot:
    """Lines that add up, stacked in one plot."""

    zh: str
    en: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class LatencyPlot:
    """The measured samples, in milliseconds, of one way through the market."""

    zh: str
    en: str
    colour: Series
    samples: Sequence[float]


# One clock but three heights: on a common one, payments would vanish beside thousands of claims.
TIMELINE = (
    TimelinePlot(
        "抢购应答",
        "claims answered",
        [Line(QUEUED, lambda second: second.queued), Line(SOLD_OUT, lambda second: second.sold_out_answers)],
    ),
    TimelinePlot("锁定库存", "units reserved", [Line(RESERVED, lambda second: second.reserved)]),
    TimelinePlot(
        "支付与释放",
        "paid and lapsed",
        [Line(PAID, lambda second: second.paid), Line(LAPSED, lambda second: second.lapsed)],
    ),
)


def latencies(report: SaleReport) -> list[LatencyPlot]:
    """The latencies that were measured at all."""
    plots = (
        LatencyPlot("抢购 → 应答", "claim to answer", QUEUED, report.claim_ms),
        LatencyPlot("抢购 → 锁定", "claim to reserved", RESERVED, report.reserve_ms),
    )
    return [plot for plot in plots if plot.samples]


def units(sku: SkuFigures) -> Stack:
    """Where the allotment is now."""
    return [(PAID, sku.sold), (HELD, sku.held), (RETURNED, sku.returned)]


def longest(skus: Sequence[SkuFigures]) -> int:
    """The units of the longest bar, at least 1: bars of all SKUs are drawn to one measure."""
    return max((sum(count for _, count in units(sku)) for sku in skus), default=0) or 1
