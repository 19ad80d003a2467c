"""Who may see an object and use a field: stated in the schema by `@access`, enforced here and nowhere else.

Every object type states its rule; a field states one where its own is stricter, and every root field does. A field's rule
is asked before its resolver runs: who has not the role is told so, who is not the owner reads null. A type's rule is asked
when an object of it enters the answer, whichever road led there; a breach is a fault of ours, for the resolver should not
have found it. Only who runs a live room is asked by the domain.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType, GraphQLResolveInfo
from strawberry.schema_directive import Location
from strawberry.types.base import StrawberryObjectDefinition

from domain.accounts.rules import STAFF, Principal, Role
from domain.foundation.errors import NotAllowed, NotSignedIn


@strawberry.enum(description="Who may see an object or use a field.")
class Who(Enum):
    """Who may see an object or use a field."""

    ANYONE = strawberry.enum_value("anyone", description="No access token needed.")
    SIGNED_IN = strawberry.enum_value("signed_in", description="Anybody with an access token, for what is their own.")
    OWNER = strawberry.enum_value("owner", description="Whose it is, and staff.")
    ONLY_OWNER = strawberry.enum_value(
        "only_owner", description="Whose it is, and nobody else; a guest's is theirs who have its token."
    )
    CREW = strawberry.enum_value(
        "crew",
        description="Whoever runs the live room that it is about: its hosts and assistants, merchandisers and admins.",
    )
    CREW_OR_STAFF = strawberry.enum_value(
        "crew_or_staff",
        description="Hosts and assistants of the live room that it is about, merchandisers, finance and admins.",
    )
    STAFF = strawberry.enum_value("staff", description="Merchandisers, finance and admins.")
    MERCHANDISER = strawberry.enum_value("merchandiser", description="Merchandisers and admins.")
    FINANCE = strawberry.enum_value("finance", description="Finance and admins.")
    ADMIN = strawberry.enum_value("admin", description="Admins.")
    INHERITED = strawberry.enum_value(
        "inherited",
        description="Whoever was shown the object it stands in, or may use the root field that answers with it.",
    )


@strawberry.schema_directive(
    locations=[Location.OBJECT, Location.FIELD_DEFINITION],
    name="access",
    description="Who may see this object, or use this field; a field that does not say follows its type.",
)
class Access:
    """The rule of a type or of a field."""

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
OWNED: dict[Who, frozenset[Role]] = {Who.OWNER: STAFF, Who.ONLY_OWNER: frozenset()}
"""Rules of what belongs to somebody, and the roles that see it, too. Its class has an `owner: UUID | None`, an account;
None where these roles alone may see it."""
ASKED_LATER = frozenset({Who.CREW, Who.CREW_OR_STAFF})
"""Rules of which only the half is asked here, that somebody is signed in: the domain asks the rest in the transaction of the
deed, for a crew may change at any moment."""
GUEST = UUID(int=0)
"""The owner of what a guest's token leads to: whoever is not signed in."""
ROOTS = frozenset({"Query", "Mutation", "Subscription"})
GUARD = "access"
"""Where the extensions of a graphql-core type keep its guard; types that anybody may see have none."""

Guard = Callable[[Principal | None, Any], None]


class ShownToStranger(Exception):
    """A fault of ours: a resolver found an object for somebody who may not see it."""


def to(who: Who) -> list[object]:
    """`directives=to(Who.STAFF)` on a strawberry type or field."""
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


def rule_of(made: GraphQLField | GraphQLObjectType) -> Who | None:
    """The rule that a field or a type states itself, if it states one."""
    directives = getattr(made.extensions.get("strawberry-definition"), "directives", None) or ()
    return next((directive.to for directive in directives if isinstance(directive, Access)), None)


def is_public(field: GraphQLField) -> bool:
    """Whether the field's answer may be shared among anonymous askers."""
    definition = field.extensions.get("strawberry-definition")
    return any(isinstance(directive, Public) for directive in getattr(definition, "directives", ()))


def object_types(schema: strawberry.Schema) -> Iterator[GraphQLObjectType]:
    """The schema's own object types."""
    for graphql_type in schema._schema.type_map.values():
        if isinstance(graphql_type, GraphQLObjectType) and not graphql_type.name.startswith("__"):
            yield graphql_type


