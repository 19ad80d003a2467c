"""Lists of products: what they hold, in which order, page by page, by a walk or by the indexes."""

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest

from domain.foundation.database import Database
from domain.foundation.errors import BadInput
from domain.foundation.pages import cursor
from domain.products import search
from domain.products.rules import Product, State, Variant
from domain.products.search import Among, Order, Wanted, page
from domain.stock.queries import in_stock
from tests.given import Given
from tests.statements import count_statements

PUBLISHED = Wanted()


async def titles(
    db: Database, wanted: Wanted = PUBLISHED, *, order: Order = Order.NEWEST, among: Among | None = None
) -> list[str]:
    return [product.title for product in (await page(db, wanted, order=order, first=100, among=among)).rows]


async def all_pages(db: Database, wanted: Wanted, *, order: Order, first: int) -> list[Product]:
    """The whole list, page by page."""
    rows: list[Product] = []
    after = None
    while True:
        part = await page(db, wanted, order=order, first=first, after=after)
        rows += part.rows
        if not part.has_next:
            return rows
        assert len(part.rows) == first
        after = part.cursors[-1]


async def test_a_list_shows_what_is_published_newest_first(db: Database, given: Given) -> None:
    for title in ("old", "new"):
        await given.product(title)
    await given.product("hidden", state=State.DRAFT)

    assert await titles(db) == ["new", "old"]
    assert await titles(db, Wanted(state=State.DRAFT)) == ["hidden"]


async def test_a_list_is_ordered_by_the_price_a_product_begins_at(db: Database, given: Given) -> None:
    await given.product("middle", variants=(Variant(("a",), 500), Variant(("b",), 300)), option_names=("o",))
    await given.product("cheap", price_minor=200)
    await given.product("dear", price_minor=400)

    assert await titles(db, order=Order.PRICE_ASC) == ["cheap", "middle", "dear"]
    assert await titles(db, order=Order.PRICE_DESC) == ["dear", "middle", "cheap"]


@pytest.mark.parametrize(
    "text", ["四件套", "水洗", "四件套 水洗", "床品", "家居", "严选", "特价", "米白", "king", "Ki", "xx四件"]
)
async def test_a_product_is_found_by_all_its_texts(db: Database, given: Given, text: str) -> None:
    await given.product("毛巾")
    await given.product(
        "纯棉水洗四件套",
        vendor="严选",
        category_path="家居 > 床品",
        tags=("特价",),
        option_names=("颜色", "size"),
        variants=(Variant(("米白", "King"), 100), Variant(("米白", "Queen"), 100)),
    )

    assert await titles(db, Wanted(search=text)) == ([] if text == "xx四件" else ["纯棉水洗四件套"])


async def test_a_search_without_a_word_finds_nothing_and_an_empty_one_everything(db: Database, given: Given) -> None:
    await given.product("毛巾")

    assert await titles(db, Wanted(search="!!!")) == []
    assert await titles(db, Wanted(search="  ")) == ["毛巾"]


async def test_a_category_is_found_with_all_below_it_and_nothing_beside_it(db: Database, given: Given) -> None:
    for path in ("家居", "家居 > 床品", "家居 > 床品 > 被子", "家居饰品", ""):
        await given.product(path or "none", category_path=path)

    assert await titles(db, Wanted(category_id=await given.category_id("家居"))) == [
        "家居 > 床品 > 被子",
        "家居 > 床品",
        "家居",
    ]
    assert await titles(db, Wanted(category_id=await given.category_id("家居 > 床品 > 被子"))) == ["家居 > 床品 > 被子"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(tag="新品"), ["tea"]),
        (Wanted(tag="新"), []),
        (Wanted(vendor="茶行"), ["tea"]),
        (Wanted(vendor="茶"), []),
        (Wanted(least_minor=1990), ["tea"]),
        (Wanted(least_minor=1991), []),
        (Wanted(most_minor=1990), ["bun", "tea"]),
        (Wanted(most_minor=1989), ["bun"]),
        (Wanted(least_minor=500, most_minor=1000), ["bun"]),
        (Wanted(tag="新品", search="bun"), []),
        (Wanted(tag="新品", search="tea", vendor="茶行", least_minor=1, most_minor=5000), ["tea"]),
    ],
)
@pytest.mark.parametrize("order", Order)
async def test_a_list_is_narrowed(db: Database, given: Given, wanted: Wanted, found: list[str], order: Order) -> None:
    await given.product("tea", price_minor=1990, tags=("新品", "热卖"), vendor="茶行")
    await given.product("bun", price_minor=500, tags=("早餐",), vendor="包子铺")

    assert sorted(await titles(db, wanted, order=order)) == found


