"""Sending no more than somebody bears: consent, what is left of the cap, and taking one of it.

The sender asks here before a message goes out. Consent follows the Personal Information Protection Law of the PRC: whoever
has consented may withdraw it in a convenient way (article 15), and may as conveniently refuse marketing that is pushed to
them by automated means (article 24); so opting out is one call like opting in, and binds the next message.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, text

from domain.foundation import idempotency
from domain.foundation.database import AnyRow, Database, Reader, Transaction
from domain.foundation.errors import IdempotencyConflict
from domain.foundation.ids import new_id
from domain.trail import store as trail
from domain.trust import pacing_rules, store
from domain.trust.pacing_rules import TRANSACTIONAL, Message, MessagePurpose, Pace
from domain.trust.recording import check_account
from domain.trust.rules import MOST_MESSAGES, EvidenceKind, Tier
from domain.trust.tables import evidence, messages, states

_m = messages.c
_COLUMNS = (_m.id, _m.account_id, _m.purpose, _m.key, _m.sent_at, _m.cap, _m.cap_days)
# of whoever has none yet, too: all who take of a cap wait for one row
_LOCK = text("""
    INSERT INTO trust_states (account_id, tier, since, rule_version) VALUES (:account_id, 0, :now, :version)
    ON CONFLICT (account_id) DO UPDATE SET tier = trust_states.tier RETURNING tier
""")


async def set_consent(db: Database, *, account_id: UUID, accepts: bool, now: datetime) -> bool:
    """Want messages, or want none from this moment on; gives back `accepts`. As it is already: no change."""
    async with db.transaction() as tx:
        await _lock(tx, account_id, now=now)
        if accepts:
            await store.withdraw(tx, account_id, EvidenceKind.OPT_OUT, now=now)
        elif not await has_opted_out(tx, account_id):
            piece = store.Piece(account_id, EvidenceKind.OPT_OUT, now, str(new_id()))
            await store.record(tx, [piece], now=now)
    return accepts


async def has_opted_out(reader: Database | Reader, account_id: UUID) -> bool:
    """Whether somebody wants no messages."""
    e = evidence.c
    opted_out = select(e.at).where(e.account_id == account_id, e.kind == "opt_out", e.withdrawn_at.is_(None)).limit(1)
    return await reader.value(opted_out) is not None


async def pace_of(reader: Database | Reader, account_id: UUID, *, now: datetime) -> Pace:
    """What somebody still bears. A promise to nobody: `record_message` takes it."""
    tier = await reader.value(select(states.c.tier).where(states.c.account_id == account_id))
    return await _pace(reader, account_id, Tier(tier or 0), now=now)


async def record_message(
    db: Database, *, account_id: UUID, purpose: MessagePurpose, key: str, by: UUID, now: datetime
) -> Message:
    """Take one message of what somebody bears, and only then send it. The same key again gives the same one.

    Orders and refunds are told to everybody and not counted. Raises NotFound, BadInput for a malformed key, MessageCapReached,
    MessagesOptedOut, IdempotencyConflict when the key was used for another purpose.
    """
    idempotency.check_key(key)
    async with db.transaction() as tx:
        await check_account(tx, account_id)
        tier = await _lock(tx, account_id, now=now)
        before = await tx.one(select(*_COLUMNS).where(_m.account_id == account_id, _m.key == key))
        if before is not None:
            if before.purpose != purpose:
                raise IdempotencyConflict(key=key)
            return _message_of(before)
        message = Message(new_id(), account_id, purpose, key, now)
        if purpose not in TRANSACTIONAL:
            left = await _pace(tx, account_id, tier, now=now)
            pacing_rules.check(left)
            message = Message(message.id, account_id, purpose, key, now, left.cap, left.cap_days)
        row = {column.name: getattr(message, column.name) for column in _COLUMNS}
        await tx.execute(insert(messages).values(row | {"sent_by": by}))
        await trail.note(
            tx,
            by=by,
            deed="record_message",
            subject="account",
            subject_id=account_id,
            now=now,
            purpose=purpose.value,
            key=key,
        )
    return message


async def _pace(reader: Database | Reader, account_id: UUID, tier: Tier, *, now: datetime) -> Pace:
    rung = (await store.rules_in_force(reader)).terms.rung(tier)
    newest = select(_m.sent_at).where(_m.account_id == account_id, _m.cap.isnot(None)).order_by(_m.sent_at.desc())
    sent = await reader.column(newest.limit(MOST_MESSAGES))
    return pacing_rules.pace(rung, sent, has_opted_out=await has_opted_out(reader, account_id), now=now)


async def _lock(tx: Transaction, account_id: UUID, *, now: datetime) -> Tier:
    version = (await store.rules_in_force(tx)).version
    return Tier(await tx.value(_LOCK, {"account_id": account_id, "version": version, "now": now}))


def _message_of(row: AnyRow) -> Message:
    return Message(**{**row._mapping, "purpose": MessagePurpose(row.purpose)})
