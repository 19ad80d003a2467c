"""What a check of the ledger is: SQL that finds every row that differs, and SQL that counts what was looked at.

Every statement is one pass over whole tables, so a check costs what reading them costs, however many rows differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, Uuid, func, select, text

from domain.audit.rules import MOST_SHOWN, Line, counted, verdict, yuan
from domain.foundation import ids
from domain.foundation.database import Reader


@dataclass(frozen=True)
class Check:
    """Rows that must not exist.

    `differing` gives kind, id, expected and found of every one; a kind is the prefix of a typed id, or, where there is
    no id, the subject's whole name. `given` are common table expressions that stand before it. `looks_at` gives one row
    of counts; its column names say what was counted.
    """

    name: str
    zh: str
    looks_at: str
    differing: str
    given: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    async def lines(self, ledger: Reader, moment: Mapping[str, Any]) -> list[Line]:
        """The check's verdict."""
        parameters = {**self.parameters, **moment}
        rows = await ledger.rows(self.some_rows, parameters)
        named = [Line(self.name, _named(row.kind, row.id), row.expected, row.found, False, self.zh) for row in rows]
        looked_at = await _counts(ledger, self.looks_at, parameters)
        return verdict(self.name, self.zh, subject=looked_at, named=named, differing=rows[0].differing if rows else 0)

    @cached_property
    def some_rows(self) -> Select[Any]:
        """Some of the rows that differ, and how many they are: put together once, as that costs what asking does."""
        statement = text(self.given + self.differing)
        all_of_them = statement.columns(kind=String, id=Uuid, expected=String, found=String).subquery("differing")
        c = all_of_them.c
        return select(all_of_them, func.count().over().label("differing")).order_by(c.kind, c.id).limit(MOST_SHOWN)


@dataclass(frozen=True)
class Balance:
    """Two sums of money, reached by different ways, that must be equal. `sums` gives them in fen: expected, found."""

    name: str
    zh: str
    subject: str
    sums: str
    given: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    async def lines(self, ledger: Reader, moment: Mapping[str, Any]) -> list[Line]:
        """Both sums."""
        row = await ledger.one(text(self.given + self.sums), {**self.parameters, **moment})
        assert row is not None
        is_equal = row.expected == row.found
        return [Line(self.name, self.subject, yuan(int(row.expected)), yuan(int(row.found)), is_equal, self.zh)]


@dataclass(frozen=True)
class Note:
    """Something worth knowing that is neither right nor wrong. `counts` as in a check's `looks_at`."""

    name: str
    zh: str
    counts: str
    given: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    async def lines(self, ledger: Reader, moment: Mapping[str, Any]) -> list[Line]:
        """The counts."""
        found = await _counts(ledger, self.given + self.counts, {**self.parameters, **moment})
        return [Line(self.name, "", "", found, None, self.zh)]


LedgerCheck = Check | Balance | Note


def _named(kind: str, id: UUID | None) -> str:
    return kind if id is None else ids.encode(kind, id)


async def _counts(ledger: Reader, statement: str, parameters: Mapping[str, Any]) -> str:
    row = await ledger.one(text(statement), parameters)
    assert row is not None
    return counted((what, int(count)) for what, count in row._mapping.items())
