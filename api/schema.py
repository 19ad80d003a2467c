"""The one schema: every feature's queries and mutations, joined."""

from pathlib import Path

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from api import access
from api.accounts import AccountMutation, AccountQuery
from api.context import Info
from api.flash_sales import FlashSaleMutation, FlashSaleQuery
from api.lean import lean
from api.nodes import Node, find
from api.orders import OrderMutation, OrderQuery
from api.products import ProductQuery
from api.refusals import exception_handlers
from api.running_flash_sales import RunningFlashSalesMutation, RunningFlashSalesQuery
from api.running_products import RunningProductsMutation
from api.scalars import SCALARS

SCHEMA_FILE = Path(__file__).parent.parent / "schema.graphql"


@strawberry.type
class NodeQuery:
    """Anything by its id."""

    @strawberry.field(
        directives=access.to(access.Who.ANYONE),
        description="Anything by its id; null when there is none, or none that the asker may see.",
    )
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        """Anything by its id."""
        return await find(info, id)  # type: ignore[no-any-return]


Query = merge_types(
    "Query", (NodeQuery, AccountQuery, OrderQuery, FlashSaleQuery, RunningFlashSalesQuery, ProductQuery)
)
Mutation = merge_types(
    "Mutation", (AccountMutation, OrderMutation, FlashSaleMutation, RunningFlashSalesMutation, RunningProductsMutation)
)


def build() -> strawberry.Schema:
    """The schema with its access rules in force."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        exception_handlers=exception_handlers(),
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    lean(schema)  # before the checks are put in front: it leaves wrapped resolvers alone
    access.enforce(schema)
    return schema


def sdl() -> str:
    """The schema as text, as `schema.graphql` holds it."""
    return build().as_str() + "\n"
