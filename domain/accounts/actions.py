"""Signing in, and giving roles."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import array_agg, insert

from domain.accounts.rules import Account, AccountDisabled, Role
from domain.accounts.tables import accounts, identities, roles
from domain.foundation.database import Database, Transaction
from domain.foundation.ids import new_id

DEVELOPMENT = "development"


async def sign_in(db: Database, *, provider: str, subject: str, display_name: str, now: datetime) -> Account:
    """The account behind an outside identity, opened at its first visit. Raises AccountDisabled.

    Two first visits at once open one account.
    """
    async with db.transaction() as tx:
        account_id = await _account_id(tx, provider, subject)
        if account_id is None:
            account_id = await _open_account(tx, provider, subject, display_name, now)
        account = await _account(tx, account_id)
    if account.disabled_at is not None:
        raise AccountDisabled(disabled_at=account.disabled_at)
    return account


async def give_roles(
    tx: Transaction, *, account_id: UUID, given: Iterable[Role], by: UUID | None, now: datetime
) -> None:
    """Add roles; one that is already held keeps its date."""
    rows = [{"account_id": account_id, "role": role, "given_at": now, "given_by": by} for role in sorted(given)]
    if rows:
        await tx.execute(insert(roles).on_conflict_do_nothing(), rows)


async def open_many(tx: Transaction, *, provider: str, subjects: Sequence[str], now: datetime) -> list[UUID]:
    """Accounts for many new subjects at once, in their order; for seeds and load tests."""
    account_ids = [new_id() for _ in subjects]
    pairs = list(zip(account_ids, subjects, strict=True))
    if pairs:
        await tx.execute(insert(accounts), [{"id": i, "display_name": s, "created_at": now} for i, s in pairs])
        await tx.execute(
            insert(identities),
            [{"provider": provider, "subject": s, "account_id": i, "created_at": now} for i, s in pairs],
        )
    return account_ids


async def _account_id(tx: Transaction, provider: str, subject: str) -> UUID | None:
    found: UUID | None = await tx.value(
        select(identities.c.account_id).where(identities.c.provider == provider, identities.c.subject == subject)
    )
    return found


async def _open_account(tx: Transaction, provider: str, subject: str, display_name: str, now: datetime) -> UUID:
    account_id = new_id()
    await tx.execute(insert(accounts).values(id=account_id, display_name=display_name, created_at=now))
    is_ours = await tx.execute(
        insert(identities)
        .values(provider=provider, subject=subject, account_id=account_id, created_at=now)
        .on_conflict_do_nothing()
    )
    if is_ours:
        return account_id
    # somebody opened it between our question and now: use theirs and leave no account behind
    await tx.execute(accounts.delete().where(accounts.c.id == account_id))
    theirs = await _account_id(tx, provider, subject)
    assert theirs is not None
    return theirs


async def _account(tx: Transaction, account_id: UUID) -> Account:
    row = await tx.one(
        select(
            accounts.c.display_name,
            accounts.c.created_at,
            accounts.c.disabled_at,
            array_agg(roles.c.role).filter(roles.c.role.isnot(None)).label("roles"),
        )
        .outerjoin_from(accounts, roles)
        .where(accounts.c.id == account_id)
        .group_by(accounts.c.id)
    )
    assert row is not None
    held = frozenset(Role(role) for role in row.roles or ()) | {Role.SHOPPER}
    return Account(account_id, row.display_name, held, row.created_at, row.disabled_at)
