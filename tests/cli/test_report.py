"""The report says what the figures say, on the page and on the terminal; a title is text and nothing else."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from cli import charts
from cli.report import (
    AccountFigures,
    AuditLine,
    SaleReport,
    Scene,
    SecondFigures,
    SkuFigures,
    Step,
    html,
    percentile,
    series,
    terminal,
    write_html,
)
from cli.report.figures import duration, headline, in_slices, seconds_per_slice, yuan
from cli.report.group_buys import (
    LARGEST_EMBEDDED,
    WORDS,
    Contest,
    Ending,
    Event,
    Funnel,
    GroupBooks,
    GroupBuysReport,
    GroupFigures,
    Poster,
)
from domain.group_buys.rules import EventKind

POSTER = Poster("/posters/dGp1gJC90ltVVPCB.png", 750, 1272, b"\x89PNG")
EXPIRED = GroupFigures(
    leader="苏**",
    ending=Ending.REFUNDED,
    seats=3,
    paid=2,
    refunded=2,
    events=[
        Event(1, EventKind.OPENED, 0.0, seat=1),
        Event(2, EventKind.EXPIRED, 8.0),
        Event(3, EventKind.REFUNDED, 8.9, seat=1),
    ],
    funnel=Funnel(opened=4, signed_in=2, joined=1, paid=1),
)
COMPLETED = GroupFigures("马**", Ending.COMPLETED, 3, 2, 0, [Event(1, EventKind.COMPLETED, 3.0)])
GROUP_BUYS = GroupBuysReport(
    title="竹编夜灯 · 三人团",
    seats=3,
    group_price_minor=1790,
    solo_price_minor=2990,
    groups=[EXPIRED, COMPLETED],
    contest=Contest(joiners=5, seated=1, offered=4, to_group_of="马**"),
    refunds=2,
    refunded_minor=3580,
    books=GroupBooks(orders=4, confirmed=2, paid_minor=7160, refunded=2, refunded_minor=3580, units=12, left=10),
    poster=POSTER,
)

EIGHT_IN_THE_EVENING = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)
NASTY = """<script>"夜灯"</script> & <b>'x'</b> [bold]"""

LAMP = SkuFigures(
    title="竹编夜灯",
    options="暖光 · 小号",
    sale_price_minor=1990,
    list_price_minor=2990,
    allotment=200,
    sold=187,
    lapsed=21,
    returned=3,
)
SALE = SaleReport(
    title="双十一整点抢",
    started_at=EIGHT_IN_THE_EVENING,
    shoppers=2000,
    units=200,
    skus=[LAMP],
    seconds_to_sold_out=1.84,
    claims_per_second=1180,
    claims_per_second_mean=764.4,
    claim_ms=[float(ms) for ms in range(1, 101)],
    reserve_ms=[80.0, 90.0, 1240.0],
    funnel=[
        Step("进场", "entered", 2000),
        Step("拿到入场券", "passes", 1964),
        Step("排上队", "queued", 221),
        Step("锁定库存", "reserved", 200),
        Step("已支付", "paid", 187),
    ],
    detours=[Step("超时释放", "lapsed", 21), Step("候补成功", "served from the waiting line", 14)],
    timeline=[
        SecondFigures(0, claims=1180, reserved=96, sold_out_answers=980),
        SecondFigures(1, claims=640, reserved=104, paid=12, sold_out_answers=620),
        SecondFigures(40, paid=175, lapsed=21),
    ],
    revenue_minor=372130,
    orders_paid=187,
    environment={"Python": "CPython 3.13.9", "CPU": "8 cores", "PostgreSQL": "18.4", "Valkey": "9.1.2"},
    audit=[
        AuditLine("总量 = 空闲 + 占用 + 售出", "竹编夜灯", "200", "200", ok=True),
        AuditLine("收款 = 订单金额", "payments", "¥3,721.30", "¥3,721.30", ok=True),
    ],
    counter=[Scene("退货", "return", "1 unit came back; ¥9.90 refunded")],
    group_buys=GROUP_BUYS,
    trial_balance=[
        AccountFigures("支付渠道存款 wechat", "gateway", 371_140, 0),
        AccountFigures("预收货款", "prepaid", 0, 371_140),
    ],
)
NO_SALE = SaleReport(title="空场", started_at=EIGHT_IN_THE_EVENING, shoppers=0, units=0)
BUSY = replace(
    SALE,
    title=NASTY * 4,
    skus=[replace(LAMP, title=NASTY * 3, options="颜色: 雾蓝 / 包装: 礼盒 " * 4)] * 12,
    timeline=[SecondFigures(second, claims=20_000, reserved=500) for second in range(900)],
    claim_ms=[0.0, 0.02, 45_000.0],
    revenue_minor=123_456_789_012,
    audit=[AuditLine("总量 = 空闲 + 占用 + 售出" * 3, NASTY * 3, "80 = 4 + 0 + 76", "81", ok=False)],
    counter=[Scene("退货", "return", NASTY * 5)],
    group_buys=replace(
        GROUP_BUYS, title=NASTY * 4, groups=[replace(EXPIRED, leader=NASTY, events=EXPIRED.events * 20)] * 9
    ),
    trial_balance=[AccountFigures("支付渠道存款 " + NASTY, "gateway", 123_456_789_012, 0)],
)


# -- Figures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "percent", "expected"),
    [
        ([15.0, 20.0, 35.0, 40.0, 50.0], 5, 15.0),
        ([15.0, 20.0, 35.0, 40.0, 50.0], 30, 20.0),
        ([15.0, 20.0, 35.0, 40.0, 50.0], 40, 20.0),
        ([15.0, 20.0, 35.0, 40.0, 50.0], 50, 35.0),
        ([15.0, 20.0, 35.0, 40.0, 50.0], 100, 50.0),
        ([float(ms) for ms in range(1, 101)], 50, 50.0),
        ([float(ms) for ms in range(1, 101)], 99, 99.0),
        ([float(ms) for ms in range(1, 201)], 99, 198.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([7.0], 99, 7.0),
        ([7.0], 0, 7.0),
        ([], 50, None),
    ],
)
def test_a_percentile_is_the_sample_at_the_nearest_rank(samples, percent, expected):
    assert percentile(samples, percent) == expected


@pytest.mark.parametrize(
    ("minor", "expected"),
    [(0, "¥0.00"), (5, "¥0.05"), (1990, "¥19.90"), (123_456_789_01, "¥123,456,789.01"), (-1990, "-¥19.90")],
)
def test_money_is_written_from_whole_fen(minor, expected):
    assert yuan(minor) == expected


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (None, "—"),
        (0.0, "0 ms"),
        (0.4234, "0.423 ms"),
        (18.44, "18.4 ms"),
        (999.4, "999 ms"),
        (999.6, "1 s"),
        (1840.0, "1.84 s"),
        (45_000.0, "45 s"),
        (999_600.0, "1,000 s"),
    ],
)
def test_a_duration_is_written_in_three_digits(ms, expected):
    assert duration(ms) == expected


def test_the_headline_tells_the_sale_in_one_sentence():
    assert headline(SALE) == (
        "2,000 人抢 200 件，1.84 秒售罄，零超卖",
        "2,000 shoppers, 200 units, sold out in 1.84 s, none oversold",
    )


def test_the_headline_hides_neither_leftovers_nor_an_oversold_unit():
    oversold = replace(SALE, seconds_to_sold_out=None, skus=[replace(LAMP, sold=203, returned=0)])

    assert headline(oversold) == (
        "2,000 人抢 200 件，未售罄，超卖 3 件",
        "2,000 shoppers, 200 units, not sold out, 3 oversold",
    )


def test_units_neither_paid_nor_returned_are_still_held():
    assert LAMP.held == 10
    assert replace(LAMP, sold=203).held == 0


def test_slices_keep_every_count_and_fill_the_gaps():
    assert in_slices(SALE.timeline, seconds=20) == [
        SecondFigures(0, claims=1820, reserved=200, paid=12, sold_out_answers=1600),
        SecondFigures(20),
        SecondFigures(40, paid=175, lapsed=21),
    ]
    assert in_slices([], seconds=20) == []


@pytest.mark.parametrize(("last", "seconds"), [(0, 1), (59, 1), (60, 2), (899, 20)])
def test_a_slice_is_a_round_number_of_seconds(last, seconds):
    assert seconds_per_slice([SecondFigures(last)], most=60) == seconds


# -- Charts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (4, [0, 1, 2, 3, 4]),
        (5, [0, 2, 4, 6]),
        (1180, [0, 500, 1000, 1500]),
        (2000, [0, 500, 1000, 1500, 2000]),
    ],
)
def test_an_axis_ends_at_the_first_round_count_that_holds_everything(highest, ticks):
    assert charts.round_ticks(highest) == ticks


@pytest.mark.parametrize(
    ("samples", "ticks"),
    [
        ([5.0], [5, 10]),
        ([3.5, 18.0], [2, 5, 10, 20]),
        ([0.5, 300.0], [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]),
        ([0.02, 45_000.0], [0.1, 1, 10, 100, 1000, 10_000]),
        ([0.0], [0.001, 0.002]),
    ],
)
def test_a_logarithmic_axis_names_round_values_and_few_of_them(samples, ticks):
    assert charts.LogScale.around(samples).ticks == ticks


def test_a_histogram_counts_every_sample_once():
    scale = charts.LogScale.around([0.0, 1.0, 10.0, 99.0])

    assert sum(scale.histogram([0.0, 1.0, 10.0, 99.0], 48)) == 4
    assert charts.LogScale([1, 10, 100]).histogram([1.0, 9.9, 10.0, 99.0], 2) == [2, 2]


def test_a_single_count_shows_beside_thousands():
    few = charts.Column(left=0, right=1, parts=[("paid", 1)], tip="")
    many = charts.Column(left=0, right=1, parts=[("paid", 9999)], tip="")

    assert 'height="1.00%"' in charts.columns([few, many], label="", x_ticks=[])
    assert charts.sparkline([0, 1, 9999]) == " ▁█"
    assert charts.blocks(1, whole=9999, width=10) == "▏"


def test_a_bar_is_cut_to_an_eighth_of_a_cell():
    assert charts.blocks(0, whole=8, width=4) == ""
    assert charts.blocks(3, whole=8, width=4) == "█▌"
    assert charts.blocks(8, whole=8, width=4) == "████"


# -- The page ----------------------------------------------------------------------------------------------------------


def test_the_page_tells_every_figure():
    page = html(SALE)

    for figure in ("1.84 s", "1,180/s", "mean 764/s", "99 ms", "p50 50 ms", "1.24 s", "¥3,721.30", "¥19.90", "2 / 2"):
        assert figure in page
    for words in (
        "夜市 · 抢购战报",
        "双十一整点抢",
        "2026-11-11 20:00:00",
        "竹编夜灯",
        "98.2%",
        "CPython 3.13.9",
        "18.4",
        "1 unit came back; ¥9.90 refunded",
        "预收货款",
        "¥3,711.40",
    ):
        assert words in page
    assert page.count("✓") == 2


@pytest.mark.parametrize("report", [SALE, NO_SALE, BUSY])
def test_the_page_fetches_nothing_and_runs_nothing(report):
    page = html(report)

    assert not re.search(r"https?://|<script|<link|<img(?! src=.data:)|<iframe|@import|url\((?!#)|\son\w+=", page)


@pytest.mark.parametrize("report", [SALE, NO_SALE, BUSY])
def test_every_element_of_the_page_is_closed(report):
    parser = Nesting()

    parser.feed(html(report))

    assert parser.open == []


def test_titles_are_text_wherever_the_page_shows_them():
    audit = [AuditLine(NASTY, NASTY, NASTY, NASTY, ok=False)]
    page = html(
        replace(
            SALE,
            title=NASTY,
            skus=[replace(LAMP, title=NASTY, options=NASTY)],
            funnel=[Step(NASTY, NASTY, 1)],
            environment={NASTY: NASTY},
            audit=audit,
            group_buys=replace(
                GROUP_BUYS, title=NASTY, groups=[replace(COMPLETED, leader=NASTY)], poster=replace(POSTER, path=NASTY)
            ),
        )
    )

    assert "<script" not in page
    assert "<b>'" not in page
    assert '"夜灯"' not in page
    assert "&lt;script&gt;&#34;夜灯&#34;&lt;/script&gt; &amp; &lt;b&gt;&#39;x&#39;&lt;/b&gt; [bold]" in page


def test_a_check_that_fails_is_marked():
    page = html(replace(SALE, audit=[*SALE.audit, AuditLine("借方 = 贷方", "ledger", "¥0.00", "¥0.01", ok=False)]))

    assert "2 / 3" in page
    assert page.count("✗") == 1


def test_the_page_tells_of_every_group():
    page = html(SALE)

    for words in ("苏** 的团", "未成团，已退款", "2/3 付款 paid, 2 退款 back", "马** 的团", "商家成团", "未分享链接"):
        assert words in page
    for fact in ("竹编夜灯 · 三人团", "4 人获荐 offered the group of 马**", "2 笔, ¥35.80", "¥71.60 − ¥35.80 = ¥35.80"):
        assert fact in page
    assert "12 投放 set aside, 2 售出 sold, 10 余 left" in page and "2/3 人, 空席仍空 nobody was invented" in page
    assert 'src="data:image/png;base64,iVBORw=="' in page and "750 × 1272" in page


def test_a_poster_that_is_too_large_is_only_named():
    large = replace(POSTER, png=bytes(LARGEST_EMBEDDED + 1))
    page = html(replace(SALE, group_buys=replace(GROUP_BUYS, poster=large)))

    assert "<img" not in page
    assert "300 kB" in page and POSTER.path in page


def test_whatever_happens_to_a_group_has_words():
    assert WORDS.keys() == set(EventKind)
    assert series.ENDINGS.keys() == set(Ending)


def test_a_sale_that_never_ran_has_a_page_too():
    page = html(NO_SALE)

    assert "还没有开卖" in page
    assert "<figure" not in page
    assert "<table" not in page


def test_writing_twice_leaves_the_second_page(tmp_path):
    path = tmp_path / "reports" / "sale.html"

    write_html(NO_SALE, path)

    assert write_html(SALE, path) == path
    assert path.read_text(encoding="utf-8") == html(SALE)


# -- The terminal ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("report", [SALE, NO_SALE, BUSY])
def test_no_line_is_wider_than_the_terminal(report, width):
    assert max(cell_len(line) for line in printed(report, width=width).splitlines()) <= width


def test_the_terminal_tells_every_figure():
    lines = printed(SALE, width=120)

    for figure in (
        "1.84 s",
        "1,180/s",
        "p50   50 ms",
        "p99   99 ms",
        "¥3,721.30",
        "¥19.90",
        "2 / 2",
        "98.2%",
        "峰值 980/s",
        "1 unit came back; ¥9.90 refunded",
        "预收货款 prepaid",
        "¥3,711.40",
        "苏**  ●●○  未成团，已退款 expired, refunded, 8.9 s",
        "1 开团 2 未成团 3 退款",
        "链接 4 打开 → 2 登录 → 1 入团 → 1 付款",
        "750 × 1272, 0 kB  /posters/dGp1gJC90ltVVPCB.png",
        "12 投放 set aside, 2 售出 sold, 10 余 left",
    ):
        assert figure in lines
    assert lines.count("✓") == 2


def test_titles_neither_style_the_terminal_nor_steer_it():
    lines = printed(replace(SALE, title="[red]\x1b[2J夜灯[/red]"), width=120)

    assert "[red][2J夜灯[/red]" in lines
    assert "\x1b" not in lines


def printed(report: SaleReport, *, width: int) -> str:
    console = Console(file=StringIO(), width=width)
    terminal(report, console)
    return console.file.getvalue()


class Nesting(HTMLParser):
    """The elements that stand open; raises when one is closed that is not the innermost."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
