"""False notices, as an attacker or a confused company would bring them. None of them may change anything."""

import secrets
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from simulators.wechat_pay import signing
from simulators.wechat_pay.books import Order, moment
from simulators.wechat_pay.company import Company

Letter = tuple[dict[str, str], bytes]
"""Headers and body."""

SOMEBODYS_KEY = generate_private_key(65537, 2048)
STALE_SECONDS = 310


class Forger:
    """Writes letters about one order, each with an id of its own."""

    def __init__(self, company: Company, order: Order) -> None:
        self._keys = company.keys
        self._order = order
        self._last = company.told.get(order.out_trade_no)

    def letter(self, kind: str) -> Letter:
        """A letter of a kind. Raises KeyError for one that does not exist, ValueError for one that cannot be written."""
        return KINDS[kind](self)

    def signed(self, **changes: Any) -> Letter:
        """Signed and sealed as the company does, about something that is not so."""
        body = self.body(**changes)
        return signing.sign(self._keys, body), body

    def headed(self, **headers: str) -> Letter:
        """The truth, with other headers."""
        body = self.body()
        named = {f"Wechatpay-{name.replace('_', '-')}": value for name, value in headers.items()}
        return signing.sign(self._keys, body) | named, body

    def aged(self, seconds: int) -> Letter:
        """The truth, signed at another time."""
        body = self.body()
        return signing.sign(self._keys, body, age_seconds=seconds), body

    def unsigned(self) -> Letter:
        """The truth, by nobody."""
        return {"Content-Type": "application/json"}, self.body()

    def by_another_key(self) -> Letter:
        """The truth, signed by somebody."""
        body = self.body()
        return signing.sign(self._keys, body, key=SOMEBODYS_KEY), body

    def changed(self) -> Letter:
        """A letter with another body than was signed."""
        headers, body = self.signed()
        return headers, body.replace(b'"TRANSACTION.SUCCESS"', b'"TRANSACTION.SUCCESS "')

    def sealed_by_another_key(self) -> Letter:
        """Signed, and sealed for another merchant."""
        body = self.body(apiv3_key=secrets.token_hex(16))
        return signing.sign(self._keys, body), body

    def garbled(self) -> Letter:
        """Signed, and no JSON."""
        body = b'{"id": "' + secrets.token_hex(8).encode()
        return signing.sign(self._keys, body), body

    def long(self) -> Letter:
        """Signed, and longer than any letter."""
        body = self.body(attach="长" * 10_000)
        return signing.sign(self._keys, body), body

    def refund(self) -> Letter:
        """About a refund that nobody asked for."""
        told = {
            "mchid": self._keys.mch_id,
            "out_trade_no": self._order.out_trade_no,
            "out_refund_no": secrets.token_hex(16),
            "refund_id": f"503{secrets.randbelow(10**15)}",
            "refund_status": "SUCCESS",
            "success_time": moment(self._order.success_at) if self._order.success_at else "2026-11-11T12:00:00+08:00",
            "amount": {"total": self._order.total, "refund": self._order.total},
        }
        body = signing.notice(
            "REFUND.SUCCESS", told, notice_id=secrets.token_hex(16), apiv3_key=self._keys.apiv3_key, at=""
        )
        return signing.sign(self._keys, body), body

    def replay(self) -> Letter:
        """The company's own last letter about the order, signed anew."""
        if self._last is None:
            raise ValueError("nothing was told of this order yet")
        return signing.sign(self._keys, self._last[1]), self._last[1]

    def body(self, *, apiv3_key: str = "", **changes: Any) -> bytes:
        """What a letter about the paid order says, with changes."""
        truth = self._order.told()
        paid = {
            "transaction_id": self._order.transaction_id,
            "trade_state": "SUCCESS",
            "success_time": truth.get("success_time", "2026-11-11T12:00:00+08:00"),
        }
        key = apiv3_key or self._keys.apiv3_key
        told = truth | paid | changes
        return signing.notice("TRANSACTION.SUCCESS", told, notice_id=secrets.token_hex(16), apiv3_key=key, at="")


def _amount(forger: Forger, **changes: Any) -> Letter:
    return forger.signed(amount={**forger._order.told()["amount"], **changes})


KINDS: dict[str, Callable[[Forger], Letter]] = {
    # without the company's signature, or with one that is not to be believed any more
    "unsigned": Forger.unsigned,
    "signature": lambda forger: forger.headed(Signature=b64encode(secrets.token_bytes(256)).decode()),
    "another_key": Forger.by_another_key,
    "serial": lambda forger: forger.headed(Serial="PUB_KEY_ID_0000000000000000000000000000000"),
    "certificate": lambda forger: forger.headed(Serial=secrets.token_hex(20).upper()),
    "signature_type": lambda forger: forger.headed(Signature_Type="WECHATPAY2-SM2-WITH-SM3"),
    "stale": lambda forger: forger.aged(STALE_SECONDS),
    "early": lambda forger: forger.aged(-STALE_SECONDS),
    "changed": Forger.changed,
    "sealed": Forger.sealed_by_another_key,
    "long": Forger.long,
    # signed, and not readable
    "garbled": Forger.garbled,
    # signed, and not so
    "amount": lambda forger: _amount(forger, total=1),
    "currency": lambda forger: _amount(forger, currency="USD"),
    "merchant": lambda forger: forger.signed(mchid="1900000001"),
    "app": lambda forger: forger.signed(appid="wx0000000000000000"),
    "order": lambda forger: forger.signed(out_trade_no=secrets.token_hex(16)),
    "state": lambda forger: forger.signed(trade_state="NOTPAY"),
    "transaction": lambda forger: forger.signed(transaction_id=f"42000{secrets.randbelow(10**15)}"),
    "refund": Forger.refund,
    # signed, and known
    "replay": Forger.replay,
}