async def test_what_has_no_free_units_is_left_out_where_that_is_wanted(db: Database, given: Given) -> None:
    two = (Variant(("a",), 100), Variant(("b",), 100))
    await given.product("full", units=1)
    await given.product("none", units=0)
    await given.product("one of two", variants=two, option_names=("o",), units=[0, 3])

    assert await titles(db, among=in_stock) == ["one of two", "full"]
    assert await titles(db, Wanted(search="one"), among=in_stock) == ["one of two"]
    assert await titles(db, Wanted(search="none"), among=in_stock) == []


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("walk", [2, 1_000])
@pytest.mark.parametrize(
    "wanted", [Wanted(), Wanted(search="红"), Wanted(search="稀有"), Wanted(least_minor=150, search="红")]
)
async def test_the_pages_of_a_list_make_up_the_whole_list(
    db: Database, given: Given, monkeypatch: pytest.MonkeyPatch, order: Order, walk: int, wanted: Wanted
) -> None:
    monkeypatch.setattr(search, "WALK", walk)
    dice = random.Random(3)
    for number in range(40):
        words = dice.choice(["红", "蓝"]) + ("稀有" if number in {2, 31} else "")
        await given.product(words, price_minor=dice.choice([100, 150, 200]), units=0)

    whole = (await page(db, wanted, order=order, first=100)).rows
    paged = await all_pages(db, wanted, order=order, first=7)

    assert [product.id for product in paged] == [product.id for product in whole]
    assert len(whole) == len({product.id for product in whole}) > 0
    assert all(in_order(order, one, next_one) for one, next_one in pairwise(whole))


def in_order(order: Order, one: Product, next_one: Product) -> bool:
    match order:
        case Order.NEWEST:
            return one.id > next_one.id
        case Order.PRICE_ASC:
            return (one.lowest_price_minor, one.id) < (next_one.lowest_price_minor, next_one.id)
        case Order.PRICE_DESC:
            return (one.lowest_price_minor, one.id) > (next_one.lowest_price_minor, next_one.id)


async def test_a_common_word_costs_one_statement_and_a_rare_one_three(db: Database, given: Given) -> None:
    for number in range(5):
        await given.product("常见" if number else "稀有", units=0)

    with count_statements(db) as common:
        await page(db, Wanted(search="常见"), first=3)
    with count_statements(db) as rare:
        await page(db, Wanted(search="稀有"), first=3)
    with count_statements(db) as everything:
        await page(db, Wanted(), first=100)

    assert (len(common), len(rare), len(everything)) == (1, 3, 1)


async def test_a_body_is_fetched_only_where_it_is_wanted(db: Database, given: Given) -> None:
    await given.product(body_html="<p>long</p>")

    assert [row.body_html for row in (await page(db, Wanted(), first=1)).rows] == [""]
    assert [row.body_html for row in (await page(db, Wanted(), first=1, with_body=True)).rows] == ["<p>long</p>"]


@pytest.mark.parametrize("wanted", [Wanted(tag="a\0"), Wanted(vendor="\0"), Wanted(search="\0")])
async def test_what_postgresql_cannot_be_asked_for_is_not_there(db: Database, given: Given, wanted: Wanted) -> None:
    await given.product()

    assert await titles(db, wanted) == []


async def test_a_cursor_of_another_list_is_refused(db: Database, given: Given) -> None:
    for _ in range(2):
        product = await given.product()
    cursors: Sequence[str] = (await page(db, Wanted(), first=1)).cursors

    with pytest.raises(BadInput):
        await page(db, Wanted(), order=Order.PRICE_ASC, first=1, after=cursors[0])
    with pytest.raises(BadInput):
        await page(db, Wanted(), first=1, after=cursor("nonsense"))
    with pytest.raises(BadInput):
        await page(db, Wanted(), order=Order.PRICE_ASC, first=1, after=cursor("dear", str(product.id)))
