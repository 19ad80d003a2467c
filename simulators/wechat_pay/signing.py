"""Signatures of both sides, and sealed words, as WeChat Pay v3 has them."""

import re
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from simulators.wechat_pay.keys import Keys

SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
BELIEVED_SECONDS = 300

_FIELD = re.compile(r'([a-z_]+)="([^"]*)"')


class BadSignature(Exception):
    """The merchant's signature is missing or wrong; the message says which."""


def check_authorization(keys: Keys, header: str, *, method: str, target: str, body: bytes) -> None:
    """Whether a request is the merchant's: `target` is its path with its query. Raises BadSignature."""
    kind, _, rest = header.partition(" ")
    told = dict(_FIELD.findall(rest))
    if kind != SIGNATURE_TYPE or not {"mchid", "nonce_str", "signature", "timestamp", "serial_no"} <= told.keys():
        raise BadSignature("Http头Authorization认证类型不正确")
    if (told["mchid"], told["serial_no"]) != (keys.mch_id, keys.merchant_serial):
        raise BadSignature("商户证书序列号有误")
    if not told["timestamp"].isdigit() or abs(time.time() - int(told["timestamp"])) > BELIEVED_SECONDS:
        raise BadSignature("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    check(keys, told["signature"], method, target, told["timestamp"], told["nonce_str"], body.decode())


def check(keys: Keys, signature: str, *lines: str) -> None:
    """Whether the merchant has signed these lines. Raises BadSignature."""
    try:
        keys.merchant_public.verify(b64decode(signature), _joined(lines), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as error:
        raise BadSignature("签名错误，请检查后再试") from error


def sign(keys: Keys, body: bytes, *, key: RSAPrivateKey | None = None, age_seconds: int = 0) -> dict[str, str]:
    """The headers that go with an answer or a notice; with another key or an age they are a forger's."""
    stamp, nonce = str(int(time.time()) - age_seconds), secrets.token_hex(16)
    signature = (key or keys.wechat).sign(_joined([stamp, nonce, body.decode()]), PKCS1v15(), SHA256())
    return {
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": keys.public_key_id,
        "Wechatpay-Signature": b64encode(signature).decode(),
        "Wechatpay-Signature-Type": SIGNATURE_TYPE,
        "Content-Type": "application/json",
    }


def notice(event_type: str, told: Mapping[str, Any], *, notice_id: str, apiv3_key: str, at: str) -> bytes:
    """The body of a notice, what it tells sealed with AES-256-GCM."""
    original = event_type.partition(".")[0].lower()
    nonce = secrets.token_hex(6)
    sealed = AESGCM(apiv3_key.encode()).encrypt(nonce.encode(), orjson.dumps(told), original.encode())
    return orjson.dumps(
        {
            "id": notice_id,
            "create_time": at,
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": {"transaction": "支付成功", "refund": "退款通知"}.get(original, "签约通知"),
            "resource": {
                "original_type": original,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": b64encode(sealed).decode(),
                "associated_data": original,
                "nonce": nonce,
            },
        }
    )


def _joined(lines: tuple[str, ...] | list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
