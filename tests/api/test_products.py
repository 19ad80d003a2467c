"""Products as the world asks for them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from api.context import Context
from api.products import show_id
from api.schema import build
from api.services import Services
from domain.accounts.rules import Principal, Role
from domain.foundation.database import Database
from domain.foundation.ids import encode, new_id
from domain.foundation.runtime import Market
from domain.products.rules import Image, Kept, State, Variant
from tests.conftest import NOON
from tests.given import Given
from tests.statements import count_statements

SCHEMA = build()
TWO = (Variant(("S",), 1990, "TEE-S", compare_at_minor=2990, cost_minor=700), Variant(("M",), 2190, "TEE-M"))
LIST = "{ products { nodes { id title } } }"
STAFF = Principal(new_id(), frozenset({Role.SHOPPER, Role.MERCHANDISER}))
SHOPPER = Principal(new_id(), frozenset({Role.SHOPPER}))

Answer = dict[str, Any]
Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
def ask(market: Market, clean: None) -> Ask:
    """Ask the schema itself; the answer's data, when there are no errors."""

    async def asked(document: str, *, by: Principal | None = None, **variables: Any) -> Answer:
        context = Context(market=market, services=Services.of(market), now=NOON, principal=by)
        result = await SCHEMA.execute(document, variable_values=variables, context_value=context)
        assert not result.errors, result.errors
        assert result.data is not None
        return result.data

    return asked


@pytest.fixture
def fail(market: Market, clean: None) -> Callable[..., Awaitable[tuple[str, Any]]]:
    """Ask for what is refused; the error's code, and the data all the same."""

    async def asked(document: str, *, by: Principal | None = None, **variables: Any) -> tuple[str, Any]:
        context = Context(market=market, services=Services.of(market), now=NOON, principal=by)
        result = await SCHEMA.execute(document, variable_values=variables, context_value=context)
        assert result.errors
        (error,) = result.errors
        return error.original_error.code, result.data  # type: ignore[union-attr]

    return asked


def sku_id(product: Kept, at: int = 0) -> str:
    return encode("sku", product.sku_ids[at])


async def test_a_product_tells_all_it_has(ask: Ask, given: Given) -> None:
    product = await given.product(
        "T恤",
        handle="tee",
        body_html="<p>棉</p>",
        vendor="裁缝铺",
        category_path="服饰 > 上衣",
        tags=("新品",),
        option_names=("尺码",),
        variants=TWO,
        images=(Image("https://images.example.com/tee.jpg", "T恤"),),
        units=[3, 0],
    )

    found = await ask(
        """query ($id: ID!) { product(id: $id) {
          handle title bodyHtml vendor category { name path } tags optionNames state publishedAt
          lowestPrice { amount } highestPrice { minor currency } images { url altText }
          skus { id code options { name value } price { amount } compareAtPrice { amount } available title productId }
        } }""",
        id=encode("product", product.id),
    )

    assert found["product"] == {
        "handle": "tee",
        "title": "T恤",
        "bodyHtml": "<p>棉</p>",
        "vendor": "裁缝铺",
        "category": {"name": "上衣", "path": "服饰 > 上衣"},
        "tags": ["新品"],
        "optionNames": ["尺码"],
        "state": "PUBLISHED",
        "publishedAt": "2026-11-11T04:00:00+00:00",
        "lowestPrice": {"amount": "19.90"},
        "highestPrice": {"minor": 2190, "currency": "CNY"},
        "images": [{"url": "https://images.example.com/tee.jpg", "altText": "T恤"}],
        "skus": [
            {
                "id": sku_id(product),
                "code": "TEE-S",
                "options": [{"name": "尺码", "value": "S"}],
                "price": {"amount": "19.90"},
                "compareAtPrice": {"amount": "29.90"},
                "available": 3,
                "title": "T恤 S",
                "productId": encode("product", product.id),
            },
            {
                "id": sku_id(product, 1),
                "code": "TEE-M",
                "options": [{"name": "尺码", "value": "M"}],
                "price": {"amount": "21.90"},
                "compareAtPrice": None,
                "available": 0,
                "title": "T恤 M",
                "productId": encode("product", product.id),
            },
        ],
    }


