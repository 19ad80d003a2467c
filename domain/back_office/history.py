"""The whole story of an order, read out of what stands in the tables of every feature. Nothing is written for its sake."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func, select

from domain.accounts.queries import names_by_ids
from domain.after_sales.rules import Reason
from domain.after_sales.tables import after_sales
from domain.back_office.rules import FOLLOWS, Moment, MomentKind, Teller, money
from domain.foundation.database import Database
from domain.orders.tables import orders
from domain.payments.tables import payments, refunds
from domain.shipments.tables import shipments, tracking_events, uploads
from domain.trail import queries as trail

K, T = MomentKind, Teller
_o, _p, _r, _s, _e, _a, _u = (
    table.c for table in (orders, payments, refunds, shipments, tracking_events, after_sales, uploads)
)


async def by_order_ids(db: Database, order_ids: Sequence[UUID]) -> dict[UUID, list[Moment]]:
    """The moments of each order, in order, with all that staff may see; eight statements, however many orders.

    Moments at the same instant stand as they follow from each other: money is captured before it pays.
    """
    told: dict[UUID, list[Moment]] = {order_id: [] for order_id in order_ids}
    about: dict[UUID, UUID] = {}
    async for order_id, thing_id, moments in _things(db, list(order_ids)):
        about[thing_id] = order_id
        told[order_id].extend(moments)
    for deed in await trail.of_subjects(db, list(about)):
        words = " ".join([deed.deed, orjson.dumps(deed.facts).decode() if deed.facts else ""]).strip()
        moment = Moment(deed.done_at, K.DEED, T.STAFF, (deed.subject, deed.subject_id), words, staff_id=deed.by)
        told[about[deed.subject_id]].append(moment)
    await _name(db, told)
    return {
        order_id: sorted(moments, key=lambda moment: (moment.at, FOLLOWS[moment.kind]))
        for order_id, moments in told.items()
    }


async def _things(db: Database, order_ids: list[UUID]) -> Any:
    """Order, thing, and the moments of that thing: an order's own, then those of what belongs to it."""
    about_them = func.any(order_ids)
    questions: Sequence[tuple[Any, Any]] = (
        (select(orders).where(_o.id == about_them), _of_order),
        (
            select(payments, _p.payable_id.label("order_id")).where(_p.payable == "order", _p.payable_id == about_them),
            _of_payment,
        ),
        (select(shipments).where(_s.order_id == about_them).order_by(_s.id), _of_shipment),
        (
            select(tracking_events, _s.order_id)
            .join_from(tracking_events, shipments)
            .where(_s.order_id == about_them)
            .order_by(_e.happened_at),
            _of_tracking,
        ),
        (select(after_sales).where(_a.order_id == about_them).order_by(_a.id), _of_after_sale),
        (
            select(refunds, _p.payable_id.label("order_id"))
            .join_from(refunds, payments)
            .where(_p.payable == "order", _p.payable_id == about_them)
            .order_by(_r.id),
            _of_refund,
        ),
        (select(uploads).where(_u.order_id == about_them), _of_upload),
    )
    for question, moments_of in questions:
        for row in await db.rows(question):
            fields = row._mapping
            order_id = fields.get("order_id", fields.get("id"))
            thing_id = fields.get("id", fields.get("shipment_id", order_id))
            yield order_id, thing_id, [moment for moment in moments_of(row) if moment.at is not None]


async def _name(db: Database, told: dict[UUID, list[Moment]]) -> None:
    wanted = {moment.staff_id for moments in told.values() for moment in moments if moment.staff_id is not None}
    names = await names_by_ids(db, list(wanted)) if wanted else {}
    for order_id, moments in told.items():
        told[order_id] = [_named(moment, names) for moment in moments]


def _named(moment: Moment, names: dict[UUID, str]) -> Moment:
    if moment.staff_id is None:
        return moment
    return Moment(
        moment.at, moment.kind, moment.by, moment.about, moment.words, moment.amount, moment.staff_id,
        names.get(moment.staff_id), moment.attempts, moment.error,
    )  # fmt: skip


