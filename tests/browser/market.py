"""What the browser is shown: GraphiQL over a market of one sale, no engine, a landing page. `granian tests.browser.market:app`."""

from datetime import UTC, datetime

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import graphiql
from api.answering import Answering
from api.endpoint import GraphQLEndpoint
from api.landing_pages import page_of
from domain.foundation.ids import new_id
from domain.foundation.money import Money as Price
from domain.posters.rules import Card
from domain.sharing.rules import Link, TargetKind


@strawberry.type
class Money:
    amount: str
    currency: str


@strawberry.type
class Item:
    id: strawberry.ID
    title: str
    sale_price: Money
    units_left: int


@strawberry.type(description="A few units, a window of time, and many shoppers. **限时抢购**")
class FlashSale:
    id: strawberry.ID
    title: str
    is_open: bool
    opens_at: str
    closes_at: str
    items: list[Item]


@strawberry.type
class FlashSales:
    nodes: list[FlashSale]


@strawberry.type
class Product:
    id: strawberry.ID
    title: str
    lowest_price: Money


@strawberry.type
class Products:
    nodes: list[Product]


@strawberry.type
class Query:
    @strawberry.field
    def flash_sales(self, first: int = 20) -> FlashSales:
        price = Money(amount="19.90", currency="CNY")
        item = Item(id=strawberry.ID("item_1"), title="宇治抹茶蛋糕卷", sale_price=price, units_left=42)
        sale = FlashSale(
            id=strawberry.ID("flashsale_1"),
            title="双十一 午夜场",
            is_open=True,
            opens_at="2026-11-11T00:00:00+08:00",
            closes_at="2026-11-11T02:00:00+08:00",
            items=[item],
        )
        return FlashSales(nodes=[sale][:first])

    @strawberry.field
    def products(self, first: int = 20) -> Products:
        price = Money(amount="39.00", currency="CNY")
        roll = Product(id=strawberry.ID("product_1"), title="宇治抹茶蛋糕卷", lowest_price=price)
        return Products(nodes=[roll][:first])


async def landing_page(request: Request) -> Response:
    card = Card(
        title="桂花酒酿 江南手工",
        price=Price(1990),
        struck_price=Price(2990),
        picture_url=None,
        note="3人成团",
        subtitle="3人团 · 还差1人",
        is_open=True,
    )
    token, now = request.path_params["token"], datetime.now(UTC)
    link = Link(new_id(), token, new_id(), TargetKind.GROUP_BUY, new_id(), "friend", "", created_at=now)
    home = str(request.base_url).rstrip("/")
    return page_of(card, link, sharer="阿美", home=home, poster=None, opens="https://wxaurl.cn/AbCd")


app = Starlette(
    routes=[
        Route(
            "/graphql",
            GraphQLEndpoint(Answering(strawberry.Schema(Query)), make_context=lambda head: None, ide=graphiql.app),
        ),
        *graphiql.routes,
        Route("/s/{token}", landing_page),
    ]
)
