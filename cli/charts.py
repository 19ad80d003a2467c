"""Small charts for reports: SVG for a page, Unicode for a terminal. Knows nothing of sales.

The SVG measures in per cent of its box and has no viewBox: on a phone the plot narrows while its text keeps its size.
Colours are CSS classes, so one plot serves light, dark and paper.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, pairwise

from markupsafe import Markup


@dataclass(frozen=True)
class Column:
    """One upright bar between two positions of the x axis (0 to 1): `parts` are (colour, count) from the ground up."""

    left: float
    right: float
    parts: Sequence[tuple[str, int]]
    tip: str

    @property
    def height(self) -> int:
        """The count of all parts together."""
        return sum(height for _, height in self.parts)


@dataclass(frozen=True)
class Mark:
    """A named moment or value on the x axis, drawn as a line from top to ground. No label, no text."""

    at: float
    label: str = ""


@dataclass(frozen=True)
class LogScale:
    """A logarithmic axis in round numbers. `ticks` are its labelled values, the first and last of `ladder` its ends."""

    ladder: Sequence[float]

    @classmethod
    def around(cls, samples: Sequence[float]) -> "LogScale":
        """The shortest axis of 1-2-5 steps that holds every sample; no logarithm shows a 0, so 0.001 is the least."""
        lowest, highest = max(min(samples), 0.001), max(*samples, 0.001)
        decades = range(math.floor(math.log10(lowest)) - 1, math.ceil(math.log10(highest)) + 2)
        steps = [float(f"{digit}e{decade}") for decade in decades for digit in (1, 2, 5)]
        first = max(step for step in steps if step <= lowest)
        last = min(step for step in steps if step > highest)
        return cls([step for step in steps if first <= step <= last])

    @property
    def ticks(self) -> Sequence[float]:
        """Every step of a short axis; only the powers of ten where all of them would not fit on a phone."""
        if len(self.ladder) <= 10:
            return self.ladder
        return [step for step in self.ladder if f"{step:e}".startswith("1.0")]

    def position(self, value: float) -> float:
        """Where a value stands between the ends, 0 to 1; what lies below the axis stands at its start."""
        return math.log(max(value, self.ladder[0]) / self.ladder[0]) / math.log(self.ladder[-1] / self.ladder[0])

    def edges(self, bins: int) -> list[float]:
        """The `bins + 1` values that cut the axis into slices of equal width."""
        ratio = self.ladder[-1] / self.ladder[0]
        return [self.ladder[0] * ratio ** (edge / bins) for edge in range(bins + 1)]

    def histogram(self, samples: Sequence[float], bins: int) -> list[int]:
        """How many samples fall into each of `bins` slices of equal width on this axis."""
        counts = [0] * bins
        for sample in samples:
            counts[min(int(self.position(sample) * bins), bins - 1)] += 1
        return counts


def round_ticks(highest: int, *, most: int = 4) -> list[int]:
    """0, then steps of 1, 2 or 5 times a power of ten, until one reaches `highest`; at most `most` steps."""
    step = next(step for step in round_steps() if step * most >= highest)
    return list(range(0, max(highest, 1) + step, step))[: max(-(-highest // step), 1) + 1]


def round_steps() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50 and so on."""
    return (digit * 10**power for power in count() for digit in (1, 2, 5))


# -- SVG ---------------------------------------------------------------------------------------------------------------


def columns(
    bars: Sequence[Column], *, label: str, x_ticks: Sequence[tuple[float, str]], marks: Sequence[Mark] = ()
) -> Markup:
    """Upright bars over a labelled x axis, with round counts at the left and a tooltip over the height of each bar.

    Labels of marks stand above the plot, each on a line of its own, on whichever side of the mark has more room.
    """
    y_ticks = round_ticks(max((bar.height for bar in bars), default=0))
    return _svg(
        "plot",
        label,
        *(_grid_line(tick / y_ticks[-1], f"{tick:,}") for tick in y_ticks),
        *(_x_tick(position, text) for position, text in x_ticks),
        *(_column(bar, top=y_ticks[-1]) for bar in bars),
        *(_mark_line(mark, row) for row, mark in enumerate(marks)),
        *(_mark_label(mark, row) for row, mark in enumerate(marks)),
    )


