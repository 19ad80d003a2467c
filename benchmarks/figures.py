"""A measured figure, and how a run's figures are shown."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """A value with its unit; where there is one, the ceiling it is compared with and value : ceiling."""

    name: str
    value: float
    unit: str
    ceiling: float | None = None
    target: str = ""

    @property
    def ratio(self) -> float | None:
        """Value : ceiling."""
        return self.value / self.ceiling if self.ceiling else None


def show(figures: Iterable[Figure], *, as_json: bool) -> None:
    """A table for people, or a JSON object a line."""
    if as_json:
        for figure in figures:
            print(json.dumps({**asdict(figure), "ratio": figure.ratio}, ensure_ascii=False))
        return
    table = Table(title=f"夜市 benchmarks · Python {sys.version.split()[0]} · {sys.executable}")
    table.add_column("what", min_width=34)
    for heading in ("value", "unit", "ceiling", "ratio", "target"):
        table.add_column(heading, justify="right")
    for figure in figures:
        ceiling = f"{figure.ceiling:,.0f}" if figure.ceiling else ""
        ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else ""
        value = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:,.2f}"
        table.add_row(figure.name, value, figure.unit, ceiling, ratio, figure.target)
    Console().print(table)
