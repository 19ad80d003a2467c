"""How after-sales change: the only SQL that writes them. Locks: the order first, then its after-sale."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update

from domain.after_sales.amounts import Taken
from domain.after_sales.rules import (
    GIVEN_BACK,
    NEXT,
    OPEN,
    AfterSale,
    AfterSaleLine,
    AfterSaleMoved,
    AfterSaleState,
    Kind,
    Reason,
    due_at,
)
from domain.after_sales.tables import after_sale_lines, after_sales
from domain.foundation.database import Reader, Transaction
from domain.foundation.errors import NotFound
from domain.foundation.money import Money
from domain.orders.tables import orders

a = after_sales.c
COLUMNS = tuple(after_sales.c)
ln = after_sale_lines.c
LINE_COLUMNS = (
    ln.position, ln.quantity, ln.unsent, ln.goods_minor, ln.freight_minor, ln.freight_kept_minor, ln.restocked,
)  # fmt: skip
_LOCK = select(*COLUMNS).where(a.id == bindparam("after_sale_id")).with_for_update()
_ORDER_OF = select(a.order_id).where(a.id == bindparam("after_sale_id"))
_LOCK_ORDER_UNLESS_BUSY = (
    select(orders.c.id).where(orders.c.id == _ORDER_OF.scalar_subquery()).with_for_update(of=orders, skip_locked=True)
)


def after_sale_of(row: Any) -> AfterSale:
    """An after-sale out of a row of `COLUMNS`."""
    values = {**row._mapping, "kind": Kind(row.kind), "state": AfterSaleState(row.state), "reason": Reason(row.reason)}
    currency = values.pop("currency")
    asked_minor, agreed_minor = values.pop("asked_minor"), values.pop("agreed_minor")
    agreed = None if agreed_minor is None else Money(agreed_minor, currency)
    return AfterSale(**values, asked=Money(asked_minor, currency), agreed=agreed)


def line_of(row: Any) -> AfterSaleLine:
    """A line out of a row that begins with `LINE_COLUMNS`."""
    return AfterSaleLine(*row[: len(LINE_COLUMNS)])


async def add(tx: Transaction, new: AfterSale, lines: Sequence[AfterSaleLine]) -> None:
    """Write a request; its order is locked."""
    await tx.execute(
        insert(after_sales).values(
            id=new.id,
            order_id=new.order_id,
            shopper_id=new.shopper_id,
            kind=new.kind,
            state=new.state,
            reason=new.reason,
            words=new.words,
            evidence=list(new.evidence),
            due_at=new.due_at,
            asked_minor=new.asked.minor,
            currency=new.asked.currency,
            requested_at=new.requested_at,
        )
    )
    await tx.execute(
        insert(after_sale_lines),
        [
            {
                "after_sale_id": new.id,
                "order_id": new.order_id,
                "position": line.position,
                "quantity": line.quantity,
                "unsent": line.unsent,
                "goods_minor": line.goods_minor,
                "freight_minor": line.freight_minor,
                "freight_kept_minor": line.freight_kept_minor,
            }
            for line in lines
        ],
    )


async def order_id_of(reader: Reader, after_sale_id: UUID) -> UUID:
    """The order it is about, which is to be locked first. Raises NotFound."""
    order_id = await reader.value(_ORDER_OF, {"after_sale_id": after_sale_id})
    if order_id is None:
        raise NotFound.of("aftersale", after_sale_id)
    assert isinstance(order_id, UUID)
    return order_id


async def lock_order_unless_busy(tx: Transaction, after_sale_id: UUID) -> bool:
    """Lock the order of an after-sale; False when somebody else is at work on it, and then nothing is locked."""
    return await tx.one(_LOCK_ORDER_UNLESS_BUSY, {"after_sale_id": after_sale_id}) is not None


async def lock(tx: Transaction, after_sale_id: UUID) -> AfterSale:
    """An after-sale, locked until the transaction ends; its order is locked already. Raises NotFound."""
    row = await tx.one(_LOCK, {"after_sale_id": after_sale_id})
    if row is None:
        raise NotFound.of("aftersale", after_sale_id)
    return after_sale_of(row)


async def lines_of(tx: Transaction, after_sale_id: UUID) -> list[AfterSaleLine]:
    """The units it is about, in the order of the order's lines."""
    statement = select(*LINE_COLUMNS).where(ln.after_sale_id == after_sale_id).order_by(ln.position)
    return [line_of(row) for row in await tx.rows(statement)]


