"""What happened and who did it: the history of an order, and the deeds of staff."""

from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
import strawberry

from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, read_id, show_id
from domain.accounts.queries import names_by_ids
from domain.back_office import history, rules
from domain.back_office.wording import words_of
from domain.foundation.errors import BadInput
from domain.trail import queries
from domain.trail.rules import Deed

_KINDS = {
    "PLACED": "下单：the order was placed; `amount` is to be paid, `words` the shopper's remark",
    "DESTINATION_SET": "填写收货地址：the buyer of a promotion said, for the last time so far, where the order goes",
    "PAYMENT_ASKED": "发起支付：the shopper asked how to pay; `words`: the gateway",
    "PAYMENT_CLOSED": "支付关闭：that payment can no longer be paid",
    "CAPTURED": "收款：the gateway has the money, by its own clock",
    "PAID": "已付款：the order has its money, and its units are sold",
    "PAID_LATE": "逾期付款：money came after the order had ended; `words`: what became of it, empty while undecided",
    "LAPSED": "超时关闭：nobody paid in time",
    "CANCELLED": "取消：called off before it was paid; `by` whom",
    "SHIPPED": "发货：a parcel left; `words`: carrier and tracking number",
    "TRACKED": "物流轨迹：a parcel was seen; `words`: where, and what happened",
    "DELIVERED": "签收：a parcel was delivered",
    "HANDED_OVER": "自提核销：a store handed the goods over",
    "RECEIVED": "确认收货：the shopper has the goods, by their own word or by time",
    "AFTER_SALE_REQUESTED": "申请售后：`amount` is what was asked for",
    "AFTER_SALE_DECIDED": "售后审核：`amount` is what was agreed to; none when it was rejected",
    "AFTER_SALE_SENT_BACK": "买家退货：goods are on their way back; `words`: carrier and tracking number",
    "AFTER_SALE_ARRIVED": "退货签收：goods that were sent back are here",
    "AFTER_SALE_WITHDRAWN": "撤销售后：the shopper took the request back",
    "AFTER_SALE_CLOSED": "售后关闭：closed, as the time to send goods back was over",
    "REFUND_ASKED": "发起退款：money is to go back; `words`: why",
    "REFUNDED": "退款到账：the payer has that money back, by the gateway's clock",
    "ALL_REFUNDED": "全部退款：the last unit's money was agreed to go back",
    "UPLOAD_DUE": "待录入发货信息：WeChat is to be told how the order was sent; for staff only",
    "UPLOADED": "发货信息已录入：WeChat knows; for staff only",
    "DEED": "员工操作：somebody of the staff did something; `words`: what, and its facts; for staff only",
}
_TELLERS = {
    "SHOPPER": "买家：who placed the order",
    "STAFF": "员工：somebody behind the counter",
    "SUPPLIER": "供应商：who sends goods for us",
    "GATEWAY": "支付渠道：the company through which the money moves",
    "CARRIER": "快递公司：who carries the parcel",
    "MARKET": "系统：nobody in person, the market's own rules",
}


def _described(name: str, values: type[Enum], descriptions: dict[str, str], description: str) -> Any:
    members = {value.name: strawberry.enum_value(value.value, description=descriptions[value.name]) for value in values}
    return strawberry.enum(Enum(name, members), description=description)  # type: ignore[call-overload]


OrderMomentKind = _described("OrderMomentKind", rules.MomentKind, _KINDS, "What happened to an order. 订单历程")
OrderMomentBy = _described("OrderMomentBy", rules.Teller, _TELLERS, "By whose doing it happened.")


@strawberry.type(directives=to(Who.STAFF), description="Somebody of the staff.")
class StaffMember:
    """Somebody of the staff."""

    id: strawberry.ID
    name: str | None = strawberry.field(
        description="What they are called; null for an account that is gone, and for whoever sat at the machine's console."
    )


@strawberry.type(
    directives=to(Who.INHERITED), description="One thing that happened to an order, or to what belongs to it."
)
class OrderMoment:
    """A moment."""

    at: datetime
    kind: OrderMomentKind
    by: OrderMomentBy
    about: strawberry.ID = strawberry.field(description="What it happened to: the order, a payment, a shipment ...")
    words: str = strawberry.field(
        description="What was said, or what the kind says, Chinese or English by Accept-Language; may be empty."
    )
    amount: Money | None
    staff: StaffMember | None = strawberry.field(description="Who did it. For staff only: null for shoppers.")
    attempts: int | None = strawberry.field(description="How often it was tried. For staff only: null for shoppers.")
    error: str | None = strawberry.field(description="How the last try failed. For staff only: null for shoppers.")


