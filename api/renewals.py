"""Cards that renew themselves: signing and ending it, what will be charged, and the door for the gateway's notices of both."""

import asyncio
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api import rates
from api.access import Who, to
from api.context import Info
from api.faults import RequestFault
from api.loaders import batched
from api.memberships import MembershipPlan, show_plan
from api.money import Money
from api.nodes import read_id
from api.payments import COUNTED_AS, NOTICE_BYTES, NOTICE_SECONDS, STATUS
from api.refusals import refusal
from api.wire import ClientGone, RequestHead, read_body
from domain.foundation import clock, metrics
from domain.foundation.rates import Rate
from domain.foundation.reporting import note_refusal
from domain.memberships import contracting, queries, renewal_queries, renewal_rules
from domain.memberships.contracts import contract_gateway_of
from domain.payments.rules import GatewayUnavailable, PayerUnknown

log = structlog.get_logger(__name__)

AutoRenewalState = strawberry.enum(
    renewal_rules.ContractState,
    name="AutoRenewalState",
    description="What may be charged. SIGNING: nothing before it is signed. RESTING: a charge was given up, and nothing more is "
    "charged until setAutoRenewal says so.",
)
AutoRenewalEnd = strawberry.enum(
    renewal_rules.ContractEnd,
    name="AutoRenewalEnd",
    description="Who has ended it, or what. WALLET: the member, at WeChat. UNSIGNED: nobody signed in time. CARD: the card was "
    "refunded, or upgraded to another.",
)
AutoRenewalChargeState = strawberry.enum(
    renewal_rules.ChargeState,
    name="AutoRenewalChargeState",
    description="What has become of a term's charge. CALLED_OFF: the contract ended before it, or the term was paid otherwise.",
)


@strawberry.type(directives=to(Who.INHERITED), description="The charge of one term. 自动续费扣款")
class AutoRenewalCharge:
    """A charge."""

    state: AutoRenewalChargeState
    amount: Money
    told_at: datetime = strawberry.field(
        description="When the member was told; at least five days before they are charged."
    )
    charged_at: datetime = strawberry.field(description="When it is first asked for, or was.")
    tries: int = strawberry.field(description="How often it was asked for: three times at most, once a day.")
    error: str | None = strawberry.field(
        directives=to(Who.STAFF), description="What the gateway said last, when it did not take the money."
    )


@strawberry.type(
    directives=to(Who.OWNER), description="A member's contract to be charged by for the next terms. 自动续费"
)
class AutoRenewal:
    """A contract."""

    state: AutoRenewalState
    price: Money = strawberry.field(description="For a term, at most: what was signed.")
    asked_at: datetime
    signed_at: datetime | None
    ended_at: datetime | None
    ended_by: AutoRenewalEnd | None
    row: strawberry.Private[renewal_rules.Contract]
    owner: strawberry.Private[UUID]

    @strawberry.field(description="What is renewed.")
    async def plan(self, info: Info) -> MembershipPlan:
        """The plan."""
        plan = await batched(info, queries.plans_by_ids).load(self.row.plan_id)
        assert plan is not None
        return show_plan(plan)

    @strawberry.field(
        description="When the next term is charged: the last day of the card, nine in the morning at the shop. Null when nothing "
        "is charged. To be shown beside the price. 下次扣费时间"
    )
    async def charges_at(self, info: Info) -> datetime | None:
        """That moment."""
        context = info.context
        if not self.row.is_on:
            return None
        newest = await _newest_charge(info, self.row.id)
        if newest is not None and newest.state is renewal_rules.ChargeState.OPEN:
            return newest.charged_at
        cards = await queries.current_of(context.market.db, [self.row.account_id], now=context.now)
        card = cards.get(self.row.account_id)
        if card is None or card.plan_id != self.row.plan_id:
            return None
        told_at = max(context.now, renewal_rules.tell_at(card.ends_at))
        return renewal_rules.first_charge_at(card.ends_at, told_at=told_at)

    @strawberry.field(
        description="The charge of the newest term that one was opened for, six days before its card ends."
    )
    async def newest_charge(self, info: Info) -> AutoRenewalCharge | None:
        """The charge."""
        charge = await _newest_charge(info, self.row.id)
        return _show_charge(charge) if charge else None


@strawberry.type(
    directives=to(Who.INHERITED),
    description="What a mini-program hands to `wx.navigateToMiniProgram`, the member signs there. 签约参数",
)
class AutoRenewalSigning:
    """Parameters."""

    app_id: str
    path: str
    pre_entrustweb_id: str = strawberry.field(description="Goes into `extraData` by the name `pre_entrustweb_id`.")
    page_url: str | None = strawberry.field(description="A page that stands for it; null where the gateway has none.")


@strawberry.type(directives=to(Who.ONLY_OWNER), description="A contract, and how to sign it.")
class SetAutoRenewalSuccess:
    """What to do next."""

    auto_renewal: AutoRenewal
    signing: AutoRenewalSigning | None = strawberry.field(description="Null when it is signed already.")
    owner: strawberry.Private[UUID]


@strawberry.input(description="End a member's automatic renewal for them.")
class EndMemberAutoRenewalInput:
    """Whose, and why."""

    account_id: strawberry.ID
    words: str = strawberry.field(description="Why, 1 to 200 characters; they stand in the trail.")


