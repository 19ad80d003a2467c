"""The steps of the demo on the screen: moving lines on a terminal, plain ones where nobody watches (a log, CI)."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, pairwise
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

STEPS = 12
PLAIN_NEWS_SECONDS = 2.0
REDRAWN_PER_SECOND = 6
"""Drawing costs the process that also plays the crowd: seldom enough not to be measured, often enough to look alive."""

Stack = Sequence[tuple[str, int]]
"""Colours and counts, side by side."""


class Step:
    """A step under way. `show` may be called as often as there is news."""

    def __init__(self, number: int, zh: str, en: str) -> None:
        self.number, self.zh, self.en = number, zh, en
        self.note = ""
        self.bar: Stack = ()
        self.whole = 0
        self.succeeded: bool | None = None
        self.began_at = monotonic()
        self.ended_at: float | None = None

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return (self.ended_at or monotonic()) - self.began_at

    def show(self, note: str, *, bar: Stack = (), whole: int = 0) -> None:
        """What it has come to: a note, and a bar of `whole` when there is one."""
        self.note, self.bar, self.whole = note, bar, whole


class Steps(ABC):
    """One step after the other."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._steps: list[Step] = []

    @contextmanager
    def step(self, zh: str, en: str) -> Iterator[Step]:
        """A step; one that raises is shown as failed."""
        step = Step(len(self._steps) + 1, zh, en)
        self._steps.append(step)
        self.begun(step)
        try:
            yield step
            step.succeeded = True
        except BaseException:
            step.succeeded = False
            raise
        finally:
            step.ended_at = monotonic()
            step.bar = ()
            self.ended(step)

    @abstractmethod
    def begun(self, step: Step) -> None:
        """A step begins."""

    @abstractmethod
    def ended(self, step: Step) -> None:
        """A step has ended."""

    def tick(self) -> None:  # noqa: B027 - moving lines move by themselves
        """Called now and then while a step is under way."""

    def say(self, words: str) -> None:
        """Something that belongs to no step."""
        self.console.print(Text(words, "yellow"))

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: B027 - plain lines are there already
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Leave the screen as it is."""


class PlainSteps(Steps):
    """A line when a step begins, one every two seconds while it has news, and one when it ends."""

    _told_at = 0.0
    _told = ""

    def begun(self, step: Step) -> None:
        """`[2/8] 上架 import the catalogue`."""
        self.console.print(Text(f"[{step.number}/{STEPS}] {step.zh} {step.en}"))
        self._told_at, self._told = monotonic(), ""

    def ended(self, step: Step) -> None:
        """The last note and the time it took."""
        self.console.print(Text(f"      {'' if step.succeeded else 'failed '}{step.note} ({step.seconds:.1f} s)"))

    def tick(self) -> None:
        """The note of the step under way, when there is news and it is time."""
        step = self._steps[-1] if self._steps else None
        if (
            step
            and step.ended_at is None
            and monotonic() - self._told_at >= PLAIN_NEWS_SECONDS
            and step.note != self._told
        ):
            self.console.print(Text(f"      {step.note}"))
            self._told_at, self._told = monotonic(), step.note


class MovingSteps(Steps):
    """All steps at once, redrawn in place."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._spinner = Spinner("dots", style="yellow")
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=REDRAWN_PER_SECOND)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def begun(self, step: Step) -> None:
        """Drawn at the next turn."""

    def ended(self, step: Step) -> None:
        """Drawn at the next turn."""

    def _draw(self) -> RenderableType:
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        for _ in range(2):
            table.add_column(no_wrap=True)
        table.add_column(ratio=1)
        table.add_column(justify="right", no_wrap=True)
        for step in self._steps:
            name = Text.assemble(f"{step.zh} ", (step.en, "dim"))
            table.add_row(self._mark(step), name, _news(step), Text(f"{step.seconds:.1f} s", "dim"))
        return table

    def _mark(self, step: Step) -> RenderableType:
        if step.succeeded is None:
            return self._spinner
        return Text("✓", "green") if step.succeeded else Text("✗", "bold red")


def steps_on(console: Console, *, plain: bool) -> Steps:
    """The steps as this console can show them; `plain` wants lines even where more could be shown."""
    can_redraw = console.file.isatty() and not console.is_dumb_terminal
    return MovingSteps(console) if can_redraw and not plain else PlainSteps(console)


def _news(step: Step) -> RenderableType:
    return Group(_Bar(step.bar, step.whole), Text(step.note)) if step.bar else Text(step.note)


class _Bar:
    """A lying bar of several colours, as wide as its place."""

    def __init__(self, stack: Stack, whole: int) -> None:
        self._stack, self._whole = stack, whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        ends = [round(end * width / max(self._whole, 1)) for end in accumulate((n for _, n in self._stack), initial=0)]
        parts = [
            ("━" * (end - start), colour) for (colour, _), (start, end) in zip(self._stack, pairwise(ends), strict=True)
        ]
        yield Text.assemble(*parts, ("━" * (width - ends[-1]), "bright_black"))
