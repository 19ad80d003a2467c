"""Contracts to be charged by (委托代扣, 预约扣费): the shopper signs in the wallet, the merchant announces a charge and makes it.

Announced on one day, a charge can be made from the second day after it, on three days: the first day between is the shopper's
to think it over. A charge that failed may be asked for again under its number. Nothing is charged beyond what was signed.
"""

import html
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from simulators.couriers import Behaviour
from simulators.wechat_pay import signing, wishes
from simulators.wechat_pay.books import Order, Refused, moment
from simulators.wechat_pay.company import Company

SIGN = "/v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/mini-program"
CONTRACT = "/v3/papay/sign/contracts/plan-id/{plan_id}/out-contract-code/{code}"
SCHEDULE = "/v3/papay/pay/schedules/contract-id/{contract_id}/schedule"
APPLY = "/v3/papay/pay/transactions/apply"
WAIT, WINDOW = timedelta(days=2), timedelta(days=2)

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CODE = re.compile(r"[A-Za-z0-9_\-|*]{1,32}")


@dataclass
class Contract:
    """What a shopper has been asked to sign, and since has."""

    wish: Mapping[str, Any]
    session: str
    contract_id: str
    state: str = "PENDING"
    signed_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    announced: tuple[int, date, date] | None = None
    charges: dict[str, Order] = field(default_factory=dict)

    @property
    def limit(self) -> int:
        """The most that one charge may be, in fen."""
        return int(self.wish["deduct_schedule"]["estimated_deduct_amount"]["total"])

    def told(self, mch_id: str) -> dict[str, Any]:
        """As its merchant is told."""
        names = ("appid", "plan_id", "out_contract_code", "contract_display_account", "openid", "out_user_code")
        shown = {name: self.wish[name] for name in names if name in self.wish}
        shown |= {"mchid": mch_id, "contract_id": self.contract_id, "contract_state": self.state}
        if self.signed_at:
            shown["contract_signed_time"] = moment(self.signed_at)
        if self.ended_at:
            info = {"contract_termination_mode": self.ended_by, "contract_terminated_time": moment(self.ended_at)}
            shown["contract_terminate_info"] = info
        return shown


