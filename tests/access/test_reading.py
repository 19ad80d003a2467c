"""Who is shown what: every field of the schema, asked by everybody about one shopper's things."""

from collections import defaultdict

import orjson
from graphql import GraphQLObjectType, get_named_type, is_abstract_type

from api import nodes
from tests.access.questions import NODE_TYPES, questions
from tests.access.walking import seen

REFUSED = {"UNAUTHENTICATED", "FORBIDDEN"}
ABOUT_WHOEVER_ASKS = {
    "addresses",
    "afterSaleQuote",
    "afterSales",
    "cart",
    "defaultAddress",
    "exportActivationCodes",
    "myAutoRenewal",
    "myBenefits",
    "myCheckIns",
    "myCoupons",
    "myGroupBuySeats",
    "myGroupBuys",
    "myLevel",
    "myLiveRooms",
    "myMembership",
    "myMembershipGifts",
    "myPointMoves",
    "myPoints",
    "myPrizes",
    "myShareLinks",
    "orders",
    "ordersToHandOver",
    "previewMembershipRefund",
    "previewMembershipUpgrade",
    "quote",
    "viewer",
}
ABOUT_WHOEVER_ASKS |= {"flashSaleTicket", "flashSaleTicketEvents", "roomEvents"}
"""Root fields that answer everybody otherwise; all others answer everybody alike whom their rules admit."""


def test_the_walk_knows_every_prefix_of_an_id():
    assert set(NODE_TYPES) == set(nodes._finders)


async def test_everybody_is_shown_what_the_rules_say_and_nothing_else(schema, world, ask):
    faults, shown = [], defaultdict(set)
    asked = list(questions(schema, world))
    for persona in world.personas.values():
        for document in asked:
            answer = await ask(document, persona)
            faults += leaks(world, persona, document, answer)
            content = orjson.loads(answer)
            codes = {error["extensions"]["code"] for error in content.get("errors", [])}
            faults += [f"{persona.name} was told in {document.root}: {answer}"] if codes - REFUSED else []
            for field in seen(schema, document.kind, content):
                faults += breaches(persona, document, field)
                if field.code is None:
                    shown[persona.name].add((document.root, field.name, field.rules))
    faults += [f"nobody was shown {name}: put one into the world" for name in unseen(schema, shown)]
    faults += withheld(world, shown)

    assert not faults, "\n".join(faults)


def leaks(world, persona, document, answer):
    """Marks of what the asker may not see, other than what they have named themselves."""
    named = orjson.dumps(document.variables).decode()
    for mark, who in world.marks.items():
        if mark in answer and mark not in named and not persona.is_one_of(who):
            yield f"{persona.name} reads {mark!r} ({who.name}) in {document.root}: {answer[:300]}"


def breaches(persona, document, field):
    """A field that was shown against a rule, or refused without one."""
    forbidden = [who.name for who in field.rules if not persona.is_one_of(who)]
    where = f"{document.root}: {field.name}"
    if field.code is None and forbidden and not field.is_null:
        yield f"{persona.name} was shown {where}, which is for {forbidden}"
    elif field.code is not None and not (forbidden and field.code in REFUSED):
        yield f"{persona.name} was told {field.code} by {where}"


def unseen(schema, shown):
    """Fields below Query and Subscription that nobody was shown."""
    reachable, waiting = set(), [schema.query_type, schema.subscription_type]
    while waiting:
        kind = waiting.pop()
        if kind.name in reachable:
            continue
        reachable.add(kind.name)
        for field in kind.fields.values():
            named = get_named_type(field.type)
            if is_abstract_type(named):
                waiting += [one for one in schema.get_possible_types(named) if not is_refusal(one)]
            elif isinstance(named, GraphQLObjectType):
                waiting.append(named)
    every = {f"{name}.{field}" for name in reachable for field in schema.type_map[name].fields}
    return sorted(every - {name for fields in shown.values() for _, name, _ in fields})


def is_refusal(kind):
    return any(interface.name == "UserError" for interface in kind.interfaces)


def withheld(world, shown):
    """Fields that somebody whom every rule admits was not shown, though another was."""
    everything = {one for fields in shown.values() for one in fields}
    for persona in world.personas.values():
        for root, name, rules in everything - shown[persona.name]:
            if all(persona.is_one_of(who) for who in rules) and root not in ABOUT_WHOEVER_ASKS:
                yield f"{persona.name} was not shown {root}: {name}, whose rules are {sorted(r.name for r in rules)}"
