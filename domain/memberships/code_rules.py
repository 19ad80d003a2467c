"""What an activation code is, who may use it, and how it is made of its id and a key, so that no table holds one.

Whoever may see a code again has it made again. After the key was changed that gives nothing; the codes that are out stay good.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal

GIFT_VALID = timedelta(days=365)
"""So long a gift can be activated; the money of one that was not goes back to whoever paid it, at any time."""
MOST_PIECES = 10_000
LONGEST_TITLE = 60
LONGEST_VALID = timedelta(days=3 * 366)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 16
"""Of 32 letters: 80 bits, which nobody guesses."""
_ALIKE = str.maketrans("OIL", "011", "- ")


@dataclass(frozen=True, slots=True)
class Code:
    """A right to one term of a plan, for whoever has the code: of a batch, or a gift that somebody has bought."""

    id: UUID
    plan_id: UUID
    batch_id: UUID | None
    purchase_id: UUID | None
    hash: bytes
    valid_until: datetime
    used_at: datetime | None = None
    used_by: UUID | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CodeBatch:
    """Codes that were made together, for a campaign."""

    id: UUID
    plan_id: UUID
    title: str
    pieces: int
    valid_until: datetime
    created_at: datetime
    created_by: UUID


def text_of(secret: bytes, code_id: UUID) -> str:
    """The code as people read it: four groups of four letters and digits."""
    mac = int.from_bytes(hmac.digest(secret, b"membership-code:" + code_id.bytes, "sha256"))
    letters = "".join(_LETTERS[mac >> 5 * place & 31] for place in range(_LENGTH))
    return "-".join(letters[start : start + 4] for start in range(0, _LENGTH, 4))


def hash_of(text: str) -> bytes:
    """What stands in the tables for a code, however it was typed: lower case, without dashes, O for 0, I or L for 1."""
    return hashlib.sha256(text.upper().translate(_ALIKE).encode("utf-8", "surrogatepass")).digest()


def shown(secret: bytes, code: Code) -> str | None:
    """The code as people read it; None when it was made with another key."""
    text = text_of(secret, code.id)
    return text if hash_of(text) == code.hash else None


def check_batch(title: str, pieces: int, valid_until: datetime, *, now: datetime) -> None:
    """Raises BadInput for a batch that cannot be."""
    if not 1 <= len(title.strip()) <= LONGEST_TITLE or "\0" in title:
        raise BadInput(f"title must have 1 to {LONGEST_TITLE} characters")
    if not 1 <= pieces <= MOST_PIECES:
        raise BadInput(f"pieces is {pieces}; allowed: 1 to {MOST_PIECES}")
    if not now < valid_until <= now + LONGEST_VALID:
        raise BadInput(f"validUntil must be after this moment and at most {LONGEST_VALID.days} days from it")


def check_usable(code: Code | None, *, given_by: UUID | None, account_id: UUID, now: datetime) -> Code:
    """The code. Raises ActivationCodeUnknown (also once a gift was paid back), ActivationCodeUsed, ActivationCodeOver, OwnGift."""
    if code is None or code.withdrawn_at is not None:
        raise ActivationCodeUnknown()
    if code.used_at is not None:
        raise ActivationCodeUsed(used_at=code.used_at)
    if now >= code.valid_until:
        raise ActivationCodeOver(valid_until=code.valid_until)
    if given_by == account_id:
        raise OwnGift()
    return code


@dataclass(eq=False)
class ActivationCodeUnknown(Refusal):
    """There is no such code, or the gift's buyer has had the money back."""

    code: ClassVar[str] = "ACTIVATION_CODE_UNKNOWN"
    zh: ClassVar[str] = "激活码无效，请核对后重试"
    en: ClassVar[str] = "no such activation code"


@dataclass(eq=False)
class ActivationCodeUsed(Refusal):
    """A code is good once."""

    used_at: datetime

    code: ClassVar[str] = "ACTIVATION_CODE_USED"
    zh: ClassVar[str] = "该激活码已被使用"
    en: ClassVar[str] = "this activation code was used on {used_at:%Y-%m-%d %H:%M} UTC"


@dataclass(eq=False)
class ActivationCodeOver(Refusal):
    """Nobody has used the code in time."""

    valid_until: datetime

    code: ClassVar[str] = "ACTIVATION_CODE_OVER"
    zh: ClassVar[str] = "该激活码已过期"
    en: ClassVar[str] = "this activation code was good until {valid_until:%Y-%m-%d %H:%M} UTC"


@dataclass(eq=False)
class OwnGift(Refusal):
    """A gift is for somebody else."""

    code: ClassVar[str] = "OWN_GIFT"
    zh: ClassVar[str] = "赠卡不能由购买者本人激活"
    en: ClassVar[str] = "a gift is for somebody else than who bought it"


@dataclass(eq=False)
class GiftNotRefundable(Refusal):
    """A gift that somebody has activated is theirs; one that is not paid has nothing to give back."""

    used_at: datetime | None

    code: ClassVar[str] = "GIFT_NOT_REFUNDABLE"
    zh: ClassVar[str] = "赠卡未付款、已被激活或已退款，无法退款"
    en: ClassVar[str] = "this gift cannot be paid back: it is not paid, was activated, or was paid back before"
