"""The demo, end to end in processes of its own: what it tells, what its books say afterwards, and how it stops."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from cli.demo import Plan
from cli.demo.books import Books, Ticket
from cli.demo.counter import of_cart, scarce_of
from cli.demo.journal import Claimed, Journal
from cli.demo.plan import cast
from cli.demo.stall import Goods, NothingToSell, Offer, Sale, choose, sale_price
from cli.demo.telling import Rehearsed, complaints, report
from cli.report import AccountFigures, Scene
from domain.audit import running as audit
from domain.audit.rules import Line, is_clean
from domain.flash_sales.rules import TicketState
from domain.flash_sales.tables import items, tickets
from domain.foundation import clock, embedded
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings
from domain.group_buys.tables import groups, seats
from domain.ledger.rules import Account, Balance
from domain.orders.tables import orders
from domain.sharing import queries as sharing
from domain.sharing.rules import Funnel, TargetKind
from domain.sharing.tables import links
from domain.stock.tables import allotments

ROOT = Path(__file__).parents[2]
SMALL = """
import sys
from pathlib import Path
from cli.demo import SAMPLE_CATALOGUE, Evening, Plan
from domain.foundation.settings import Settings

plan = Plan(shoppers=150, units=30, pay_seconds=4)
settings = Settings(data_dir=Path(sys.argv[1]), port=0)
sys.exit(Evening(plan=plan, settings=settings, catalogue=SAMPLE_CATALOGUE, stays_open=False).run())
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that the engines' own user may pass through, which pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="nm-demo-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def demo(*arguments: str) -> "subprocess.Popen[str]":
    """A Python that nobody watches."""
    quiet = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **quiet},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


# -- The whole of it ---------------------------------------------------------------------------------------------------


def test_every_unit_is_sold_once_and_the_books_say_the_same(data_dir: Path) -> None:
    process = demo("-c", SMALL, str(data_dir))

    told, _ = process.communicate(timeout=240)

    assert process.returncode == 0, told
    assert [line for line in told.splitlines() if line.startswith("[")] == [
        "[1/12] 开市 open the market",
        "[2/12] 上架 import the catalogue",
        "[3/12] 进场 shoppers sign in",
        "[4/12] 排期 put the sale up",
        "[5/12] 开抢 the opening",
        "[6/12] 候补 unpaid units pass on",
        "[7/12] 收摊 stop and settle",
        "[8/12] 柜台 a cart, a return, late money",
        "[9/12] 拼团 groups, share links, refunds",
        "[10/12] 会员 cards, an early door, a refund",
        "[11/12] 直播 a night in a live room",
        "[12/12] 对账 audit the books",
    ]
    assert "150 人抢 30 件" in told and "none oversold" in told
    assert "\x1b" not in told
    assert max(map(len, (line for line in told.splitlines() if ".html" not in line))) <= 80
    assert "2 filled, 1 completed, 1 refunded; 2 refunds" in told
    assert "12 of 12 units went to members early" in told and "渗透率 penetration" in told
    assert "150 viewers, 45 orders" in told and "重算一致 verified" in told
    page = (data_dir / "reports" / "latest.html").read_text()
    assert "150 人抢 30 件" in page and page.count(" 的团</span>") == 4 and page.count("data:image/png") == 1
    assert "夜市年卡" in page and "消费倍数" in page
    assert "5 人同时抢 at once, 1 人得席 seated, 4 人获荐 offered the group of 马**" in page
    assert "http" not in re.sub(r'xmlns="[^"]*"|data:image/png;base64,[^"]*', "", page)
    asyncio.run(books_of_a_sold_out_sale(data_dir))


