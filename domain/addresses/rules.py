"""What an address is, and what one may hold."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal

MOST_ADDRESSES = 50
"""Addresses of one shopper."""
LONGEST = {"recipient": 60, "province": 40, "city": 40, "district": 40, "street": 200}
"""Characters of each text."""

# mobile numbers of mainland China: eleven digits, the second 3 to 9
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_REGION_CODE = re.compile(r"[0-9]{6}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Destination:
    """To whom and where a parcel goes. `region_code` is that of the district (GB/T 2260)."""

    recipient: str
    phone: str
    province: str
    city: str
    district: str
    region_code: str
    street: str


@dataclass(frozen=True, slots=True)
class Address:
    """An address that a shopper keeps. The default one is taken where none is named."""

    id: UUID
    shopper_id: UUID
    destination: Destination
    is_default: bool
    created_at: datetime
    updated_at: datetime


def tidied(destination: Destination) -> Destination:
    """The destination without the spaces around its texts.

    Raises BadInput for an empty or too long text, one with control characters, a phone number that is no mobile number
    of mainland China, and a region code that is not six digits.
    """
    texts = {name: _text(name, getattr(destination, name), longest) for name, longest in LONGEST.items()}
    return Destination(
        **texts, phone=_phone(destination.phone), region_code=check_region_code(destination.region_code.strip())
    )


def check_region_code(code: str) -> str:
    """The code itself. Raises BadInput unless it is six digits, as GB/T 2260 has them."""
    if not _REGION_CODE.fullmatch(code):
        raise BadInput(f"regionCode is {code[:20]!r}; allowed: six digits, like 310106")
    return code


def _text(name: str, given: str, longest: int) -> str:
    text = given.strip()
    if not 1 <= len(text) <= longest:
        raise BadInput(f"{name} has {len(text)} characters; allowed: 1 to {longest}")
    if _CONTROL.search(text):
        raise BadInput(f"{name} is {text[:20]!r}; allowed: one line without control characters")
    return text


def _phone(given: str) -> str:
    number = given.replace(" ", "").removeprefix("+86")
    if not _MOBILE.fullmatch(number):
        raise BadInput(f"phone is {given[:20]!r}; allowed: a mobile number of mainland China, like 13812345678")
    return number


@dataclass(eq=False)
class TooManyAddresses(Refusal):
    """A shopper keeps so many addresses and no more."""

    most: int = MOST_ADDRESSES

    code: ClassVar[str] = "TOO_MANY_ADDRESSES"
    zh: ClassVar[str] = "最多保存 {most} 个收货地址"
    en: ClassVar[str] = "at most {most} addresses are kept"