async def number_of(reader: Reader, order_id: UUID) -> int:
    """How many after-sales an order has had, whatever became of them; exact while the order is locked."""
    return int(await reader.value(select(func.count()).select_from(after_sales).where(a.order_id == order_id)))


async def taken_of(reader: Reader, order_id: UUID) -> dict[int, Taken]:
    """What of each line of an order (by its position) stands in after-sales; exact while the order is locked."""
    is_open = a.state.in_(OPEN)
    sums = (
        select(
            ln.position,
            func.sum(ln.goods_minor),
            func.sum(ln.freight_minor + ln.freight_kept_minor),
            func.coalesce(func.sum(ln.quantity).filter(is_open), 0),
            func.coalesce(func.sum(ln.unsent).filter(is_open), 0),
        )
        .join_from(after_sale_lines, after_sales, a.id == ln.after_sale_id)
        .where(a.order_id == order_id, a.state.in_(OPEN | GIVEN_BACK))
        .group_by(ln.position)
    )
    return {position: Taken(*map(int, rest)) for position, *rest in await reader.rows(sums)}


async def open_until(reader: Reader, order_id: UUID) -> datetime | None:
    """By when somebody has to act in the order's open after-sales, in the last of them; None when none is open."""
    last: datetime | None = await reader.value(
        select(func.max(a.due_at)).where(a.order_id == order_id, a.state.in_(OPEN))
    )
    return last


async def move(tx: Transaction, before: AfterSale, state: AfterSaleState, *, now: datetime, **values: Any) -> AfterSale:
    """Write the new state, with what belongs to it and its deadline, and give back the after-sale as it is then.

    Compare-and-set on the state that was seen: raises AfterSaleMoved when it is another one.
    """
    assert state in NEXT[before.state], f"{before.state} -> {state}"
    seen = update(after_sales).where(a.id == before.id, a.state == before.state)
    row = await tx.one(seen.values(state=state, due_at=due_at(state, now), **values).returning(*COLUMNS))
    if row is None:
        raise AfterSaleMoved(after_sale_id=before.id, state=before.state)
    return after_sale_of(row)


async def note_arrival(tx: Transaction, after_sale_id: UUID, *, by: UUID, words: str, now: datetime) -> None:
    """The goods that were sent back are here, and this is said of them."""
    arrival = {"arrived_at": now, "arrived_by": by, "arrival_words": words}
    await tx.execute(update(after_sales).where(a.id == after_sale_id).values(arrival))


async def add_restocked(tx: Transaction, after_sale_id: UUID, units: Mapping[int, int]) -> None:
    """So many more units of each line (by its position) are in stock again."""
    for position, quantity in units.items():
        of_line = update(after_sale_lines).where(ln.after_sale_id == after_sale_id, ln.position == position)
        await tx.execute(of_line.values(restocked=ln.restocked + quantity))


async def mark_refunded(tx: Transaction, after_sale_id: UUID, *, refunded_at: datetime) -> bool:
    """The gateway has given the money back; whether that was new."""
    waiting = update(after_sales).where(a.id == after_sale_id, a.state == AfterSaleState.REFUNDING)
    return await tx.execute(waiting.values(state=AfterSaleState.REFUNDED, refunded_at=refunded_at)) == 1


def unsent_of(lines: Iterable[AfterSaleLine]) -> dict[int, int]:
    """Units that never leave, by position."""
    return {line.position: line.unsent for line in lines if line.unsent}
