"""A shopper's phone number: vouched for by WeChat, one account's at a time, kept in E.164."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select

from domain.accounts import store, wechat
from domain.accounts.queries import PHONE
from domain.accounts.rules import LoginSwitchedOff, PhoneTaken
from domain.accounts.tables import accounts, identities
from domain.foundation.database import Database, Transaction
from domain.foundation.settings import Settings
from domain.foundation.wechat_platform import platform_of


async def bind(db: Database, *, settings: Settings, account_id: UUID, code: str, now: datetime) -> None:
    """Make the number that the code stands for the account's, in the place of one it had; the same again changes nothing.

    Raises PhoneTaken where it is another account's, LoginSwitchedOff where no platform is configured, and what
    `wechat.phone_of` does.
    """
    platform = platform_of(settings)
    if platform is None:
        raise LoginSwitchedOff()
    phone = await wechat.phone_of(platform, code, now=now)
    async with db.transaction() as tx:
        await _replace(tx, account_id=account_id, phone=phone, now=now)


async def _replace(tx: Transaction, *, account_id: UUID, phone: str, now: datetime) -> None:
    # two numbers for one account at once: the second replaces the first
    await tx.execute(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update(key_share=True))
    if not await store.bind(tx, provider=PHONE, subject=phone, account_id=account_id, now=now):
        if await store.account_id_of(tx, PHONE, phone) != account_id:
            raise PhoneTaken()
        return
    had = (identities.c.account_id == account_id) & (identities.c.provider == PHONE) & (identities.c.subject != phone)
    await tx.execute(delete(identities).where(had))