def _of_order(row: Any) -> Iterable[Moment]:
    about = ("order", row.id)
    total = money(row.total_minor)
    yield Moment(row.placed_at, K.PLACED, T.SHOPPER, about, row.remark, total)
    yield Moment(row.destination_set_at, K.DESTINATION_SET, T.SHOPPER, about)
    yield Moment(row.lapsed_at, K.LAPSED, T.MARKET, about)
    is_own = row.cancelled_by is None or row.cancelled_by == row.shopper_id
    canceller = T.SHOPPER if is_own else T.STAFF
    yield Moment(row.cancelled_at, K.CANCELLED, canceller, about, staff_id=None if is_own else row.cancelled_by)
    yield Moment(row.paid_late_at, K.PAID_LATE, T.SHOPPER, about, row.late_outcome or "", total)
    yield Moment(row.paid_at, K.PAID, T.MARKET, about, amount=total)
    if row.received_by == "store":
        yield Moment(row.received_at, K.HANDED_OVER, T.STAFF, about)
    else:
        yield Moment(row.received_at, K.RECEIVED, T.MARKET if row.received_by == "time" else T.SHOPPER, about)
    yield Moment(row.refunded_at, K.ALL_REFUNDED, T.MARKET, about, amount=money(row.refunded_minor))


def _of_payment(row: Any) -> Iterator[Moment]:
    about, amount = ("payment", row.id), money(row.amount_minor)
    yield Moment(row.asked_at, K.PAYMENT_ASKED, T.SHOPPER, about, row.gateway, amount)
    yield Moment(row.closed_at, K.PAYMENT_CLOSED, T.MARKET, about, row.gateway)
    yield Moment(row.captured_at, K.CAPTURED, T.GATEWAY, about, row.gateway, amount)


def _of_refund(row: Any) -> Iterator[Moment]:
    about, amount = ("refund", row.id), money(row.amount_minor)
    # not wanted: the goods by their shopper, or a whole payment by the order
    reason = row.reason if row.cause_id else f"payment_{row.reason}"
    yield Moment(row.asked_at, K.REFUND_ASKED, T.MARKET, about, reason, amount, attempts=row.attempts, error=row.error)
    yield Moment(row.refunded_at, K.REFUNDED, T.GATEWAY, about, amount=amount)


def _of_shipment(row: Any) -> Iterator[Moment]:
    about, parcel = ("shipment", row.id), f"{row.carrier} {row.tracking_number}"
    # a supplier tells of its parcels in its own name; what it has sent may also be written down by one of the staff
    is_theirs = row.supplier_id is not None and row.shipped_by == row.supplier_id
    sender, staff_id = (T.SUPPLIER, None) if is_theirs else (T.STAFF, row.shipped_by)
    yield Moment(row.shipped_at, K.SHIPPED, sender, about, parcel, staff_id=staff_id)
    yield Moment(row.delivered_at, K.DELIVERED, T.CARRIER, about, parcel)


def _of_tracking(row: Any) -> Iterator[Moment]:
    words = f"{row.place} {row.words}".strip()
    yield Moment(row.happened_at, K.TRACKED, T.CARRIER, ("shipment", row.shipment_id), words)


def _of_after_sale(row: Any) -> Iterator[Moment]:
    about = ("aftersale", row.id)
    asker = T.STAFF if row.reason == Reason.BY_MERCHANT else T.SHOPPER
    yield Moment(row.requested_at, K.AFTER_SALE_REQUESTED, asker, about, row.words, money(row.asked_minor))
    decider = T.MARKET if row.decided_by is None else T.STAFF
    agreed = None if row.agreed_minor is None else money(row.agreed_minor)
    yield Moment(
        row.decided_at, K.AFTER_SALE_DECIDED, decider, about, row.decision_words, agreed, staff_id=row.decided_by
    )
    sent_with = f"{row.return_carrier or ''} {row.return_number or ''}".strip()
    yield Moment(row.sent_back_at, K.AFTER_SALE_SENT_BACK, T.SHOPPER, about, sent_with)
    receiver = T.MARKET if row.arrived_by is None else T.STAFF
    yield Moment(row.arrived_at, K.AFTER_SALE_ARRIVED, receiver, about, staff_id=row.arrived_by)
    yield Moment(row.withdrawn_at, K.AFTER_SALE_WITHDRAWN, T.SHOPPER, about)
    yield Moment(row.closed_at, K.AFTER_SALE_CLOSED, T.MARKET, about)


def _of_upload(row: Any) -> Iterator[Moment]:
    about = ("order", row.order_id)
    yield Moment(row.due_since, K.UPLOAD_DUE, T.MARKET, about, row.state, attempts=row.attempts, error=row.error)
    yield Moment(row.uploaded_at, K.UPLOADED, T.MARKET, about)
