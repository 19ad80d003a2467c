"""From what the market tells of a night in a live room to its figures, and what of them was not as it must be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cli.demo.door import Answer
from cli.report.live_room import Drawing, Guide, LiveRoomReport, Moment, OnAir, RoomSale

TITLE = "夜市直播间"
PRIZE = "夜市礼盒"
LIVE_SHARE, FLOOR_SHARE = 0.8, 0.6


@dataclass(frozen=True)
class Good:
    """A product that goes on air, by its most plentiful SKU; prices in fen."""

    product_id: str
    sku_id: str
    title: str
    list_minor: int

    @property
    def live_minor(self) -> int:
        """Its price while it is on air."""
        return max(int(self.list_minor * LIVE_SHARE), 1)

    @property
    def floor_minor(self) -> int:
        """The lowest price of a sale in the room."""
        return max(int(self.list_minor * FLOOR_SHARE), 1)


@dataclass(frozen=True, kw_only=True)
class Night:
    """All that is known of a night when it is over. `goods` by the ids of their items; `orders`: how many were paid."""

    figures: Answer
    goods: Mapping[str, Good]
    heard_ms: Sequence[float]
    came_back: int
    sale: RoomSale
    drawing: Drawing
    guides: Sequence[str]
    coupons_claimed: int
    orders: int
    began_at: datetime
    faults: Sequence[str]


def report_of(night: Night) -> LiveRoomReport:
    """The figures for `cli.report`; sold is what the market says."""
    figures = night.figures
    sold, shown = figures["sold"], {each["item"]["id"]: each for each in figures["items"] if each["item"]}
    brought = {guide["name"]: guide for guide in figures["guides"]}
    return LiveRoomReport(
        title=TITLE,
        viewers=figures["distinctViewers"],
        peak=figures["peakViewers"],
        came_back=night.came_back,
        comments=figures["comments"],
        likes=figures["likes"],
        heard_ms=night.heard_ms,
        orders=sold["orders"],
        buyers=sold["buyers"],
        gmv_minor=sold["gmv"]["minor"],
        conversion=figures["conversion"],
        coupons_claimed=night.coupons_claimed,
        items=[_on_air(good, shown[item_id]) for item_id, good in night.goods.items()],
        sale=night.sale,
        drawing=night.drawing,
        guides=[_guide(name, brought.get(name)) for name in night.guides],
        curve=list(_curve(figures["curve"], night.began_at)),
        faults=[*night.faults, *_faults(night)],
    )


def drawing_of(told: Answer) -> Drawing:
    """The draw as it was published, its winners reckoned anew as `docs/verify_draw.py` says."""
    entries, winners = told["entries"]["nodes"], told["winners"]["nodes"]
    seed, digest = bytes.fromhex(told["seed"]), bytes.fromhex(told["commitment"])
    is_committed = sha256(seed).digest() == digest
    for entry in entries:
        digest = sha256(digest + bytes.fromhex(entry["entryId"])).digest()
    scores = sorted(
        (sha256(seed + digest + bytes.fromhex(each["entryId"])).digest(), each["number"]) for each in entries
    )
    due = [number for _, number in scores[: told["pieces"]]]
    is_verified = is_committed and digest.hex() == told["entriesDigest"]
    return Drawing(
        prize=PRIZE,
        pieces=told["pieces"],
        entrants=len(entries),
        winners=[winner["name"] for winner in winners],
        is_verified=is_verified and due == [winner["entry"]["number"] for winner in winners],
    )


def _on_air(good: Good, shown: Answer) -> OnAir:
    return OnAir(
        title=good.title,
        live_price_minor=good.live_minor,
        list_price_minor=good.list_minor,
        seconds=shown["onAirSeconds"],
        orders=shown["orders"],
        units=shown["units"],
        gmv_minor=shown["gmv"]["minor"],
    )


def _guide(name: str, found: Answer | None) -> Guide:
    if found is None:
        return Guide(name, 0, 0, 0)
    return Guide(name, found["viewers"], found["orders"], found["gmv"]["minor"])


def _curve(points: Sequence[Answer], began_at: datetime) -> Iterator[Moment]:
    for point in points:
        yield Moment((datetime.fromisoformat(point["at"]) - began_at).total_seconds(), point["viewers"])


def _faults(night: Night) -> Iterator[str]:
    figures, sale, orders = night.figures, night.sale, night.orders
    if figures["sold"]["orders"] != orders:
        yield f"{orders} orders were paid in the room, but its figures have {figures['sold']['orders']}"
    if sale.sold != min(sale.units, sale.claimed):
        yield f"{sale.sold} of {sale.units} units were sold in the room's flash sale"
    if not night.drawing.is_verified:
        yield "the winners of the draw do not follow from what is published"
