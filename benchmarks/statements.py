"""How many SQL statements each hot operation costs: figures that do not depend on the machine."""

from uuid import UUID

from benchmarks.figures import Figure
from domain.flash_sales import gate as gates
from domain.flash_sales import reserving, tickets
from domain.flash_sales.rules import Item
from domain.foundation import clock
from domain.foundation.ids import new_id, new_ticket_id
from domain.foundation.runtime import Market
from tests.statements import count_statements


async def measure(market: Market, item: Item, shopper_ids: list[UUID]) -> list[Figure]:
    """Claim, poll and reserve; a batch costs the same whether it holds one ticket or a hundred."""
    figures = []
    lane, db = item.lanes[0], market.db
    for size in (1, 100):
        claims = [(id.hex, f"count-{new_id()}", new_ticket_id(lane).hex, 1) for id in shopper_ids[:size]]
        now_ms = int(clock.now().timestamp() * 1000)
        with count_statements(db) as sent:
            answers = await gates.claim(market.gate, lane=lane, epoch=item.epoch, now_ms=now_ms, claims=claims)
        if size == 1:
            figures.append(Figure("SQL statements of a claim", len(sent), "statements", target="0"))
        with count_statements(db) as sent:
            await reserving.reserve(db, market.gate, lane=lane, limit=size, now=clock.now())
        figures.append(Figure(f"SQL statements of a batch of {size} tickets", len(sent), "statements"))
    ticket_id = answers[0].ticket_id
    assert ticket_id is not None
    with count_statements(db) as sent:
        await tickets.find(db, market.gate, ticket_id=ticket_id)
    figures.append(Figure("SQL statements of a poll", len(sent), "statements"))
    return figures
