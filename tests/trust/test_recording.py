"""What becomes evidence, each cause once however often it is told: contacts, orders, shares, sweeps, complaints."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from domain.after_sales.rules import AfterSaleState
from domain.chats import moderating
from domain.foundation import clock
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.live_rooms import actions as rooms
from domain.super_users.tables import super_users
from domain.trust import caring, likers, queries, recording, store, sweeping
from domain.trust.likers import LikerDesk
from domain.trust.rules import EvidenceKind, Tier
from tests.conftest import NOON
from tests.given import Given
from tests.given.after_sales import Goods
from tests.statements import count_statements
from workers import trust as worker

K = EvidenceKind
LATER = timedelta(minutes=3)


async def evidence(given):
    """Account, kind and cause of all that counts."""
    rows = await given.db.rows(text("SELECT account_id, kind, cause FROM trust_evidence WHERE withdrawn_at IS NULL"))
    return {(row.account_id, row.kind, row.cause) for row in rows}


async def contact(given, account_id, **more):
    usual = {"kind": K.CHAT, "reference": "wecom-7", "rounds": 3, "at": NOON, "by": new_id(), "now": NOON}
    await recording.record_contact(given.db, account_id=account_id, **(usual | more))


async def test_a_chat_that_is_told_twice_counts_once_and_leaves_one_deed(given):
    somebody = await given.shopper()

    for _ in range(2):
        await contact(given, somebody)

    assert await given.tier(somebody) is Tier.ACQUAINTED
    assert await evidence(given) == {(somebody, "chat", "wecom-7")}
    assert await given.db.value(text("SELECT count(*) FROM staff_deeds WHERE deed = 'record_contact'")) == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"kind": K.PURCHASE}, "kind is PURCHASE; allowed: CHAT, RECOMMENDATION, REVIEW, SHOP_MUTED"),
        ({"rounds": 0}, "rounds is 0"),
        ({"kind": K.REVIEW, "rounds": 2}, "1 of all else"),
        ({"reference": ""}, "reference must have"),
        ({"at": NOON + timedelta(seconds=1)}, "in the future"),
    ],
)
async def test_a_contact_that_cannot_be_is_refused_and_nothing_changes(given, more, words):
    somebody = await given.shopper()

    with pytest.raises(BadInput, match=words):
        await contact(given, somebody, **more)
    with pytest.raises(NotFound):
        await contact(given, new_id())

    assert await evidence(given) == set()


async def test_a_paid_order_is_a_purchase_until_it_is_refunded_whole(given, listener):
    order = await given.bought(Goods(quantity=2))
    await listener.hear()
    assert await given.tier(order.shopper_id) is Tier.TRUSTS
    assert await evidence(given) == {(order.shopper_id, "purchase", str(order.id))}

    await given.after_sale(await given.order_again(order.id), {1: 1}, state=AfterSaleState.REFUNDED)
    await listener.hear()
    assert await given.tier(order.shopper_id) is Tier.TRUSTS
    await given.after_sale(await given.order_again(order.id), {1: 1}, state=AfterSaleState.REFUNDED)
    await listener.hear()

    assert await given.tier(order.shopper_id) is Tier.STRANGER
    # late and repeated news of the payment: the order's own state decides
    await recording.settle_order(given.db, order_id=order.id, now=NOON)
    assert await evidence(given) == set()


async def test_a_share_that_brought_somebody_and_the_order_that_came_of_it_count_for_the_sharer(given, listener):
    order = await given.ordered()
    link = await given.link(await given.shopper())
    await given.visit(link, by=order.shopper_id)
    await given.attributed(order.shopper_id, order_id=order.id)
    await given.money_for(order)
    for _ in range(2):
        await listener.hear()
        await recording.note_visits(given.db, visitor_id=order.shopper_id, now=NOON)

    found = {(account_id, kind) for account_id, kind, _ in await evidence(given)}

    assert found == {(link.sharer_id, "share"), (link.sharer_id, "referral"), (order.shopper_id, "purchase")}
    assert await given.tier(link.sharer_id) is Tier.APPROVES


async def test_a_super_user_is_one_until_it_ends_whatever_is_told_again(given):
    somebody = await given.shopper()
    context = SimpleNamespace(market=given.market, now=lambda: NOON)
    day = timedelta(days=1)
    made = worker.SuperUserMade(somebody, made_at=NOON - 3 * day)
    left = worker.SuperUserLeft(somebody, left_at=NOON - 2 * day)
    again = worker.SuperUserMade(somebody, made_at=NOON - day)

    async def be_super_user(*, since=None):
        async with given.db.transaction() as tx:
            await tx.execute(super_users.delete())
            if since:
                await tx.execute(super_users.insert().values(account_id=somebody, since=since, version=1))

    await worker.note_super_user(context, made)
    assert await given.tier(somebody) is Tier.STRANGER
    await be_super_user(since=made.made_at)
    await worker.note_super_user(context, made)
    assert await given.tier(somebody) is Tier.SUPER_USER
    await be_super_user()
    await worker.forget_super_user(context, left)
    assert await given.tier(somebody) is Tier.STRANGER
    await worker.note_super_user(context, made)
    assert await given.tier(somebody) is Tier.STRANGER
    await be_super_user(since=again.made_at)
    await worker.note_super_user(context, again)
    for event, hear in (
        (made, worker.note_super_user),
        (left, worker.forget_super_user),
        (again, worker.note_super_user),
    ):
        await hear(context, event)

    assert await given.tier(somebody) is Tier.SUPER_USER


async def test_coupons_and_comments_are_swept_once_they_are_settled_and_once(market, clean):
    given = Given(market, now=clock.now())
    room = await given.live_room()
    commenter = await given.viewer()
    claimer = (await given.coupon(await given.shopper())).shopper_id
    for _ in range(3):
        await given.comment(room.id, by=commenter)
    context = SimpleNamespace(market=market, now=lambda: given.now)
    await worker.sweep(context)
    assert await evidence(given) == set()

    later = SimpleNamespace(market=market, now=lambda: given.now + LATER)
    for _ in range(2):
        await worker.sweep(later)

    day = clock.shop_day(given.now).isoformat()
    assert await evidence(given) == {(claimer, "coupon_claim", day), (commenter.account_id, "comment", day)}


async def test_a_sweep_goes_on_where_the_last_one_ended(market, clean):
    given = Given(market, now=clock.now())
    people = await given.shoppers(3)
    for each in people:
        await given.coupon(each)

    async def sweep():
        now = given.now + LATER
        return await sweeping.sweep(given.db, K.COUPON_CLAIM, sweeping.coupon_claims, now=now, limit=2)

    assert [await sweep() for _ in range(3)] == [2, 1, 0]
    assert {account_id for account_id, _, _ in await evidence(given)} == set(people)


async def test_whoever_comes_new_is_a_stranger_and_is_counted(market, clean):
    given = Given(market, now=clock.now())
    await given.shoppers(3)

    seen = [await sweeping.enrol_new(given.db, now=given.now + LATER, limit=2) for _ in range(2)]

    assert seen == [2, 1]
    assert (await given.tiers_counted())[Tier.STRANGER] == 3
    assert await given.reviewed(at=given.now + LATER) == 0


async def test_who_likes_is_told_once_a_day_together(given, monkeypatch):
    monkeypatch.setattr(likers, "GATHER_SECONDS", 0.01)
    desk, people = LikerDesk(given.db), await given.shoppers(3)
    calls = []
    record = store.record

    async def recorded(tx, pieces, *, now):
        calls.append(len(pieces))
        return await record(tx, pieces, now=now)

    monkeypatch.setattr(store, "record", recorded)
    for _ in range(100):
        for each in people:
            desk.note(each, now=NOON)
    await desk.close()
    for each in people:
        desk.note(each, now=NOON + timedelta(hours=1))
    await desk.close()

    assert calls == [3]
    assert await evidence(given) == {(each, "like", "2026-11-11") for each in people}
    desk.note(people[0], now=NOON + timedelta(hours=12))
    await desk.close()
    assert (people[0], "like", "2026-11-12") in await evidence(given)


async def test_a_likers_desk_that_fails_tries_them_again_with_their_next_like(given, monkeypatch):
    monkeypatch.setattr(likers, "GATHER_SECONDS", 0.01)
    desk, somebody = LikerDesk(given.db), await given.shopper()
    with monkeypatch.context() as broken:

        async def fail(*_, **__):
            raise ConnectionError

        broken.setattr(store, "record", fail)
        desk.note(somebody, now=NOON)
        await desk.close()

    desk.note(somebody, now=NOON)
    await asyncio.sleep(0)
    await desk.close()

    assert await evidence(given) == {(somebody, "like", "2026-11-11")}


async def test_a_reservation_is_an_interaction_and_a_mute_a_bad_sign(given):
    coming, room = await given.live_room(is_live=False), await given.live_room()
    fan, rowdy = await given.shopper(), await given.viewer()
    comment = await given.comment(room.id, "刷屏刷屏", by=rowdy)

    for _ in range(2):
        await rooms.reserve(given.db, room_id=coming.id, shopper_id=fan, now=NOON)
    await moderating.mute(given.db, comment_id=comment.comment.id, minutes=5, by=room.host, reason="刷屏", now=NOON)

    found = {(account_id, kind) for account_id, kind, _ in await evidence(given)}
    assert found == {(fan, "reservation"), (rowdy.account_id, "silenced")}


async def test_a_complaint_counts_until_it_is_resolved_and_is_recorded_once(given):
    somebody, by = await given.shopper(), new_id()
    await given.evidence(somebody, K.PURCHASE)

    async def complain(account_id):
        return await caring.open_complaint(
            given.db, account_id=account_id, words="漏发一件", reference="ticket-9", by=by, now=NOON
        )

    opened = [await complain(somebody) for _ in range(2)]
    assert opened[0] == opened[1]
    assert await given.tier(somebody) is Tier.APPROVES
    with pytest.raises(IdempotencyConflict):
        await complain(await given.shopper())

    async def resolve():
        return await caring.resolve_complaint(
            given.db, complaint_id=opened[0].id, words="已补发", by=by, now=NOON + LATER
        )

    assert await resolve() == await resolve()
    assert await given.tier(somebody, at=NOON + LATER) is Tier.TRUSTS
    deeds = text("SELECT count(*) FROM staff_deeds WHERE deed IN ('record_complaint', 'resolve_complaint')")
    assert await given.db.value(deeds) == 2
    with pytest.raises(NotFound):
        await caring.resolve_complaint(given.db, complaint_id=new_id(), words="已补发", by=by, now=NOON)


async def test_tags_and_remarks_are_kept_once_and_their_words_stay_out_of_the_trail(given):
    somebody, by = await given.shopper(), new_id()
    for tag in ("宝妈", " 宝妈 ", "老客"):
        await caring.tag(given.db, account_id=somebody, tag=tag, by=by, now=NOON)
    await caring.untag(given.db, account_id=somebody, tag="老客", by=by, now=NOON)
    await caring.untag(given.db, account_id=somebody, tag="老客", by=by, now=NOON)

    async def remark(words):
        return await caring.remark(
            given.db, account_id=somebody, text=words, by=by, idempotency_key="remark-0001", now=NOON
        )

    first, second = await remark("对花生过敏"), await remark("对花生过敏")
    with pytest.raises(IdempotencyConflict):
        await remark("不过敏")

    assert first == second
    assert [tag.tag for tag in (await queries.tags_by_account_ids(given.db, [somebody]))[somebody]] == ["宝妈"]
    assert (await queries.all_tags(given.db, first=9)).rows == [("宝妈", 1)]
    assert [each.text for each in (await queries.remarks_on(given.db, somebody, first=9)).rows] == ["对花生过敏"]
    facts = await given.db.column(text("SELECT CAST(facts AS text) FROM staff_deeds"))
    assert len(facts) == 4
    assert not any(words in fact for fact in facts for words in ("宝妈", "过敏"))


async def test_the_news_of_a_paid_order_costs_two_statements(given, listener):
    order = await given.bought()
    await listener.hear()

    with count_statements(given.db) as sent:
        await recording.settle_order(given.db, order_id=order.id, now=NOON)

    assert len(sent) == 2
