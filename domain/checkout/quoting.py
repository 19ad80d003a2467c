"""From a wish to its price: the same steps for a quote, which only shows it, and within the transaction that charges it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.addresses import queries as addresses
from domain.addresses.rules import Destination
from domain.carts import queries as carts
from domain.checkout import rules
from domain.checkout.offers import OFFERS, OfferSource
from domain.checkout.rules import CouponUnknown, Wish
from domain.foundation.database import Database, Reader
from domain.foundation.errors import NotFound, Refusal
from domain.pricing import queries as pricing
from domain.pricing.rules import Fulfilment, Offers, Quote, Wanted
from domain.stock import queries as stock


@dataclass(frozen=True, slots=True)
class Priced:
    """A wish with its price, where it goes, and the offers that count."""

    quote: Quote
    destination: Destination | None
    offers: Offers


async def quote(db: Database, wish: Wish, *, source: OfferSource = OFFERS, now: datetime) -> Quote:
    """What the wish costs now, with everything that keeps it from being ordered; nothing is held.

    Raises BadInput.
    """
    rules.check_wish(wish)
    async with db.reading() as reader:
        wanted = wish.lines if wish.lines is not None else await chosen(reader, wish)
        quoted = (await priced(reader, wish, wanted, source=source, now=now)).quote
    sku_ids = [line.sku_id for line in quoted.lines]
    levels = dict(zip(sku_ids, await stock.levels_by_sku_ids(db, sku_ids), strict=True)) if sku_ids else {}
    return replace(quoted, problems=(*quoted.problems, *rules.shortages(quoted, levels)))


async def chosen(reader: Reader, wish: Wish) -> tuple[Wanted, ...]:
    """What the shopper has chosen in the cart, left there."""
    return tuple(Wanted(*line) for line in await carts.chosen_by(reader, wish.shopper_id))


async def priced(reader: Reader, wish: Wish, wanted: Sequence[Wanted], *, source: OfferSource, now: datetime) -> Priced:
    """The price of the wanted goods. An address that is not the shopper's, and an unknown coupon, are problems of the quote.

    Whether there are enough units is not asked here: a quote asks, a charge holds them.
    """
    problems: list[Refusal] = [] if wanted else [rules.BasketEmpty()]
    destination = None
    if wish.fulfilment is Fulfilment.DELIVERY and wish.address_id is not None:
        try:
            destination = await addresses.destination(reader, address_id=wish.address_id, shopper_id=wish.shopper_id)
        except NotFound as unknown:
            problems.append(unknown)
    sku_ids = [some.sku_id for some in wanted]
    try:
        offers = await source.offers(reader, wish, sku_ids, now=now)
    except CouponUnknown as unknown:
        problems.append(unknown)
        offers = await source.offers(reader, replace(wish, coupon_code=None), sku_ids, now=now)
    quoted = await pricing.quote(
        reader,
        wanted,
        fulfilment=wish.fulfilment,
        region_code=destination.region_code if destination else None,
        store_id=wish.store_id,
        offers=offers,
        now=now,
    )
    return Priced(replace(quoted, problems=(*problems, *quoted.problems)), destination, offers)
