"""What is demanded of a schema when it is built, and what happens when a resolver finds what it should not have found."""

from types import SimpleNamespace
from typing import Annotated
from uuid import UUID

import pytest
import strawberry

from api import access
from api.access import GUEST, Who, enforce, to
from api.lean import lean
from domain.accounts.rules import Principal, Role
from domain.foundation.ids import new_id
from tests.given.small_market import Market

MEI, LAN = new_id(), new_id()


@strawberry.interface
class Paper:
    words: str


@strawberry.type(directives=to(Who.OWNER))
class Letter(Paper):
    owner: strawberry.Private[UUID | None]


@strawberry.type(directives=to(Who.ONLY_OWNER))
class Diary(Paper):
    owner: strawberry.Private[UUID | None]


@strawberry.type(directives=to(Who.OWNER))
class Parcel:
    owner: strawberry.Private[UUID | None]
    code: str | None = strawberry.field(directives=to(Who.ONLY_OWNER))
    cost: int | None = strawberry.field(directives=to(Who.STAFF))


@strawberry.type(directives=to(Who.FINANCE))
class Account(Paper):
    pass


@strawberry.type(directives=to(Who.INHERITED))
class Drawer:
    letter: Letter
    letters: list[Letter]


Anything = Annotated[Letter | Diary | Account, strawberry.union("Anything")]
A_LETTER = Letter(words="secret", owner=MEI)
SHELF = {"letter": A_LETTER, "unsent": Letter(words="secret", owner=None), "diary": Diary(words="secret", owner=MEI)}
SHELF |= {"guests": Diary(words="secret", owner=GUEST), "account": Account(words="secret")}


@strawberry.type
class Query:
    """A market whose resolvers look at nobody: every one of them finds everything."""

    @strawberry.field(directives=to(Who.ANYONE))
    def letter(self) -> Letter | None:
        return A_LETTER

    @strawberry.field(directives=to(Who.ANYONE))
    async def letters(self) -> list[Letter | None]:
        return [A_LETTER]

    @strawberry.field(directives=to(Who.ANYONE))
    def drawer(self) -> Drawer | None:
        return Drawer(letter=A_LETTER, letters=[A_LETTER])

    @strawberry.field(directives=to(Who.ANYONE))
    def parcel(self) -> Parcel | None:
        return Parcel(code="1234", cost=9, owner=MEI)

    @strawberry.field(directives=to(Who.ANYONE))
    def paper(self) -> Paper | None:
        return A_LETTER

    @strawberry.field(directives=to(Who.ANYONE))
    def anything(self, name: str) -> Anything | None:
        return SHELF[name]


WAYS = {
    "a field": "{ letter { words } }",
    "a list": "{ letters { words } }",
    "an object within a plain one": "{ drawer { letter { words } } }",
    "a list within a plain one": "{ drawer { letters { words } } }",
    "an interface": "{ paper { words } }",
    "a union": '{ anything(name: "letter") { ... on Letter { words } } }',
    "a fragment that may be left out": "query ($yes: Boolean = true) { letter { ... @include(if: $yes) { words } } }",
}


def market(principal=None):
    schema = strawberry.Schema(Query, types=[Letter])
    lean(schema)
    enforce(schema)
    return Market(schema, make_context=lambda head: SimpleNamespace(principal=principal))


def of(account_id, *roles):
    return Principal(account_id, frozenset({Role.SHOPPER, *roles}))


@pytest.mark.parametrize("query", WAYS.values(), ids=WAYS)
async def test_no_way_leads_a_stranger_to_what_is_somebody_elses(query):
    answered = await market(of(LAN)).ask(query)

    assert answered.codes == ["INTERNAL"]
    assert "secret" not in str(answered.json)


