"""How accounts are opened, and how outside identities lead to them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from domain.accounts.tables import accounts, identities
from domain.foundation.database import Transaction
from domain.foundation.ids import new_id


async def account_id_of(tx: Transaction, provider: str, subject: str) -> UUID | None:
    """Whose identity it is; None where it is nobody's."""
    found: UUID | None = await tx.value(
        select(identities.c.account_id).where(identities.c.provider == provider, identities.c.subject == subject)
    )
    return found


async def open_account(tx: Transaction, *, display_name: str, now: datetime) -> UUID:
    """A new account, which nothing leads to yet."""
    account_id = new_id()
    await tx.execute(insert(accounts).values(id=account_id, display_name=display_name, created_at=now))
    return account_id


async def forget_account(tx: Transaction, account_id: UUID) -> None:
    """Take back an account that this transaction has opened."""
    await tx.execute(delete(accounts).where(accounts.c.id == account_id))


async def bind(tx: Transaction, *, provider: str, subject: str, account_id: UUID, now: datetime) -> bool:
    """Let an outside identity lead to the account; False when it leads somewhere already, here or elsewhere."""
    row = insert(identities).values(provider=provider, subject=subject, account_id=account_id, created_at=now)
    return await tx.execute(row.on_conflict_do_nothing()) == 1
