"""Who may use a field: stated in the schema by `@access`, enforced before the resolver runs.

A field without a rule of its own follows the type it stands in; every root field states one.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLObjectType, GraphQLResolveInfo
from strawberry.schema_directive import Location

from domain.accounts.rules import STAFF, Principal, Role
from domain.foundation.errors import NotAllowed, NotSignedIn


@strawberry.enum(description="Who may use a field.")
class Who(Enum):
    """Who may use a field."""

    ANYONE = strawberry.enum_value("anyone", description="No access token needed.")
    SIGNED_IN = strawberry.enum_value("signed_in", description="Anybody with an access token, for what is their own.")
    STAFF = strawberry.enum_value("staff", description="Merchandisers, finance and admins.")
    MERCHANDISER = strawberry.enum_value("merchandiser", description="Merchandisers and admins.")
    FINANCE = strawberry.enum_value("finance", description="Finance and admins.")
    ADMIN = strawberry.enum_value("admin", description="Admins.")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION], name="access", description="Who may use this field."
)
class Access:
    """The rule of a field."""

    to: Who


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="public",
    description="The answer is the same for everyone and may be shared for some seconds.",
)
class Public:
    """A catalogue field: anonymous answers may be kept as long as `public_answer_seconds` says."""

    cached: bool = True


ROLES: dict[Who, frozenset[Role]] = {
    Who.STAFF: STAFF,
    Who.MERCHANDISER: frozenset({Role.MERCHANDISER, Role.ADMIN}),
    Who.FINANCE: frozenset({Role.FINANCE, Role.ADMIN}),
    Who.ADMIN: frozenset({Role.ADMIN}),
}


def to(who: Who) -> list[object]:
    """`directives=to(Who.STAFF)` on a strawberry field."""
    return [Access(to=who)]


def public() -> list[object]:
    """`directives=public()`: anyone may ask and the answer may be shared."""
    return [Access(to=Who.ANYONE), Public()]


def check(who: Who, principal: Principal | None) -> None:
    """Raises NotSignedIn or NotAllowed unless this principal is one of `who`."""
    if who is Who.ANYONE:
        return
    if principal is None:
        raise NotSignedIn("sign in first: send `Authorization: Bearer <access token>`")
    roles = ROLES.get(who)
    if roles is not None and not roles & principal.roles:
        raise NotAllowed(f"this needs one of the roles {', '.join(sorted(roles))}")


def rule_of(field: GraphQLField) -> Who | None:
    """The rule a field states, if it states one."""
    definition = field.extensions.get("strawberry-definition")
    for directive in getattr(definition, "directives", ()):
        if isinstance(directive, Access):
            return directive.to
    return None


def is_public(field: GraphQLField) -> bool:
    """Whether the field's answer may be shared among anonymous askers."""
    definition = field.extensions.get("strawberry-definition")
    return any(isinstance(directive, Public) for directive in getattr(definition, "directives", ()))


def ruled_fields(schema: strawberry.Schema) -> Iterator[tuple[str, str, GraphQLField, Who | None]]:
    """Every field of every object type: type name, field name, field, rule."""
    for graphql_type in schema._schema.type_map.values():
        if isinstance(graphql_type, GraphQLObjectType) and not graphql_type.name.startswith("__"):
            for name, field in graphql_type.fields.items():
                yield graphql_type.name, name, field, rule_of(field)


def enforce(schema: strawberry.Schema) -> None:
    """Put the check in front of every ruled field's resolver. Raises when a root field states no rule."""
    for type_name, name, field, who in ruled_fields(schema):
        if who is None and type_name in {"Query", "Mutation", "Subscription"}:
            raise TypeError(f"{type_name}.{name} does not say who may use it: add directives=to(Who...)")
        if who is not None and who is not Who.ANYONE and field.resolve is not None:
            field.resolve = _guarded(field.resolve, who)


def _guarded(resolve: Callable[..., Any], who: Who) -> Callable[..., Any]:
    def guarded(source: Any, info: GraphQLResolveInfo[Any], /, **arguments: Any) -> Any:
        check(who, info.context.principal)
        return resolve(source, info, **arguments)

    return guarded
