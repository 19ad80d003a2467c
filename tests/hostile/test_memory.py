"""Documents that nobody asks twice leave nothing behind."""

import gc
import os
import sys
from collections.abc import Callable

import psutil
import pytest

from api import schema
from api.answering import Answering
from api.faults import RequestFault
from api.requests import read_request

MEGABYTE = 1_000_000
LONG = "#" + "x" * 2_000
"""Fills a cache that counts characters with few documents."""
KEPT = 130
"""Documents of this length that are kept: from then on each drives another out."""


def blocks() -> int:
    """What Python has allocated, in pieces."""
    gc.collect()
    return sys.getallocatedblocks()


def resident() -> int:
    """Bytes in memory."""
    gc.collect()
    return psutil.Process(os.getpid()).memory_info().rss


def ask(answering: Answering, number: int) -> None:
    """A document that nobody has sent before: most are valid, every tenth is not."""
    field = "serverTime" if number % 10 else "serverTimes"
    text = (
        f"query Q{number} {{ a{number}: {field} products(first: {number % 50 + 1}) {{ nodes {{ id title }} }} }} {LONG}"
    )
    try:
        answering.prepare(read_request({"query": text}, text.encode()))
    except RequestFault as fault:
        assert number % 10 == 0, fault


def grown_by(documents: int, measure: Callable[[], int]) -> int:
    """What a process grows by while it reads so many documents, once its caches are full."""
    answering = Answering(schema.build())
    for number in range(KEPT):
        ask(answering, number)
    before = measure()
    for number in range(KEPT, KEPT + documents):
        ask(answering, number)
    return measure() - before


def test_a_hundred_documents_leave_nothing_behind() -> None:
    assert grown_by(100, blocks) < 1_000, "each that is kept is a hundred of them"


@pytest.mark.faults
def test_a_hundred_thousand_documents_leave_nothing_behind() -> None:
    assert grown_by(100_000, resident) < 16 * MEGABYTE
