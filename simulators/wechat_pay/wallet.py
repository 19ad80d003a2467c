"""The shopper's wallet: for programs `POST /wallet/pay`, for people a page. Both want what `wx.requestPayment` is given."""

import html
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from simulators.couriers import Behaviour
from simulators.wechat_pay import signing, wishes
from simulators.wechat_pay.books import Order, Refused
from simulators.wechat_pay.company import Company

NAMES = ("appId", "timeStamp", "nonceStr", "package", "signType", "paySign")


class Wallet:
    """Everybody's wallet, with as much money as it takes."""

    def __init__(self, company: Company) -> None:
        self._company = company

    def routes(self) -> list[Route]:
        """The shopper's doors."""
        return [
            Route("/wallet/pay", self.pay, methods=["POST"]),
            Route("/wallet", self.page, methods=["GET", "POST"]),
        ]

    async def pay(self, request: Request) -> Response:
        """The parameters, and `behaviour` and `delay_ms` for the notices of this payment, both optional."""
        try:
            given = wishes.parsed(await request.body())
            order = self._order(given)
            wished = {"behaviour", "delay_ms"} & given.keys()
            self._company.take_money(order, Behaviour.of(given, self._company.mood.notices) if wished else None)
        except Refused as refused:
            return _json({"code": refused.code, "message": str(refused)}, refused.status)
        except ValueError as error:
            return _json({"code": "PARAM_ERROR", "message": str(error)}, 400)
        return _json(order.told(), 200)

    async def page(self, request: Request) -> Response:
        """What is to be paid, and a button."""
        try:
            order = self._order(request.query_params)
            if request.method == "POST":
                self._company.take_money(order, None)
                return RedirectResponse(request.url, status_code=303)
        except Refused as refused:
            return HTMLResponse(_page(f"<p>{html.escape(str(refused))}</p>"), refused.status)
        return HTMLResponse(_page(_bill(order)))

    def _order(self, given: Mapping[str, Any]) -> Order:
        """The order that the merchant has signed for. Raises Refused, as `requestPayment:fail` would say."""
        app_id, stamp, nonce, package, sign_type, signature = (str(given.get(name, "")) for name in NAMES)
        if app_id != self._company.keys.app_id or sign_type != "RSA":
            raise Refused(400, "PARAM_ERROR", "支付验证失败：appId或signType有误")
        try:
            signing.check(self._company.keys, signature, app_id, stamp, nonce, package)
        except signing.BadSignature as error:
            raise Refused(401, "SIGN_ERROR", "支付验证签名失败 / the signature is wrong") from error
        return self._company.books.order_of(package.removeprefix("prepay_id="))


def _json(content: Mapping[str, Any], status: int) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _bill(order: Order) -> str:
    whole, fraction = divmod(order.total, 100)
    button = '<form method="post"><button>Pay / 付款</button></form>' if order.is_payable else "Over / 已超时或已关闭"
    stands = "Paid / 已付款" if order.state == "SUCCESS" else button
    return f"<h1>¥{whole}.{fraction:02d}</h1><p>{html.escape(str(order.wish['description']))}</p><p>{stands}</p>"


def _page(content: str) -> str:
    return f"""<!doctype html>
<html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>WeChat Pay simulator / 微信支付模拟器</title>
<style>body {{ font: 1.2rem system-ui; text-align: center; margin-top: 20vh }} button {{ font: inherit; padding: 1em }}
</style>
{content}
</html>"""
