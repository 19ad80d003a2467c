"""The books: every test that sells anything ends with `await assert_clean(market)`."""

from domain.audit import running
from domain.audit.rules import Line
from domain.foundation import clock
from domain.foundation.runtime import Market


async def assert_clean(market: Market) -> list[Line]:
    """Audit the market; all lines. Raises AssertionError with the lines that differ, each check's total first."""
    lines = await running.run(market.db, market.gate, now=clock.now())
    differing = [line for line in lines if line.ok is False]
    assert not differing, "\n" + "\n".join(
        f"{line.check} | {line.subject} | expected: {line.expected} | found: {line.found}" for line in differing
    )
    return lines
