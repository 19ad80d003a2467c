"""Plain calls answer as the executor would: the same data, the same errors, and the executor itself where they differ."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
import strawberry

from api.execution import Execution
from api.lean import lean
from api.limits import Limits
from api.reading import Reader


@strawberry.enum
class Taste(Enum):
    SWEET = "s"
    BITTER = "b"


@strawberry.interface
class Thing:
    id: strawberry.ID


@strawberry.type
class Shelf(Thing):
    name: str | None = None


class Cupboard(Shelf):
    """Not a type of the schema, but a Shelf."""


@strawberry.type
class Leaf:
    length: int
    told: strawberry.Private[list[str]]

    @strawberry.field
    def shown(self) -> str:
        self.told.append("shown")
        if self.length < 0:
            raise ValueError("no leaf is that short")
        return f"{self.length} mm"


@strawberry.type
class Tea(Thing):
    title: str
    taste: Taste
    picked_at: datetime
    leaves: list[Leaf]
    shelf: Shelf | None
    prices: list[int | None]
    best: Leaf

    @strawberry.field
    def upper(self) -> str:
        return self.title.upper()

    @strawberry.field
    def cut(self, length: int = 1) -> str:
        return self.title[:length]

    @strawberry.field
    async def later(self) -> str:
        return "later"

    @strawberry.field
    def path(self, info: strawberry.Info) -> str:
        return ".".join(map(str, info.path.as_list()))

    @strawberry.field
    def thing(self) -> Thing | None:
        return self.shelf


class Later:
    """Awaitable again and again."""

    def __await__(self):
        yield from ()
        return "later"


told: list[str] = []


def tea(**changes: Any) -> Tea:
    told.clear()
    about: dict[str, Any] = {
        "id": strawberry.ID("1"),
        "title": "wulong",
        "taste": Taste.BITTER,
        "picked_at": datetime(2026, 4, 5, tzinfo=UTC),
        "leaves": [Leaf(length=3, told=told), Leaf(length=4, told=told)],
        "shelf": Shelf(id=strawberry.ID("2"), name="top"),
        "prices": [1, None],
        "best": Leaf(length=9, told=told),
    }
    return Tea(**about | changes)


served: list[Tea] = []


@strawberry.type
class Query:
    @strawberry.field
    async def teas(self) -> list[Tea]:
        return served

    @strawberry.field
    def tea(self) -> Tea | None:
        return served[0]


SCHEMA = strawberry.Schema(query=Query)
lean(SCHEMA)
READER = Reader(SCHEMA, limits=Limits(), introspection=True, suggestions=True)

PLAIN = (
    "{ teas { id name: title taste pickedAt leaves { mm: length shown } shelf { id name } prices upper __typename } }"
)
MIXED = "{ teas { id cut(length: 2) later path thing { id ... on Shelf { name } } leaves { length } best { shown } } }"
BROKEN = {
    "a null where there may be none": tea(title=None),
    "a method that fails": tea(best=Leaf(length=-1, told=told)),
    "one of a list that fails": tea(leaves=[Leaf(length=1, told=told), Leaf(length=-1, told=told)]),
    "an object of a class of its own": tea(shelf=Cupboard(id=strawberry.ID("3"))),
    "an object of another class": tea(shelf=Leaf(length=1, told=told)),
    "a number that is none": tea(best=Leaf(length="many", told=told)),  # type: ignore[arg-type]
    "an int beyond what GraphQL has": tea(prices=[2**40]),
    "an enum's value that it has not": tea(taste="salty"),
    "an exception that a scalar would make text of": tea(title=ValueError("a secret")),  # type: ignore[arg-type]
    "something to be awaited": tea(title=Later()),  # type: ignore[arg-type]
    "nothing at all": tea(shelf=None, leaves=[], prices=[]),
    "a tuple for a list": tea(leaves=(Leaf(length=1, told=told),)),
    "an exception for an object": tea(best=ValueError("gone")),
    "a missing list": tea(leaves=None),
}


async def answer(document: str, *, plainly: bool) -> tuple[Any, list[Any]]:
    operation = READER.read(document + (" " if plainly else "")).operation(None)
    operation.is_static = plainly
    data, errors = await Execution(operation, operation.coerce({}), None).run()
    return data, [error.formatted for error in errors]


@pytest.mark.parametrize(
    "document", [PLAIN, MIXED, "{ tea { best { length shown } } }", "{ tea { title title t: title } }"]
)
async def test_what_is_plain_is_answered_the_same(document: str) -> None:
    served[:] = [tea(), tea(shelf=None)]

    assert await answer(document, plainly=True) == await answer(document, plainly=False)


@pytest.mark.parametrize("document", [PLAIN, MIXED, "{ tea { best { length shown } prices leaves { shown } } }"])
@pytest.mark.parametrize("broken", list(BROKEN))
async def test_what_goes_wrong_is_told_the_same(document: str, broken: str) -> None:
    served[:] = [BROKEN[broken], tea()]

    plainly = await answer(document, plainly=True)
    served[:] = [BROKEN[broken], tea()]
    assert plainly == await answer(document, plainly=False)


async def test_the_order_of_fields_is_that_of_the_question() -> None:
    served[:] = [tea()]

    data, _ = await answer(
        "{ tea { upper ...More id } } fragment More on Tea { taste ... on Thing { id } }", plainly=True
    )

    assert list(data["tea"]) == ["upper", "taste", "id"]


async def test_only_what_is_plain_all_the_way_down_is_laid_out() -> None:
    served[:] = [tea()]

    async def laid_out(document: str) -> dict[str, bool]:
        operation = READER.read(document + "# not asked before").operation(None)
        await Execution(operation, operation.coerce({}), None).run()
        return {kind.name: read is not None for (kind, _), read in operation.plain.items()}

    assert await laid_out(PLAIN) == {"Tea": True}
    assert await laid_out(MIXED) == {"Tea": False, "Shelf": True, "Leaf": True}


async def test_a_resolver_that_was_wrapped_is_not_gone_around() -> None:
    field = SCHEMA._schema.type_map["Leaf"].fields["length"]  # type: ignore[attr-defined]
    resolve = field.resolve
    served[:] = [tea()]

    def guarded(source: Any, info: Any) -> Any:
        raise PermissionError("not for you")

    field.resolve = guarded
    try:
        data, errors = await answer("{ tea { best { length } } }#", plainly=True)
    finally:
        field.resolve = resolve

    assert data == {"tea": None}
    assert [error["message"] for error in errors] == ["not for you"]


async def test_a_failing_object_is_read_once_more_for_each_object_around_it_and_itself() -> None:
    served[:] = [tea(best=Leaf(length=-1, told=told))]

    await answer("{ tea { best { shown } } }##", plainly=True)

    assert told == ["shown"] * 3


async def test_a_selection_that_depends_on_variables_is_left_to_the_executor() -> None:
    served[:] = [tea()]
    operation = READER.read("query ($all: Boolean!) { tea { id title @include(if: $all) } }").operation(None)

    for wanted, fields in ((True, ["id", "title"]), (False, ["id"])):
        data, _ = await Execution(operation, operation.coerce({"all": wanted}), None).run()
        assert data is not None
        assert list(data["tea"]) == fields
