"""What a product is: as a merchant lists it (Listing, Variant) and as the shop keeps it (Product, Sku)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

MOST_OPTIONS = 3
# so that a hundred products with all of theirs are still one answer
MOST_SKUS = 250
MOST_IMAGES = 250
MOST_TAGS = 250
LONGEST_NAME = 255
"""Characters of a handle, title, vendor, tag, SKU code, option name or option value."""
LONGEST_CATEGORY = 120
LONGEST_CATEGORY_PATH = 500
LONGEST_BARCODE = 64
LONGEST_URL = 2_048
HEAVIEST_GRAMS = 100_000_000
MOST_UNITS = 100_000_000
BETWEEN_CATEGORIES = " > "


class State(StrEnum):
    """Whether shoppers see a product."""

    DRAFT = "draft"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture somewhere on the web."""

    url: str
    alt_text: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """One buyable combination of options, as a merchant describes it. Prices in minor units; `options` in the order of
    the listing's `option_names`.
    """

    options: tuple[str, ...]
    price_minor: int
    code: str | None = None
    compare_at_minor: int | None = None
    cost_minor: int | None = None
    barcode: str | None = None
    grams: int = 0
    requires_shipping: bool = True
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A product as a merchant describes it: everything but ids, dates and units. Two equal listings look the same."""

    handle: str
    title: str
    variants: tuple[Variant, ...]
    body_html: str = ""
    vendor: str = ""
    category_path: str = ""
    tags: tuple[str, ...] = ()
    option_names: tuple[str, ...] = ()
    state: State = State.PUBLISHED
    images: tuple[Image, ...] = ()

    @property
    def lowest_price_minor(self) -> int:
        """The price of the cheapest SKU."""
        return min(variant.price_minor for variant in self.variants)

    @property
    def highest_price_minor(self) -> int:
        """The price of the dearest SKU."""
        return max(variant.price_minor for variant in self.variants)

    def searchable(self) -> Iterator[str]:
        """The texts that a search looks into. The body is not among them: it speaks of too much."""
        yield self.title
        yield from self.tags
        yield self.vendor
        yield from self.category_path.split(BETWEEN_CATEGORIES)
        yield from dict.fromkeys(value for variant in self.variants for value in variant.options)


@dataclass(frozen=True, slots=True)
class Kept:
    """A listing that the shop keeps, with the id of the product and, in the order of its variants, of each SKU."""

    id: UUID
    sku_ids: tuple[UUID, ...]
    listing: Listing


@dataclass(frozen=True, slots=True)
class Category:
    """A place in the tree of goods. `path` is the way from the root: "家居 > 床品"."""

    id: UUID
    parent_id: UUID | None
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product as screens show it, without its SKUs and images. `body_html` is "" where nobody asked for it."""

    id: UUID
    handle: str
    title: str
    body_html: str
    vendor: str
    tags: Sequence[str]
    option_names: Sequence[str]
    state: State
    lowest_price_minor: int
    highest_price_minor: int
    currency: str
    created_at: datetime
    published_at: datetime | None
    category: Category | None = None


@dataclass(frozen=True, slots=True)
class Sku:
    """A SKU as screens show it."""

    id: UUID
    product_id: UUID
    code: str | None
    options: Sequence[str]
    price_minor: int
    compare_at_minor: int | None
    cost_minor: int | None
    image_url: str | None


def full_title(product: Product, sku: Sku) -> str:
    """What a SKU is called by itself: "T恤 红 / S"."""
    return title_of(product.title, sku.options)


def title_of(product_title: str, options: Sequence[str]) -> str:
    """The same, of the product's title and the values of the SKU's options."""
    return f"{product_title} {' / '.join(options)}".strip()


@dataclass(frozen=True, slots=True)
class Publication:
    """Whether shoppers see a product, since when, and who decided it; nobody when an import did."""

    state: State
    published_at: datetime | None = None
    published_by: UUID | None = None


def publish(publication: Publication, *, by: UUID, now: datetime) -> Publication:
    """Visible to shoppers from now on; what is published already keeps its date."""
    if publication.state is State.PUBLISHED:
        return publication
    return Publication(State.PUBLISHED, now, by)


def unpublish(publication: Publication) -> Publication:
    """Visible to staff only."""
    return replace(publication, state=State.DRAFT, published_at=None, published_by=None)


def category_path(text: str) -> tuple[str, ...]:
    """The names on the way from the root: ("家居", "床品") for "家居 > 床品", however it is spaced; () for nothing."""
    return tuple(filter(None, (name.strip() for name in text.split(">"))))
