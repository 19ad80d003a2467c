"""Payments as shoppers see them, and the door where gateways bring their notices."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Who, to
from api.context import Info
from api.faults import RequestFault
from api.loaders import batched
from api.money import Money
from api.nodes import Node, finds, show_id
from api.wire import ClientGone, RequestHead, read_body
from domain.foundation import clock, metrics
from domain.foundation.reporting import note_refusal
from domain.payments import actions, queries, rules
from domain.payments.gateways import gateway_of

log = structlog.get_logger(__name__)

NOTICE_BYTES = 65_536
NOTICE_SECONDS = 4.0
STATUS = {rules.NoticeForged: 401, rules.NoticeMalformed: 400, rules.NoticeMismatch: 409}
COUNTED_AS = {rules.NoticeForged: "forged", rules.NoticeMalformed: "malformed", rules.NoticeMismatch: "mismatch"}

PaymentState = strawberry.enum(
    rules.PaymentState,
    name="PaymentState",
    description="Where the money is: asked for, closed unpaid, here, on its way back, or back.",
)


RefundState = strawberry.enum(
    rules.RefundState, name="RefundState", description="Whether the gateway has given the money back."
)


@strawberry.enum(description="Companies through which money moves.")
class PaymentGateway(Enum):
    """A gateway, by the name that its payments keep."""

    WECHAT = strawberry.enum_value("wechat", description="WeChat Pay, in a mini-program. 微信支付")
    STRIPE = strawberry.enum_value("stripe", description="Stripe, on a page of its own.")


@strawberry.type(directives=to(Who.INHERITED), description="Money on its way back, all of a payment or a part. 退款单")
class Refund:
    """A refund."""

    id: strawberry.ID
    state: RefundState
    amount: Money
    asked_at: datetime
    refunded_at: datetime | None = strawberry.field(description="When the payer had it back, by the gateway's clock.")


@strawberry.type(directives=to(Who.OWNER), description="Money asked for, for one thing that is to be paid. 支付单")
class Payment(Node):
    """A payment."""

    state: PaymentState
    amount: Money
    gateway: PaymentGateway = strawberry.field(description="Through which company the money moves.")
    asked_at: datetime
    captured_at: datetime | None = strawberry.field(description="When the money arrived, by the gateway's clock.")
    refunded: Money = strawberry.field(description="What has been given back so far.")
    key: strawberry.Private[UUID]
    owner: strawberry.Private[UUID]

    @strawberry.field(description="What was, or is to be, given back, oldest first.")
    async def refunds(self, info: Info) -> list[Refund]:
        """Its refunds."""
        return [
            show_refund(refund) for refund in await batched(info, queries.refunds_by_payment_ids).load(self.key) or ()
        ]


@strawberry.type(
    directives=to(Who.INHERITED),
    description="What a mini-program hands to `wx.requestPayment`, field by field as it is. 调起支付参数",
)
class WechatPayParameters:
    """Parameters for the wallet."""

    app_id: str
    time_stamp: str = strawberry.field(description="Seconds since 1970, as text.")
    nonce_str: str
    package: str = strawberry.field(description="`prepay_id=...`; it lives for two hours.")
    sign_type: str = strawberry.field(description="Always RSA.")
    pay_sign: str


@strawberry.type(
    directives=to(Who.ONLY_OWNER),
    description="How to pay. Both ways are null when the payment is not PENDING any more.",
)
class PaymentInstructions:
    """How to pay."""

    payment: Payment
    pay_url: str | None = strawberry.field(description="A page to open and pay at; null where the gateway has none.")
    wechat: WechatPayParameters | None = strawberry.field(
        description="For `wx.requestPayment`; null at other gateways than WECHAT."
    )
    expires_at: datetime = strawberry.field(description="The gateway takes no money from this moment on.")
    owner: strawberry.Private[UUID]


def show_payment(payment: rules.Payment) -> Payment:
    """The GraphQL object of a payment."""
    return Payment(
        id=show_id("payment", payment.id),
        state=payment.state,
        amount=Money.of(payment.amount.minor, payment.amount.currency),
        gateway=PaymentGateway(payment.gateway),
        asked_at=payment.asked_at,
        captured_at=payment.captured_at,
        refunded=Money.of(payment.refunded_minor, payment.amount.currency),
        key=payment.id,
        owner=payment.payer_id,
    )


def show_refund(refund: rules.Refund) -> Refund:
    """The GraphQL object of a refund."""
    return Refund(
        id=show_id("refund", refund.id),
        state=refund.state,
        amount=Money.of(refund.amount.minor, refund.amount.currency),
        asked_at=refund.asked_at,
        refunded_at=refund.refunded_at,
    )


def show_instructions(asked: actions.Asked) -> PaymentInstructions:
    """The GraphQL object of what a gateway answered."""
    wechat = asked.instructions.wechat if asked.instructions else None
    return PaymentInstructions(
        payment=show_payment(asked.payment),
        pay_url=asked.instructions.pay_url if asked.instructions else None,
        wechat=WechatPayParameters(**asdict(wechat)) if wechat else None,
        expires_at=asked.payment.expires_at,
        owner=asked.payment.payer_id,
    )


@finds("payment")
async def find_payment(info: Info, id: UUID) -> Payment | None:
    """One's own payment; any for staff."""
    principal = info.context.principal
    found = (await queries.by_ids(info.context.market.db, [id])).get(id) if principal else None
    if found is None or principal is None:
        return None
    return show_payment(found) if principal.is_staff or found.payer_id == principal.account_id else None


async def take_notice(request: Request) -> Response:
    """Take what a gateway brings to `/payments/{gateway}/notice`. 204 once what it says is committed, and not before.

    Anything else makes the gateway bring it again: 401 for a forged or stale notice, 400 for one that cannot be read,
    409 for one that contradicts our books, 413 for more than 64 kB, 404 where the gateway is not configured, 503 when
    the books take longer than 4 s: WeChat Pay waits 5.
    """
    market = request.app.state.market
    now = clock.now()
    try:
        async with asyncio.timeout(NOTICE_SECONDS):
            gateway = gateway_of(market.settings, request.path_params["gateway"])
            body = await read_body(RequestHead(request.scope), request.receive, NOTICE_BYTES)
            notice = gateway.read_notice(request.headers, body, now=now)
            outcome = await actions.take_notice(market.db, gateway=gateway.name, notice=notice, now=now)
    except rules.PaymentsSwitchedOff as refusal:
        return _fail(404, str(refusal))
    except RequestFault as fault:
        return _fail(fault.status, str(fault))
    except ClientGone:
        return Response(status_code=400)
    except TimeoutError:
        return _fail(503, "the books are busy; bring it again")
    except tuple(STATUS) as refused:
        metrics.notices.labels(gateway.name, COUNTED_AS[type(refused)]).inc()
        note_refusal("notice_refused", code=refused.code, why=str(refused)[:300])
        return _fail(STATUS[type(refused)], f"{refused.code}: {refused}")
    metrics.notices.labels(gateway.name, "known" if outcome is actions.Outcome.KNOWN else "taken").inc()
    payment = str(notice.news.payment_id) if notice.news else None
    log.info("notice_taken", gateway=gateway.name, notice=notice.id, payment=payment, outcome=outcome.value)
    return Response(status_code=204)


def _fail(status: int, message: str) -> Response:
    """In the words that WeChat Pay asks for; other gateways look at the status only."""
    return JSONResponse({"code": "FAIL", "message": message[:256]}, status)
