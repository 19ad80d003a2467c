"""What a supplier is, what its signed letters must look like, and what a month with it comes to."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar
from uuid import UUID

from domain.foundation.clock import shop_midnight
from domain.foundation.errors import BadInput, ClientFault, Refusal
from domain.foundation.money import Money

BELIEVED_FOR = timedelta(minutes=5)
"""A letter signed longer ago than this, or that far in the future, is refused."""
KEY_BYTES = 32
CODE_SHAPE = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
REFERENCE_SHAPE = re.compile(r"[A-Za-z0-9_.:-]{8,60}")
LARGEST_QUANTITY = 100_000_000
LARGEST_COST_MINOR = 10**12
ASSIGNED_AT_ONCE = 100
FEED_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who sends goods for us. `code` stands in the addresses of its doors."""

    id: UUID
    code: str
    name: str
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SuppliedSku:
    """A SKU that a supplier sends: its own code for it, and what it is paid a unit."""

    sku_id: UUID
    supplier_id: UUID
    supplier_code: str
    cost: Money


@dataclass(frozen=True, slots=True)
class Letter:
    """What a supplier sent to one of its doors, with the headers that vouch for it."""

    door: str
    timestamp: str
    reference: str
    as_of: str
    signature: str
    body: bytes

    @property
    def fingerprint(self) -> bytes:
        """16 bytes that stand for its content."""
        return hashlib.blake2b(f"{self.door}\n{self.as_of}\n".encode() + self.body, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class FeedReport:
    """What a feed has done. `unknown` are codes we know no SKU for; `mistaken` are lines that cannot be read, and why."""

    reference: str
    as_of: datetime
    rows: int
    changed: int
    refused: int
    is_replay: bool = False
    unknown: tuple[str, ...] = ()
    mistaken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """A month with a supplier, out of the ledger: minor units, owed above zero."""

    supplier_id: UUID
    month: str
    opening_minor: int
    shipped_minor: int
    returned_minor: int
    paid_minor: int

    @property
    def closing_minor(self) -> int:
        """What is owed at the month's end."""
        return self.opening_minor + self.shipped_minor - self.returned_minor - self.paid_minor


def new_key() -> bytes:
    """A key that signs letters: told once, when it is made."""
    return secrets.token_bytes(KEY_BYTES)


def sign(key: bytes, letter: Letter) -> str:
    """The signature of a letter: HMAC-SHA256, in hexadecimal digits. A letter to one door does not open another."""
    head = f"{letter.door}\n{letter.timestamp}\n{letter.reference}\n{letter.as_of}\n"
    return hmac.digest(key, head.encode() + letter.body, hashlib.sha256).hex()


def check_fresh(timestamp: str, reference: str, now: datetime) -> None:
    """Raises LetterForged unless the headers are well-formed and the letter was signed within five minutes.

    To be asked before the body is read: nobody makes us read much with an old letter.
    """
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or not REFERENCE_SHAPE.fullmatch(reference):
        raise LetterForged(
            "supplier-timestamp are seconds since 1970, supplier-reference 8 to 60 letters, digits or _.:-"
        )
    if abs(now.timestamp() - int(timestamp)) > BELIEVED_FOR.total_seconds():
        raise LetterForged("the letter was signed too long ago")


def check_signed(key: bytes | None, letter: Letter) -> None:
    """Raises LetterForged unless this key has signed it; without a key as well, and no faster."""
    right = sign(key or b"\0" * KEY_BYTES, letter)
    if not hmac.compare_digest(right.encode(), letter.signature.encode()) or key is None:
        raise LetterForged("the signature is not the supplier's")


def check_code(code: str) -> str:
    """The supplier's code. Raises BadInput."""
    if not CODE_SHAPE.fullmatch(code):
        raise BadInput(f"code {code[:60]!r}: allowed are 2 to 40 of a-z, 0-9 and -")
    return code


def check_text(name: str, text: str, longest: int) -> str:
    """The text without blanks around it. Raises BadInput when it is empty, too long or holds U+0000."""
    clean = text.strip()
    if not 1 <= len(clean) <= longest or "\0" in clean:
        raise BadInput(f"{name} must have 1 to {longest} characters")
    return clean


def check_cost(cost_minor: int) -> int:
    """The cost of a unit in minor units. Raises BadInput."""
    if not 0 <= cost_minor <= LARGEST_COST_MINOR:
        raise BadInput(f"cost is {cost_minor}; allowed: 0 to {LARGEST_COST_MINOR}")
    return cost_minor


def read_as_of(text: str, now: datetime) -> datetime:
    """The moment a feed speaks of. Raises BadInput unless it has a zone and is not in the future."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.year < 2000 or moment > now + BELIEVED_FOR:
        raise BadInput(
            f"supplier-as-of is {text[:40]!r}; wanted: a moment with its zone, like 2026-11-11T20:00:00+08:00"
        )
    return moment.astimezone(UTC)


def free_units(told: int, held: int) -> int:
    """How many units are free when the supplier can send so many, and some are held that it has not heard of yet."""
    return max(0, told - held)


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """The month's first moment at the shop, and the next month's. Raises BadInput unless it reads like 2026-11."""
    match = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", month)
    if not match:
        raise BadInput(f"month is {month[:20]!r}; wanted: year and month, like 2026-11")
    year, number = int(match[1]), int(match[2])
    following = date(year + number // 12, number % 12 + 1, 1)
    return shop_midnight(date(year, number, 1)), shop_midnight(following)


def named(skus: Mapping[str, UUID], codes: Mapping[str, int]) -> tuple[dict[UUID, int], list[str]]:
    """What was told of each SKU, and the codes that we know no SKU for."""
    known = {skus[code]: quantity for code, quantity in codes.items() if code in skus}
    return known, [code for code in codes if code not in skus]


class LetterForged(ClientFault):
    """Not signed by the supplier, or signed too long ago."""

    code = "LETTER_FORGED"


@dataclass(eq=False)
class SupplierCodeTaken(Refusal):
    """There is a supplier of this code."""

    supplier_code: str

    code: ClassVar[str] = "SUPPLIER_CODE_TAKEN"
    zh: ClassVar[str] = "供应商编号 {supplier_code} 已被使用"
    en: ClassVar[str] = "there is a supplier {supplier_code} already"


@dataclass(eq=False)
class SupplierEnded(Refusal):
    """We work with this supplier no more."""

    supplier_id: UUID
    ended_at: datetime

    code: ClassVar[str] = "SUPPLIER_ENDED"
    zh: ClassVar[str] = "该供应商已停止合作"
    en: ClassVar[str] = "the supplier has ended at {ended_at:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(eq=False)
class SkuSupplied(Refusal):
    """Another supplier sends this SKU."""

    sku_id: UUID
    by_supplier: str

    code: ClassVar[str] = "SKU_SUPPLIED"
    zh: ClassVar[str] = "该商品由供应商 {by_supplier} 代发"
    en: ClassVar[str] = "supplier {by_supplier} sends this SKU"


@dataclass(eq=False)
class SupplierSkuCodeTaken(Refusal):
    """The supplier calls another of its SKUs so."""

    supplier_code: str

    code: ClassVar[str] = "SUPPLIER_SKU_CODE_TAKEN"
    zh: ClassVar[str] = "供应商货号 {supplier_code} 已用于另一商品"
    en: ClassVar[str] = "the supplier calls another SKU {supplier_code}"


@dataclass(eq=False)
class FeedOutdated(Refusal):
    """A newer feed was taken before."""

    as_of: datetime
    newest: datetime

    code: ClassVar[str] = "FEED_OUTDATED"
    zh: ClassVar[str] = "已收到更新的库存同步"
    en: ClassVar[str] = "a feed as of {newest:%Y-%m-%d %H:%M:%S} UTC was taken before this one"


@dataclass(eq=False)
class ReferenceTaken(Refusal):
    """The supplier has sent something else under this reference."""

    reference: str

    code: ClassVar[str] = "REFERENCE_TAKEN"
    zh: ClassVar[str] = "编号 {reference} 已用于另一内容"
    en: ClassVar[str] = "reference {reference} was used for other content"


@dataclass(eq=False)
class MoreThanOwed(Refusal):
    """A supplier is paid what it is owed, not more."""

    amount: Money
    owed: Money

    code: ClassVar[str] = "MORE_THAN_OWED"
    zh: ClassVar[str] = "付款超过应付金额"
    en: ClassVar[str] = "the payment is more than the supplier is owed"
