"""Who hears which event. A hearer is called at least once for each event, so it must be safe to run twice."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from domain.foundation.outbox import Event
from workers.context import WorkerContext

Hearer = Callable[[WorkerContext, Any], Awaitable[object]]
H = TypeVar("H", bound=Hearer)

_hearers: dict[type[Event], list[Hearer]] = defaultdict(list)


def hears(kind: type[Event]) -> Callable[[H], H]:
    """Call the function for every event of this kind. Several hearers of one kind are called in the order of import."""

    def register(hearer: H) -> H:
        _hearers[kind].append(hearer)
        return hearer

    return register


def hearers_of(event: Event) -> list[Hearer]:
    """Whoever wants to hear this event; often nobody."""
    return _hearers[type(event)]
