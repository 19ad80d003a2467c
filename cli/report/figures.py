"""What a flash sale has to tell: its plain figures and what follows from them. Draws nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cli import charts
from cli.report.group_buys import Ending, GroupBuysReport
from cli.report.live_room import LiveRoomReport
from cli.report.members import MembersReport

UNKNOWN = "—"


@dataclass(frozen=True)
class SkuFigures:
    """One SKU of the sale. Of the `allotment`, `sold` units are paid and `returned` went back to free stock.

    `lapsed` counts holds that nobody paid in time; their units go through the gate again, so it is no part of the sum.
    """

    title: str
    options: str
    sale_price_minor: int
    list_price_minor: int
    allotment: int
    sold: int
    lapsed: int
    returned: int

    @property
    def held(self) -> int:
        """Units neither paid nor returned yet: held for a shopper, or waiting behind the gate."""
        return max(self.allotment - self.sold - self.returned, 0)

    @property
    def oversold(self) -> int:
        """Units sold beyond the allotment: 0, or the books are wrong."""
        return max(self.sold - self.allotment, 0)


@dataclass(frozen=True)
class Step:
    """How many shoppers came as far as this, with its Chinese and its English name."""

    zh: str
    en: str
    count: int


@dataclass(frozen=True)
class SecondFigures:
    """What was answered or committed in one second after the opening; `second` 0 is the first.

    `claims` are all claims answered, `sold_out_answers` those of them that were told "sold out".
    """

    second: int
    claims: int = 0
    reserved: int = 0
    paid: int = 0
    lapsed: int = 0
    sold_out_answers: int = 0

    @property
    def queued(self) -> int:
        """Claims that were given a ticket."""
        return max(self.claims - self.sold_out_answers, 0)


@dataclass(frozen=True)
class AuditLine:
    """One check of the books: what was looked at, what had to be there, what was found."""

    check: str
    subject: str
    expected: str
    found: str
    ok: bool


@dataclass(frozen=True)
class Scene:
    """Something that happened at the counter beside the sale: its two names, and how it went."""

    zh: str
    en: str
    note: str


@dataclass(frozen=True)
class AccountFigures:
    """An account of the ledger: its two names and its balance, on the side where it stands, in fen."""

    zh: str
    en: str
    debit_minor: int
    credit_minor: int


@dataclass(frozen=True, kw_only=True)
class SaleReport:
    """One sale from opening to settlement: money in fen, latencies in milliseconds, rates in claims per second.

    `funnel` narrows from step to step; `detours` (lapsed holds, units served from the waiting line) stand beside it.
    Every figure but the first four may be left out: a report of a sale that never ran is a report too.
    """

    title: str
    started_at: datetime
    shoppers: int
    units: int
    skus: Sequence[SkuFigures] = ()
    seconds_to_sold_out: float | None = None
    claims_per_second: float = 0
    claims_per_second_mean: float = 0
    claim_ms: Sequence[float] = ()
    reserve_ms: Sequence[float] = ()
    funnel: Sequence[Step] = ()
    detours: Sequence[Step] = ()
    timeline: Sequence[SecondFigures] = ()
    revenue_minor: int = 0
    orders_paid: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    audit: Sequence[AuditLine] = ()
    counter: Sequence[Scene] = ()
    group_buys: GroupBuysReport | None = None
    live_room: LiveRoomReport | None = None
    members: MembersReport | None = None
    trial_balance: Sequence[AccountFigures] = ()

    @property
    def saved_minor(self) -> int:
        """What the buyers paid less than the list price, in fen."""
        return sum(sku.sold * (sku.list_price_minor - sku.sale_price_minor) for sku in self.skus)

    @property
    def oversold(self) -> int:
        """Units sold beyond the allotment of their SKU. A spare unit of one SKU makes up for none of another."""
        return sum(sku.oversold for sku in self.skus)


@dataclass(frozen=True)
class Figure:
    """A headline figure: its two names, the figure and a note. Only a verdict is `good` or bad."""

    zh: str
    en: str
    value: str
    note: str
    good: bool | None = None


def headline(report: SaleReport) -> tuple[str, str]:
    """The sale in one sentence, in Chinese and in English."""
    if not report.skus:
        return "还没有开卖", "No sale has run yet"
    moment = sold_out_after(report)
    return (
        f"{report.shoppers:,} 人抢 {report.units:,} 件，"
        + ("未售罄" if moment == UNKNOWN else f"{moment.replace('ms', '毫秒').replace('s', '秒')}售罄")
        + (f"，超卖 {report.oversold:,} 件" if report.oversold else "，零超卖"),
        f"{report.shoppers:,} shoppers, {report.units:,} units, "
        + ("not sold out" if moment == UNKNOWN else f"sold out in {moment}")
        + (f", {report.oversold:,} oversold" if report.oversold else ", none oversold"),
    )


def figures(report: SaleReport) -> list[Figure]:
    """The headline figures: speed first, then money, then whether both can be believed."""
    agreed = sum(line.ok for line in report.audit)
    all_agree = agreed == len(report.audit) if report.audit else None
    audited = f"{agreed:,} / {len(report.audit):,}" if report.audit else UNKNOWN
    each = yuan(report.revenue_minor // report.orders_paid) if report.orders_paid else UNKNOWN
    return [
        Figure("售罄用时", "sold out in", sold_out_after(report), f"{report.units:,} 件 units"),
        Figure("峰值抢购", "peak claims", *_rates(report)),
        Figure("抢购应答 p99", "claim answered", *_latency(report.claim_ms)),
        Figure("锁定库存 p99", "claim to reserved", *_latency(report.reserve_ms)),
        Figure("支付订单", "orders paid", f"{report.orders_paid:,}", f"均价 mean {each}"),
        Figure("成交额", "revenue captured", yuan(report.revenue_minor), f"让利 saved {yuan(report.saved_minor)}"),
        Figure("超卖", "oversold", f"{report.oversold:,}", "件 units", good=report.oversold == 0),
        Figure("账实核对", "audit", audited, "项相符 checks agree", good=all_agree),
    ]


def room_facts(report: LiveRoomReport) -> list[tuple[str, str, str]]:
    """What is to be said of the night in the room: each with its two names."""
    p50, p99 = percentile(report.heard_ms, 50), percentile(report.heard_ms, 99)
    sale, drawing = report.sale, report.drawing
    conversion = UNKNOWN if report.conversion is None else f"{report.conversion:.1%}"
    return [
        (
            "上架到手机",
            "from tap to phones",
            f"p50 {duration(p50)}, p99 {duration(p99)}, {len(report.heard_ms):,} 次 times",
        ),
        ("断线重连", "lost and came back", f"{report.came_back} 台手机 phones, 不漏不重 nothing missed or repeated"),
        ("互动", "talk", f"{report.comments:,} 条评论 comments, {report.likes:,} 个赞 likes"),
        ("转化", "conversion", f"{conversion}, {report.buyers:,} 人下单 buyers"),
        (
            "直播秒杀",
            "flash sale",
            f"{sale.claimed} 人抢 tapped, {sale.units} 件 units at {yuan(sale.price_minor)}, {sale.sold} 件售出 sold",
        ),
        ("优惠券", "coupons", f"{report.coupons_claimed} 张被领 claimed"),
        (
            "抽奖",
            "lucky draw",
            f"{drawing.entrants} 人参与 entered, {drawing.pieces} 份{drawing.prize}: {', '.join(drawing.winners)}; "
            + ("重算一致 verified" if drawing.is_verified else "重算不符 NOT verified"),
        ),
        *(
            (
                "带来观众",
                "by whose link",
                f"{guide.name}: {guide.viewers:,} 人 viewers, {guide.orders} 单, {yuan(guide.gmv_minor)}",
            )
            for guide in report.guides
        ),
    ]


def group_facts(report: GroupBuysReport) -> list[tuple[str, str, str]]:
    """What is to be said of the group-buys together: each with its two names."""
    contest, books = report.contest, report.books
    kept_minor = books.paid_minor - books.refunded_minor
    completed = [group for group in report.groups if group.ending is Ending.COMPLETED]
    members = ", ".join(f"{group.paid}/{group.seats}" for group in completed)
    return [
        (
            "末席之争",
            "the last seat",
            f"{contest.joiners} 人同时抢 at once, {contest.seated} 人得席 seated, "
            f"{contest.offered} 人获荐 offered the group of {contest.to_group_of}",
        ),
        (
            "商家成团",
            "completed by the merchant",
            f"{members} 人, 空席仍空 nobody was invented" if members else UNKNOWN,
        ),
        ("退款", "refunds at the gateway", f"{report.refunds} 笔, {yuan(report.refunded_minor)}"),
        (
            "订单",
            "orders",
            f"{books.orders} 付款 paid, {books.confirmed} 确认 confirmed, {books.refunded} 退回 refunded",
        ),
        ("账上", "in the ledger", f"{yuan(books.paid_minor)} − {yuan(books.refunded_minor)} = {yuan(kept_minor)}"),
        ("货", "units", f"{books.units} 投放 set aside, {books.sold} 售出 sold, {books.left} 余 left"),
    ]


def member_facts(report: MembersReport) -> list[tuple[str, str, str]]:
    """What is to be said of the members' evening beside the metrics: its Chinese and English name, and the fact."""
    sale, basket, back = report.sale, report.basket, report.card_back
    return [
        (
            "提前抢",
            f"{sale.minutes_early} minutes early",
            f"{sale.members} 名会员 members came, {sale.sold} / {sale.units} 件 units; "
            f"{sale.turned_away} 名非会员须等 others wait",
        ),
        (
            "会员价与积分",
            "member price, points",
            f"{yuan(basket.list_minor)} → {yuan(basket.member_minor)}, {basket.points} 积分 points − {yuan(basket.points_minor)}"
            f" = {yuan(basket.total_minor)}",
        ),
        ("打卡", "checked in", f"{report.check_ins} 人 members"),
        (
            "退卡",
            "a card given back",
            f"{yuan(back.paid_minor)} − {yuan(back.used_minor)} 已用权益 used → {yuan(back.refunded_minor)}",
        ),
    ]