async def test_a_list_comes_in_pages(ask: Ask, given: Given) -> None:
    for title in ("一", "二", "三"):
        await given.product(title)
    document = """query ($after: String) {
      products(first: 2, after: $after) { nodes { title } pageInfo { hasNextPage endCursor } } }"""

    first = (await ask(document))["products"]
    second = (await ask(document, after=first["pageInfo"]["endCursor"]))["products"]

    assert [node["title"] for node in first["nodes"]] == ["三", "二"]
    assert [node["title"] for node in second["nodes"]] == ["一"]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)


async def test_a_list_is_searched_narrowed_and_sorted(ask: Ask, given: Given) -> None:
    await given.product("水洗四件套", price_minor=30_000, category_path="家居 > 床品", tags=("新品",))
    await given.product("竹纤维毛巾", price_minor=1_990, category_path="家居", units=0)
    await given.product("保温杯", price_minor=9_900)
    home = encode("category", await given.category_id("家居"))

    async def titles(arguments: str) -> list[str]:
        found = await ask(f"{{ products({arguments}) {{ edges {{ node {{ title }} }} }} }}")
        return [edge["node"]["title"] for edge in found["products"]["edges"]]

    assert await titles('search: "四件套"') == ["水洗四件套"]
    assert await titles("sort: PRICE_ASC") == ["竹纤维毛巾", "保温杯", "水洗四件套"]
    assert await titles("sort: PRICE_DESC, filter: {inStock: true}") == ["水洗四件套", "保温杯"]
    assert await titles(f'filter: {{categoryId: "{home}"}}') == ["竹纤维毛巾", "水洗四件套"]
    assert await titles("filter: {priceFromMinor: 1990, priceToMinor: 9900}") == ["保温杯", "竹纤维毛巾"]
    assert await titles('filter: {tag: "新品"}') == ["水洗四件套"]


async def test_drafts_are_for_staff_only(ask: Ask, fail: Any, given: Given) -> None:
    draft = await given.product("草稿", handle="draft", state=State.DRAFT)
    by_id = "query ($id: ID!) { product(id: $id) { title } node(id: $id) { id } }"
    by_handle = '{ product(handle: "draft") { title } }'
    drafts = "{ products(filter: {state: DRAFT}) { nodes { title } } }"
    product_id = encode("product", draft.id)

    for anyone in (None, SHOPPER):
        assert (await ask(LIST, by=anyone))["products"]["nodes"] == []
        assert await ask(by_id, by=anyone, id=product_id) == {"product": None, "node": None}
        assert await ask(by_handle, by=anyone) == {"product": None}
        assert (await ask("query ($id: ID!) { node(id: $id) { id } }", by=anyone, id=sku_id(draft)))["node"] is None
    assert (await fail(drafts))[0] == "UNAUTHENTICATED"
    assert (await fail(drafts, by=SHOPPER))[0] == "FORBIDDEN"
    assert (await ask(drafts, by=STAFF))["products"]["nodes"] == [{"title": "草稿"}]
    assert await ask(by_id, by=STAFF, id=product_id) == {"product": {"title": "草稿"}, "node": {"id": product_id}}
    assert (await ask(LIST, by=STAFF))["products"]["nodes"] == []


async def test_cost_and_stock_are_for_staff_only(ask: Ask, fail: Any, given: Given) -> None:
    product = await given.product(variants=TWO, option_names=("尺码",), units=[3, 0])
    cost = "query ($id: ID!) { node(id: $id) { ... on Sku { code costPrice { amount } } } }"
    stock = "query ($id: ID!) { node(id: $id) { ... on Sku { code stock { free held sold total } } } }"

    assert await fail(cost, id=sku_id(product)) == ("UNAUTHENTICATED", {"node": {"code": "TEE-S", "costPrice": None}})
    assert await fail(stock, by=SHOPPER, id=sku_id(product)) == (
        "FORBIDDEN",
        {"node": {"code": "TEE-S", "stock": None}},
    )
    assert (await ask(cost, by=STAFF, id=sku_id(product)))["node"]["costPrice"] == {"amount": "7.00"}
    units = {"free": 3, "held": 0, "sold": 0, "total": 3}
    assert (await ask(stock, by=STAFF, id=sku_id(product)))["node"]["stock"] == units


