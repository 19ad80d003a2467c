"""What the market's books say of one sale and of its group-buys: read from the ledger, not from what the crowd believes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, cast, func, select, text

from cli.report.group_buys import GroupBooks
from domain.flash_sales import queries
from domain.flash_sales.rules import TicketState
from domain.flash_sales.tables import tickets
from domain.foundation import ids
from domain.foundation.runtime import Market
from domain.group_buys import queries as group_buys
from domain.group_buys.tables import groups, seats
from domain.ledger import queries as ledger
from domain.ledger.rules import Account
from domain.orders.rules import OrderState
from domain.orders.tables import orders
from domain.stock import queries as stock


@dataclass(frozen=True)
class Ticket:
    """A ticket that the ledger has decided."""

    item_id: str
    state: TicketState
    claimed_at: datetime
    decided_at: datetime


@dataclass(frozen=True)
class Books:
    """A sale in the ledger; items by their ids as the world sees them, units and money as whole numbers."""

    tickets: Sequence[Ticket]
    sold: Mapping[str, int]
    returned: Mapping[str, int]
    orders_paid: int
    revenue_minor: int


async def read(market: Market, sale_id: str) -> Books:
    """The books of a sale; they are complete once it is settled."""
    sale = (await queries.sales_by_ids(market.db, [ids.decode("flashsale", sale_id)]))[ids.decode("flashsale", sale_id)]
    levels = await stock.allotments_by_ids(market.db, [item.allotment_id for item in sale.items if item.allotment_id])
    sold, returned = {}, {}
    for item in sale.items:
        assert item.allotment_id is not None
        level = levels[item.allotment_id]
        shown = ids.encode("saleitem", item.id)
        sold[shown], returned[shown] = level.sold, item.units - level.sold - level.held - level.free
    item_ids = [item.id for item in sale.items]
    orders_paid, revenue_minor = await _revenue(market, item_ids)
    return Books(await _tickets(market, item_ids), sold, returned, orders_paid, revenue_minor)


async def _tickets(market: Market, item_ids: Sequence[UUID]) -> list[Ticket]:
    t = tickets.c
    rows = await market.db.rows(
        select(t.item_id, t.state, t.claimed_at, t.decided_at)
        .where(t.item_id == func.any(list(item_ids)), t.state != TicketState.REFUSED)
        .order_by(t.decided_at, t.id)
    )
    return [Ticket(ids.encode("saleitem", row.item_id), TicketState(row.state), *row[2:]) for row in rows]


async def _revenue(market: Market, item_ids: Sequence[UUID]) -> tuple[int, int]:
    paid = (
        select(func.count(), func.coalesce(func.sum(orders.c.total_minor), 0))
        .join_from(tickets, orders, orders.c.id == tickets.c.order_id)
        .where(tickets.c.item_id == func.any(list(item_ids)), orders.c.state == "paid")
    )
    row = await market.db.one(paid)
    assert row is not None
    return int(row[0]), int(row[1])


async def of_group_buys(market: Market, campaign_ids: Sequence[str]) -> GroupBooks:
    """The books of campaigns: orders that were paid, those that are confirmed or given back, and where the units are."""
    keys = [ids.decode("campaign", campaign_id) for campaign_id in campaign_ids]
    is_refunded = orders.c.state == OrderState.REFUNDED
    of_seats = (
        select(
            func.count(),
            func.count().filter(orders.c.is_confirmed),
            cast(func.coalesce(func.sum(orders.c.total_minor), 0), BigInteger),
            func.count().filter(is_refunded),
            cast(func.coalesce(func.sum(orders.c.refunded_minor), 0), BigInteger),
        )
        .join_from(groups, seats, seats.c.group_id == groups.c.id)
        .join(orders, orders.c.id == seats.c.order_id)
        .where(groups.c.campaign_id == func.any(keys), orders.c.state.in_([OrderState.PAID, OrderState.REFUNDED]))
    )
    row = await market.db.one(of_seats)
    assert row is not None
    items = [item for one in (await group_buys.campaigns_by_ids(market.db, keys)).values() for item in one.items]
    levels = await stock.allotments_by_ids(market.db, [item.allotment_id for item in items if item.allotment_id])
    units, left = sum(item.units for item in items), sum(level.free for level in levels.values())
    orders_paid, confirmed, paid_minor, refunded, refunded_minor = row
    return GroupBooks(orders_paid, confirmed, paid_minor, refunded, refunded_minor, units, left)


async def versions(market: Market) -> dict[str, str]:
    """Which engines answered."""
    server = await market.gate.info("server")
    postgres = str(await market.db.value(text("SHOW server_version")))
    return {
        "PostgreSQL": postgres.split()[0],
        "Valkey" if "valkey_version" in server else "Redis": server.get("valkey_version") or server["redis_version"],
    }


async def at_gateway_minor(market: Market) -> int:
    """What the ledger says that lies at the gateways, in fen."""
    balances = await ledger.trial_balance(market.db)
    return sum(balance.balance_minor for balance in balances if balance.account is Account.GATEWAY)
