"""The books: every test that sells anything ends with `await assert_clean(market)`."""

from domain.audit import running
from domain.audit.rules import Line
from domain.foundation import clock, outbox
from domain.foundation.runtime import Market


async def assert_clean(market: Market, *, in_flight: bool = False) -> list[Line]:
    """Audit the market; all lines. Raises AssertionError with the lines that differ.

    Events that nobody has heard yet are an error too, unless `in_flight` says that they are expected.
    """
    lines = await running.run(market.db, market.gate, now=clock.now())
    differing = [line for line in lines if line.ok is False]
    assert not differing, "\n" + "\n".join(
        f"{line.check} | {line.subject} | expected: {line.expected} | found: {line.found}" for line in differing
    )
    if not in_flight:
        assert (await outbox.backlog(market.db)).waiting == 0, "events that nobody has heard"
    return lines
