"""What staff keep about customers: tags, remarks and complaints.

All of it is personal data: merchandisers and admins read it, nobody else. Its words go into no log and no trail.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.trail import store as trail
from domain.trust import store
from domain.trust.recording import check_account, check_reference
from domain.trust.rules import EvidenceKind
from domain.trust.tables import complaints, remarks, tags

LONGEST_TAG = 30
LONGEST_TEXT = 500
MOST_TAGS = 50
"""On one person."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A word on somebody."""

    account_id: UUID
    tag: str
    tagged_at: datetime
    tagged_by: UUID


@dataclass(frozen=True, slots=True)
class Remark:
    """Words about somebody, for the others behind the counter."""

    id: UUID
    account_id: UUID
    text: str
    made_at: datetime
    made_by: UUID


@dataclass(frozen=True, slots=True)
class Complaint:
    """What somebody complains of; open until it is resolved."""

    id: UUID
    account_id: UUID
    words: str
    reference: str
    opened_at: datetime
    opened_by: UUID
    resolved_at: datetime | None = None
    resolved_by: UUID | None = None
    resolution: str | None = None


COMPLAINT_COLUMNS = tuple(complaints.c)


async def tag(db: Database, *, account_id: UUID, tag: str, by: UUID, now: datetime) -> None:
    """Put a tag on somebody. Tagged so already: no change. Raises BadInput, NotFound."""
    tag = _checked("tag", tag, LONGEST_TAG)
    t = tags.c
    async with db.transaction() as tx:
        await check_account(tx, account_id)
        known = set(await tx.column(select(t.tag).where(t.account_id == account_id)))
        if tag in known:
            return
        if len(known) >= MOST_TAGS:
            raise BadInput(f"they have {len(known)} tags; allowed: {MOST_TAGS}")
        row = {"account_id": account_id, "tag": tag, "tagged_at": now, "tagged_by": by}
        if await tx.execute(insert(tags).values(row).on_conflict_do_nothing()):
            await trail.note(tx, by=by, deed="tag_customer", subject="account", subject_id=account_id, now=now)


async def untag(db: Database, *, account_id: UUID, tag: str, by: UUID, now: datetime) -> None:
    """Take a tag off somebody. Not tagged so: no change. Raises BadInput, NotFound."""
    tag = _checked("tag", tag, LONGEST_TAG)
    async with db.transaction() as tx:
        await check_account(tx, account_id)
        if await tx.execute(delete(tags).where(tags.c.account_id == account_id, tags.c.tag == tag)):
            await trail.note(tx, by=by, deed="untag_customer", subject="account", subject_id=account_id, now=now)


async def remark(db: Database, *, account_id: UUID, text: str, by: UUID, idempotency_key: str, now: datetime) -> Remark:
    """Keep words about somebody, for good. The same key again gives the same remark.

    Raises BadInput, NotFound, IdempotencyConflict.
    """
    made = Remark(new_id(), account_id, _checked("text", text, LONGEST_TEXT), now, by)
    async with db.transaction() as tx:
        await check_account(tx, account_id)
        replay = await idempotency.begin(
            tx,
            owner_id=by,
            key=idempotency_key,
            operation="remark_on_customer",
            request={"account_id": account_id, "text": made.text},
            answer=str(made.id),
        )
        if replay:
            r = remarks.c
            before = await tx.one(
                select(r.id, r.account_id, r.text, r.made_at, r.made_by).where(r.id == UUID(replay.answer))
            )
            assert before is not None
            return Remark(*before)
        await tx.execute(insert(remarks).values(asdict(made)))
        await trail.note(tx, by=by, deed="remark_on_customer", subject="account", subject_id=account_id, now=now)
    return made


async def open_complaint(
    db: Database, *, account_id: UUID, words: str, reference: str, by: UUID, now: datetime
) -> Complaint:
    """Keep that somebody complains. The same reference again gives the same complaint.

    Raises BadInput, NotFound, IdempotencyConflict when the reference names somebody else's.
    """
    check_reference(reference)
    opened = Complaint(new_id(), account_id, _checked("words", words, LONGEST_TEXT), reference, now, by)
    async with db.transaction() as tx:
        await check_account(tx, account_id)
        row = {column.name: getattr(opened, column.name) for column in COMPLAINT_COLUMNS}
        if not await tx.execute(insert(complaints).values(row).on_conflict_do_nothing(index_elements=["reference"])):
            before = await tx.one(select(*COMPLAINT_COLUMNS).where(complaints.c.reference == reference))
            assert before is not None
            if before.account_id != account_id:
                raise IdempotencyConflict(key=reference)
            return Complaint(*before)
        piece = store.Piece(account_id, EvidenceKind.COMPLAINT, now, str(opened.id))
        await store.record(tx, [piece], now=now)
        await _note(tx, "record_complaint", opened, by=by, now=now)
    return opened


async def resolve_complaint(db: Database, *, complaint_id: UUID, words: str, by: UUID, now: datetime) -> Complaint:
    """It is settled, and counts against its customer no more. Resolved already: no change. Raises BadInput, NotFound."""
    words = _checked("words", words, LONGEST_TEXT)
    c = complaints.c
    async with db.transaction() as tx:
        row = await tx.one(select(*COMPLAINT_COLUMNS).where(c.id == complaint_id).with_for_update())
        if row is None:
            raise NotFound.of("complaint", complaint_id)
        if row.resolved_at is not None:
            return Complaint(*row)
        values = {"resolved_at": now, "resolved_by": by, "resolution": words}
        await tx.execute(update(complaints).where(c.id == complaint_id).values(values))
        await store.withdraw(tx, row.account_id, EvidenceKind.COMPLAINT, str(complaint_id), now=now)
        resolved = Complaint(**{**row._mapping, **values})
        await _note(tx, "resolve_complaint", resolved, by=by, now=now)
    return resolved


async def _note(tx: Transaction, deed: str, complaint: Complaint, *, by: UUID, now: datetime) -> None:
    await trail.note(
        tx, by=by, deed=deed, subject="complaint", subject_id=complaint.id, now=now, reference=complaint.reference
    )


def _checked(name: str, text: str, longest: int) -> str:
    text = text.strip()
    if not 1 <= len(text) <= longest or "\0" in text:
        raise BadInput(f"{name} must have 1 to {longest} characters")
    return text
