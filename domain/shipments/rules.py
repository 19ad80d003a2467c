"""What may be sent how, where a parcel may be, and what is refused when it leaves or arrives."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal
from domain.orders.rules import RECEIVED_AFTER_SHIPPED, Line, Order

RECEIVED_AFTER_DELIVERED = timedelta(days=7)
"""How long after the last parcel was delivered the shopper counts as having the goods, if nobody says anything."""
EXTENSION = timedelta(days=7)
"""By how much a shopper may put that off, once."""
WRONG_CODES = 5
CODES_LOCKED_FOR = timedelta(minutes=15)
"""After so many wrong pickup codes an order's code is not looked at for so long."""
LABEL_BEFORE_SHIPPED = timedelta(days=7)
CLOCKS_DIFFER = timedelta(hours=1)
ROWS_AT_ONCE = 100


class Carrier(StrEnum):
    """Who carries parcels."""

    SF = "sf"
    YTO = "yto"
    ZTO = "zto"
    STO = "sto"
    YUNDA = "yunda"
    JD = "jd"
    EMS = "ems"
    JT = "jt"
    DEPPON = "deppon"
    POST = "post"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class CarrierFacts:
    """A carrier's name, the shape of its numbers, and what WeChat and the tracking company call it."""

    zh: str
    shape: str
    wechat: str
    tracking: str


# The shapes are lax: carriers add new ones, and a parcel must not stay because its number is longer than the last.
CARRIERS: Mapping[Carrier, CarrierFacts] = {
    Carrier.SF: CarrierFacts("顺丰速运", r"(SF)?[0-9]{12,15}", "SF", "shunfeng"),
    Carrier.YTO: CarrierFacts("圆通速递", r"[A-Z]{0,2}[0-9]{9,18}", "YTO", "yuantong"),
    Carrier.ZTO: CarrierFacts("中通快递", r"[A-Z]{0,2}[0-9]{12,15}", "ZTO", "zhongtong"),
    Carrier.STO: CarrierFacts("申通快递", r"[A-Z]{0,2}[0-9]{12,15}", "STO", "shentong"),
    Carrier.YUNDA: CarrierFacts("韵达快递", r"[A-Z]{0,2}[0-9]{12,16}", "YD", "yunda"),
    Carrier.JD: CarrierFacts("京东快递", r"J[A-Z]{1,3}[A-Z0-9]{8,18}(-[0-9]+){0,2}-?", "JD", "jd"),
    Carrier.EMS: CarrierFacts("邮政EMS", r"[0-9]{13}|[A-Z]{2}[0-9]{9}[A-Z]{2}", "EMS", "ems"),
    Carrier.JT: CarrierFacts("极兔速递", r"JT[0-9]{11,15}|[0-9]{12,15}", "JTSD", "jtexpress"),
    Carrier.DEPPON: CarrierFacts("德邦快递", r"[A-Z]{0,3}[0-9]{8,15}", "DBL", "debangkuaidi"),
    Carrier.POST: CarrierFacts("邮政快递包裹", r"[0-9]{13}|[A-Z]{2}[0-9]{9}[A-Z]{2}", "YZPY", "youzhengguonei"),
    Carrier.OTHER: CarrierFacts("其他快递", r"[A-Z0-9-]{5,40}", "OTHERS", ""),
}


class ShipmentState(StrEnum):
    """Where a parcel is: sent, seen on its way, delivered, or in trouble."""

    SHIPPED = "shipped"
    MOVING = "moving"
    DELIVERED = "delivered"
    TROUBLED = "troubled"


class UploadState(StrEnum):
    """Whether WeChat knows how an order was sent: to be told, told, or it refuses to hear."""

    DUE = "due"
    UPLOADED = "uploaded"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Shipment:
    """A parcel of an order; `supplier_id` is who sent it, None when we did. `units` are by line position."""

    id: UUID
    order_id: UUID
    supplier_id: UUID | None
    carrier: Carrier
    tracking_number: str
    state: ShipmentState
    shipped_at: datetime
    shipped_by: UUID
    delivered_at: datetime | None = None
    followed_at: datetime | None = None
    units: Mapping[int, int] | None = None


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """Where a parcel was seen, in the carrier's own words."""

    happened_at: datetime
    state: ShipmentState
    words: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """What WeChat was told, or has to be told, of an order it has the money of."""

    order_id: UUID
    state: UploadState
    told: int
    is_all_told: bool
    attempts: int
    retry_at: datetime | None
    error: str | None
    due_since: datetime
    uploaded_at: datetime | None


def check_tracking_number(carrier: Carrier, number: str) -> str:
    """The number in capitals, without spaces. Raises BadInput unless it looks like one of the carrier's."""
    clean = re.sub(r"\s+", "", number).upper()
    facts = CARRIERS[carrier]
    if len(clean) > 40 or not re.fullmatch(facts.shape, clean):
        raise BadInput(
            f"{number[:60]!r} is no tracking number of {carrier.name} ({facts.zh}); such look like {facts.shape}"
        )
    return clean


