"""Batched look-ups: what the fields of one operation ask for one by one is fetched together."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from api.context import Info
from domain.foundation.database import Database

T = TypeVar("T")
Find = Callable[[Database, Sequence[UUID]], Awaitable[Mapping[UUID, T]]]


def batched(info: Info, find: Find[T]) -> DataLoader[UUID, T | None]:
    """The operation's loader of a query `by_ids(db, ids)`; None for an id that the query does not find."""
    loaders = info.context.loaders
    if find not in loaders:

        async def load(ids: list[UUID]) -> list[T | None]:
            found = await find(info.context.market.db, ids)
            return [found.get(wanted) for wanted in ids]

        loaders[find] = DataLoader(load_fn=load)
    loader: DataLoader[UUID, T | None] = loaders[find]
    return loader
