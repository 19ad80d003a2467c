"""Documents that nobody asks twice leave nothing behind."""

import gc
import os

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


def resident() -> int:
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


def grown_by(documents: int) -> int:
    """Bytes that a process grows by while it reads so many documents, once its caches are full."""
    answering = Answering(schema.build())
    for number in range(KEPT):
        ask(answering, number)
    before = resident()
    for number in range(KEPT, KEPT + documents):
        ask(answering, number)
    return resident() - before


def test_some_hundred_documents_leave_nothing_behind() -> None:
    assert grown_by(300) < 8 * MEGABYTE


@pytest.mark.faults
def test_a_hundred_thousand_documents_leave_nothing_behind() -> None:
    assert grown_by(100_000) < 16 * MEGABYTE