def _rates(report: SaleReport) -> tuple[str, str]:
    return f"{report.claims_per_second:,.0f}/s", f"平均 mean {report.claims_per_second_mean:,.0f}/s"


def _latency(samples: Sequence[float]) -> tuple[str, str]:
    return duration(percentile(samples, 99)), f"p50 {duration(percentile(samples, 50))}"


def sold_out_after(report: SaleReport) -> str:
    """`1.84 s`, or a dash when something was left."""
    return UNKNOWN if report.seconds_to_sold_out is None else duration(report.seconds_to_sold_out * 1000)


def percentile(samples: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile: the smallest sample that at least `percent` % of all samples do not exceed.

    Always one of the samples, never a value between two (Hyndman and Fan 1996, definition 1). None without samples.
    """
    if not samples:
        return None
    rank = -(-percent * len(samples) // 100)
    return sorted(samples)[max(rank, 1) - 1]


def seconds_per_slice(timeline: Sequence[SecondFigures], *, most: int) -> int:
    """The least of 1, 2, 5, 10, 20 ... seconds that cuts the timeline into at most `most` slices."""
    length = max((figures.second for figures in timeline), default=0) + 1
    return next(seconds for seconds in charts.round_steps() if seconds * most >= length)


def in_slices(timeline: Sequence[SecondFigures], *, seconds: int) -> list[SecondFigures]:
    """The timeline from the opening to its end in slices of `seconds`; a slice nobody reported is a slice of zeros."""
    last = max((figures.second for figures in timeline), default=-1)
    groups: list[list[SecondFigures]] = [[] for _ in range(last // seconds + 1)]
    for figures in timeline:
        groups[figures.second // seconds].append(figures)
    return [
        SecondFigures(
            second=index * seconds,
            claims=sum(figures.claims for figures in group),
            reserved=sum(figures.reserved for figures in group),
            paid=sum(figures.paid for figures in group),
            lapsed=sum(figures.lapsed for figures in group),
            sold_out_answers=sum(figures.sold_out_answers for figures in group),
        )
        for index, group in enumerate(groups)
    ]


# -- How figures are written -------------------------------------------------------------------------------------------


def yuan(minor: int) -> str:
    """`¥1,990.05` for 199005 fen."""
    whole, fen = divmod(abs(minor), 100)
    return f"{'-' if minor < 0 else ''}¥{whole:,}.{fen:02}"


def duration(ms: float | None) -> str:
    """At most three digits and a unit: `0.42 ms`, `18.4 ms`, `1.24 s`."""
    if ms is None:
        return UNKNOWN
    if ms < 999.5:
        return f"{ms:.3g} ms"
    return f"{ms / 1000:.3g} s" if ms < 999_500 else f"{ms / 1000:,.0f} s"


def per_cent(count: int, whole: int) -> str:
    """`98.2%`, or a dash when there is no whole."""
    return f"{count / whole:.1%}" if whole else UNKNOWN
