"""What a cart may hold, and what a line of it tells the shopper. Nothing in a cart is promised."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal
from domain.foundation.money import Money

MOST_LINES = 120
MOST_UNITS = 999
FORGOTTEN_AFTER = timedelta(days=30)
"""How long a guest's cart is kept after it was last touched."""


class Availability(StrEnum):
    """Whether a line can be bought now."""

    AVAILABLE = "available"
    TOO_FEW = "too_few"
    SOLD_OUT = "sold_out"
    NOT_SOLD_ANY_MORE = "not_sold_any_more"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose cart it is: a shopper's, or that of whoever holds the token; a guest who holds none has no cart yet."""

    shopper_id: UUID | None = None
    guest_token: str | None = None


@dataclass(frozen=True, slots=True)
class CartLine:
    """Some units of one SKU. `price` is what a unit costs now, `seen_price` what it cost when it was put in."""

    sku_id: UUID
    product_id: UUID
    title: str
    options: Sequence[str]
    image_url: str | None
    quantity: int
    is_chosen: bool
    price: Money
    seen_price: Money
    added_at: datetime
    free: int
    is_sold: bool

    @property
    def availability(self) -> Availability:
        """Whether so many units can be bought now."""
        if not self.is_sold:
            return Availability.NOT_SOLD_ANY_MORE
        if self.free == 0:
            return Availability.SOLD_OUT
        return Availability.TOO_FEW if self.free < self.quantity else Availability.AVAILABLE

    @property
    def price_drift(self) -> Money:
        """By how much a unit has become dearer since it was put in; below zero: cheaper."""
        return Money(self.price.minor - self.seen_price.minor, self.price.currency)


@dataclass(frozen=True, slots=True)
class Cart:
    """What somebody means to buy, what was put in last first."""

    lines: tuple[CartLine, ...] = ()

    @property
    def units(self) -> int:
        """How many units there are, of all lines."""
        return sum(line.quantity for line in self.lines)


def check_quantity(quantity: int) -> int:
    """The quantity itself. Raises BadInput unless it is 1 to 999."""
    if not 1 <= quantity <= MOST_UNITS:
        raise BadInput(f"quantity is {quantity}; allowed: 1 to {MOST_UNITS}")
    return quantity


def new_guest_token() -> str:
    """43 characters that stand for 32 random bytes."""
    return secrets.token_urlsafe(32)


def guest_hash(token: str) -> bytes:
    """What is kept of a token. Without salt: nobody guesses 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


@dataclass(eq=False)
class CartFull(Refusal):
    """The cart has as many lines as a cart may have."""

    most_lines: int

    code: ClassVar[str] = "CART_FULL"
    zh: ClassVar[str] = "购物车已满，最多 {most_lines} 种商品"
    en: ClassVar[str] = "the cart is full: it holds {most_lines} different goods at most"


@dataclass(eq=False)
class CartLineFull(Refusal):
    """With these units the line would have more than a line may have."""

    sku_id: UUID
    in_cart: int
    most_units: int

    code: ClassVar[str] = "CART_LINE_FULL"
    zh: ClassVar[str] = "购物车中已有 {in_cart} 件，每种商品最多 {most_units} 件"
    en: ClassVar[str] = "the cart holds {in_cart} of these, and {most_units} at most"
