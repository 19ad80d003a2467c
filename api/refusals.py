"""Refusals as union members: a domain refusal becomes a GraphQL type with its facts, its code and a sentence."""

from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import datetime
from typing import Any, get_type_hints
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.scalars import Long
from domain.foundation import ids
from domain.foundation.errors import Refusal
from domain.foundation.money import Money as DomainMoney


@strawberry.interface(
    description="Something the market does not allow now. Codes never change; messages are for people."
)
class UserError:
    """The face every refusal shares."""

    code: str = strawberry.field(description="Fixed, for programs: like FLASH_SALE_SOLD_OUT.")
    message: str = strawberry.field(description="A sentence for people, Chinese or English by Accept-Language.")


PREFIXES = {"group": "groupbuy"}
"""Of typed ids, where a fact names the thing by another word."""
_handlers: dict[type[Refusal], Any] = {}


def refusal(domain_class: type[Refusal], **objects: Callable[[Info, UUID], Awaitable[Any]]) -> Any:
    """The GraphQL type of a domain refusal, made once: its name, its facts, `code` and `message`.

    A fact called `sku_id` is shown as the typed id of a sku; where `sku_id=find_sku` is said, as a field `sku` of what that
    finds, null where the fact is None. Put the type into a field's result union, and a resolver that raises the refusal
    answers with it.
    """
    if domain_class in _handlers:
        return _handlers[domain_class].error_type
    from api.money import Money  # a Money fact is rare, and api.money imports nothing of ours

    shown = {int: Long, UUID: strawberry.ID, DomainMoney: Money}
    hints = get_type_hints(domain_class)
    annotations: dict[str, Any] = {}
    found = {name.removesuffix("_id"): _found(name, find) for name, find in objects.items()}
    for fact in fields(domain_class):  # type: ignore[arg-type]
        if fact.name in objects:
            annotations[fact.name] = strawberry.Private[UUID | None]  # type: ignore[misc]
            continue
        kind = hints[fact.name]
        is_enum = hasattr(kind, "__strawberry_definition__")
        is_known = is_enum or kind in {str, bool, datetime, datetime | None}
        annotations[fact.name] = shown.get(kind, kind if is_known else str)
    body: dict[str, Any] = {"__annotations__": annotations, "__doc__": domain_class.__doc__, **found}
    made = type(domain_class.__name__, (UserError,), body)
    description = (domain_class.__doc__ or "").strip().split("\n")[0]
    graphql_type = strawberry.type(made, directives=to(Who.INHERITED), description=description)

    class Handler:  # a strawberry.ExceptionHandler, by shape
        exception_type = domain_class
        error_type = graphql_type

        def handle(self, exception: Refusal, *, field: Any, info: Info) -> Any:
            return self.show(exception, info.context.language)

        def show(self, raised: Refusal, language: str) -> Any:
            facts = {name: value if name in objects else _shown(name, value) for name, value in raised.facts.items()}
            return graphql_type(code=raised.code, message=raised.message(language), **facts)

    _handlers[domain_class] = Handler()
    return graphql_type


def show_refusal(info: Info, refused: Refusal) -> Any:
    """The GraphQL object of a refusal that is shown rather than raised; its type is one that `refusal` has made."""
    return refusal_in(info.context.language, refused)


def refusal_in(language: str, refused: Refusal) -> Any:
    """As `show_refusal`, where no field is being resolved."""
    return _handlers[type(refused)].show(refused, language)


def exception_handlers() -> list[Any]:
    """One handler per refusal type made so far; strawberry uses those whose type is in a field's union."""
    return list(_handlers.values())


def _found(fact: str, find: Callable[[Info, UUID], Awaitable[Any]]) -> Any:
    """The field that shows what a fact's id leads to."""

    async def resolve(self: Any, info: Info) -> Any:
        id = getattr(self, fact)
        return None if id is None else await find(info, id)

    return strawberry.field(resolver=resolve, graphql_type=get_type_hints(find)["return"], description=find.__doc__)


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, UUID):
        kind = name.removesuffix("_id")
        return strawberry.ID(ids.encode(PREFIXES.get(kind, kind), value))
    if isinstance(value, DomainMoney):
        from api.money import Money

        return Money.of(value.minor, value.currency)
    return value
