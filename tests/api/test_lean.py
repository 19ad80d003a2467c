"""The leaner resolvers answer as strawberry's own would, and keep their hands off what they do not know."""

import asyncio
import functools
from enum import Enum
from typing import Annotated, Any, Generic, NewType, TypeVar

import pytest
import strawberry
from strawberry.extensions import FieldExtension
from strawberry.schema.config import StrawberryConfig

from api.lean import lean

T = TypeVar("T")
Length = NewType("Length", int)


class SoldOut(Exception):
    pass


class Declined(SoldOut):
    pass


@strawberry.enum
class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@strawberry.interface
class UserError:
    message: str


@strawberry.type
class SoldOutError(UserError):
    pass


@strawberry.type
class LimitError(UserError):
    limit: int


@strawberry.type
class Ticket:
    id: strawberry.ID
    size: Size
    label: strawberry.Private[str] = "a"

    @strawberry.field
    def shown(self, prefix: str = "#") -> str:
        return f"{prefix}{self.label}"


class NumberedTicket(Ticket):
    """Not a type of the schema, but a Ticket."""


@strawberry.type
class Page(Generic[T]):
    nodes: list[T]


@strawberry.input
class Line:
    sku: strawberry.ID
    quantity: int = 1
    size: Size | None = None
    note: str | None = strawberry.field(name="remark", default=None)


@strawberry.input
class Basket:
    lines: list[Line]
    sizes: list[Size | None] | None
    gift: "Basket | None" = None
    length: Length = Length(3)


@strawberry.input(one_of=True)
class Key:
    id: strawberry.Maybe[strawberry.ID]
    name: strawberry.Maybe[str]


class Handler:
    exception_type = SoldOut
    error_type = SoldOutError

    def handle(self, exception: Exception, *, field: Any, info: Any) -> Any:
        return None if isinstance(exception, Declined) else SoldOutError(message=f"{field.python_name} {info.path.key}")


