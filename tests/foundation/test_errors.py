"""Refusals are exceptions that Python may handle as any other."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import api.schema  # noqa: F401  every feature's refusals are known once it is read
from domain.foundation.errors import NotFound, Refusal


@contextmanager
def passing_on() -> Iterator[None]:
    yield


def kinds_of(kind: type[Refusal]) -> set[type[Refusal]]:
    return {kind, *(grandchild for child in kind.__subclasses__() for grandchild in kinds_of(child))}


def test_a_refusal_passes_through_a_context_manager_as_itself():
    refusal = NotFound(kind="order", id="order_1")

    with pytest.raises(NotFound) as caught, passing_on():
        raise refusal

    assert caught.value is refusal


@pytest.mark.parametrize("kind", sorted(kinds_of(Refusal), key=lambda kind: kind.__name__))
def test_every_refusal_takes_a_traceback_and_can_be_hashed(kind):
    refusal = kind.__new__(kind)

    refusal.__traceback__ = None
    refusal.add_note("on the way")

    assert {refusal} == {refusal}
