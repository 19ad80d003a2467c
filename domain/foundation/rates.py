"""How often who may ask for what: the classes of requests, their figures, and the rule (GCRA) by which they are counted.

The rule stands a second time in rate.lua; one table of cases runs through both.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv6Address, ip_address


class Rate(StrEnum):
    """What a request counts as; whatever states no class is GENERAL."""

    GENERAL = "general"
    LOGIN = "login"
    STAFF_LOGIN = "staff_login"
    REFRESH = "refresh"
    CLAIM = "claim"
    SEARCH = "search"
    COUPON = "coupon"
    PAY = "pay"
    CART = "cart"
    POSTER = "poster"
    COMMENT = "comment"
    LIKE = "like"
    CHECK_IN = "check_in"


class By(StrEnum):
    """By whom requests are counted. Who is signed in is not counted by address, which many share (CGNAT, a campus), but
    where they sign in as staff.
    """

    SHOPPER = "shopper"
    DEVICE = "device"
    ADDRESS = "address"


@dataclass(frozen=True)
class Allowance:
    """So many at once, and so many a minute for as long as one likes."""

    burst: int
    per_minute: int

    @cached_property
    def interval_us(self) -> int:
        """Microseconds until one that was spent has come back."""
        return 60_000_000 // self.per_minute


@dataclass(frozen=True, slots=True)
class Figures:
    """The allowances of a class: for each shopper and each device, and for all behind one address who are counted by it.

    `is_strict`: counted in the gate before anything is done. The others are counted in the memory of the process and
    told to the gate a moment later, which costs them no round trip.
    """

    each: Allowance
    address: Allowance
    is_strict: bool

    def of(self, by: By) -> Allowance:
        """The allowance that counts here."""
        return self.address if by is By.ADDRESS else self.each


FIGURES = {
    # ten a second is an app in quick hands that polls a ticket beside it; an address, a hotel full of guests
    Rate.GENERAL: Figures(Allowance(120, 600), Allowance(3_000, 30_000), is_strict=False),
    # a tap, its repeats, the pass before and the polls of a place; nobody claims without being signed in
    Rate.CLAIM: Figures(Allowance(30, 120), Allowance(60, 600), is_strict=False),
    # a search costs the ledger more than a list; people type two words a second at most
    Rate.SEARCH: Figures(Allowance(30, 120), Allowance(600, 6_000), is_strict=False),
    # a session lives thirty days: ten sign-ins a minute are somebody trying; new faces of a carrier's whole address are not
    Rate.LOGIN: Figures(Allowance(10, 10), Allowance(100, 120), is_strict=True),
    # each costs a processor a quarter of a second or two, for the password's hash, and nothing else stops who guesses
    # passwords: an office at nine, not a crowd
    Rate.STAFF_LOGIN: Figures(Allowance(5, 5), Allowance(20, 20), is_strict=True),
    # once in fifteen minutes for each session, and for all of them when a sale opens
    Rate.REFRESH: Figures(Allowance(10, 10), Allowance(2_000, 3_000), is_strict=True),
    # ten guesses a minute: a code of eight letters outlives its campaign
    Rate.COUPON: Figures(Allowance(10, 10), Allowance(100, 100), is_strict=True),
    # orders and payments lock rows and ask a gateway
    Rate.PAY: Figures(Allowance(10, 30), Allowance(30, 60), is_strict=True),
    # a guest's cart is a row for thirty days: an address makes at most 300,000 a day
    Rate.CART: Figures(Allowance(60, 120), Allowance(200, 200), is_strict=True),
    # drawing one takes a processor a quarter of a second; nobody asks without being signed in
    Rate.POSTER: Figures(Allowance(10, 20), Allowance(60, 600), is_strict=True),
    # a sentence a second, and a few words in a burst of joy; nobody writes without being signed in
    Rate.COMMENT: Figures(Allowance(5, 60), Allowance(60, 600), is_strict=False),
    # a thumb's taps of a second together; nobody likes without being signed in
    Rate.LIKE: Figures(Allowance(20, 60), Allowance(60, 600), is_strict=False),
    # one a day does something, and each locks a row, as changing one's mind about messages does; nobody checks in without
    # being signed in
    Rate.CHECK_IN: Figures(Allowance(10, 20), Allowance(60, 600), is_strict=False),
}
"""The figures, all of them. They are no knobs: whoever needs others knows why, and changes this table."""


def spend(until_us: int, *, now_us: int, cost: int, allowance: Allowance) -> tuple[int, int]:
    """What is left of an allowance after spending `cost`: (until when all of it will have come back, 0), or, with too
    little left, the unchanged moment and the microseconds to wait. GCRA: the one number is its theoretical arrival time.
    """
    interval_us = allowance.interval_us
    after = (until_us if until_us > now_us else now_us) + cost * interval_us
    wait = after - allowance.burst * interval_us - now_us
    return (until_us, wait) if wait > 0 else (after, 0)


def counted_address(address: str) -> str:
    """Whom an address stands for: an IPv4 address itself, an IPv6 one its network of 64 bits, which is one customer's.

    Empty, and so not counted, for whatever is no address.
    """
    try:
        read = ip_address(address)
    except ValueError:
        return ""
    if not isinstance(read, IPv6Address):
        return str(read)
    if read.ipv4_mapped is not None:
        return str(read.ipv4_mapped)
    return str(IPv6Address(int(read) >> 64 << 64))
