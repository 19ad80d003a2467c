"""Money at the border."""

import strawberry

from api.access import Who, to
from api.scalars import Long
from domain.foundation.money import SHOP_CURRENCY
from domain.foundation.money import Money as DomainMoney


@strawberry.type(directives=to(Who.INHERITED), description="An amount of money, exact.")
class Money:
    """`amount` for showing, `minor` for reckoning."""

    amount: str = strawberry.field(description='Decimal text with two places: "19.90"; points in the ledger have none.')
    minor: Long = strawberry.field(description="Minor units: fen for CNY.")
    currency: str = strawberry.field(description='ISO 4217 code; "PTS" for points in the ledger.')

    @classmethod
    def of(cls, minor: int, currency: str = SHOP_CURRENCY) -> "Money":
        """The GraphQL object for whole minor units."""
        return cls(amount=DomainMoney(minor, currency).amount, minor=minor, currency=currency)

    @classmethod
    def maybe(cls, minor: int | None, currency: str = SHOP_CURRENCY) -> "Money | None":
        """`of`, or None for None."""
        return None if minor is None else cls.of(minor, currency)
