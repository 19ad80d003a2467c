"""What checkout asks of the ledger before it places an order."""

from uuid import UUID

from sqlalchemy import func, literal_column, select

from domain.foundation.database import Transaction
from domain.foundation.locks import UNPAID_ORDERS
from domain.orders.tables import orders

o = orders.c


async def lock_checkout(tx: Transaction, shopper_id: UUID) -> None:
    """Wait until no other checkout of this shopper is under way; until the transaction ends, none begins."""
    whose = func.hashtext(str(shopper_id))
    await tx.value(select(func.pg_advisory_xact_lock(UNPAID_ORDERS, whose)))


async def unpaid_orders(tx: Transaction, shopper_id: UUID) -> int:
    """How many orders that this shopper placed at checkout wait for their money; a promotion's are limited by itself."""
    is_unpaid = (o.state == literal_column("'placed'")) & o.source.is_(None)
    return int(await tx.value(select(func.count()).where(o.shopper_id == shopper_id, is_unpaid)))
