"""Lucky draws in the background: drawing what the crews have not drawn in time."""

from domain.draws import actions, sealing
from workers.context import WorkerContext
from workers.timetable import every

A_ROUND = 20
"""Draws looked after at once."""


@every(seconds=1.0)
async def draw_due(context: WorkerContext) -> None:
    """Draw what is due. Safe to run twice: what is drawn stays so."""
    if not context.market.settings.seal_key.get_secret_value():
        return  # no draw was ever opened here
    key = sealing.seal_key(context.market.settings)
    await actions.draw_due(context.market.db, context.bus, key=key, now=context.now(), limit=A_ROUND)