async def books_of_a_sold_out_sale(data_dir: Path) -> None:
    """The house is closed: only the ledger and the gate are asked."""
    with embedded.start(data_dir, broker=False) as engines:
        addresses = {"database_url": engines.database_url, "redis_url": engines.redis_url}
        market = Market.open(Settings().model_copy(update={name: SecretStr(url) for name, url in addresses.items()}))
        try:
            lines = await audit.run(market.db, market.gate, now=clock.now())
            states = Counter(dict(await market.db.rows(select(orders.c.state, func.count()).group_by(orders.c.state))))
            never_paid = await market.db.value(select(func.count()).where(tickets.c.state == "lapsed"))
            sold = await market.db.column(
                select(allotments.c.sold).join_from(items, allotments, allotments.c.id == items.c.allotment_id)
            )
            ended = await market.db.rows(select(groups.c.state, groups.c.paid, groups.c.completed_by.is_not(None)))
            members = Counter(await market.db.column(select(seats.c.state)))
            of_groups = select(links.c.id).where(links.c.target_kind == TargetKind.GROUP_BUY)
            funnels = await sharing.funnels_by_link_ids(market.db, await market.db.column(of_groups))
        finally:
            await market.close()
    assert is_clean(lines), [line for line in lines if line.ok is False]
    # and at the counter: one that was received, one that was paid too late, and the one that had taken its units;
    # and in groups: 3 + 3 + 2 members have their price, two their money back
    # and members: twelve units through the early door, one basket with points
    # and in the room: eight for each of three items, one with a coupon, and 20 of its flash sale
    assert (states["paid"], states["received"], states["cancelled"], states["refunded"]) == (30 + 8 + 13 + 45, 1, 2, 2)
    assert set(states) <= {"paid", "lapsed", "received", "cancelled", "refunded"}
    assert Counter(map(tuple, ended)) == {("filled", 3, False): 2, ("filled", 2, True): 1, ("expired", 2, False): 1}
    assert members == {"paid": 8, "refunded": 2}
    assert set(funnels.values()) == {Funnel(1, 1, 1, 1), Funnel(3, 2, 2, 2), Funnel(6, 6, 3, 3)}
    assert states["lapsed"] == never_paid
    assert sorted(sold) == [6, 6, 6, 6, 6, 12, 20]


