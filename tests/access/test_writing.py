"""Who may do what: every mutation that not everybody may call, by everybody who may not, with the owner's things."""

import orjson
import pytest
from graphql import get_named_type, is_union_type
from sqlalchemy import text

from api.access import Who, rule_of
from tests.access.documents import Document, documents
from tests.access.test_reading import leaks
from tests.access.wishes import ONES_OWN, wishes
from tests.access.world import Persona

MINE = ("orders", "addresses", "afterSales", "cart")


@pytest.fixture(scope="module")
def ruled(schema):
    """The rule of each mutation that not everybody may call."""
    rules = {name: rule_of(field) for name, field in schema.mutation_type.fields.items()}
    return {name: who for name, who in rules.items() if who is not Who.ANYONE}


def test_the_walk_knows_how_to_call_every_mutation(ruled, world):
    assert set(ruled) == set(wishes(world)), "tell the walk how to call each of these"


async def test_nobody_does_what_is_not_theirs_to_do(schema, ruled, world, ask):
    faults = []
    for name, variables in wishes(world).items():
        before = await checksum(world)
        for persona in world.personas.values():
            who = ruled[name]
            if persona.is_one_of(who) and (who is not Who.SIGNED_IN or name in ONES_OWN or persona.name == "owner"):
                continue
            answer = await ask(called(schema, name, variables), persona)
            wanted = refusals(who, persona)
            if code_of(answer) not in wanted:
                faults.append(f"{persona.name} calls {name}: {answer[:300]}, not {wanted}")
            faults += leaks(world, persona, Document("mutation", name, "", variables), answer)
        changed = {table for table, rows in (await checksum(world)).items() if rows != before[table]}
        faults += [f"{name} was refused and has changed {changed}"] if changed else []

    assert not faults, "\n".join(faults)


async def test_what_one_does_for_oneself_touches_nobody_else(schema, world, ask):
    newcomer = Persona("newcomer", await world.given.shopper("newcomer"))
    mine = [doc for name in MINE for doc in documents(schema, "query", name, {})]
    before = [without_groups(await ask(document, world.personas["owner"])) for document in mine]

    faults = []
    for name in sorted(ONES_OWN):
        [document, *_] = documents(schema, "mutation", name, wishes(world)[name])
        answer = await ask(document, newcomer)
        content = orjson.loads(answer)
        codes = {error["extensions"]["code"] for error in content.get("errors", [])}
        # what is staff's in the answer is refused, what was wished for is done
        faults += [f"{name}: {answer}"] if codes - {"FORBIDDEN"} or content["data"] is None else []
        faults += leaks(world, newcomer, document, answer)

    assert not faults, "\n".join(faults)
    assert [without_groups(await ask(document, world.personas["owner"])) for document in mine] == before


def without_groups(answer):
    """An answer without the groups of orders: these belong to everybody who sits in them."""
    content = orjson.loads(answer)
    for order in content["data"].get("orders", {}).get("nodes", ()):
        order.pop("groupBuy", None)
    return content


def called(schema, name, variables):
    """The mutation, asked for what it was refused with."""
    field = schema.mutation_type.fields[name]
    heads = ", ".join(f"${arg}: {field.args[arg].type}" for arg in variables)
    passed = ", ".join(f"{arg}: ${arg}" for arg in variables)
    refused = "... on UserError { code message }" if is_union_type(get_named_type(field.type)) else ""
    heads, passed = (f"({text})" if text else "" for text in (heads, passed))
    return Document(
        "mutation", name, f"mutation Walk{heads} {{ {name}{passed} {{ __typename {refused} }} }}", variables
    )


def refusals(who, persona):
    """How somebody has to be told that it is not theirs to do: by the rule, or as if the owner's things did not exist."""
    if persona.account_id is None:
        return {"UNAUTHENTICATED"}
    return {"NOT_FOUND", "FLASH_SALE_PASS_REFUSED"} if who is Who.SIGNED_IN else {"FORBIDDEN"}


def code_of(answer):
    content = orjson.loads(answer)
    if "errors" in content:
        return content["errors"][0]["extensions"]["code"]
    [result] = content["data"].values()
    return result.get("code", result["__typename"])


async def checksum(world):
    """Of all rows of each table."""
    tables = await world.given.db.column(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"))
    sums = [f"SELECT '{name}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} AS t" for name in tables]
    return dict(await world.given.db.rows(text(" UNION ALL ".join(sums))))
