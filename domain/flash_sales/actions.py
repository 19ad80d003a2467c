"""What a merchandiser can do with a sale: create, schedule, cancel, warm, stop; and settling when it is over."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import func, select

from domain.flash_sales import gate as gates
from domain.flash_sales import queries, rebuilding, store
from domain.flash_sales.rules import Item, Sale, SaleState
from domain.flash_sales.tables import tickets
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import encode, new_id
from domain.foundation.money import LARGEST_MINOR, SHOP_CURRENCY
from domain.foundation.redis import Gate
from domain.orders.tables import orders
from domain.products.tables import products, skus
from domain.stock import store as stock
from domain.stock.rules import Cause, Units
from domain.trail import store as trail

MOST_ITEMS = 50
LONGEST_WINDOW = timedelta(days=7)
MOST_ADMISSIONS = 100_000
"""Shoppers let in during one second."""


@dataclass(frozen=True)
class NewItem:
    """A SKU to be sold in a sale. `waiting_places` None: as many as there are units."""

    sku_id: UUID
    sale_price_minor: int
    units: int
    per_shopper: int = 1
    waiting_places: int | None = None
    buckets: int = 1


async def create(
    db: Database,
    *,
    title: str,
    opens_at: datetime,
    closes_at: datetime,
    pay_seconds: int,
    items: Sequence[NewItem],
    by: UUID,
    idempotency_key: str,
    now: datetime,
    slot_id: UUID | None = None,
    admissions_per_second: int | None = None,
) -> Sale:
    """A draft. The same key with the same wishes gives the same sale again. Raises BadInput, NotFound (sku)."""
    _check(title, opens_at, closes_at, pay_seconds, admissions_per_second, items, now)
    request = {
        "title": title,
        "window": [opens_at, closes_at],
        "pay_seconds": pay_seconds,
        "slot": slot_id,
        "admissions_per_second": admissions_per_second,
        "items": [asdict(item) for item in items],
    }
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="create_flash_sale", request=request
        )
        if replay:
            sale_id = UUID(replay.answer)
        else:
            sale_id = new_id()
            draft = Sale(sale_id, title, SaleState.DRAFT, slot_id, opens_at, closes_at, pay_seconds)
            draft = replace(draft, admissions_per_second=admissions_per_second, items=await _items(tx, sale_id, items))
            await store.add(tx, draft, created_by=by, now=now)
            await _note(tx, "create_flash_sale", draft, by=by, now=now)
            await idempotency.finish(tx, owner_id=by, key=idempotency_key, answer=str(sale_id))
        sale = await store.lock(tx, sale_id)
    assert sale is not None
    return sale


def _check(
    title: str,
    opens_at: datetime,
    closes_at: datetime,
    pay_seconds: int,
    admissions_per_second: int | None,
    items: Sequence[NewItem],
    now: datetime,
) -> None:
    if not 1 <= len(title.strip()) <= 120:
        raise BadInput("title must have 1 to 120 characters")
    if not opens_at < closes_at or closes_at - opens_at > LONGEST_WINDOW:
        raise BadInput(f"the window must end after it begins, within {LONGEST_WINDOW.days} days")
    if closes_at <= now:
        raise BadInput("the window must end in the future")
    if not 1 <= pay_seconds <= 86_400:
        raise BadInput(f"paySeconds is {pay_seconds}; allowed: 1 to 86400")
    if admissions_per_second is not None and not 1 <= admissions_per_second <= MOST_ADMISSIONS:
        raise BadInput(f"admissionsPerSecond is {admissions_per_second}; allowed: 1 to {MOST_ADMISSIONS}")
    if not 1 <= len(items) <= MOST_ITEMS or len({item.sku_id for item in items}) < len(items):
        raise BadInput(f"a sale has 1 to {MOST_ITEMS} items, each SKU once")
    limits = {
        "sale_price_minor": (1, LARGEST_MINOR),
        "units": (1, 10_000_000),
        "per_shopper": (1, 10_000),
        "waiting_places": (0, 10_000_000),
        "buckets": (1, 64),
    }
    for item in items:
        for name, (least, most) in limits.items():
            value = getattr(item, name)
            if value is not None and not least <= value <= most:
                raise BadInput(f"{name} is {value}; allowed: {least} to {most}")
        # what the dearest order costs
        most_minor = item.sale_price_minor * item.per_shopper
        if most_minor > LARGEST_MINOR:
            raise BadInput(
                f"sale_price_minor {item.sale_price_minor} times per_shopper {item.per_shopper} is {most_minor}; "
                f"allowed: up to {LARGEST_MINOR}"
            )


async def _items(tx: Transaction, sale_id: UUID, wished: Sequence[NewItem]) -> tuple[Item, ...]:
    rows = await tx.rows(
        select(skus.c.id, products.c.title, skus.c.options)
        .join_from(skus, products)
        .where(skus.c.id == func.any([item.sku_id for item in wished]))
    )
    titles = {row.id: " ".join([row.title, *row.options])[:600] for row in rows}
    for item in wished:
        if item.sku_id not in titles:
            raise NotFound(kind="sku", id=encode("sku", item.sku_id))
    return tuple(
        Item(
            id=new_id(),
            number=0,
            sale_id=sale_id,
            sku_id=item.sku_id,
            title=titles[item.sku_id],
            sale_price_minor=item.sale_price_minor,
            currency=SHOP_CURRENCY,
            units=item.units,
            per_shopper=item.per_shopper,
            waiting_places=item.units if item.waiting_places is None else item.waiting_places,
            buckets=item.buckets,
            allotment_id=None,
            epoch=0,
        )
        for item in wished
    )


async def schedule(db: Database, *, sale_id: UUID, by: UUID, now: datetime) -> Sale:
    """Publish a draft: shoppers see it coming, and the timetable warms it before it opens. Scheduled already: no change."""
    async with db.transaction() as tx:
        sale = await _locked(tx, sale_id)
        if sale.state is not SaleState.SCHEDULED:
            sale = sale.moved_to(SaleState.SCHEDULED)
            await store.move(tx, sale, scheduled_at=now)
            await _note(tx, "schedule_flash_sale", sale, by=by, now=now)
    return sale


async def cancel(db: Database, *, sale_id: UUID, by: UUID, now: datetime) -> Sale:
    """Call off a sale that was never warm. Cancelled already: no change."""
    async with db.transaction() as tx:
        sale = await _locked(tx, sale_id)
        if sale.state is not SaleState.CANCELLED:
            sale = sale.moved_to(SaleState.CANCELLED)
            await store.move(tx, sale, cancelled_at=now, cancelled_by=by)
            await _note(tx, "cancel_flash_sale", sale, by=by, now=now)
    return sale


async def warm(db: Database, gate: Gate, *, sale_id: UUID, now: datetime, by: UUID | None = None) -> Sale:
    """Move the items' units from free stock into their allotments, then fill the gate. Warm already: no change.

    Raises NotEnoughStock naming the SKU, and then nothing has moved. Should the gate not answer, the sale is warm all
    the same: the reconciler fills the gate as soon as it does. The trail tells of it when a person (`by`) asked for it.
    """
    async with db.transaction() as tx:
        sale = await _locked(tx, sale_id)
        if sale.state is SaleState.WARM:
            return sale
        sale = sale.moved_to(SaleState.WARM)
        # by SKU: two sales with the same goods must lock in the same order
        for item in sorted(sale.items, key=lambda item: item.sku_id):
            cause = Cause("flash_sale", sale.id)
            units = Units(item.sku_id, item.units)
            allotment_id = await stock.open_allotment(tx, units, purpose="flash_sale", cause=cause, now=now)
            await store.set_allotment(tx, item.id, allotment_id)
        await store.move(tx, sale, warmed_at=now)
        if by is not None:
            await _note(tx, "warm_flash_sale", sale, by=by, now=now)
        for item in sale.items:
            tx.after_commit(partial(rebuilding.rebuild, db, gate, item_id=item.id, reason="warm"))
    return (await queries.sales_by_ids(db, [sale_id]))[sale_id]


async def stop(db: Database, gate: Gate, *, sale_id: UUID, by: UUID, now: datetime) -> Sale:
    """Take no more claims from now on. Tickets that are queued keep their unit; the waiting line ends. Twice: no change."""
    async with db.transaction() as tx:
        sale = await _locked(tx, sale_id)
        if sale.state is not SaleState.STOPPED:
            sale = replace(sale.moved_to(SaleState.STOPPED), stopped_at=now)
            await store.move(tx, sale, stopped_at=now, stopped_by=by)
            await _note(tx, "stop_flash_sale", sale, by=by, now=now)
        for item in sale.items:
            # best effort: should the gate not answer, the timetable closes it as soon as it does
            tx.after_commit(partial(gates.close, gate, item.lanes))
    return sale


async def settle(db: Database, gate: Gate, *, sale_id: UUID, now: datetime) -> bool:
    """Give leftovers back to free stock once the sale is over and every order of it is paid or gone; whether it did.

    Called again and again by the timetable until the last ticket is decided.
    """
    sale = (await queries.sales_by_ids(db, [sale_id]))[sale_id]
    if (sale.state is SaleState.WARM and now < sale.closes_at) or sale.state not in {SaleState.WARM, SaleState.STOPPED}:
        return False
    lanes = [lane for item in sale.items for lane in item.lanes]
    async with db.transaction() as tx:
        # closed under the lock that a rebuild takes too: no gate opens again between this look and the settlement
        sale = await _locked(tx, sale_id)
        await gates.close(gate, lanes)
        in_line = any(await gates.queue_lengths(gate, lanes))
        if sale.state is SaleState.SETTLED or in_line or await _is_undecided(tx, sale):
            return False
        allotment_ids = [item.allotment_id for item in sale.items if item.allotment_id is not None]
        assert len(allotment_ids) == len(sale.items), "a sale that was warm has its units set aside"
        await stock.close_allotments(tx, allotment_ids, cause=Cause("flash_sale", sale.id), now=now)
        await store.move(tx, sale.moved_to(SaleState.SETTLED), settled_at=now)
    return True


async def _is_undecided(tx: Transaction, sale: Sale) -> bool:
    """Whether an order of the sale may still be paid, or a ticket has not heard what became of its order."""
    undecided = (
        select(tickets.c.id)
        .join(orders, orders.c.id == tickets.c.order_id)
        .where(
            tickets.c.item_id == func.any([item.id for item in sale.items]),
            (orders.c.state == "placed") | (tickets.c.state == "reserved"),
        )
    )
    return bool(await tx.value(select(undecided.exists())))


async def _note(tx: Transaction, deed: str, sale: Sale, *, by: UUID, now: datetime) -> None:
    await trail.note(tx, by=by, deed=deed, subject="flashsale", subject_id=sale.id, now=now, title=sale.title)


async def _locked(tx: Transaction, sale_id: UUID) -> Sale:
    sale = await store.lock(tx, sale_id)
    if sale is None:
        raise NotFound(kind="flashsale", id=encode("flashsale", sale_id))
    return sale