def choose_units(lines: Sequence[Line], wanted: Mapping[int, int] | None) -> Mapping[int, int]:
    """What goes into a parcel: the wanted units, or everything that is left to send."""
    return wanted or {line.position: line.to_ship for line in lines if line.to_ship}


def check_one_sender(lines: Sequence[Line], units: Mapping[int, int]) -> UUID | None:
    """Who sends these units: a supplier, or None for ourselves. Raises MixedSenders for units of more than one."""
    senders = {line.supplier_id for line in lines if line.position in units}
    if len(senders) > 1:
        raise MixedSenders(senders=len(senders))
    return senders.pop() if senders else None


def is_believable(event: TrackingEvent, shipment: Shipment, now: datetime) -> bool:
    """Whether it can be about this parcel: carriers use their numbers again, and clocks differ a little."""
    return shipment.shipped_at - LABEL_BEFORE_SHIPPED <= event.happened_at <= now + CLOCKS_DIFFER


def standing(events: Iterable[TrackingEvent], shipment: Shipment) -> tuple[ShipmentState, datetime | None]:
    """Where a parcel is after all that was heard of it, in whatever order, and when it was delivered.

    Delivered is the end: what carriers say later (a return, a complaint) is told in words only.
    """
    in_order = sorted(events, key=lambda event: event.happened_at)
    delivered = [event.happened_at for event in in_order if event.state is ShipmentState.DELIVERED]
    if delivered:
        return ShipmentState.DELIVERED, max(delivered[0], shipment.shipped_at)
    return (in_order[-1].state if in_order else ShipmentState.SHIPPED), None


def receive_by_after_delivery(order: Order, last_delivered_at: datetime, *, is_extended: bool) -> datetime:
    """By when the shopper of a sent order counts as having the goods, now that all parcels are delivered: never later than
    before. Where it was put off for longer than parcels need, something is said to be wrong, and it stays.
    """
    assert order.shipped_at is not None and order.receive_by is not None, f"order {order.id} is not sent"
    extension = EXTENSION if is_extended else timedelta(0)
    if order.receive_by > order.shipped_at + RECEIVED_AFTER_SHIPPED + extension:
        return order.receive_by
    return min(order.receive_by, last_delivered_at + RECEIVED_AFTER_DELIVERED + extension)


@dataclass(eq=False)
class MixedSenders(Refusal):
    """A parcel has one sender: units of a supplier and of others leave in shipments of their own."""

    senders: int

    code: ClassVar[str] = "MIXED_SENDERS"
    zh: ClassVar[str] = "这些商品由 {senders} 个发货方发出，请分开发货"
    en: ClassVar[str] = "these units are sent by {senders} senders: make a shipment for each"


@dataclass(eq=False)
class TrackingNumberTaken(Refusal):
    """The order has a parcel of this carrier with this number already."""

    carrier: Carrier
    tracking_number: str

    code: ClassVar[str] = "TRACKING_NUMBER_TAKEN"
    zh: ClassVar[str] = "该订单已有运单号 {tracking_number}"
    en: ClassVar[str] = "the order has a parcel {tracking_number} of {carrier} already"


@dataclass(eq=False)
class ShipmentDelivered(Refusal):
    """A parcel that has arrived keeps its number."""

    shipment_id: UUID
    delivered_at: datetime

    code: ClassVar[str] = "SHIPMENT_DELIVERED"
    zh: ClassVar[str] = "包裹已签收，无法修改运单号"
    en: ClassVar[str] = "the parcel was delivered at {delivered_at:%Y-%m-%d %H:%M:%S} UTC; its number stays"


@dataclass(eq=False)
class WrongPickupCode(Refusal):
    """The code is not the order's; a few more may be tried."""

    tries_left: int

    code: ClassVar[str] = "WRONG_PICKUP_CODE"
    zh: ClassVar[str] = "提货码错误，还可尝试 {tries_left} 次"
    en: ClassVar[str] = "the pickup code is wrong; {tries_left} more may be tried"


@dataclass(eq=False)
class PickupCodeLocked(Refusal):
    """Too many wrong codes: no code is looked at until then."""

    until: datetime

    code: ClassVar[str] = "PICKUP_CODE_LOCKED"
    zh: ClassVar[str] = "提货码错误次数过多，请稍后再试"
    en: ClassVar[str] = "too many wrong pickup codes; try again after {until:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(eq=False)
class ReceiptNotExtendable(Refusal):
    """Only an order on its way can be given more time, and only once."""

    order_id: UUID
    is_extended: bool

    code: ClassVar[str] = "RECEIPT_NOT_EXTENDABLE"
    zh: ClassVar[str] = "订单不在待收货状态或已延长过收货时间"
    en: ClassVar[str] = "the time to receive cannot be extended; extended before: {is_extended}"


@dataclass(eq=False)
class UploadNotRetryable(Refusal):
    """Only what WeChat refused, or did not answer, can be told again by hand."""

    order_id: UUID

    code: ClassVar[str] = "UPLOAD_NOT_RETRYABLE"
    zh: ClassVar[str] = "发货信息已录入，无需重试"
    en: ClassVar[str] = "WeChat knows of this order's shipping already"