async def test_everything_has_an_id_that_finds_it(ask: Ask, given: Given) -> None:
    product = await given.product(category_path="家居")
    category_id = encode("category", await given.category_id("家居"))
    found = await ask(
        """query ($product: ID!, $sku: ID!, $category: ID!) {
          product: node(id: $product) { ... on Product { title skus { id } } }
          sku: node(id: $sku) { ... on Sku { title productId } }
          category: node(id: $category) { ... on Category { path parentId } }
          categories { id }
        }""",
        product=encode("product", product.id),
        sku=sku_id(product),
        category=category_id,
    )

    assert found == {
        "product": {"title": "桂花酒酿", "skus": [{"id": sku_id(product)}]},
        "sku": {"title": "桂花酒酿", "productId": encode("product", product.id)},
        "category": {"path": "家居", "parentId": None},
        "categories": [{"id": category_id}],
    }


@pytest.mark.parametrize(
    ("fields", "statements"),
    [
        ("id title lowestPrice { amount } category { name } tags bodyHtml", 1),
        ("id skus { id code price { amount } available options { name value } title productId }", 2),
        ("id images { url } skus { id available }", 3),
    ],
)
@pytest.mark.parametrize("products", [1, 20])
async def test_a_list_costs_the_same_statements_whatever_its_length(
    ask: Ask, db: Database, given: Given, fields: str, statements: int, products: int
) -> None:
    sizes = Variant(("S",), 1990), Variant(("M",), 2190)
    picture = Image("https://images.example.com/1.jpg")
    for _ in range(products):
        await given.product(variants=sizes, option_names=("尺码",), category_path="家居", images=(picture,), units=1)
    await ask(LIST)

    with count_statements(db) as sent:
        found = await ask(f"{{ products(first: 20) {{ nodes {{ {fields} }} }} }}")

    assert len(found["products"]["nodes"]) == products
    assert len(sent) == statements


async def test_fragments_are_fetched_as_well(ask: Ask, db: Database, given: Given) -> None:
    await given.product()

    found = await ask(
        """{ products { nodes { ...Card } } }
        fragment Card on Product { title ... on Product { skus { ...Unit } } }
        fragment Unit on Sku { available }"""
    )

    assert found["products"]["nodes"] == [{"title": "桂花酒酿", "skus": [{"available": 10}]}]


@pytest.mark.parametrize(
    "arguments",
    ["first: 0", "first: 101", 'after: "nonsense"', 'filter: {categoryId: "product_01h455vb4pex5vsknk084sn02q"}'],
)
async def test_a_list_asked_for_wrongly_is_the_askers_fault(fail: Any, arguments: str) -> None:
    assert (await fail(f"{{ products({arguments}) {{ nodes {{ id }} }} }}"))[0] == "BAD_USER_INPUT"


@pytest.mark.parametrize("arguments", ["", '(id: "product_01h455vb4pex5vsknk084sn02q", handle: "a")'])
async def test_a_product_is_asked_for_in_one_way(fail: Any, arguments: str) -> None:
    assert (await fail(f"{{ product{arguments} {{ id }} }}"))[0] == "BAD_USER_INPUT"


PUBLISH = """mutation ($id: ID!) { publishProduct(input: {productId: $id}) {
  ... on Product { title state } ... on NotFound { code kind id } } }"""
UNPUBLISH = PUBLISH.replace("publishProduct", "unpublishProduct")
PRICE = """mutation ($id: ID!, $price: Long!, $compareAt: Long) {
  setSkuPrice(input: {skuId: $id, priceMinor: $price, compareAtPriceMinor: $compareAt}) {
    ... on Sku { price { minor } compareAtPrice { minor } }
    ... on NotFound { code } } }"""