def test_ctrl_c_in_the_middle_leaves_nothing_behind(data_dir: Path) -> None:
    process = demo(
        "-m", "cli.main", "demo", "--shoppers", "20", "--units", "5", "--port", "0", "--data-dir", str(data_dir)
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[5/12]"):
            break

    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGINT, rest
    assert "closing" in rest and "Traceback" not in rest
    assert [folder for folder in ("postgres", "gate", "broker") if is_held(data_dir / folder / "running")] == []


def is_held(lock: Path) -> bool:
    """Whether a process still has the engine's lock."""
    import fcntl

    with lock.open("rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


# -- Who comes ---------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_everybody_the_same_part() -> None:
    assert cast(Plan(shoppers=50, seed=7), items=5) == cast(Plan(shoppers=50, seed=7), items=5)
    assert cast(Plan(shoppers=50, seed=7), items=5) != cast(Plan(shoppers=50, seed=8), items=5)


def test_eight_in_a_hundred_never_pay() -> None:
    assert Counter(shopper.pays for shopper in cast(Plan(shoppers=2_000), items=5)) == {True: 1_840, False: 160}


def test_wishes_are_different_items_of_which_the_first_is_wanted_most() -> None:
    shoppers = cast(Plan(shoppers=2_000), items=5)

    first = Counter(shopper.wishes[0] for shopper in shoppers)

    assert all(len(set(shopper.wishes)) == len(shopper.wishes) <= 3 for shopper in shoppers)
    assert [item for item, _ in first.most_common()] == [0, 1, 2, 3, 4]


def test_everybody_may_want_the_only_item() -> None:
    assert {shopper.wishes for shopper in cast(Plan(shoppers=50), items=1)} == {(0,)}


def test_a_slow_machine_gives_people_more_time() -> None:
    slow, usual = Plan(pay_seconds=8).paced(250.0), Plan(pay_seconds=8).paced(2_000.0)

    assert (slow.pace, slow.pay_seconds) == (2.0, 16)
    assert (usual.pace, usual.pay_seconds) == (1.0, 8)


def test_units_are_shared_out_to_the_last() -> None:
    assert Plan(units=300).share_out(5) == [60, 60, 60, 60, 60]
    assert Plan(units=32).share_out(5) == [7, 7, 6, 6, 6]


def goods(*available: int) -> list[Goods]:
    return [Goods(f"sku_{number}", "竹编夜灯", "", 1990, units) for number, units in enumerate(available)]


def test_the_goods_of_a_sale_have_enough_units() -> None:
    offers = choose(goods(60, 0, 59, 60, 60, 60, 60), Plan(units=300))

    assert {offer.goods.sku_id: offer.units for offer in offers} == {f"sku_{n}": 60 for n in (0, 3, 4, 5, 6)}


def test_a_small_catalogue_sells_more_of_each() -> None:
    offers = choose(goods(150, 10, 150), Plan(units=300))

    assert {offer.goods.sku_id: offer.units for offer in offers} == {"sku_0": 150, "sku_2": 150}


@pytest.mark.parametrize("available", [(), (299,), (149, 149)])
def test_a_catalogue_without_enough_goods_is_refused(available: tuple[int, ...]) -> None:
    with pytest.raises(NothingToSell, match="no published SKUs have 300 units between them"):
        choose(goods(*available), Plan(units=300))


@pytest.mark.parametrize(("price_minor", "expected"), [(1990, 1090), (15900, 9490), (150, 75), (1, 1)])
def test_the_sale_price_is_some_sixty_per_cent(price_minor: int, expected: int) -> None:
    assert sale_price(Goods("sku_1", "竹编夜灯", "", price_minor, 10)) == expected


# -- What is told ------------------------------------------------------------------------------------------------------

EIGHT = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)
LAMP = Offer(Goods("sku_1", "竹编夜灯", "暖光", 2990, 100), units=2, sale_price_minor=1790, item_id="saleitem_1")


def ticket(state: TicketState, claimed: float, decided: float) -> Ticket:
    return Ticket("saleitem_1", state, EIGHT + timedelta(seconds=claimed), EIGHT + timedelta(seconds=decided))


TWO_SOLD = Rehearsed(
    plan=Plan(shoppers=4, units=2),
    sale=Sale("flashsale_1", "夜市开场秒杀", EIGHT, [LAMP]),
    journal=Journal(
        claims=[
            Claimed(0.2, 10.0, "QUEUED"),
            Claimed(0.3, 20.0, "QUEUED"),
            Claimed(0.4, 30.0, "WAITING"),
            Claimed(1.6, 5.0, "FlashSaleSoldOut"),
        ],
        reserve_ms=[300.0, 310.0],
        buyers=[0, 2],
        came=4,
        answered=4,
        passes=4,
        tickets=3,
        reserved=3,
        served=1,
        walked_away=1,
        turned_away=1,
        takers=Counter({0: 2}),
    ),
    statistics={
        "seconds": [
            {"at": "2026-11-11T12:00:00+00:00", "reserved": 2, "paid": 0, "lapsed": 0},
            {"at": "2026-11-11T12:00:09+00:00", "reserved": 1, "paid": 2, "lapsed": 1},
        ]
    },
    books=Books(
        tickets=[
            ticket(TicketState.PAID, 0.2, 0.25),
            ticket(TicketState.LAPSED, 0.3, 0.5),
            ticket(TicketState.PAID, 0.4, 9.0),
        ],
        sold={"saleitem_1": 2},
        returned={"saleitem_1": 0},
        orders_paid=2,
        revenue_minor=3580,
    ),
    audit=[Line("stock adds up", "1 SKU", "0 differ", "0 differ", True, "总量"), Line("note", "", "", "", None)],
    counter=[Scene("退货", "return", "1 unit came back")],
    balances=[
        Balance(Account.GATEWAY, "wechat", "CNY", 3580, 0),
        Balance(Account.PREPAID, "", "CNY", 100, 3680),
        Balance(Account.REFUNDS, "", "CNY", 200, 200),
    ],
    environment={"Python": "CPython 3.13.9"},
    is_decided=True,
    is_settled=True,
)


def test_the_report_tells_what_was_measured() -> None:
    told = report(TWO_SOLD)

    assert complaints(TWO_SOLD, told) == []
    assert told.seconds_to_sold_out == 0.5
    assert (told.claims_per_second, told.claims_per_second_mean) == (3, 4 / 1.6)
    assert told.claim_ms == [10.0, 20.0, 30.0, 5.0]
    assert [step.count for step in told.funnel] == [4, 4, 3, 3, 2]
    assert [step.count for step in told.detours] == [1, 1, 1]
    assert [(second.second, second.claims, second.sold_out_answers) for second in told.timeline] == [
        (0, 3, 0),
        (1, 1, 1),
        (9, 0, 0),
    ]
    assert (told.skus[0].sold, told.skus[0].lapsed, told.skus[0].held, told.oversold) == (2, 1, 0, 0)
    assert len(told.audit) == 1
    assert told.environment["排队 in the queue"] == "p50 50 ms, p99 200 ms"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"is_decided": False}, "not decided in time"),
        ({"is_settled": False}, "not settled in time"),
        ({"books": replace(TWO_SOLD.books, sold={"saleitem_1": 3}, orders_paid=3)}, "1 oversold"),
        ({"books": replace(TWO_SOLD.books, sold={"saleitem_1": 1})}, "1 units are neither sold nor given back"),
        (
            {"books": replace(TWO_SOLD.books, sold={"saleitem_1": 1}, returned={"saleitem_1": 1})},
            "1 sold, but 2 were there",
        ),
        ({"books": replace(TWO_SOLD.books, orders_paid=1)}, "2 units sold, but 1 orders paid"),
        ({"journal": replace(TWO_SOLD.journal, buyers=[0])}, "2 orders paid, but 1 shoppers were told so"),
        ({"journal": replace(TWO_SOLD.journal, faults=["shopper 3: no answer"])}, "shopper 3: no answer"),
        ({"audit": [Line("stock adds up", "sku_1", "total 1", "total 2", False)]}, "the audit found 1 differences"),
    ],
)
def test_what_is_not_as_it_must_be_is_told(wrong: dict[str, object], complaint: str) -> None:
    seen = replace(TWO_SOLD, **wrong)  # type: ignore[arg-type]

    assert any(complaint in line for line in complaints(seen, report(seen)))


