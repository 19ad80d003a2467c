"""`nightmarket import-products` and `export-products`: catalogues as CSV files, in Shopify's columns."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from domain import migrations
from domain.foundation import clock, embedded
from domain.foundation.database import Database
from domain.foundation.errors import BadInput
from domain.foundation.settings import Settings, settings
from domain.products.layouts import Layout
from domain.stock.exporting import export_file
from domain.stock.importing import Report, import_file

SKIPPED = 1
CANNOT_START = 2

DataDir = Annotated[Path | None, typer.Option(help="Where embedded engines keep their data.")]


def import_products(
    file: Annotated[
        Path, typer.Argument(help="A CSV file in Shopify's old or new columns.", exists=True, dir_okay=False)
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each product.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Bring the products of a CSV file into the shop, with their quantities; import it again to update them.

    Exit code 0: all are in. 1: some have mistakes, were skipped, and the table names why. 2: nothing was imported.
    """
    with _refusals(), _ledger(data_dir) as url, _progress() as progress:
        task = progress.add_task("reading", total=1.0)

        def tell(report: Report, share: float) -> None:
            progress.update(task, completed=share, description=f"{report.products:,} products")

        report = asyncio.run(_import(url, file, dry_run=dry_run, progress=tell))
    _show(report, dry_run=dry_run)
    if report.skipped:
        raise typer.Exit(SKIPPED)


def export_products(
    file: Annotated[Path, typer.Argument(help="The CSV file to write; one that is there is replaced.", dir_okay=False)],
    layout: Annotated[
        Layout, typer.Option(help="Shopify's columns: as they are now, or as they were until 2024.")
    ] = Layout.NEW,
    data_dir: DataDir = None,
) -> None:
    """Write every product, drafts too, into a CSV file that `import-products` reads back unchanged."""
    with _refusals(), _ledger(data_dir) as url, _progress() as progress:
        task = progress.add_task("writing", total=None)

        def tell(exported: int) -> None:
            progress.update(task, description=f"{exported:,} products")

        exported = asyncio.run(_export(url, file, layout=layout, progress=tell))
    Console().print(f"{exported:,} products are in {file}")


async def _import(url: str, file: Path, *, dry_run: bool, progress: Callable[[Report, float], None]) -> Report:
    db = Database.connect(url)
    try:
        return await import_file(db, file, now=clock.now(), dry_run=dry_run, progress=progress)
    finally:
        await db.close()


async def _export(url: str, file: Path, *, layout: Layout, progress: Callable[[int], None]) -> int:
    db = Database.connect(url)
    try:
        return await export_file(db, file, layout=layout, progress=progress)
    finally:
        await db.close()


def _show(report: Report, *, dry_run: bool) -> None:
    console = Console()
    counts = Table(title="nothing was written: this was a dry run" if dry_run else None, show_edge=False)
    for heading in ("created", "updated", "unchanged", "skipped", "SKUs"):
        counts.add_column(heading, justify="right")
    numbers = (report.created, report.updated, report.unchanged, report.skipped, report.skus)
    counts.add_row(*(f"{number:,}" for number in numbers))
    console.print(counts)
    if report.mistakes:
        mistakes = Table(title=f"mistakes ({report.mistakes_found:,})", show_edge=False, title_style="bold red")
        for heading in ("line", "column", "value", "allowed"):
            mistakes.add_column(heading, overflow="fold")
        for mistake in report.mistakes:
            mistakes.add_row(str(mistake.line), Text(mistake.column), Text(mistake.value), Text(mistake.allowed))
        console.print(mistakes)
        if (more := report.mistakes_found - len(report.mistakes)) > 0:
            console.print(f"and {more:,} more")
    for notice in report.notices:
        console.print(Text(f"note: {notice}", style="yellow"))


def _progress() -> Progress:
    """On stderr, where that is a terminal, and gone once it is done: what stays is the report."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def _ledger(data_dir: Path | None) -> Iterator[str]:
    """The address of the ledger, at its newest schema; an embedded one is joined, or started for so long."""
    given: Settings = settings() if data_dir is None else settings().model_copy(update={"data_dir": data_dir})
    if url := given.database_url.get_secret_value():
        migrations.upgrade(url)
        yield url
        return
    with embedded.start(given.data_dir, redis=False, broker=False) as engines:
        migrations.upgrade(engines.database_url)
        yield engines.database_url


@contextmanager
def _refusals() -> Iterator[None]:
    """One sentence instead of a traceback for what the operator can put right."""
    try:
        yield
    except (BadInput, OSError, embedded.EnginesMissing, embedded.EngineFailed) as error:
        Console(stderr=True).print(Text(str(error), style="red"))
        raise typer.Exit(CANNOT_START) from None
