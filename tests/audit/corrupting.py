"""Corrupting the books on purpose: raw SQL without triggers and foreign keys, in a transaction that is rolled back."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from domain.audit import running
from domain.audit.checks import Check, LedgerCheck
from domain.audit.rules import Line
from domain.foundation.database import Database, Transaction

STRANGER = UUID("0192f0c4-0000-7000-8000-000000000000")


@dataclass(frozen=True)
class Corruption:
    """Statements, what they name, and who must be said to differ by which checks."""

    what: str
    sql: str
    checks: tuple[Any, ...]
    subjects: Callable[[Any], set[str]]


async def found_after(
    db: Database, sql: str, names: Mapping[str, UUID], *, now: datetime, among: Sequence[LedgerCheck] = running.LEDGER
) -> list[Line]:
    """What the audit of the ledger, or these checks of it, say differs once these statements ran; then they have not."""
    async with db.transaction() as tx:
        await _corrupt(tx, sql, {"stranger": STRANGER, **names})
        lines = [line for check in among for line in await _lines(check, tx, {"now": now})]
        await tx.connection.rollback()
    return lines


async def _lines(check: LedgerCheck, tx: Transaction, moment: Mapping[str, Any]) -> list[Line]:
    """Of a check that finds nothing, none: what it looked at is not asked for."""
    if isinstance(check, Check) and not await tx.rows(check.some_rows, {**check.parameters, **moment}):
        return []
    return await check.lines(tx, moment)


def check_found(lines: list[Line], corruption: Corruption, scene: Any) -> None:
    """Exactly the checks that were to find it did, and named exactly whom it is about."""
    assert {line.check for line in differing(lines)} == {check.name for check in corruption.checks}, differing(lines)
    assert {line.subject for line in named(lines)} == corruption.subjects(scene)
    assert all(line.expected != line.found for line in named(lines))


def differing(lines: list[Line]) -> list[Line]:
    """The lines that differ."""
    return [line for line in lines if line.ok is False]


def named(lines: list[Line]) -> list[Line]:
    """The differing subjects, without each check's total."""
    return [line for line in differing(lines) if line.expected != "0 differ"]


async def _corrupt(tx: Transaction, sql: str, names: Mapping[str, UUID]) -> None:
    """Run the statements as nobody but a superuser with a text editor could."""
    await tx.execute(text("SET LOCAL session_replication_role = 'replica'"))
    for statement in sql.split(";"):
        typed = re.sub(r":(\w+)", r"CAST(:\1 AS uuid)", statement)
        assert typed.strip()
        used = {name: value for name, value in names.items() if f":{name} " in f"{typed} "}
        assert await tx.execute(text(typed), used) != 0, f"nothing to corrupt: {statement}"
