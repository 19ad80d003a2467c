"""How a code becomes a membership, once, whoever is first."""

from datetime import datetime
from uuid import UUID

from domain.foundation import idempotency
from domain.foundation.database import Database
from domain.memberships import buying, code_rules, code_store, queries, store
from domain.memberships.rules import FREE, Worth


async def activate(db: Database, *, code: str, account_id: UUID, idempotency_key: str, now: datetime) -> UUID:
    """The id of the membership that the code begins, or makes longer. The same key again gives the same one.

    Of a gift the holder gets nothing back, though an upgrade credits it: its buyer has paid. Raises ActivationCodeUnknown,
    ActivationCodeUsed, ActivationCodeOver, OwnGift, MembershipRunning, TrialTaken, IdempotencyConflict; the code is then as
    good as before.
    """
    hashed = code_rules.hash_of(code)
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=account_id,
            key=idempotency_key,
            operation="activate_membership",
            request={"code": hashed.hex()},
        )
        if replay:
            return UUID(replay.answer)
        await store.lock_account(tx, account_id)
        found = await code_store.lock(tx, hashed)
        gift = None
        if found is not None and found.purchase_id is not None:
            gift = (await queries.purchases_by_ids(tx, [found.purchase_id]))[found.purchase_id]
        usable = code_rules.check_usable(
            found, given_by=gift.account_id if gift else None, account_id=account_id, now=now
        )
        await code_store.use(tx, usable, by=account_id, now=now)
        term = await buying.begin_or_extend(
            tx,
            account_id=account_id,
            plan=await store.plan(tx, usable.plan_id),
            worth=Worth(gift.due.minor, refundable_minor=0) if gift else FREE,
            purchase_id=usable.purchase_id,
            code_id=usable.id,
            now=now,
        )
        await idempotency.finish(tx, owner_id=account_id, key=idempotency_key, answer=str(term.membership_id))
        return term.membership_id
