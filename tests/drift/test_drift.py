"""What is written twice must say the same: schema and file, tables and migrations, imports and contracts, events and code."""

import asyncio
import subprocess
import sys
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from api import access
from api.schema import SCHEMA_FILE, build, sdl
from domain import migrations
from domain.accounts.tables import accounts
from domain.foundation.ids import new_id
from domain.migrations.metadata import metadata
from domain.sharing.tables import links
from domain.stock import tables as stock
from tests.conftest import NOON

ROOT = Path(__file__).parents[2]
# the stock's first: the others use its function
TRIGGERS = [
    stock.APPEND_ONLY,
    stock.MOVEMENTS_ARE_APPEND_ONLY,
    *(trigger for name, tables in sorted(sys.modules.items()) if name.endswith(".tables")
      for trigger in getattr(tables, "TRIGGERS", ())),
]  # fmt: skip


def test_the_schema_file_is_the_schema():
    assert SCHEMA_FILE.read_text() == sdl(), "run `make schema` and commit schema.graphql"


async def test_the_migrations_build_the_tables(database_url):
    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), metadata)

    engine = create_async_engine(database_url)
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()

    assert found == []


# What Alembic's comparison does not look at: conditions, how an index is made, triggers and what they do.
CATALOGUE = """
    SELECT format('%s %s: %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'p', 'u', 'x')
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


async def test_the_migrations_build_every_constraint_index_and_trigger(database_url):
    async def rules(url):
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            found = set((await connection.execute(text(CATALOGUE))).scalars())
        await engine.dispose()
        return {rule for rule in found if "alembic_version" not in rule}

    from_tables = await new_database(database_url, "from_tables")
    engine = create_async_engine(from_tables)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        for trigger in TRIGGERS:
            await connection.execute(text(trigger))
    await engine.dispose()

    migrated, wanted = await rules(database_url), await rules(from_tables)

    assert len(wanted) > 300
    assert sorted(wanted - migrated) == []
    assert sorted(migrated - wanted) == []


async def new_database(database_url, name):
    """An empty database beside this one; its address."""
    engine = create_async_engine(database_url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        await connection.execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    return engine.url.set(database=name).render_as_string(hide_password=False)


async def test_links_to_rooms_do_not_keep_the_market_from_going_back(database_url):
    url, account_id = await new_database(database_url, "back_from_rooms"), new_id()
    await asyncio.to_thread(migrations.upgrade, url)
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(id=account_id, display_name="林晚", created_at=NOON))
        link = {"token": "a" * 12, "sharer_id": account_id, "target_kind": "live_room", "target_id": new_id()}
        await connection.execute(insert(links).values(id=new_id(), channel="", campaign="", created_at=NOON, **link))
    await engine.dispose()

    for go, revision in ((command.downgrade, "0004"), (command.upgrade, "head")):
        await asyncio.to_thread(go, migrations.config(url), revision)

    engine = create_async_engine(url)
    async with engine.connect() as connection:
        assert (await connection.execute(select(links.c.target_kind))).scalars().all() == ["live_room"]
    await engine.dispose()


async def test_the_migrations_go_down_and_up_again(database_url):
    url = await new_database(database_url, "down_and_up")

    def there_and_back():
        migrations.upgrade(url)
        command.downgrade(migrations.config(url), "base")
        migrations.upgrade(url)

    await asyncio.to_thread(there_and_back)

    engine = create_async_engine(url)
    async with engine.connect() as connection:
        count = (await connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))).scalar()
    await engine.dispose()
    assert count == len(metadata.tables) + 1  # and Alembic's own


def test_the_import_contracts_are_kept():
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_every_root_field_says_who_may_use_it():
    rules = {
        f"{type_name}.{name}": who
        for type_name, name, _, who in access.ruled_fields(build())
        if type_name in {"Query", "Mutation", "Subscription"}
    }

    assert len(rules) > 15
    assert [field for field, who in rules.items() if who is None] == []


def test_every_mutation_takes_one_input_or_an_id_or_nothing():
    mutation = build()._schema.mutation_type

    odd = {
        name: list(field.args)
        for name, field in mutation.fields.items()
        if list(field.args) not in (["input"], ["id"], [])
    }

    assert odd == {}


def test_every_type_of_the_market_is_described():
    described = (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType, GraphQLEnumType)
    without = [
        name
        for name, kind in build()._schema.type_map.items()
        if isinstance(kind, described)
        and not name.startswith("__")
        and not name.endswith(("Connection", "Edge"))
        and name not in {"Query", "Mutation", "Subscription"}
        and not kind.description
    ]

    assert without == []
