"""What a store is, and when it is open."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import ClassVar
from uuid import UUID

from domain.foundation.clock import SHOP_ZONE
from domain.foundation.errors import BadInput, Refusal

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_REGION_CODE = re.compile(r"[0-9]{6}")
_PHONE = re.compile(r"[0-9+() -]{0,20}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Store:
    """A place where goods are handed out. Times are of the shop's day (Asia/Shanghai).

    A store that closes before it opens is open past midnight; one that closes when it opens never closes. `code` is
    what staff call it; `region_code` is that of the district (GB/T 2260).
    """

    id: UUID
    code: str
    name: str
    phone: str
    region_code: str
    address: str
    opens_at: time
    closes_at: time
    takes_pickups: bool = True

    def is_open(self, now: datetime) -> bool:
        """Whether it is open at this moment: from the first instant of `opens_at` until just before `closes_at`."""
        at = now.astimezone(SHOP_ZONE).time()
        if self.opens_at < self.closes_at:
            return self.opens_at <= at < self.closes_at
        return at >= self.opens_at or at < self.closes_at


def check(store: Store) -> None:
    """Raises BadInput for a code, name, phone number, region code or address outside of what is allowed."""
    if not _CODE.fullmatch(store.code):
        raise BadInput(f"code is {store.code[:50]!r}; allowed: 1 to 40 lower-case letters, digits and hyphens")
    for field, text, longest in (("name", store.name, 120), ("address", store.address, 300)):
        if not 1 <= len(text.strip()) <= longest or _CONTROL.search(text):
            raise BadInput(f"{field} has {len(text)} characters; allowed: 1 to {longest}, one line")
    if not _PHONE.fullmatch(store.phone):
        raise BadInput(f"phone is {store.phone[:30]!r}; allowed: up to 20 digits, spaces, hyphens, + and brackets")
    if not _REGION_CODE.fullmatch(store.region_code):
        raise BadInput(f"regionCode is {store.region_code[:20]!r}; allowed: six digits, like 310106")


@dataclass(eq=False)
class StoreCodeTaken(Refusal):
    """Another store has this code."""

    store_code: str

    code: ClassVar[str] = "STORE_CODE_TAKEN"
    zh: ClassVar[str] = "门店编码 {store_code} 已被使用"
    en: ClassVar[str] = "another store has the code {store_code}"