def ruled_fields(schema: strawberry.Schema) -> Iterator[tuple[str, str, GraphQLField, Who | None]]:
    """Every field of every object type: type name, field name, field, and its rule: its own, else its type's."""
    for graphql_type in object_types(schema):
        for name, field in graphql_type.fields.items():
            yield graphql_type.name, name, field, rule_of(field) or rule_of(graphql_type)


def enforce(schema: strawberry.Schema) -> None:
    """Put every rule in force. Raises TypeError when a type or a root field states none that can be kept."""
    silent = sorted({t if t not in ROOTS else f"{t}.{name}" for t, name, _, who in ruled_fields(schema) if who is None})
    if silent:
        raise TypeError(f"{', '.join(silent)}: who may see this? Add directives=to(Who...)")
    for graphql_type in object_types(schema):
        if (guard := _guard(graphql_type)) is not None:
            graphql_type.extensions[GUARD] = guard
        for name, field in graphql_type.fields.items():
            _check_before(graphql_type, name, field)


def _check_before(graphql_type: GraphQLObjectType, name: str, field: GraphQLField) -> None:
    """Have the field's own rule asked before its resolver, and before the source of a subscription's events."""
    who = rule_of(field)
    if who is None or who is Who.ANYONE:
        return
    if who is Who.INHERITED:
        raise TypeError(
            f"{graphql_type.name}.{name} states INHERITED: a root field inherits nothing, others say nothing"
        )
    if who in ASKED_LATER and graphql_type.name not in ROOTS:
        raise TypeError(f"{graphql_type.name}.{name} states {who.name}, which is for root fields")
    if who in OWNED and (not _has_owner(graphql_type) or isinstance(field.type, GraphQLNonNull)):
        raise TypeError(
            f"{graphql_type.name}.{name} is its owner's: its class needs an `owner`, and it must be nullable"
        )
    make = _owners if who in OWNED else _guarded
    if field.resolve is not None:
        field.resolve = make(field.resolve, who)
    if field.subscribe is not None:
        field.subscribe = make(field.subscribe, who)


def _guarded(resolve: Callable[..., Any], who: Who) -> Callable[..., Any]:
    def guarded(source: Any, info: GraphQLResolveInfo[Any], /, **arguments: Any) -> Any:
        check(who, info.context.principal)
        return resolve(source, info, **arguments)

    return guarded


def _owners(resolve: Callable[..., Any], who: Who) -> Callable[..., Any]:
    def owners(source: Any, info: GraphQLResolveInfo[Any], /, **arguments: Any) -> Any:
        return resolve(source, info, **arguments) if _may_see(who, info.context.principal, source) else None

    return owners


def _guard(graphql_type: GraphQLObjectType) -> Guard | None:
    """What raises ShownToStranger when an object of the type is about to be shown to the wrong one."""
    name, who = graphql_type.name, rule_of(graphql_type)
    if who is None or who in {Who.ANYONE, Who.INHERITED}:
        return None
    if who in ASKED_LATER:
        raise TypeError(f"{name} states {who.name}, which is for root fields")
    if who in OWNED and not _has_owner(graphql_type):
        raise TypeError(f"{name} is its owner's: its class needs `owner: strawberry.Private[UUID | None]`")
    rule = who

    def guard(principal: Principal | None, shown: Any) -> None:
        if not _may_see(rule, principal, shown):
            raise ShownToStranger(f"{name} is for {rule.name}; asked by {principal and principal.account_id}")

    return guard


def _may_see(who: Who, principal: Principal | None, shown: Any) -> bool:
    if who in OWNED and shown.owner == (GUEST if principal is None else principal.account_id):
        return True
    if principal is None:
        return False
    roles = OWNED[who] if who in OWNED else ROLES.get(who)
    return roles is None or bool(roles & principal.roles)


def _has_owner(graphql_type: GraphQLObjectType) -> bool:
    definition = graphql_type.extensions.get("strawberry-definition")
    assert isinstance(definition, StrawberryObjectDefinition)
    return "owner" in getattr(definition.origin, "__dataclass_fields__", {}) or hasattr(definition.origin, "owner")
