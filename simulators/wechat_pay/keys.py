"""The keys of both sides: a merchant's and WeChat Pay's. One file, for what a simulator keeps secret is worth nothing."""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class Keys:
    """Who the merchant is, and with what each side signs and seals. Keys are PEM."""

    mch_id: str
    app_id: str
    merchant_key: str
    merchant_serial: str
    apiv3_key: str
    wechat_key: str
    public_key_id: str

    @classmethod
    def fresh(cls) -> "Keys":
        """Keys that nobody else has; 2048 bits each, as the real ones."""
        return cls(
            mch_id=f"19{secrets.randbelow(10**8):08}",
            app_id=f"wx{secrets.token_hex(8)}",
            merchant_key=_pem(generate_private_key(65537, 2048)),
            merchant_serial=secrets.token_hex(20).upper(),
            apiv3_key=secrets.token_hex(16),
            wechat_key=_pem(generate_private_key(65537, 2048)),
            public_key_id=f"PUB_KEY_ID_{secrets.token_hex(16).upper()}",
        )

    @classmethod
    def kept_at(cls, path: Path) -> "Keys":
        """The keys in a file, made there at the first call and readable by their owner only."""
        if not path.exists():
            content = json.dumps(asdict(cls.fresh()))
            with (
                suppress(FileExistsError),
                os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file,
            ):
                file.write(content)
        return cls(**json.loads(path.read_text()))

    @cached_property
    def merchant_public(self) -> RSAPublicKey:
        """What verifies the merchant's signatures."""
        return _private(self.merchant_key).public_key()

    @cached_property
    def wechat(self) -> RSAPrivateKey:
        """What signs answers and notices."""
        return _private(self.wechat_key)

    @property
    def public_key(self) -> str:
        """What the merchant verifies them with, PEM."""
        public = self.wechat.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def knobs(self) -> dict[str, str]:
        """What the merchant is told, by the names of the market's knobs."""
        return {
            "wechat_mch_id": self.mch_id,
            "wechat_app_id": self.app_id,
            "wechat_private_key": self.merchant_key,
            "wechat_serial": self.merchant_serial,
            "wechat_apiv3_key": self.apiv3_key,
            "wechat_public_key": self.public_key,
            "wechat_public_key_id": self.public_key_id,
        }


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _private(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key