def test_balances_stand_on_their_side_and_empty_accounts_are_left_out():
    told = report(TWO_SOLD)

    assert told.trial_balance == [
        AccountFigures("支付渠道存款 wechat", "gateway", 3580, 0),
        AccountFigures("预收货款", "prepaid", 0, 3580),
    ]
    assert told.counter == [Scene("退货", "return", "1 unit came back")]


def test_a_ledger_that_does_not_balance_is_a_complaint():
    lost = replace(TWO_SOLD, balances=[Balance(Account.GATEWAY, "wechat", "CNY", 1, 0)])

    assert complaints(lost, report(lost)) == ["the ledger does not balance"]


def goods_of(*lots):
    return [Goods(f"sku_{n}", f"goods {n}", "", price, available) for n, (price, available) in enumerate(lots)]


def test_a_cart_is_large_enough_for_a_delivery():
    cheap, dear, dearest = goods_of((100, 5), (900, 5), (1000, 9))

    # at a fifth off 8 yuan each: five of them are 40 yuan, above the 38 that a delivery takes
    assert of_cart([dear, dearest, cheap]) == [(dearest, 5), (cheap, 1), (dear, 1)]


@pytest.mark.parametrize("lots", [(), ((0, 50),), ((1990, 0),), ((1000, 4),), ((1, 900),)])
def test_a_shop_with_too_little_left_has_no_cart(lots):
    assert of_cart(goods_of(*lots)) == []


def test_late_money_is_for_what_is_nearly_gone_and_not_in_the_cart():
    plenty, nearly_gone, small, dearest = goods_of((1990, 500), (1990, 20), (100, 3), (90_000, 2))

    assert scarce_of([plenty, nearly_gone, small, dearest]) == nearly_gone
    assert scarce_of([]) is None
