"""`nightmarket audit`: the books of a market, on the terminal or as JSON lines."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic import SecretStr
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import DBAPIError, ProgrammingError, SQLAlchemyError

from domain.audit import running
from domain.audit.rules import Line, is_clean
from domain.foundation import clock, embedded
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings, settings

DIFFERS = 1
CANNOT_LOOK = 2
_ID_WIDTH = len("allotment_01h455vb4pex5vsknk084sn02q")
"""What differs is named by its id, which is to be copied in one piece."""
_MARKS = {True: Text("✓", style="green"), False: Text("✗", style="bold red"), None: Text("·", style="dim")}


def audit(
    data_dir: Annotated[Path | None, typer.Option(help="Where embedded engines keep their data.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of a table.")] = False,
) -> None:
    """Prove the books: stock, orders, money, tickets, limits and gates. Changes nothing, also while the market runs.

    Exit code 0: everything agrees. 1: something differs, and the table names it. 2: the books could not be read.
    """
    given = settings() if data_dir is None else settings().model_copy(update={"data_dir": data_dir})
    try:
        with _addressed(given) as addressed, _progress() as tell:
            lines = asyncio.run(_lines(addressed, tell))
    except (SQLAlchemyError, OSError, embedded.EnginesMissing, embedded.EngineFailed) as error:
        Console(stderr=True).print(_text(f"the books cannot be read: {_why(error)}", "red"))
        raise typer.Exit(CANNOT_LOOK) from None
    if as_json:
        for line in lines:
            typer.echo(orjson.dumps(asdict(line)))
    else:
        Console().print(table(lines), _summary(lines))
    if not is_clean(lines):
        raise typer.Exit(DIFFERS)


async def _lines(addressed: Settings, tell: Callable[[str], object]) -> list[Line]:
    market = Market.open(addressed)
    try:
        return await running.run(market.db, market.gate, now=clock.now(), before=tell)
    finally:
        await market.close()


def _why(error: Exception) -> str:
    """The engine's own words, without the statement it choked on."""
    told = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return told + ("; `nightmarket migrate` makes the tables" if isinstance(error, ProgrammingError) else "")


@contextmanager
def _addressed(given: Settings) -> Iterator[Settings]:
    """The settings with both addresses; where one is empty, the embedded engine is joined, or started for so long."""
    wanted = {name: not getattr(given, f"{name}_url").get_secret_value() for name in ("database", "redis")}
    if not any(wanted.values()):
        yield given
        return
    if not given.data_dir.exists():
        raise FileNotFoundError(f"there is no market in {given.data_dir}; `nightmarket up` opens one")
    with embedded.start(given.data_dir, broker=False, **wanted) as engines:
        addresses = {f"{name}_url": getattr(engines, f"{name}_url") for name in wanted if wanted[name]}
        yield given.model_copy(update={name: SecretStr(address) for name, address in addresses.items()})


@contextmanager
def _progress() -> Iterator[Callable[[str], object]]:
    """Says on stderr what is being looked at, as long as it takes; nothing stays on the screen."""
    columns = SpinnerColumn(), BarColumn(bar_width=20), MofNCompleteColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(running.NAMES))

        def tell(name: str) -> None:
            progress.update(task, description=name, completed=running.NAMES.index(name))

        yield tell


def table(lines: Sequence[Line]) -> Table:
    """The lines as rows; what differs stands under the check that found it."""
    drawn = Table(title="夜市对账 audit", box=box.SIMPLE_HEAD, header_style="dim")
    id_width = None if is_clean(lines) else _ID_WIDTH
    for heading in ("", "核对 check", "对象 subject", "应为 expected", "实为 found"):
        drawn.add_column(heading, overflow="fold", min_width=id_width if "subject" in heading else None)
    before = ""
    for line in lines:
        name = Text() if line.check == before else Text.assemble(f"{line.zh}\n", (line.check, "dim"))
        drawn.add_row(_MARKS[line.ok], name, *map(_text, (line.subject, line.expected, line.found)))
        before = line.check
    return drawn


def _summary(lines: Sequence[Line]) -> Text:
    checks = {line.check for line in lines if line.ok is not None}
    differing = {line.check for line in lines if line.ok is False}
    if differing:
        return Text(f"账实不符  {len(differing)} of {len(checks)} checks differ", style="bold red")
    return Text(f"账实相符  {len(checks)} checks, nothing differs", style="bold green")


def _text(words: str, style: str = "") -> Text:
    """Plain text: neither markup nor control codes in a merchant's titles do anything."""
    return Text("".join(character for character in words if character.isprintable()), style=style)
