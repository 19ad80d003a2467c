"""Orders as a file, and the links that lead to it."""

import base64
import csv
import io
import tracemalloc
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from domain.back_office import exporting, links
from domain.back_office.links import File, Leave
from domain.back_office.rules import LinkRefused, WantedOrders
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.orders.rules import Fulfilment, LateOutcome, OrderState
from domain.orders.tables import lines, orders
from tests.conftest import NOON
from tests.given.after_sales import Goods

KEY = b"k" * 32
EVERY = WantedOrders(
    states=(OrderState.PAID, OrderState.SHIPPED),
    placed_from=NOON,
    placed_to=NOON + timedelta(days=1),
    paid_from=NOON,
    paid_to=NOON + timedelta(days=1),
    fulfilment=Fulfilment.PICKUP,
    store_id=new_id(),
    supplier_id=new_id(),
    source="flash_sale",
    text="桂花" * 50,
    has_open_after_sale=False,
    late_outcome=LateOutcome.REVIVED,
    is_confirmed=False,
)


async def rows_of(db, **narrowing):
    whole = b"".join([piece async for piece in exporting.orders_file(db, WantedOrders(**narrowing))])
    assert whole.startswith(b"\xef\xbb\xbf")
    names, *rows = csv.reader(io.StringIO(whole.decode("utf-8-sig"), newline=""))
    return [dict(zip(names, row, strict=True)) for row in rows]


async def test_a_row_for_each_line(given, db):
    supplier_id = await given.some_supplier()
    order = await given.bought(
        Goods(2, discount_minor=80, freight_minor=600), Goods(1, supplier_id=supplier_id, cost_minor=5)
    )
    await given.units_leave(order, {1: 1})

    first, second = await rows_of(db)

    assert (first["订单号 order number"], first["行号 line"]) == (order.number, "1")
    assert (first["收货人 recipient"], first["省 province"], first["详细地址 street"]) == (
        "林晚",
        "上海市",
        "南京西路 1 号",
    )
    assert (first["下单时间 placed at"], first["状态 state"]) == ("2026-11-11 12:00:00", "paid")
    assert (first["订单实付 order total"], first["数量 quantity"], first["优惠 discount"]) == ("64.90", "2", "0.80")
    assert (first["行小计 line total"], first["已发件数 units sent"]) == ("39.00", "1")
    assert (second["供应商 supplier"], second["行号 line"]) == ("桂花坊", "2")


async def test_the_file_has_what_the_list_has(given, db, monkeypatch):
    monkeypatch.setattr(exporting, "ORDERS_AT_A_TIME", 2)
    sku_id = await given.stocked_sku(99)
    for _ in range(5):
        await given.order(sku_id)
    paid = await given.bought()
    fetched = await given.bought(fulfilment=Fulfilment.PICKUP)

    assert len(await rows_of(db)) == await exporting.lines_of(db, WantedOrders()) == 7
    assert len(await rows_of(db, states=(OrderState.PLACED,))) == 5
    assert [row["订单号 order number"] for row in await rows_of(db, text="林晚")] == [paid.number]
    assert [row["自提门店 store"] for row in await rows_of(db, store_id=fetched.store_id)] == ["静安店"]
    assert await rows_of(db, text="没有这样的") == []


async def test_what_is_not_to_be_sent_yet_says_so(given, db):
    waits, stands = await given.bought(is_confirmed=False), await given.bought()

    said = {row["订单号 order number"]: row["已确认 confirmed"] for row in await rows_of(db)}

    assert said == {waits.number: "no", stands.number: "yes"}
    assert [row["订单号 order number"] for row in await rows_of(db, is_confirmed=True)] == [stands.number]


@pytest.mark.parametrize("formula", ["=1+1", "+8613800000000", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1"])
async def test_no_cell_is_run(given, db, formula):
    order = await given.bought()
    async with db.transaction() as tx:
        home = {
            "recipient": formula,
            "phone": formula,
            "province": "",
            "city": "",
            "district": "",
            "region_code": "310106",
        }
        values = {"remark": formula, "destination": {**home, "street": formula}}
        await tx.execute(update(orders).where(orders.c.id == order.id).values(values))
        await tx.execute(update(lines).where(lines.c.order_id == order.id).values(title=formula))

    [row] = await rows_of(db)

    texts = [
        row[name] for name in ("收货人 recipient", "电话 phone", "详细地址 street", "买家备注 remark", "商品 title")
    ]
    assert texts == [f"'{formula}"] * 5


async def test_too_many_lines_are_refused_at_the_link_and_never_written(given, db, monkeypatch):
    monkeypatch.setattr(exporting, "MOST_LINES", 2)
    sku_id = await given.stocked_sku(9)
    for _ in range(3):
        await given.order(sku_id)

    with pytest.raises(BadInput, match="more than 2 lines"):
        await exporting.lines_of(db, WantedOrders())
    assert len(await rows_of(db)) == 2


async def test_memory_stays_flat(given, db):
    await given.many_orders(6_000, lines=3, skus=10)
    file = exporting.orders_file(db, WantedOrders())
    await anext(file)
    await anext(file)  # what is loaded once is loaded

    tracemalloc.start()
    sizes = []
    async for piece in file:
        sizes.append((tracemalloc.get_traced_memory()[0], len(piece)))
    tracemalloc.stop()

    assert len(sizes) == 11
    assert sizes[-1][0] < sizes[0][0] + 2_000_000


async def test_a_link_carries_its_filter(somebody):
    leave = Leave(new_id(), File.ORDERS, somebody, links.of_wanted(EVERY), NOON + links.LIFETIME)

    again = links.read(KEY, links.sign(KEY, leave), file=File.ORDERS, account_id=somebody, now=NOON)

    assert again == leave
    assert links.wanted_of(again.about) == EVERY
    assert links.wanted_of(links.of_wanted(WantedOrders())) == WantedOrders()
    assert len(links.sign(KEY, leave)) < links.LONGEST


async def test_a_link_is_worth_nothing_to_others_or_later_or_changed(somebody):
    leave = Leave(new_id(), File.ORDERS, somebody, {}, NOON + links.LIFETIME)
    token = links.sign(KEY, leave)
    mine = {"file": File.ORDERS, "account_id": somebody, "now": NOON}
    signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    changed = [signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :] for at in range(0, len(signed), 7)]
    forged = [base64.urlsafe_b64encode(bad).rstrip(b"=").decode() for bad in changed]
    refused = [
        ({**mine, "now": leave.expires_at}, token),
        ({**mine, "account_id": new_id()}, token),
        ({**mine, "file": File.STATEMENT}, token),
        *((mine, bad) for bad in [*forged, "", "é", "a", token[:-4], links.sign(b"x" * 32, leave)]),
    ]

    for wish, text_of_link in refused:
        with pytest.raises(LinkRefused):
            links.read(KEY, text_of_link, **wish)
    assert links.read(KEY, token, **{**mine, "now": leave.expires_at - timedelta(microseconds=1)}) == leave


async def test_the_file_of_an_order_that_changes_meanwhile(given, db, monkeypatch):
    monkeypatch.setattr(exporting, "ORDERS_AT_A_TIME", 1)
    for _ in range(3):
        await given.bought()
    file = exporting.orders_file(db, WantedOrders(states=(OrderState.PAID,)))
    pieces = [await anext(file), await anext(file)]

    await given.bought()  # newer than all that comes: left out
    pieces += [piece async for piece in file]

    assert len(pieces) == 4
    assert await db.value(text("SELECT count(*) FROM orders")) == 4
