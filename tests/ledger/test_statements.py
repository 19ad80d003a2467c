"""Statements: page by page and as a file, they say what was posted, and the balance after each posting."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest

from domain.foundation.errors import BadInput
from domain.foundation.ids import encode, new_id
from domain.ledger import actions, exporting, queries
from domain.ledger.rules import Account

DAY = timedelta(days=1)


@pytest.fixture
async def three_days(given, now):
    """100 yesterday, 200 and 300 today, 400 tomorrow, recorded in no order of time."""
    for amount, at in ((40_000, now + DAY), (20_000, now), (10_000, now - DAY), (30_000, now + timedelta(hours=1))):
        await given.posted(given.movement(amount, at=at), now=at)
        if amount == 20_000:
            await actions.checkpoint(given.db, now=now)


async def all_pages(db, first, **period):
    """Every page until none follows."""
    pages, after = [], None
    while True:
        found = await queries.statement(db, account=Account.PREPAID, first=first, after=after, **period)
        pages.append(found)
        if not found.page.has_next:
            return pages
        after = found.page.cursors[-1]


async def test_a_statement_opens_moves_and_closes(db, now, three_days):
    today = {"starts_at": now, "ends_at": now + DAY}

    found = await queries.statement(db, account=Account.PREPAID, first=10, **today)

    figures = found.figures
    assert (figures.opening_minor, figures.debit_minor, figures.credit_minor) == (-10_000, 0, 50_000)
    assert figures.closing_minor == -60_000
    assert [(line.amount_minor, line.balance_minor) for line in found.page.rows] == [
        (-20_000, -30_000),
        (-30_000, -60_000),
    ]


async def test_the_first_moment_is_in_and_the_last_is_not(db, now, three_days):
    found = await queries.statement(db, account=Account.PREPAID, starts_at=now - DAY, ends_at=now, first=10)

    assert [line.amount_minor for line in found.page.rows] == [-10_000]


@pytest.mark.parametrize("first", [1, 2, 3, 4])
async def test_pages_of_any_size_tell_the_same(db, now, three_days, first):
    pages = await all_pages(db, first, starts_at=now - DAY, ends_at=now + 2 * DAY)

    lines = [line for found in pages for line in found.page.rows]
    assert [line.balance_minor for line in lines] == [-10_000, -30_000, -60_000, -100_000]
    assert {found.figures.closing_minor for found in pages} == {-100_000}
    assert len(pages) == -(-4 // first)


async def test_postings_of_one_moment_keep_their_order(db, given, now):
    await given.posted(*(given.movement(amount) for amount in range(1, 8)))

    pages = await all_pages(db, 2, starts_at=now, ends_at=now + DAY)

    assert [-line.amount_minor for found in pages for line in found.page.rows] == [1, 2, 3, 4, 5, 6, 7]


async def test_a_subject_has_a_statement_of_its_own(db, given, now):
    for gateway, amount in (("stripe", 100), ("wechat", 300)):
        await given.posted(
            given.movement(amount, debit=Account.GATEWAY, debit_subject=gateway, credit=Account.RECEIPTS)
        )

    found = await queries.statement(
        db, account=Account.GATEWAY, subject="wechat", starts_at=now, ends_at=now + DAY, first=5
    )

    assert [line.amount_minor for line in found.page.rows] == [300]
    assert found.figures.closing_minor == 300


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"account": Account.GATEWAY}, "which gateway"),
        ({"subject": "a\0b"}, "NUL"),
        ({"ends_at": datetime(2026, 11, 1, tzinfo=UTC)}, "before it starts"),
        ({"first": 0}, "1 to 100"),
        ({"after": "nonsense"}, "cursor"),
    ],
)
async def test_what_cannot_be_a_statement_is_said(db, now, changes, message):
    asked = {"account": Account.PREPAID, "starts_at": now, "ends_at": now + DAY, "first": 5, **changes}

    with pytest.raises(BadInput, match=message):
        await queries.statement(db, **asked)


async def test_an_order_has_its_whole_story(db, given, now):
    order_id, other = new_id(), new_id()
    first = given.movement(100, debit=Account.GATEWAY, debit_subject="stripe", about_id=order_id)
    second = given.movement(100, debit=Account.PREPAID, credit=Account.SALES, about_id=order_id)
    await given.posted(first, given.movement(about_id=other))
    await given.posted(second, now=now + DAY)

    found = await queries.of_order(db, order_id)

    assert [(entry.kind, entry.cause_id, entry.recorded_at, entry.postings) for entry in found] == [
        (first.kind, first.cause_id, now, first.postings),
        (second.kind, second.cause_id, now + DAY, second.postings),
    ]
    assert await queries.of_order(db, new_id()) == []


# -- as a file


async def exported(db, **asked):
    return b"".join([row async for row in exporting.rows(db, **asked)])


async def test_a_file_opens_moves_and_closes(db, given, now, three_days):
    order_id = new_id()
    late = now + timedelta(hours=2)
    agreed = given.movement(5_000, debit=Account.PREPAID, credit=Account.REFUNDS, about_id=order_id, at=now)
    await given.posted(agreed, now=late)

    file = await exported(db, account=Account.PREPAID, starts_at=now, ends_at=now + DAY)

    assert file.startswith("\ufeff记账时间 Recorded at,".encode())
    _, opening, first, second, back, closing = csv.reader(StringIO(file.decode("utf-8-sig"), newline=""))
    assert opening == ["2026-11-11 12:00:00", "", "", "期初 opening", "", "", "", "-100.00"]
    assert first[3:] == ["订单付款 order_paid", "", "", "200.00", "-300.00"]
    assert second[5:] == ["", "300.00", "-600.00"]
    assert back[:2] == ["2026-11-11 14:00:00", "2026-11-11 12:00:00"]
    assert back[4:] == [encode("order", order_id), "50.00", "", "-550.00"]
    assert closing == ["2026-11-12 12:00:00", "", "", "期末 closing", "", "50.00", "500.00", "-550.00"]


async def test_a_long_file_is_read_bit_by_bit(db, given, now, monkeypatch):
    monkeypatch.setattr(exporting, "LINES_AT_A_TIME", 3)
    await given.posted(*(given.movement(100) for _ in range(9)))

    file = await exported(db, account=Account.PREPAID, starts_at=now, ends_at=now + DAY)

    rows = list(csv.reader(StringIO(file.decode("utf-8-sig"), newline="")))
    assert [row[-1] for row in rows[2:-1]] == [f"-{number}.00" for number in range(1, 10)]
    assert rows[-1][5:] == ["0.00", "9.00", "-9.00"]


async def test_a_file_of_nothing_has_its_balances(db, now, three_days):
    file = await exported(db, account=Account.PREPAID, starts_at=now + 3 * DAY, ends_at=now + 4 * DAY)

    rows = list(csv.reader(StringIO(file.decode("utf-8-sig"), newline="")))
    assert [row[-1] for row in rows] == ["余额 Balance", "-1000.00", "-1000.00"]
