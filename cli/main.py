"""`nightmarket`: every command of the operator."""

import time
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from cli import documents
from cli.audit import audit
from cli.catalogue import export_products, import_products
from cli.staff import staff
from cli.statement import statement
from domain.foundation import logs
from domain.foundation.processes import leave_with_parent
from domain.foundation.settings import Settings, settings

app = typer.Typer(
    help="夜市 Night Market: the market's processes, its books and its tools.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()

ENGINES = ("database_url", "redis_url", "broker_url")

DataDir = Annotated[Path | None, typer.Option(help="Where embedded engines, secrets and reports live.")]


@app.command()
def up(
    port: Annotated[int | None, typer.Option(help="Port of the API; 0 takes a free one.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the whole market in this terminal, on embedded engines where none are configured. Ctrl-C stops it."""
    from cli.house import House, HouseFailed, stop_signals
    from domain.foundation.embedded import EngineFailed, EnginesMissing

    given = settings()
    # anyone may be anyone on a laptop's own engines; never where somebody configured real ones, or where the world comes
    is_for_the_world = given.home.lower().startswith("https:") or any(is_set(getattr(given, name)) for name in ENGINES)
    login = given.development_login or not is_for_the_world
    wanted = with_changes(given, port=port, data_dir=data_dir, development_login=login)
    logs.configure(level=wanted.log_level, as_json=wanted.log_json)
    with stop_signals() as received:
        try:
            with House(wanted) as house:
                console.print(f"夜市 is open: [bold]{house.url}/graphql[/bold]  (Ctrl-C closes it)")
                if "platform" in house.members:
                    wechat = house.settings.wechat_platform_url
                    console.print(f"simulated WeChat: {wechat}/commands/login gives codes for `signInWithWechat`")
                while not received:
                    time.sleep(0.5)
                    for name in house.restart_the_fallen():
                        console.print(f"[yellow]the {name} had ended and was started again[/yellow]")
                console.print("closing: requests and batches in hand are finished first")
        except (HouseFailed, EnginesMissing, EngineFailed) as failure:
            console.print(str(failure), style="red", markup=False)
            raise typer.Exit(1) from None


@app.command()
def demo(
    leave: Annotated[bool, typer.Option("--exit", help="Close the market after the report, not at Ctrl-C.")] = False,
    catalogue: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A CSV of products; by default a sample.")
    ] = None,
    shoppers: Annotated[int, typer.Option(min=1, max=20_000, help="How many people come.")] = 2_000,
    units: Annotated[int, typer.Option(min=1, help="How many units they come for.")] = 300,
    port: Annotated[int | None, typer.Option(help="Port of the API; by default 8000, or a free one.")] = None,
    data_dir: DataDir = None,
    seed: Annotated[int, typer.Option(help="Decides who wants what, who pays and who never does.")] = 1,
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines, as where nobody watches.")] = False,
) -> None:
    """Rehearse a flash sale: a whole market on this machine, shoppers over HTTP, a report, an audit. Ctrl-C closes it.

    Always on embedded engines, whatever is configured. Exit code 0: everything sold or given back, nothing oversold,
    the books agree.
    """
    try:
        from cli.demo import SAMPLE_CATALOGUE, Evening, Plan
    except ModuleNotFoundError as missing:
        console.print(rf"[red]{missing.name} is not installed[/red]: pip install 'nightmarket\[embedded,demo]'")
        raise typer.Exit(2) from None

    evening = Evening(
        plan=Plan(shoppers=shoppers, units=units, seed=seed),
        settings=with_changes(settings(), port=port, data_dir=data_dir),
        catalogue=catalogue or SAMPLE_CATALOGUE,
        console=Console(color_system=None if plain else "auto"),
        any_port=port is None,
        plain=plain,
        stays_open=not leave,
    )
    raise typer.Exit(evening.run())


@app.command()
def api() -> None:
    """Run the API alone (production): DATABASE_URL, REDIS_URL, BROKER_URL and the keys must be set."""
    from api.serving import serve

    current = with_documents(needs(settings(), *ENGINES, "token_keys", "pass_key"))
    logs.configure(level=current.log_level, as_json=current.log_json)
    leave_with_parent()
    serve(current)


@app.command()
def live() -> None:
    """Run the API on the server for live sockets (production): scaled apart from `api`, same schema, same settings."""
    from api.live import serve

    current = with_documents(needs(settings(), *ENGINES, "token_keys", "pass_key"))
    logs.configure(level=current.log_level, as_json=current.log_json)
    leave_with_parent()
    serve(current)


@app.command()
def worker() -> None:
    """Run one worker process alone (production): DATABASE_URL, REDIS_URL and BROKER_URL must be set."""
    import asyncio

    import uvloop

    from workers.main import run

    current = needs(settings(), *ENGINES)
    logs.configure(level=current.log_level, as_json=current.log_json)
    leave_with_parent()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(current))


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from domain import migrations

    migrations.upgrade(needs(settings(), *ENGINES).database_url.get_secret_value())
    console.print("the database is up to date")


@app.command()
def schema(
    write: Annotated[bool, typer.Option("--write", help="Write schema.graphql instead of printing.")] = False,
) -> None:
    """Print the GraphQL schema, or write it to schema.graphql."""
    from api.schema import SCHEMA_FILE, sdl

    if write:
        SCHEMA_FILE.write_text(sdl())
    else:
        typer.echo(sdl(), nl=False)


@app.command(name="settings")
def show_settings() -> None:
    """Show every knob: its variable, meaning, default and value; secrets are masked."""
    current = settings()
    table = Table(title="夜市 settings", show_lines=False)
    for heading in ("variable", "meaning (unit)", "default", "value"):
        table.add_column(heading, overflow="fold")
    for name, knob in Settings.model_fields.items():
        default = knob.get_default(call_default_factory=True, validated_data={})
        table.add_row(variable(name), knob.description or "", shown(default), shown(getattr(current, name)))
    console.print(table)


@app.command()
def events(
    revive: Annotated[
        bool, typer.Option("--revive", help="Give the dead ones a fresh start, once the cause is mended.")
    ] = False,
) -> None:
    """Show how the outbox stands: events waiting, retrying, dead. Exit code 1 when some are dead."""
    import asyncio

    from domain.foundation import outbox
    from domain.foundation.runtime import Market

    async def look() -> outbox.Backlog:
        market = Market.open(needs(settings(), *ENGINES))
        try:
            if revive:
                async with market.db.transaction() as tx:
                    console.print(f"{await outbox.revive_dead(tx)} events are on their way again")
            return await outbox.backlog(market.db)
        finally:
            await market.close()

    found = asyncio.run(look())
    console.print(f"waiting {found.waiting}   retrying {found.retrying}   dead {found.dead}")
    if found.dead:
        raise typer.Exit(1)


app.add_typer(documents.app, name="documents")
app.command()(audit)
app.command()(import_products)
app.command()(export_products)
app.command()(statement)
app.add_typer(staff, name="staff")


def shown(value: object) -> str:
    """A knob's value as an operator may see it."""
    if isinstance(value, dict):
        return ", ".join(f"{key}:**********" for key in value)
    return str(value)


def with_changes(given: Settings, **changes: object) -> Settings:
    """The settings with those options that were given on the command line."""
    return given.model_copy(update={name: value for name, value in changes.items() if value is not None})


def needs(current: Settings, *names: str) -> Settings:
    """The settings when these knobs are set; ends the command with a sentence otherwise."""
    missing = [variable(name) for name in names if not is_set(getattr(current, name))]
    if missing:
        console.print(f"[red]{', '.join(missing)} must be set[/red]; `nightmarket up` runs on embedded engines without")
        raise typer.Exit(2)
    return current


def with_documents(current: Settings) -> Settings:
    """The settings when the registry of documents can be read; ends the command with a sentence otherwise."""
    from api import trusted

    try:
        trusted.load(current)
    except trusted.RegistryUnreadable as fault:
        console.print(str(fault), style="red", markup=False)
        raise typer.Exit(2) from None
    return current


def is_set(value: object) -> bool:
    """Whether a knob has a value."""
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


def variable(name: str) -> str:
    """The environment variable of a knob."""
    return name.upper() if name in ENGINES else f"NIGHTMARKET_{name.upper()}"


def main() -> None:
    """The entry point."""
    app()


if __name__ == "__main__":
    main()
