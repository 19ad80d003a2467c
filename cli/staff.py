"""`nightmarket staff`: who works behind the counter, and how they come to a password and a second factor."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cli.statement import ledger
from domain.accounts import enrolling, finding, people
from domain.accounts.enrolling import OPERATOR, Enrolled, Enrolment
from domain.accounts.rules import Role
from domain.foundation import clock, embedded
from domain.foundation.database import Database
from domain.foundation.errors import BadInput, Refusal
from domain.foundation.ids import new_id
from domain.foundation.settings import Settings, settings

T = TypeVar("T")
CANNOT = 2

staff = typer.Typer(
    no_args_is_help=True,
    help="Who works behind the counter. They sign in by a name, a password and the code of an authenticator app; the first "
    "two and the app's key are made here and shown once. The first password only serves to choose another "
    "(changeStaffPassword). Five wrong codes in a row lock a sign-in for 15 minutes; `reset` ends the lock. Needs "
    "NIGHTMARKET_SEAL_KEY, the same as the API's. Every deed is on the trail.",
)

Name = Annotated[str, typer.Argument(help="2 to 64 lower-case letters, digits or . _ -")]
Roles = list[Role]
DataDir = Annotated[Path | None, typer.Option(help="Where embedded engines keep their data.")]


@staff.command()
def add(
    name: Name,
    role: Annotated[Roles, typer.Option(help="A role; give the option again for another.")],
    data_dir: DataDir = None,
) -> None:
    """Open an account for somebody, and show their one-time password and the key of their app, this once."""
    _hand_out(
        _run(data_dir, lambda db, now, given: enrolling.add(db, settings=given, username=name, given=role, now=now))
    )


@staff.command()
def reset(name: Name, data_dir: DataDir = None) -> None:
    """Make a new one-time password and a new key for somebody's app. A lock and all their sessions end."""
    _hand_out(_run(data_dir, lambda db, now, given: enrolling.reset(db, settings=given, username=name, now=now)))


@staff.command()
def roles(
    name: Name,
    give: Annotated[Roles | None, typer.Option(help="A role to give; give the option again for another.")] = None,
    take: Annotated[Roles | None, typer.Option(help="A role to take: their sessions end.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Give roles and take others, and show those that are left. The last admin stays one."""

    async def change(db: Database, now: datetime, _: Settings) -> frozenset[Role]:
        account_id = await enrolling.account_called(db, name)
        for role in give or ():
            await people.give_role(db, account_id=account_id, role=role, by=OPERATOR, now=now)
        for role in take or ():
            await people.take_role(db, account_id=account_id, role=role, by=OPERATOR, now=now)
        return (await finding.by_ids(db, [account_id]))[account_id].roles

    typer.echo(" ".join(sorted(_run(data_dir, change))))


@staff.command()
def disable(
    name: Name,
    why: Annotated[str, typer.Option(help="For the others behind the counter: 1 to 200 characters.")],
    data_dir: DataDir = None,
) -> None:
    """Ban somebody: their sessions end, and they do not sign in again. An admin can let them in again (unbanAccount)."""

    async def ban(db: Database, now: datetime, _: Settings) -> None:
        account_id = await enrolling.account_called(db, name)
        key = f"staff-{new_id()}"
        await people.ban(db, account_id=account_id, why=why, by=OPERATOR, idempotency_key=key, now=now)

    _run(data_dir, ban)
    typer.echo(f"{name} is disabled")


@staff.command(name="list")
def show(data_dir: DataDir = None) -> None:
    """Show everybody who signs in as staff: name, roles, and what keeps them from it."""
    now = clock.now()
    table = Table(title="员工 staff", show_edge=False)
    for heading in ("name", "roles", "state"):
        table.add_column(heading, overflow="fold")
    for one in _run(data_dir, lambda db, now, _: enrolling.enrolled(db)):
        table.add_row(one.username, " ".join(one.roles), _state(one, now))
    Console().print(table)


def _state(one: Enrolled, now: datetime) -> str:
    if one.disabled_at:
        return f"disabled at {one.disabled_at:%Y-%m-%d %H:%M} UTC"
    if one.locked_until and now < one.locked_until:
        return f"locked until {one.locked_until:%H:%M:%S} UTC"
    return "has the one-time password" if one.must_change_password else "active"


def _hand_out(made: Enrolment) -> None:
    # plain lines: nothing may fold what is to be copied, and nothing of it may reach a log
    typer.echo(f"name      {made.username}\npassword  {made.password}\napp       {made.uri}")
    typer.echo("Shown this once. The password serves to choose another, with a code of the app: changeStaffPassword.")


def _run(data_dir: Path | None, act: Callable[[Database, datetime, Settings], Awaitable[T]]) -> T:
    async def on_a_loop(given: Settings) -> T | Refusal:
        db = Database.connect(given.database_url.get_secret_value(), connections=1)
        try:
            return await act(db, clock.now(), given)
        except Refusal as refused:  # given back: a context manager would write to it, and refusals are frozen
            return refused
        finally:
            await db.close()

    try:
        with _opened(data_dir) as given:
            done = asyncio.run(on_a_loop(given))
    except (BadInput, SQLAlchemyError, OSError, embedded.EnginesMissing, embedded.EngineFailed) as error:
        # the engine's own words: SQLAlchemy's would show the parameters
        _give_up(error.orig if isinstance(error, DBAPIError) else error)
    if isinstance(done, Refusal):
        _give_up(done)
    return done


def _give_up(why: BaseException | None) -> NoReturn:
    Console(stderr=True).print(Text(str(why), style="red"))
    raise typer.Exit(CANNOT)


@contextmanager
def _opened(data_dir: Path | None) -> Iterator[Settings]:
    """The settings with the ledger's address and the key that seals; a market on embedded engines keeps its own."""
    from cli.house import kept_secrets

    given = settings() if data_dir is None else settings().model_copy(update={"data_dir": data_dir})
    if given.database_url.get_secret_value() and not given.seal_key.get_secret_value():
        raise OSError("NIGHTMARKET_SEAL_KEY must be set, to what it is for the API")
    with ledger(data_dir) as url:
        key = given.seal_key.get_secret_value() or kept_secrets(given.data_dir)["seal_key"]
        yield given.model_copy(update={"database_url": SecretStr(url), "seal_key": SecretStr(key)})
