"""How others read accounts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from domain.accounts.actions import DEVELOPMENT
from domain.accounts.tables import accounts, identities
from domain.foundation.database import Database, Reader

WECHAT = "wechat"
WECHAT_UNION = "wechat_union"
"""WeChat's name for a person in all mini-programs of one merchant; some people have none."""
PHONE = "phone"


async def openid_of(db: Database, account_id: UUID) -> str | None:
    """WeChat's name for the person, the newest where they came from more than one mini-program; without one the name of the
    development login, which only a simulator knows. None for somebody who signs in neither way.
    """
    mine = identities.c.account_id == account_id
    found = select(identities.c.provider, identities.c.subject).where(
        mine, identities.c.provider.in_([WECHAT, DEVELOPMENT])
    )
    oldest_first = await db.rows(found.order_by(identities.c.created_at))
    subjects = {row.provider: str(row.subject) for row in oldest_first}
    return subjects.get(WECHAT) or subjects.get(DEVELOPMENT)


async def phone_of(db: Database, account_id: UUID) -> str | None:
    """The person's phone number in E.164, if they have bound one."""
    phone: str | None = await db.value(
        select(identities.c.subject).where(identities.c.account_id == account_id, identities.c.provider == PHONE)
    )
    return phone


async def names_by_ids(db: Database | Reader, account_ids: Sequence[UUID]) -> dict[UUID, str]:
    """What people are called, by id; only those that exist."""
    found = select(accounts.c.id, accounts.c.display_name).where(accounts.c.id == func.any(list(account_ids)))
    return {row.id: row.display_name for row in await db.rows(found)}