@pytest.mark.parametrize("query", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("principal", [of(MEI), of(LAN, Role.FINANCE)], ids=["owner", "staff"])
async def test_its_owner_and_staff_are_shown_it(query, principal):
    answered = await market(principal).ask(query)

    assert "errors" not in answered.json
    assert "secret" in str(answered.json)


SHOWN = {
    "letter": {"mei", "finance", "merchandiser"},
    "unsent": {"finance", "merchandiser"},
    "diary": {"mei"},
    "guests": {"anonymous"},
    "account": {"finance"},
}


@pytest.mark.parametrize("name", SHOWN)
async def test_each_is_shown_to_those_of_its_rule_alone(name):
    people = {
        "anonymous": None,
        "mei": of(MEI),
        "lan": of(LAN),
        "host": of(LAN, Role.HOST),
        "merchandiser": of(LAN, Role.MERCHANDISER),
        "finance": of(LAN, Role.FINANCE),
    }
    query = f'{{ anything(name: "{name}") {{ ... on Paper {{ words }} }} }}'

    answers = {who: await market(principal).ask(query) for who, principal in people.items()}

    assert {who for who, answered in answers.items() if "secret" in str(answered.json)} == SHOWN[name]


async def test_a_stricter_field_is_null_for_who_is_not_the_owner_and_refused_to_who_has_not_the_role():
    query = "{ parcel { code cost } }"

    owners, staffs = await market(of(MEI)).ask(query), await market(of(LAN, Role.FINANCE)).ask(query)

    assert owners.json["data"]["parcel"] == {"code": "1234", "cost": None}
    assert owners.json["errors"][0]["path"] == ["parcel", "cost"]
    assert staffs.json == {"data": {"parcel": {"code": None, "cost": 9}}}


async def test_a_breach_is_logged_with_what_and_who_and_tells_nobody(capsys):
    answered = await market(of(LAN)).ask("{ letter { words } }")

    [error] = answered.json["errors"]
    logged = capsys.readouterr()
    assert error["message"] == "internal error"
    assert "ShownToStranger: Letter is for OWNER" in logged.out + logged.err


def test_a_type_that_says_nothing_stops_the_start():
    @strawberry.type
    class Forgotten:
        words: str

    @strawberry.type
    class Query:
        @strawberry.field(directives=to(Who.ANYONE))
        def forgotten(self) -> Forgotten | None:
            return None

    with pytest.raises(TypeError, match="Forgotten: who may see this"):
        enforce(strawberry.Schema(Query))


def test_a_root_field_that_says_nothing_stops_the_start():
    @strawberry.type
    class Query:
        words: str = "secret"

    with pytest.raises(TypeError, match=r"Query\.words: who may see this"):
        enforce(strawberry.Schema(Query))


def test_a_type_whose_owner_nobody_knows_stops_the_start():
    @strawberry.type(directives=to(Who.OWNER))
    class Ownerless:
        words: str

    @strawberry.type
    class Query:
        @strawberry.field(directives=to(Who.ANYONE))
        def ownerless(self) -> Ownerless | None:
            return None

    with pytest.raises(TypeError, match="Ownerless is its owner's"):
        enforce(strawberry.Schema(Query))


def test_a_field_that_cannot_keep_its_rule_stops_the_start():
    @strawberry.type
    class Root:
        words: str | None = strawberry.field(directives=to(Who.INHERITED), default="secret")

    @strawberry.type
    class Ownerless:
        words: str | None = strawberry.field(directives=to(Who.ONLY_OWNER), default="secret")

    @strawberry.type
    class Crewless:
        words: str | None = strawberry.field(directives=to(Who.CREW), default="secret")

    for query, said in (
        (Root, "states INHERITED"),
        (Ownerless, "needs an `owner`"),
        (Crewless, "CREW, which is for root fields"),
    ):
        with pytest.raises(TypeError, match=said):
            enforce(strawberry.Schema(query))


def test_types_that_anybody_may_see_are_not_looked_at(schema):
    looked_at = {kind.name for kind in schema.type_map.values() if access.GUARD in kind.extensions}

    assert {"Order", "Address", "Payment", "AfterSale", "Shipment", "FlashSaleTicket", "Cart", "StaffDeed"} <= looked_at
    assert looked_at & {"Product", "Sku", "Store", "FlashSale", "Money", "PageInfo", "ProductConnection"} == set()
