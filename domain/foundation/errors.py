"""The kinds of "no": a refusal (part of the trade) and a fault of the client.

A refusal is raised, so that its transaction rolls back, and reaches the client as a member of the field's
result union. A client fault becomes a top-level GraphQL error with a code. Anything else is a fault of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar
from uuid import UUID

from domain.foundation import ids


class Refusal(Exception):
    """Something the trade does not allow now. Subclasses are dataclasses whose fields are the facts.

    Two that say the same are equal: a quote keeps its problems as values. They are not frozen: Python itself sets the
    traceback of an exception that passes through a context manager.
    """

    code: ClassVar[str]
    zh: ClassVar[str]
    en: ClassVar[str]

    @property
    def facts(self) -> dict[str, Any]:
        """What the refusal is about, by name, typed; also the words its message may use."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def message(self, language: str = "zh") -> str:
        """The sentence a shopper reads, in Chinese unless `language` is "en"."""
        return (self.en if language == "en" else self.zh).format(**self.facts)

    def __str__(self) -> str:
        return self.message("en")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Refusal) and type(other) is type(self) and other.facts == self.facts

    def __hash__(self) -> int:
        return hash(type(self))


class ClientFault(Exception):
    """The request itself is wrong: not signed in, not allowed, malformed. `code` is fixed for programs.

    What a fault is raised with is English, for developers; one that shoppers may meet has a `zh` for them.
    """

    code: ClassVar[str] = "BAD_REQUEST"
    zh: ClassVar[str] = ""

    def message(self, language: str = "zh") -> str:
        """The sentence that is told: the fault's `zh`, unless `language` is "en" or it has none."""
        return str(self) if language == "en" or not self.zh else self.zh


class NotSignedIn(ClientFault):
    """No access token, or one that is not valid any more."""

    code = "UNAUTHENTICATED"
    zh = "请先登录"


class NotAllowed(ClientFault):
    """Signed in, but without the role this needs."""

    code = "FORBIDDEN"
    zh = "没有权限进行此操作"


class RateLimited(ClientFault):
    """Too many requests; the same one is let in after `retry_after` seconds. None: no waiting helps, it asks too often itself."""

    code = "RATE_LIMITED"
    zh = "操作太频繁，请稍后再试"

    def __init__(self, *, retry_after: float | None) -> None:
        when = "ask for less in one request" if retry_after is None else f"try again in {retry_after:g} s"
        super().__init__(f"too many requests: {when}")
        self.retry_after = retry_after

    @classmethod
    def after(cls, wait_us: int) -> "RateLimited":
        """With so many microseconds to wait, rounded up to a tenth of a second: whoever comes at that moment is let in."""
        return cls(retry_after=-(-wait_us // 100_000) / 10)


class BadInput(ClientFault):
    """A value outside what is allowed; the message names the value and the range."""

    code = "BAD_USER_INPUT"


THINGS: Mapping[str, tuple[str, str]] = {
    "account": ("账户", "account"),
    "address": ("收货地址", "address"),
    "aftersale": ("售后单", "after-sale"),
    "benefitgrant": ("权益发放记录", "benefit grant"),
    "benefitholding": ("权益", "benefits"),
    "billdifference": ("对账差异", "bill difference"),
    "campaign": ("拼团活动", "group-buy campaign"),
    "codebatch": ("激活码批次", "batch of activation codes"),
    "comment": ("评论", "comment"),
    "complaint": ("投诉", "complaint"),
    "coupon": ("优惠券", "coupon"),
    "couponbatch": ("优惠券批次", "batch of coupons"),
    "flashsale": ("秒杀活动", "flash sale"),
    "freight": ("运费模板", "freight template"),
    "groupbuy": ("团", "group-buy"),
    "groupitem": ("拼团商品", "group-buy item"),
    "groupseat": ("拼团席位", "seat in a group-buy"),
    "luckydraw": ("抽奖", "lucky draw"),
    "membership": ("会员卡", "membership"),
    "order": ("订单", "order"),
    "payment": ("支付单", "payment"),
    "plan": ("会员方案", "plan"),
    "pointmove": ("积分明细", "point move"),
    "poll": ("选品投票", "product poll"),
    "polloption": ("投票选项", "option of a poll"),
    "prize": ("奖品", "prize"),
    "product": ("商品", "product"),
    "purchase": ("会员购买", "purchase of a membership"),
    "refund": ("退款单", "refund"),
    "room": ("直播间", "live room"),
    "roomitem": ("直播商品", "item of a live room"),
    "saleitem": ("秒杀商品", "flash sale item"),
    "saleprice": ("促销价", "sale price"),
    "segment": ("分群", "segment"),
    "session": ("登录设备", "session"),
    "sharelink": ("分享链接", "share link"),
    "shipment": ("包裹", "parcel"),
    "sku": ("商品规格", "SKU"),
    "slot": ("开团时段", "slot"),
    "store": ("门店", "store"),
    "supplier": ("供应商", "supplier"),
    "ticket": ("抢购记录", "ticket"),
    "upload": ("发货信息", "shipping information"),
}
"""What people call the things that may not be found, in Chinese and English."""


@dataclass(eq=False)
class NotFound(Refusal):
    """There is no such thing, or it is not the asker's to see; which of the two is not told.

    `id` is what the asker named it by: a typed id, for whatever has one.
    """

    kind: str
    id: str

    code: ClassVar[str] = "NOT_FOUND"
    zh: ClassVar[str] = "找不到该{thing}"
    en: ClassVar[str] = "no {thing} with id {id}"

    @classmethod
    def of(cls, kind: str, id: UUID, *, prefix: str = "") -> "NotFound":
        """The refusal about a thing of which the UUID is known; `prefix` is that of its typed id where it has another's."""
        return cls(kind, ids.encode(prefix or kind, id))

    def message(self, language: str = "zh") -> str:
        """The sentence a shopper reads, with the thing's name and never with its code."""
        zh, en = THINGS.get(self.kind, ("内容", self.kind))
        return self.en.format(thing=en, id=self.id) if language == "en" else self.zh.format(thing=zh)


@dataclass(eq=False)
class IdempotencyConflict(Refusal):
    """The key was used before for another request."""

    key: str

    code: ClassVar[str] = "IDEMPOTENCY_CONFLICT"
    zh: ClassVar[str] = "请求编号 {key} 已用于另一个请求"
    en: ClassVar[str] = "idempotency key {key} was used for a different request"