@strawberry.type(directives=to(Who.INHERITED), description="A fact of a deed.")
class DeedFact:
    """A fact."""

    name: str
    value: str = strawberry.field(description="JSON: ids and words in quotes, numbers without; money in minor units.")


@strawberry.type(directives=to(Who.ADMIN), description="Something that one of the staff did. 操作日志")
class StaffDeed:
    """A deed."""

    at: datetime
    deed: str = strawberry.field(description="The action's own name: publish_product, cancel_order ...")
    subject_id: strawberry.ID = strawberry.field(description="What it was done to.")
    facts: list[DeedFact]
    by_id: strawberry.Private[UUID]

    @strawberry.field(description="Who did it.")
    async def by(self, info: Info) -> StaffMember:
        """Who did it."""
        return StaffMember(id=show_id("account", self.by_id), name=await batched(info, names_by_ids).load(self.by_id))


@strawberry.input(description="Which deeds; what is left out does not narrow them.")
class StaffDeedsFilter:
    """Which deeds."""

    subject_id: strawberry.ID | None = strawberry.field(default=None, description="What it was done to: any typed id.")
    by: strawberry.ID | None = strawberry.field(default=None, description="Who did it: an account.")
    deed: str | None = strawberry.field(default=None, description="The action's own name, whole.")
    since: datetime | None = strawberry.field(default=None, description="Done from this moment on.")
    until: datetime | None = strawberry.field(default=None, description="Done before this moment.")


@strawberry.type
class TrailQuery:
    """Questions about who did what."""

    @strawberry.field(directives=to(Who.ADMIN), description="What staff did, the newest first.")
    async def staff_deeds(
        self, info: Info, filter: StaffDeedsFilter | None = None, first: int = 20, after: str | None = None
    ) -> Connection[StaffDeed]:
        """Deeds."""
        wanted = filter or StaffDeedsFilter()
        page = await queries.page(
            info.context.market.db,
            subject_id=_any_id(wanted.subject_id) if wanted.subject_id else None,
            by=read_id("account", wanted.by) if wanted.by else None,
            deed=wanted.deed,
            since=wanted.since,
            until=wanted.until,
            first=first,
            after=after,
        )
        return Connection.of(page, _show_deed)


async def show_history(info: Info, order_id: UUID) -> list[OrderMoment]:
    """The history of an order that the asker may see: all of it for staff, the shopper's part for its owner."""
    moments = await batched(info, history.by_order_ids).load(order_id) or []
    principal = info.context.principal
    if principal is None or not principal.is_staff:
        moments = rules.told_to_shopper(moments)
    return [_show_moment(moment, info.context.language) for moment in moments]


def _show_moment(moment: rules.Moment, language: str) -> OrderMoment:
    staff = moment.staff_id and StaffMember(id=show_id("account", moment.staff_id), name=moment.staff_name)
    return OrderMoment(
        at=moment.at,
        kind=OrderMomentKind(moment.kind.value),
        by=OrderMomentBy(moment.by.value),
        about=show_id(*moment.about),
        words=words_of(moment, language),
        amount=Money.of(moment.amount.minor, moment.amount.currency) if moment.amount else None,
        staff=staff or None,
        attempts=moment.attempts,
        error=moment.error,
    )


def _show_deed(deed: Deed) -> StaffDeed:
    facts = [DeedFact(name=name, value=orjson.dumps(value).decode()) for name, value in deed.facts.items()]
    return StaffDeed(
        at=deed.done_at, deed=deed.deed, subject_id=show_id(deed.subject, deed.subject_id), facts=facts, by_id=deed.by
    )


def _any_id(text: str) -> UUID:
    prefix = text.rpartition("_")[0]
    if not prefix:
        raise BadInput(f"{text[:64]!r} is no id; an id says what it is, like order_01h455vb4pex5vsknk084sn02q")
    return read_id(prefix, text)
