"""Freight: what a parcel costs, by where it goes and how much is in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal
from domain.foundation.money import LARGEST_MINOR

MOST_ZONES = 100
MOST_REGIONS = 500
LARGEST_MEASURE = 10**9
LONGEST_NAME = 60


class Measure(StrEnum):
    """What freight is reckoned by: grams or units."""

    WEIGHT = "weight"
    PIECE = "piece"


@dataclass(frozen=True, slots=True)
class Zone:
    """Regions that cost the same. `regions` are beginnings of region codes; none: everywhere else.

    The first `first_measure` (grams or units) cost `first_minor`, every `more_measure` begun after that `more_minor`.
    Goods of `free_from_minor` or more travel free; None: never. Where it is not served, nothing is sent.
    """

    regions: Sequence[str]
    first_measure: int = 1
    first_minor: int = 0
    more_measure: int = 1
    more_minor: int = 0
    free_from_minor: int | None = None
    is_served: bool = True


@dataclass(frozen=True, slots=True)
class Template:
    """How the freight of some products is reckoned. The default one counts for products that name none."""

    id: UUID
    name: str
    measure: Measure
    zones: Sequence[Zone]
    is_default: bool = False


def zone_for(template: Template, region_code: str) -> Zone | None:
    """The zone whose region has the longest beginning in common with the code; None when no zone has it."""
    best, best_length = None, -1
    for zone in template.zones:
        for region in zone.regions or ("",):
            if region_code.startswith(region) and len(region) > best_length:
                best, best_length = zone, len(region)
    return best


def price_of_parcel(zone: Zone, *, measure: int, goods_minor: int) -> int:
    """What it costs to send goods of this measure and worth: minor units."""
    if zone.free_from_minor is not None and goods_minor >= zone.free_from_minor:
        return 0
    begun = -(-max(0, measure - zone.first_measure) // zone.more_measure)
    return zone.first_minor + begun * zone.more_minor


def check(template: Template) -> None:
    """Raises BadInput for a name, a zone or a region outside of what is allowed, and for a region that is named twice."""
    if not 1 <= len(template.name) <= LONGEST_NAME or "\0" in template.name:
        raise BadInput(f"name has {len(template.name)} characters; allowed: 1 to {LONGEST_NAME}, without U+0000")
    if not 1 <= len(template.zones) <= MOST_ZONES:
        raise BadInput(f"there are {len(template.zones)} zones; allowed: 1 to {MOST_ZONES}")
    named: set[str] = set()
    for zone in template.zones:
        _check_zone(zone)
        for region in zone.regions or ("",):
            if region in named:
                raise BadInput(f"region {region!r} stands in two zones; allowed: one")
            named.add(region)
    if len(named) > MOST_REGIONS:
        raise BadInput(f"there are {len(named)} regions; allowed: at most {MOST_REGIONS}")


def _check_zone(zone: Zone) -> None:
    for region in zone.regions:
        if not (1 <= len(region) <= 6 and region.isascii() and region.isdigit()):
            raise BadInput(f"region {region[:20]!r} is no beginning of a region code; allowed: 1 to 6 digits")
    for name, measure in (("firstMeasure", zone.first_measure), ("moreMeasure", zone.more_measure)):
        if not 1 <= measure <= LARGEST_MEASURE:
            raise BadInput(f"{name} is {measure}; allowed: 1 to {LARGEST_MEASURE}")
    for name, minor in (
        ("firstMinor", zone.first_minor),
        ("moreMinor", zone.more_minor),
        ("freeFromMinor", zone.free_from_minor or 0),
    ):
        if not 0 <= minor <= LARGEST_MINOR:
            raise BadInput(f"{name} is {minor} minor units; allowed: 0 to {LARGEST_MINOR}")


@dataclass(eq=False)
class FreightNameTaken(Refusal):
    """Another freight template is called so."""

    name: str

    code: ClassVar[str] = "FREIGHT_NAME_TAKEN"
    zh: ClassVar[str] = "运费模板名称 {name} 已被使用"
    en: ClassVar[str] = "another freight template is called {name}"
