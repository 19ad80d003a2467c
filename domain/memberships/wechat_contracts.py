"""WeChat Pay's contract payment with announced charges (委托代扣, 预约扣费), asked over the connections of the payments' gateway.

Our contract's UUID is WeChat's key for the contract (`out_contract_code`), our payment's for a charge (`out_trade_no`), both as
32 hexadecimal digits. A charge is an ordinary transaction of the kind PAP: its money is told of, asked for, billed and refunded
as that of every payment is.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from domain.foundation.money import Money
from domain.memberships.renewal_rules import (
    ChargeRefused,
    Contract,
    ContractGone,
    ContractNotice,
    SignedAlready,
    Signing,
    Told,
    Window,
)
from domain.payments import wechat_words
from domain.payments.rules import GatewayFailed, NoticeMalformed, NoticeMismatch, PayerUnknown
from domain.payments.wechat import PAID, Answer, WechatGateway

SIGN = "/v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/mini-program"
CONTRACT = "/v3/papay/sign/contracts/plan-id/{plan_id}/out-contract-code/{code}"
SCHEDULE = "/v3/papay/pay/schedules/contract-id/{contract_id}/schedule"
APPLY = "/v3/papay/pay/transactions/apply"
GONE = frozenset({"CONTRACT_NOT_EXISTED", "CONTRACT_NOT_EXIST", "CONTRACT_TERMINATED"})
NOT_NOW = frozenset({"NOT_ENOUGH", "RULE_LIMIT", "RULELIMIT", "PAYER_LIMIT", "BANK_ERROR", "USER_ACCOUNT_ABNORMAL"})
"""Refusals of the payer's side: what is wrong there may be right tomorrow."""
ENDED_BY_US = "自动续费已关闭"
LONGEST_DISPLAY = 32
"""Bytes of the name under which the wallet shows whose contract it is."""


class WechatContracts:
    """The port, spoken to WeChat Pay. See `domain.memberships.contracts.ContractGateway` for what each call promises."""

    name = WechatGateway.name

    def __init__(self, gateway: WechatGateway, *, plan_id: int, notify_url: str) -> None:
        self._gateway = gateway
        self._plan_id = plan_id
        self._notify_url = notify_url

    async def sign(self, contract: Contract, payer: str | None, *, title: str, charged_on: date) -> Signing:
        """Parameters for `wx.navigateToMiniProgram`. Raises PayerUnknown without an openid, and SignedAlready."""
        if payer is None:
            raise PayerUnknown(gateway=self.name)
        first_charge = {
            "estimated_deduct_date": charged_on.isoformat(),
            "estimated_deduct_amount": _amount(contract.price),
            "description": title,
        }
        wish = {
            "appid": self._gateway.merchant.app_id,
            "openid": payer,
            "plan_id": self._plan_id,
            "out_contract_code": contract.id.hex,
            "contract_display_account": _cut(title, LONGEST_DISPLAY),
            "contract_notify_url": self._notify_url,
            "out_user_code": contract.account_id.hex,
            "deduct_schedule": first_charge,
        }
        answer = await self._gateway.ask_door("sign contract", SIGN, wish)
        if answer.status >= 400 and await self.query(contract) is not None:
            raise SignedAlready(f"sign contract: {answer.code}")
        told = answer.expect(200)
        with wechat_words.reading(GatewayFailed):
            session_id = wechat_words.reference(told["pre_entrustweb_id"])
            return Signing(told["redirect_appid"], told["redirect_path"], session_id, self._page(session_id))

    async def query(self, contract: Contract) -> Told | None:
        """How the contract stands."""
        answer = await self._gateway.ask_door("query contract", self._path(contract))
        if answer.is_unknown:
            return None
        with wechat_words.reading(GatewayFailed):
            return self._told(answer.expect(200))

    async def end(self, contract: Contract) -> None:
        """Charge no more by this contract."""
        path, wish = f"{self._path(contract)}/terminate", {"contract_termination_remark": ENDED_BY_US}
        answer = await self._gateway.ask_door("end contract", path, wish)
        if answer.status < 400 or answer.is_unknown:
            return
        # one that has ended is refused as such: the query tells it from every other refusal
        told = await self.query(contract)
        if told is not None and told.is_signed:
            raise answer.failure()

    async def announce(self, contract: Contract, amount: Money) -> Window:
        """Have WeChat tell the member of a charge; the same again while it is announced changes nothing."""
        assert contract.reference is not None
        path = SCHEDULE.format(contract_id=contract.reference)
        wish = {"appid": self._gateway.merchant.app_id, "schedule_amount": _amount(amount)}
        answer = _accepted(await self._gateway.ask_door("announce charge", path, wish))
        with wechat_words.reading(GatewayFailed):
            first_day = date.fromisoformat(answer["deduct_start_date"])
            return Window(first_day, date.fromisoformat(answer["deduct_end_date"]))

    async def charge(self, contract: Contract, *, payment_id: UUID, amount: Money, title: str) -> None:
        """Have the money taken, once for this payment."""
        wish = {
            "appid": self._gateway.merchant.app_id,
            "out_trade_no": payment_id.hex,
            "description": title,
            "transaction_notify_url": self._gateway.notify_url,
            "contract_id": contract.reference,
            "amount": _amount(amount),
        }
        answer = await self._gateway.ask_door("charge", APPLY, wish)
        if answer.code not in PAID:
            _accepted(answer)

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ContractNotice:
        """The notice in a request. What counts is the state that it tells: WeChat names its events by product."""
        content = self._gateway.open_notice(headers, body, now=now)
        with wechat_words.reading(NoticeMalformed, foreign=NoticeMismatch):
            return ContractNotice(wechat_words.reference(content["id"]), self._told(content["resource"]))

    def _told(self, told: Mapping[str, Any]) -> Told:
        wechat_words.check_ours(told, mchid=self._gateway.merchant.mch_id)
        is_signed = {"SIGNED": True, "TERMINATED": False}[told["contract_state"]]
        at = told["contract_signed_time"] if is_signed else told["contract_terminate_info"]["contract_terminated_time"]
        contract_id = wechat_words.our_id(told["out_contract_code"])
        return Told(contract_id, is_signed, wechat_words.reference(told["contract_id"]), wechat_words.moment_of(at))

    def _path(self, contract: Contract) -> str:
        return CONTRACT.format(plan_id=self._plan_id, code=contract.id.hex)

    def _page(self, session_id: str) -> str | None:
        wallet_url = self._gateway.wallet_url
        return f"{wallet_url}/contract?{urlencode({'pre_entrustweb_id': session_id})}" if wallet_url else None


def _accepted(answer: Answer) -> dict[str, Any]:
    if answer.code in GONE:
        raise ContractGone(answer.code)
    if answer.code in NOT_NOW:
        raise ChargeRefused(f"{answer.code}: {str(answer.content.get('message', ''))[:200]}")
    return answer.expect(200)


def _amount(money: Money) -> dict[str, Any]:
    return {"total": money.minor, "currency": money.currency}


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")