SetAutoRenewalResult = Annotated[
    SetAutoRenewalSuccess
    | refusal(renewal_rules.AutoRenewalSwitchedOff)
    | refusal(renewal_rules.NothingToRenew)
    | refusal(PayerUnknown)
    | refusal(GatewayUnavailable),
    strawberry.union("SetAutoRenewalResult"),
]
EndAutoRenewalResult = Annotated[
    AutoRenewal | refusal(renewal_rules.NoAutoRenewal), strawberry.union("EndAutoRenewalResult")
]


@strawberry.type
class AutoRenewalQuery:
    """What members, and those who help them, ask."""

    @strawberry.field(
        directives=to(Who.SIGNED_IN), description="One's newest contract, ended or not; null for who never had one."
    )
    async def my_auto_renewal(self, info: Info) -> AutoRenewal | None:
        """The asker's."""
        return await _newest(info, info.context.shopper.account_id)

    @strawberry.field(directives=to(Who.STAFF), description="A member's newest contract; null for who never had one.")
    async def member_auto_renewal(self, info: Info, account_id: strawberry.ID) -> AutoRenewal | None:
        """Anybody's."""
        return await _newest(info, read_id("account", account_id))


@strawberry.type
class AutoRenewalMutation:
    """Signing, and ending."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.PAY)],
        description="Have one's card renew itself for its plan's price, until either side ends it. Repeating it gives the same "
        "contract; one that RESTS counts again. 开通自动续费",
    )
    async def set_auto_renewal(self, info: Info) -> SetAutoRenewalResult:
        """Ask for it."""
        context = info.context
        asked = await contracting.ask(
            context.market.db,
            contract_gateway_of(context.market.settings),
            account_id=context.shopper.account_id,
            now=context.now,
        )
        signing = _show_signing(asked.signing) if asked.signing else None
        return SetAutoRenewalSuccess(
            auto_renewal=_show(asked.contract), signing=signing, owner=context.shopper.account_id
        )

    @strawberry.mutation(
        directives=to(Who.SIGNED_IN),
        description="Nothing is charged by itself from now on. Repeating it changes nothing. 关闭自动续费",
    )
    async def cancel_auto_renewal(self, info: Info) -> EndAutoRenewalResult:
        """End it."""
        context = info.context
        contract = await contracting.cancel(context.market.db, account_id=context.shopper.account_id, now=context.now)
        return _show(contract)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="The shop's side ends it. Repeating it changes nothing."
    )
    async def end_member_auto_renewal(self, info: Info, input: EndMemberAutoRenewalInput) -> EndAutoRenewalResult:
        """End it for them."""
        context = info.context
        contract = await contracting.end_for(
            context.market.db,
            account_id=read_id("account", input.account_id),
            words=input.words,
            by=context.shopper.account_id,
            now=context.now,
        )
        return _show(contract)


async def take_contract_notice(request: Request) -> Response:
    """Take what a gateway brings to `/payments/{gateway}/contract-notice`; the answers are those of the payments' door."""
    market = request.app.state.market
    now, name = clock.now(), request.path_params["gateway"]
    try:
        async with asyncio.timeout(NOTICE_SECONDS):
            gateway = contract_gateway_of(market.settings)
            if gateway.name != name:
                raise renewal_rules.AutoRenewalSwitchedOff()
            body = await read_body(RequestHead(request.scope), request.receive, NOTICE_BYTES)
            notice = gateway.read_notice(request.headers, body, now=now)
            contract = await contracting.take_notice(market.db, gateway=name, notice=notice, now=now)
    except renewal_rules.AutoRenewalSwitchedOff as refused:
        return _fail(404, str(refused))
    except RequestFault as fault:
        return _fail(fault.status, str(fault))
    except ClientGone:
        return Response(status_code=400)
    except TimeoutError:
        return _fail(503, "the books are busy; bring it again")
    except tuple(STATUS) as refused:
        metrics.notices.labels(name, COUNTED_AS[type(refused)]).inc()
        note_refusal("contract_notice_refused", code=refused.code, why=str(refused)[:300])
        return _fail(STATUS[type(refused)], f"{refused.code}: {refused}")
    metrics.notices.labels(name, "taken").inc()
    log.info("contract_notice_taken", notice=notice.id, contract=str(contract.id), state=contract.state)
    return Response(status_code=204)


def _fail(status: int, message: str) -> Response:
    return JSONResponse({"code": "FAIL", "message": message[:256]}, status)


async def _newest(info: Info, account_id: UUID) -> AutoRenewal | None:
    found = (await renewal_queries.newest_contracts(info.context.market.db, [account_id])).get(account_id)
    return _show(found) if found else None


async def _newest_charge(info: Info, contract_id: UUID) -> renewal_rules.Charge | None:
    return await batched(info, renewal_queries.newest_charges).load(contract_id)


def _show(contract: renewal_rules.Contract) -> AutoRenewal:
    return AutoRenewal(
        state=contract.state,
        price=Money.of(contract.price.minor),
        asked_at=contract.asked_at,
        signed_at=contract.signed_at,
        ended_at=contract.ended_at,
        ended_by=contract.ended_by,
        row=contract,
        owner=contract.account_id,
    )


def _show_signing(signing: renewal_rules.Signing) -> AutoRenewalSigning:
    return AutoRenewalSigning(
        app_id=signing.app_id, path=signing.path, pre_entrustweb_id=signing.session_id, page_url=signing.page_url
    )


def _show_charge(charge: renewal_rules.Charge) -> AutoRenewalCharge:
    return AutoRenewalCharge(
        state=charge.state,
        amount=Money.of(charge.amount.minor),
        told_at=charge.told_at,
        charged_at=charge.charged_at,
        tries=charge.tries,
        error=charge.error,
    )