class Shout(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return next_(source, info, **arguments).upper()


Outcome = Annotated[Ticket | SoldOutError | LimitError, strawberry.union("Outcome")]
Pages = Annotated[Page[Ticket] | Page[str], strawberry.union("Pages")]


def _rooted(root: Any, word: str) -> str:
    return f"{root.plain} {word}"


def _parented(above: strawberry.Parent[Any], word: str) -> str:
    return f"{above.plain} {word}"


@strawberry.type
class Query:
    plain: str = "plain"

    @strawberry.field
    def basket(self, basket: Basket | None = None) -> str:
        return repr(basket)

    @strawberry.field
    def many(self, sizes: list[Size], baskets: list[Basket | None], words: list[list[str]] | None = None) -> str:
        return repr((sizes, baskets, words))

    @strawberry.field
    def named(self, source: str, info: strawberry.Info, self_: Annotated[str, strawberry.argument(name="self")]) -> str:
        return f"{source} {self_} {info.field_name} {info.python_name} {info.variable_values} {info.context}"

    @strawberry.field
    def key(self, key: Key) -> str:
        return repr(key)

    @strawberry.field(extensions=[Shout()])
    def loud(self, word: str) -> str:
        return word

    @strawberry.field
    @staticmethod
    def static(word: str) -> str:
        return word

    @strawberry.field
    @classmethod
    def of_class(cls, word: str) -> str:
        return f"{cls.__name__} {word}"

    rooted: str = strawberry.field(resolver=_rooted)
    parented: str = strawberry.field(resolver=_parented)

    @strawberry.field
    async def claim(self, item: strawberry.ID) -> Outcome:
        await asyncio.sleep(0)
        match item:
            case "gone":
                raise SoldOut("gone")
            case "declined":
                raise Declined("declined")
            case "limit":
                return LimitError(message="at most", limit=2)
            case "numbered":
                return NumberedTicket(id=item, size=Size.LARGE)
            case "wrong":
                return Page(nodes=[])  # type: ignore[return-value]
        return Ticket(id=item, size=Size.SMALL, label=item)

    @strawberry.field
    def claim_now(self, item: strawberry.ID) -> Outcome:
        if item == "gone":
            raise SoldOut("gone")
        return strawberry.cast(SoldOutError, SoldOutError(message=item))

    @strawberry.field
    def errors(self) -> list[UserError]:
        return [SoldOutError(message="a"), LimitError(message="b", limit=1)]

    @strawberry.field
    def pages(self) -> list[Pages]:
        return [Page(nodes=[Ticket(id=strawberry.ID("1"), size=Size.SMALL)]), Page(nodes=["x"])]


def build() -> strawberry.Schema:
    length = strawberry.scalar(name="Length", serialize=str, parse_value=lambda value: Length(len(value)))
    config = StrawberryConfig(scalar_map={Length: length})
    return strawberry.Schema(Query, exception_handlers=[Handler()], config=config, types=[LimitError])


OUTCOME = "{ __typename ... on Ticket { id size shown } ... on UserError { message } }"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ plain rooted(word: 1) }", {}),
        ('{ plain rooted(word: "w") parented(word: "p") static(word: "s") ofClass(word: "c") loud(word: "l") }', {}),
        ("{ basket a: basket(basket: null) }", {}),
        ('{ basket(basket: {lines: [{sku: "a", quantity: 2, size: LARGE, remark: "r"}, {sku: "b"}]}) }', {}),
        ("query ($b: Basket) { basket(basket: $b) }", {"b": {"lines": {"sku": 5}, "sizes": ["SMALL", None]}}),
        ("query ($b: Basket) { basket(basket: $b) }", {"b": {"lines": [], "length": "four"}}),
        ("query ($b: Basket) { basket(basket: $b) }", {"b": {"lines": [], "gift": {"lines": [{"sku": "a"}]}}}),
        ("query ($b: Basket) { basket(basket: $b) }", {}),
        ("query ($b: Basket) { basket(basket: $b) }", {"b": {"lines": [None]}}),
        ('{ many(sizes: LARGE, baskets: [null, {lines: []}], words: [["a"], ["b", "c"]]) }', {}),
        ("{ many(sizes: [], baskets: []) }", {}),
        ('query ($s: String! = "q") { named(source: $s, self: "me") }', {}),
        ('{ key(key: {id: "a"}) }', {}),
        ('{ key(key: {id: "a", name: "b"}) }', {}),
        (f'{{ claim(item: "x") {OUTCOME} }}', {}),
        (f'{{ a: claim(item: "gone") {OUTCOME} b: claim(item: "limit") {OUTCOME} }}', {}),
        (f'{{ claim(item: "declined") {OUTCOME} }}', {}),
        (f'{{ claim(item: "numbered") {OUTCOME} }}', {}),
        (f'{{ claim(item: "wrong") {OUTCOME} }}', {}),
        (f'{{ a: claimNow(item: "gone") {OUTCOME} b: claimNow(item: "x") {OUTCOME} }}', {}),
        ("{ errors { __typename message ... on LimitError { limit } } }", {}),
        ("{ pages { __typename ... on TicketPage { nodes { id } } ... on StrPage { nodes } } }", {}),
    ],
)
async def test_the_answer_is_strawberrys(query: str, variables: dict[str, Any]) -> None:
    schema, leaner = build(), build()
    lean(leaner)

    expected = await schema.execute(query, variables, context_value="context", root_value=Query())
    answered = await leaner.execute(query, variables, context_value="context", root_value=Query())

    assert answered.data == expected.data
    assert [(e.message, e.path) for e in answered.errors or []] == [(e.message, e.path) for e in expected.errors or []]


def test_what_is_changed_is_told_and_what_is_not_known_is_left_alone() -> None:
    schema = build()

    changed = lean(schema)

    fields = {f"Query.{name}" for name in schema._schema.query_type.fields}
    assert fields - changed == {"Query.key", "Query.loud", "Query.claimNow"}
    assert {"Outcome", "Pages", "UserError", "Ticket.id", "Ticket.shown", "TicketPage.nodes"} < changed
    assert lean(schema) == set()


@pytest.mark.parametrize("wraps", [True, False])
async def test_a_guard_that_stands_before_a_resolver_is_kept(wraps: bool) -> None:
    schema = build()
    field = schema._schema.query_type.fields["plain"]
    unguarded = field.resolve

    def guard(source: Any, info: Any, **arguments: Any) -> Any:
        raise PermissionError("staff only")

    field.resolve = functools.wraps(unguarded)(guard) if wraps else guard
    changed = lean(schema)

    assert "Query.plain" not in changed
    assert (await schema.execute("{ plain }", root_value=Query())).errors[0].message == "staff only"  # type: ignore[index]


async def test_a_default_list_is_not_shared_between_requests() -> None:
    @strawberry.type
    class Root:
        @strawberry.field
        def grown(self, words: list[str] = ["a"]) -> list[str]:  # noqa: B006
            words.append("b")
            return words

    schema = strawberry.Schema(Root)
    assert lean(schema) == {"Root.grown"}

    for _ in range(2):
        assert (await schema.execute("{ grown }")).data == {"grown": ["a", "b"]}
