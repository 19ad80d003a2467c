"""Who hears which event. A hearer is called at least once for each event, so it must be safe to run twice."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from domain.foundation.outbox import Event
from workers.context import WorkerContext

Hearer = Callable[[WorkerContext, Any], Awaitable[object]]
H = TypeVar("H", bound=Hearer)

Forerunner = Callable[[WorkerContext, Sequence[Any]], Awaitable[object]]
F = TypeVar("F", bound=Forerunner)

_hearers: dict[type[Event], list[Hearer]] = defaultdict(list)
_forerunners: dict[type[Event], Forerunner] = {}


def hears(kind: type[Event]) -> Callable[[H], H]:
    """Call the function for every event of this kind. Several hearers of one kind are called in the order of import."""

    def register(hearer: H) -> H:
        _hearers[kind].append(hearer)
        return hearer

    return register


def hearers_of(event: Event) -> list[Hearer]:
    """Whoever wants to hear this event; often nobody."""
    return _hearers[type(event)]


def runs_ahead(kind: type[Event]) -> Callable[[F], F]:
    """Call the function with many events of this kind at once, before each is heard by itself.

    It may do together, in one transaction, what the hearers would do one by one; they find it done. What it leaves, and
    everything when it fails, is theirs: it makes a busy lane fast, and nothing depends on it.
    """

    def register(forerunner: F) -> F:
        _forerunners[kind] = forerunner
        return forerunner

    return register


def forerunner_of(kind: type[Event]) -> Forerunner | None:
    """Whoever runs ahead of this kind; seldom anybody."""
    return _forerunners.get(kind)