ADJUST = """mutation ($id: ID!, $change: Long!, $expected: Long!, $key: String!) {
  adjustStock(input: {skuId: $id, change: $change, expectedFree: $expected, reason: "盘点", idempotencyKey: $key}) {
    __typename ... on Sku { available stock { total } } ... on UserError { code }
    ... on StockChanged { free } ... on NotEnoughStock { wanted free } } }"""


async def test_staff_publish_and_withdraw(ask: Ask, given: Given) -> None:
    draft = encode("product", (await given.product(state=State.DRAFT)).id)

    published = await ask(PUBLISH, by=STAFF, id=draft)
    seen = await ask(LIST)
    withdrawn = await ask(UNPUBLISH, by=STAFF, id=draft)
    unseen = await ask(LIST)

    assert published == {"publishProduct": {"title": "桂花酒酿", "state": "PUBLISHED"}}
    assert withdrawn == {"unpublishProduct": {"title": "桂花酒酿", "state": "DRAFT"}}
    assert (len(seen["products"]["nodes"]), len(unseen["products"]["nodes"])) == (1, 0)


async def test_staff_set_prices(ask: Ask, given: Given) -> None:
    product = await given.product(variants=TWO, option_names=("尺码",))

    found = await ask(PRICE, by=STAFF, id=sku_id(product), price=2090, compareAt=None)
    lowest = await ask("{ products { nodes { lowestPrice { minor } } } }")

    assert found["setSkuPrice"] == {"price": {"minor": 2090}, "compareAtPrice": None}
    assert lowest["products"]["nodes"] == [{"lowestPrice": {"minor": 2090}}]


async def test_what_is_not_there_is_a_refusal(ask: Ask) -> None:
    nothing, no_sku = show_id("product", new_id()), show_id("sku", new_id())

    assert (await ask(PUBLISH, by=STAFF, id=nothing))["publishProduct"] == {
        "code": "NOT_FOUND", "kind": "product", "id": nothing
    }  # fmt: skip
    assert (await ask(PRICE, by=STAFF, id=no_sku, price=1))["setSkuPrice"] == {"code": "NOT_FOUND"}
    adjusted = await ask(ADJUST, by=STAFF, id=no_sku, change=1, expected=0, key="key-00001")
    assert adjusted["adjustStock"]["code"] == "NOT_FOUND"


async def test_staff_correct_stock_once_per_key(ask: Ask, given: Given) -> None:
    sku = encode("sku", await given.sku(units=10))

    for _ in range(2):
        found = await ask(ADJUST, by=STAFF, id=sku, change=-4, expected=10, key="count-2026")

        assert found["adjustStock"] == {"__typename": "Sku", "available": 6, "stock": {"total": 6}}


async def test_a_correction_is_refused_when_stock_has_moved_or_does_not_suffice(ask: Ask, given: Given) -> None:
    sku = encode("sku", await given.sku(units=10))

    moved = await ask(ADJUST, by=STAFF, id=sku, change=1, expected=9, key="count-0001")
    short = await ask(ADJUST, by=STAFF, id=sku, change=-11, expected=10, key="count-0002")

    assert moved["adjustStock"] == {"__typename": "StockChanged", "code": "STOCK_CHANGED", "free": 10}
    assert short["adjustStock"] == {
        "__typename": "NotEnoughStock", "code": "NOT_ENOUGH_STOCK", "wanted": 11, "free": 10
    }  # fmt: skip


@pytest.mark.parametrize("document", [PUBLISH, UNPUBLISH])
@pytest.mark.parametrize(("by", "code"), [(None, "UNAUTHENTICATED"), (SHOPPER, "FORBIDDEN")])
async def test_running_the_shop_is_for_merchandisers(
    fail: Any, given: Given, document: str, by: Principal | None, code: str
) -> None:
    product = await given.product()

    assert (await fail(document, by=by, id=encode("product", product.id)))[0] == code
