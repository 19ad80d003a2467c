"""Whom a merchandiser lets in to a sale, and whom earlier: as long as nobody can rely on it yet."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.audiences import checking
from domain.audiences.rules import Doors, SaleDoorsFixed
from domain.flash_sales import store
from domain.flash_sales.rules import Sale, SaleState
from domain.foundation.database import Database
from domain.foundation.errors import NotFound
from domain.trail import store as trail

_SETTABLE = frozenset({SaleState.DRAFT, SaleState.SCHEDULED})


async def set_doors(db: Database, *, sale_id: UUID, doors: Doors | None, by: UUID, now: datetime) -> Sale:
    """The sale with these doors and no others; None: everybody comes when it opens. The same again changes nothing.

    Raises NotFound (flashsale, plan, segment), SaleDoorsFixed once it is warm or a door of it has opened, BadInput, also for
    a first door that would be open already.
    """
    async with db.transaction() as tx:
        sale = await store.lock(tx, sale_id)
        if sale is None:
            raise NotFound.of("flashsale", sale_id)
        if sale.doors == doors:
            return sale
        if sale.state not in _SETTABLE or (sale.doors and sale.begins_at <= now):
            raise SaleDoorsFixed(state=sale.state)
        await checking.check(tx, doors, opens_at=sale.opens_at, now=now)
        await store.set_doors(tx, sale_id, doors)
        facts = {"title": sale.title, "doors": doors.kept() if doors else None}
        await trail.note(tx, by=by, deed="set_sale_doors", subject="flashsale", subject_id=sale_id, now=now, **facts)
    return replace(sale, doors=doors)