def bar(parts: Sequence[tuple[str, int, str]], *, whole: int, label: str) -> Markup:
    """One lying bar of (colour, count, tooltip) parts; `whole`, above 0, is the count that fills the width."""
    ends = accumulate((count for _, count, _ in parts), initial=0)
    return _svg(
        "bar",
        label,
        *(
            Markup('<rect class="{}" x="{}" width="{}" height="100%"><title>{}</title></rect>').format(
                colour, _percent(start / whole), _percent((end - start) / whole), tip
            )
            for (colour, _, tip), (start, end) in zip(parts, pairwise(ends), strict=True)
            if end > start
        ),
    )


def _svg(kind: str, label: str, *content: Markup) -> Markup:
    return Markup('<svg class="{}" role="img" aria-label="{}">{}</svg>').format(kind, label, Markup("").join(content))


def _grid_line(height: float, text: str) -> Markup:
    return Markup(
        '<line class="grid" x2="100%" y1="{y}" y2="{y}"/>'
        '<text class="y" x="0" dx="-.7em" y="{y}" dy=".35em">{text}</text>'
    ).format(y=_percent(1 - height), text=text)


def _x_tick(position: float, text: str) -> Markup:
    return Markup('<text class="x" x="{}" y="100%" dy="1.5em">{}</text>').format(_percent(position), text)


def _column(bar: Column, *, top: int) -> Markup:
    width = bar.right - bar.left
    drawn = [(colour, size) for colour, size in bar.parts if size > 0]
    # A count of one is seen even beside thousands: no part is drawn lower than 1 % of the plot.
    heights = accumulate((max(size / top, 0.01) for _, size in drawn), initial=0.0)
    rects = (
        Markup('<rect class="{}" x="{}" width="{}" y="{}" height="{}"/>').format(
            colour, _percent(bar.left + width * 0.08), _percent(width * 0.84), _percent(1 - end), _percent(end - start)
        )
        for (colour, _), (start, end) in zip(drawn, pairwise(heights), strict=True)
    )
    return Markup(
        '<g class="column"><rect class="hover" x="{}" width="{}" height="100%"/>{}<title>{}</title></g>'
    ).format(_percent(bar.left), _percent(width), Markup("").join(rects), bar.tip)


def _mark_line(mark: Mark, row: int) -> Markup:
    return Markup('<line class="mark" x1="{x}" x2="{x}" y1="{top}" y2="100%"/>').format(
        x=_percent(mark.at), top=_mark_top(row)
    )


def _mark_label(mark: Mark, row: int) -> Markup:
    anchor, shift = ("start", ".4em") if mark.at < 0.5 else ("end", "-.4em")
    return Markup('<text class="mark" x="{}" y="{}" dx="{}" dy=".35em" text-anchor="{}">{}</text>').format(
        _percent(mark.at), _mark_top(row), shift, anchor, mark.label
    )


def _mark_top(row: int) -> str:
    return f"{-1 - 1.4 * row:.1f}em"


def _percent(share: float) -> str:
    return f"{share * 100:.2f}%"


# -- Unicode -----------------------------------------------------------------------------------------------------------


def sparkline(counts: Sequence[int]) -> str:
    """One character a count, the highest full; a blank is a zero and nothing else is."""
    highest = max(counts, default=0)
    return "".join(" ▁▂▃▄▅▆▇█"[-(-8 * count // highest) if count > 0 else 0] for count in counts)


def blocks(count: int, *, whole: int, width: int) -> str:
    """A lying bar, `width` cells where `count` is `whole`, to an eighth of a cell; anything above zero shows."""
    eighths = -(-8 * width * count // whole) if count > 0 else 0
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