class Contracts:
    """The doors for merchants and for wallets."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._contracts: dict[str, Contract] = {}

    def routes(self) -> list[Route]:
        """All doors."""
        door = self._company.door
        return [
            door("POST", SIGN, self.prepare),
            door("GET", CONTRACT, self.query),
            door("POST", f"{CONTRACT}/terminate", self.terminate),
            door("POST", SCHEDULE, self.announce),
            door("POST", APPLY, self.charge),
            Route("/wallet/sign", self.sign, methods=["POST"]),
            Route("/wallet/unsign", self.unsign, methods=["POST"]),
            Route("/wallet/contract", self.page, methods=["GET", "POST"]),
        ]

    async def prepare(self, request: Request, body: bytes) -> Any:
        """Make a contract that can be signed; the same number again is the same contract."""
        wish = wishes.parsed(body)
        _check_wish(wish, app_id=self._company.keys.app_id)
        contract = self._contracts.get(wish["out_contract_code"])
        if contract is None:
            contract = Contract(wish, secrets.token_hex(16), str(secrets.randbelow(10**17) + 10**17))
            self._contracts[wish["out_contract_code"]] = contract
        if contract.state != "PENDING":
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", "签约协议号已存在")
        path = f"pages/contract/sign?pre_entrustweb_id={contract.session}"
        return {"pre_entrustweb_id": contract.session, "redirect_appid": "wx0simulator0000", "redirect_path": path}

    async def query(self, request: Request, body: bytes) -> Any:
        """How a contract stands; one that nobody signed does not exist."""
        return self._contract(request).told(self._company.keys.mch_id)

    async def terminate(self, request: Request, body: bytes) -> Any:
        """The merchant ends a contract."""
        wishes.text(wishes.parsed(body), "contract_termination_remark", 256)
        contract = self._contract(request)
        if contract.state == "TERMINATED":
            raise Refused(400, "INVALID_REQUEST", "签约协议已解约")
        self._end(contract, "MERCHANT_TERMINATE", None)
        return contract.told(self._company.keys.mch_id)

    async def announce(self, request: Request, body: bytes) -> Any:
        """Tell the shopper of a charge; when it may be made."""
        contract = self._by_contract_id(request.path_params["contract_id"])
        amount = wishes.object_of(wishes.parsed(body), "schedule_amount")
        total, today = wishes.fen(amount, "total"), self._company.today
        if not 0 < total <= contract.limit:
            raise Refused(400, "INVALID_REQUEST", "预约金额超出签约金额")
        if contract.announced is None or today > contract.announced[2] or contract.announced[0] != total:
            contract.announced = (total, today + WAIT, today + WAIT + WINDOW)
        total, first, last = contract.announced
        return {
            "schedule_state": "SCHEDULED",
            "deduct_start_date": first.isoformat(),
            "deduct_end_date": last.isoformat(),
            "scheduled_amount": {"total": total, "currency": "CNY"},
        }

    async def charge(self, request: Request, body: bytes) -> Any:
        """Accept a charge, which is made a moment later; under the same number it is made once."""
        wish = wishes.parsed(body)
        contract = self._by_contract_id(str(wish.get("contract_id")))
        total = wishes.fen(wishes.object_of(wish, "amount"), "total")
        order = contract.charges.get(str(wish.get("out_trade_no")))
        if order is not None and order.state == "SUCCESS":
            raise Refused(400, "ORDERPAID", "该订单已支付")
        if contract.announced is None or not 0 < total <= contract.announced[0]:
            raise Refused(403, "RULE_LIMIT", "扣费金额高于预约金额")
        if not contract.announced[1] <= self._company.today <= contract.announced[2]:
            raise Refused(403, "RULE_LIMIT", "不在可扣费期内")
        if self._company.mood.charges == "not_enough":
            raise Refused(403, "NOT_ENOUGH", "用户账户余额不足")
        if order is None:
            order = contract.charges[str(wish["out_trade_no"])] = self._new_order(contract, wish)
        elif order.state == "PAYERROR":
            order.state = "NOTPAY"
        self._company.couriers.send(self._settle(order, is_paid=self._company.mood.charges == "done"))
        return {"out_trade_no": order.out_trade_no, "amount": wish["amount"]}

    async def sign(self, request: Request) -> Response:
        """The shopper signs; `behaviour` and `delay_ms` for the notice, both optional."""
        return await self._at_wallet(request, self._sign)

    async def unsign(self, request: Request) -> Response:
        """The shopper ends the contract of `out_contract_code`, in the wallet."""
        return await self._at_wallet(request, self._unsign)

    async def page(self, request: Request) -> Response:
        """What is to be signed, and a button."""
        try:
            contract = self._by_session(str(request.query_params.get("pre_entrustweb_id")))
        except Refused as refused:
            return HTMLResponse(html.escape(str(refused)), refused.status)
        if request.method == "POST":
            self._sign({"pre_entrustweb_id": contract.session}, None)
            return RedirectResponse(request.url, status_code=303)
        described = html.escape(str(contract.wish["deduct_schedule"].get("description", "")))
        button = '<form method="post"><button>Sign / 签约</button></form>'
        stands = button if contract.state == "PENDING" else contract.state
        return HTMLResponse(f"<h1>¥{contract.limit / 100:.2f}</h1><p>{described}</p><p>{stands}</p>")

    async def _at_wallet(self, request: Request, errand: Any) -> Response:
        try:
            given = wishes.parsed(await request.body())
            wished = {"behaviour", "delay_ms"} & given.keys()
            contract = errand(given, Behaviour.of(given, self._company.mood.notices) if wished else None)
        except Refused as refused:
            return _json({"code": refused.code, "message": str(refused)}, refused.status)
        return _json(contract.told(self._company.keys.mch_id), 200)

    def _sign(self, given: Mapping[str, Any], behaviour: Behaviour | None) -> Contract:
        contract = self._by_session(str(given.get("pre_entrustweb_id")))
        if contract.state == "PENDING":
            contract.state, contract.signed_at = "SIGNED", datetime.now(UTC)
            self._tell(contract, "PAPAY.SIGN", behaviour)
        return contract

    def _unsign(self, given: Mapping[str, Any], behaviour: Behaviour | None) -> Contract:
        contract = self._found(str(given.get("out_contract_code")))
        if contract.state == "SIGNED":
            self._end(contract, "USER_TERMINATE", behaviour)
        return contract

    def _end(self, contract: Contract, by: str, behaviour: Behaviour | None) -> None:
        contract.state, contract.ended_at, contract.ended_by = "TERMINATED", datetime.now(UTC), by
        self._tell(contract, "PAPAY.TERMINATE", behaviour)

    def _tell(self, contract: Contract, event_type: str, behaviour: Behaviour | None) -> None:
        keys, notice_id = self._company.keys, secrets.token_hex(16)
        told, at = contract.told(keys.mch_id), moment(datetime.now(UTC))
        body = signing.notice(event_type, told, notice_id=notice_id, apiv3_key=keys.apiv3_key, at=at)
        url = str(contract.wish["contract_notify_url"])
        self._company.couriers.notify(url, notice_id, body, behaviour or self._company.mood.notices)

    def _new_order(self, contract: Contract, wish: Mapping[str, Any]) -> Order:
        keys = self._company.keys
        asked = {
            "mchid": keys.mch_id,
            "appid": wish["appid"],
            "description": wish["description"],
            "out_trade_no": wish["out_trade_no"],
            "notify_url": wish["transaction_notify_url"],
            "amount": wish["amount"],
            "payer": {"openid": contract.wish["openid"]},
        }
        wishes.check_order(asked, mch_id=keys.mch_id, app_id=keys.app_id)
        order = self._company.books.prepare(asked, expires_at=None)
        order.trade_type = "PAP"
        return order

    async def _settle(self, order: Order, *, is_paid: bool) -> None:
        if is_paid:
            self._company.take_money(order, None)
        elif order.state == "NOTPAY":
            order.state = "PAYERROR"

    def _contract(self, request: Request) -> Contract:
        contract = self._found(request.path_params["code"])
        if str(contract.wish["plan_id"]) != request.path_params["plan_id"]:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "签约协议不存在")
        return contract

    def _found(self, code: str) -> Contract:
        contract = self._contracts.get(code)
        if contract is None or contract.state == "PENDING":
            raise Refused(404, "RESOURCE_NOT_EXISTS", "签约协议不存在")
        return contract

    def _by_contract_id(self, contract_id: str) -> Contract:
        """A contract that counts. Raises Refused, also for one that has ended."""
        for contract in self._contracts.values():
            if contract.contract_id == contract_id and contract.state == "SIGNED":
                return contract
        raise Refused(400, "CONTRACT_NOT_EXISTED", "签约协议不存在或已解约")

    def _by_session(self, session: str) -> Contract:
        for contract in self._contracts.values():
            if contract.session == session:
                return contract
        raise Refused(404, "RESOURCE_NOT_EXISTS", "预签约会话不存在")


def _json(content: Mapping[str, Any], status: int) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _check_wish(wish: Mapping[str, Any], *, app_id: str) -> None:
    if wish.get("appid") != app_id:
        raise Refused(400, "PARAM_ERROR", "appid不匹配")
    if type(wish.get("plan_id")) is not int:
        raise Refused(400, "PARAM_ERROR", "plan_id")
    wishes.shaped(wish, "out_contract_code", _CODE)
    for name, most in (("openid", 128), ("contract_display_account", 32), ("contract_notify_url", 255)):
        wishes.text(wish, name, most)
    schedule = wishes.object_of(wish, "deduct_schedule")
    wishes.shaped(schedule, "estimated_deduct_date", _DAY)
    if wishes.fen(wishes.object_of(schedule, "estimated_deduct_amount"), "total") < 1:
        raise Refused(400, "PARAM_ERROR", "deduct_schedule")
