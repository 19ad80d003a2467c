"""Signing in with WeChat: from its names for a person to their account, and a session.

An openid names a person in one mini-program, a unionid in all of a merchant's. Either leads to the account, and what is
missing is bound to it. Where the two lead to two accounts, which were opened before WeChat told the unionid, the openid
decides: what somebody has bought here stays where they find it.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, tuple_

from domain.accounts import sessions, store, wechat
from domain.accounts.actions import account_of
from domain.accounts.events import AccountSignedIn
from domain.accounts.queries import WECHAT, WECHAT_UNION
from domain.accounts.rules import LoginSwitchedOff
from domain.accounts.sessions import SignedIn
from domain.accounts.tables import identities
from domain.accounts.wechat import Person
from domain.foundation.database import Database, Transaction
from domain.foundation.locks import OUTSIDE_NAMES
from domain.foundation.settings import Settings
from domain.foundation.wechat_platform import platform_of

DISPLAY_NAME = "微信用户"
"""What WeChat calls whoever has not said otherwise; it tells nobody's name."""

_LOCK = text(f"SELECT pg_advisory_xact_lock({OUTSIDE_NAMES}, hashtext(:name))")


async def sign_in(db: Database, *, settings: Settings, code: str, device: str, visitor: str, now: datetime) -> SignedIn:
    """A session for whoever's phone got the code, with an account opened at their first visit; `visitor` of
    `visitors.visitor_of`.

    Raises LoginSwitchedOff where no platform is configured, AccountDisabled, and what `wechat.who_is` does.
    """
    platform = platform_of(settings)
    if platform is None:
        raise LoginSwitchedOff()
    sessions.check_device(device)  # before the code is used up
    person = await wechat.who_is(platform, code)
    async with db.transaction() as tx:
        account = await account_of(tx, await account_id_of(tx, person, now=now))
        tx.record(AccountSignedIn(account.id, visitor, is_new=account.created_at == now, signed_in_at=now))
        return await sessions.start(tx, settings=settings, account=account, device=device, now=now)


async def account_id_of(tx: Transaction, person: Person, *, now: datetime) -> UUID:
    """Whose account it is, opened at the first visit; afterwards each of the person's names leads somewhere."""
    names = {WECHAT: person.openid}
    if person.unionid:
        names[WECHAT_UNION] = person.unionid
    found = await _led_to(tx, names)
    if len(found) < len(names):
        # in one order: two visits that share a name wait for each other, and neither for ever
        for name in sorted(names.values()):
            await tx.execute(_LOCK, {"name": name})
        found = await _led_to(tx, names)
    account_id = found.get(WECHAT) or found.get(WECHAT_UNION)
    if account_id is None:
        account_id = await store.open_account(tx, display_name=DISPLAY_NAME, now=now)
    for provider in names.keys() - found.keys():
        await store.bind(tx, provider=provider, subject=names[provider], account_id=account_id, now=now)
    return account_id


async def _led_to(tx: Transaction, names: dict[str, str]) -> dict[str, UUID]:
    is_named = tuple_(identities.c.provider, identities.c.subject).in_(names.items())
    rows = await tx.rows(select(identities.c.provider, identities.c.account_id).where(is_named))
    return {row.provider: row.account_id for row in rows}
