"""`nightmarket statement`: what was posted on an account, as CSV."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from domain.foundation import embedded
from domain.foundation.clock import SHOP_ZONE
from domain.foundation.database import Database
from domain.foundation.errors import BadInput
from domain.foundation.settings import settings
from domain.foundation.sheets import in_chunks
from domain.ledger.exporting import rows
from domain.ledger.rules import Account

CANNOT_WRITE = 2


def statement(
    account: Annotated[Account, typer.Option(help="The account.")],
    starts_on: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, at the shop.")],
    ends_on: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day, at the shop.")],
    subject: Annotated[
        str, typer.Option(help="Whose part: a gateway's name, a supplier's id; of other accounts none.")
    ] = "",
    data_dir: Annotated[Path | None, typer.Option(help="Where embedded engines keep their data.")] = None,
) -> None:
    """Write an account's statement as CSV to the standard output: opening balance, every posting, closing balance.

    Both days are included. Exit code 0: all of it was written. 2: it could not be.
    """
    starts_at = starts_on.replace(tzinfo=SHOP_ZONE)
    ends_at = ends_on.replace(tzinfo=SHOP_ZONE) + timedelta(days=1)
    try:
        with ledger(data_dir) as url:
            asyncio.run(_write(url, account=account, subject=subject, starts_at=starts_at, ends_at=ends_at))
    except (BadInput, SQLAlchemyError, OSError, embedded.EnginesMissing, embedded.EngineFailed) as error:
        Console(stderr=True).print(Text(str(error), style="red"))
        raise typer.Exit(CANNOT_WRITE) from None


async def _write(url: str, *, account: Account, subject: str, starts_at: datetime, ends_at: datetime) -> None:
    db = Database.connect(url, connections=1)
    try:
        all_rows = rows(db, account=account, subject=subject, starts_at=starts_at, ends_at=ends_at)
        async for chunk in in_chunks(all_rows):
            sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
    finally:
        await db.close()


@contextmanager
def ledger(data_dir: Path | None) -> Iterator[str]:
    """The address of the ledger; an embedded one is joined, or started for so long."""
    given = settings() if data_dir is None else settings().model_copy(update={"data_dir": data_dir})
    if url := given.database_url.get_secret_value():
        yield url
        return
    if not given.data_dir.exists():
        raise FileNotFoundError(f"there is no market in {given.data_dir}; `nightmarket up` opens one")
    with embedded.start(given.data_dir, redis=False, broker=False) as engines:
        yield engines.database_url
