"""Finding the account behind an outside identity, and giving roles."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from domain.accounts import sessions, store
from domain.accounts.events import AccountSignedIn
from domain.accounts.rules import Account, AccountDisabled, Role
from domain.accounts.sessions import SignedIn
from domain.accounts.tables import accounts, identities, roles
from domain.foundation.database import Database, Transaction
from domain.foundation.ids import new_id
from domain.foundation.settings import Settings

DEVELOPMENT = "development"


async def sign_in(db: Database, *, provider: str, subject: str, display_name: str, now: datetime) -> Account:
    """The account behind an outside identity, opened at its first visit; no session. Raises AccountDisabled.

    Two first visits at once open one account.
    """
    async with db.transaction() as tx:
        account_id = await _find_or_open(tx, provider, subject, display_name, now)
        account = await account_of(tx, account_id)
    if account.disabled_at is not None:
        raise AccountDisabled(disabled_at=account.disabled_at)
    return account


async def sign_in_for_development(
    db: Database, *, settings: Settings, name: str, taken_on: Iterable[Role], device: str, visitor: str, now: datetime
) -> SignedIn:
    """A session as whoever has this name, who is given these roles for good; `visitor` of `visitors.visitor_of`.

    Raises AccountDisabled.
    """
    async with db.transaction() as tx:
        account_id = await _find_or_open(tx, DEVELOPMENT, name, name, now)
        await give_roles(tx, account_id=account_id, given=set(taken_on) - {Role.SHOPPER}, by=None, now=now)
        account = await account_of(tx, account_id)
        tx.record(AccountSignedIn(account.id, visitor, is_new=account.created_at == now, signed_in_at=now))
        return await sessions.start(tx, settings=settings, account=account, device=device, now=now)


async def account_of(tx: Transaction, account_id: UUID) -> Account:
    """The account as it stays until the transaction ends: whoever bans it, or takes a role away, waits."""
    row = await tx.one(
        select(accounts.c.display_name, accounts.c.created_at, accounts.c.disabled_at, accounts.c.tokens_valid_from)
        .where(accounts.c.id == account_id)
        .with_for_update(read=True)
    )
    assert row is not None
    # a statement of its own, begun once the lock is ours: it sees what those we waited for have changed
    held = await tx.column(select(roles.c.role).where(roles.c.account_id == account_id))
    return Account(
        account_id,
        row.display_name,
        frozenset(Role(role) for role in held) | {Role.SHOPPER},
        row.created_at,
        row.disabled_at,
        row.tokens_valid_from,
    )


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


async def _find_or_open(tx: Transaction, provider: str, subject: str, display_name: str, now: datetime) -> UUID:
    account_id = await store.account_id_of(tx, provider, subject)
    if account_id is not None:
        return account_id
    account_id = await store.open_account(tx, display_name=display_name, now=now)
    if await store.bind(tx, provider=provider, subject=subject, account_id=account_id, now=now):
        return account_id
    # somebody opened it between our question and now: use theirs and leave no account behind
    await store.forget_account(tx, account_id)
    theirs = await store.account_id_of(tx, provider, subject)
    assert theirs is not None
    return theirs
