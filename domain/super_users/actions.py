"""What is done about super users: rules are set, people come and go by them, and polls are held."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.foundation import idempotency
from domain.foundation.clock import shop_day
from domain.foundation.database import Database
from domain.foundation.ids import encode, new_id
from domain.super_users import rules, store
from domain.super_users.events import SuperUserLeft, SuperUserMade
from domain.super_users.rules import Criteria, NewPoll, Poll, SuperUsersOnly
from domain.trail import store as trail

AT_ONCE = 500
"""Who comes or goes in one transaction: each of them is an event."""


async def set_criteria(db: Database, wanted: Criteria, *, by: UUID, now: datetime) -> Criteria:
    """The next version of who is a super user, in force from the next derivation on. Equal ones make no new version.

    Raises BadInput.
    """
    rules.check_criteria(wanted)
    async with db.transaction() as tx:
        await store.lock(tx)
        known = await store.criteria(tx)
        if known.version and known.kept() == wanted.kept():
            return known
        new = replace(wanted, version=known.version + 1)
        await store.add_criteria(tx, new, by=by, now=now)
        facts = new.kept() | {"version": new.version}
        await trail.note(tx, by=by, deed="set_super_user_rules", subject="account", subject_id=by, now=now, **facts)
    return new


async def derive(db: Database, *, now: datetime) -> int:
    """Let people become super users and leave, as customers were last worked out; how many did.

    What is as it should be costs nothing but the look. Safe to run twice and side by side.
    """
    moved = 0
    while True:
        async with db.transaction() as tx:
            await store.lock(tx)
            wanted = await store.criteria(tx)
            since_day = shop_day(now) - timedelta(days=wanted.bought_within_days)
            come, gone = await store.come_and_go(tx, wanted, since_day=since_day, limit=AT_ONCE, now=now)
            for account_id in come:
                tx.record(SuperUserMade(account_id, made_at=now))
            for account_id in gone:
                tx.record(SuperUserLeft(account_id, left_at=now))
            if sizes := rules.reached(await store.known_milestones(tx), await store.count(tx)):
                await store.note_milestones(tx, sizes, now=now)
        moved += len(come) + len(gone)
        if max(len(come), len(gone)) < AT_ONCE:
            return moved


async def create_poll(db: Database, wish: NewPoll, *, by: UUID, idempotency_key: str, now: datetime) -> Poll:
    """Ask super users about products. The same key with the same wish gives the same poll again.

    Raises BadInput, NotFound (product), IdempotencyConflict.
    """
    rules.check_poll(wish, now)
    poll = Poll(new_id(), wish.title, wish.opens_at, wish.closes_at)
    request = {
        "title": wish.title,
        "products": [str(id) for id in wish.product_ids],
        "opens_at": wish.opens_at.isoformat(),
        "closes_at": wish.closes_at.isoformat(),
    }
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="create_product_poll", request=request, answer=str(poll.id)
        )
        if replay:
            return await store.lock_poll(tx, UUID(replay.answer))
        await store.add_poll(tx, poll, wish, by=by, now=now)
        facts = {"title": wish.title, "products": [encode("product", id) for id in wish.product_ids]}
        await trail.note(tx, by=by, deed="create_product_poll", subject="poll", subject_id=poll.id, now=now, **facts)
    return poll


async def close_poll(db: Database, *, poll_id: UUID, by: UUID, now: datetime) -> Poll:
    """End a poll before its time: one that has not opened yet closes as it opens, one that is over stays. Raises NotFound."""
    async with db.transaction() as tx:
        poll = await store.lock_poll(tx, poll_id, to_change=True)
        closed = replace(poll, closes_at=max(now, poll.opens_at))
        if closed.closes_at >= poll.closes_at:
            return poll
        await store.close_poll(tx, closed)
        await trail.note(tx, by=by, deed="close_product_poll", subject="poll", subject_id=poll.id, now=now)
    return closed


async def vote(db: Database, *, poll_id: UUID, option_id: UUID, account_id: UUID, now: datetime) -> Poll:
    """A super user's vote, which they may change until the poll closes; a repeat changes nothing.

    Raises NotFound (poll, polloption), PollNotOpen, SuperUsersOnly.
    """
    async with db.transaction() as tx:
        poll = await store.lock_poll(tx, poll_id)
        poll.check_votable(now)
        if not await store.is_super_user(tx, account_id):
            raise SuperUsersOnly()
        await store.vote(tx, poll_id=poll_id, account_id=account_id, option_id=option_id, now=now)
    return poll
