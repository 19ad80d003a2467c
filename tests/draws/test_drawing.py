"""A draw on its way: opened, entered, drawn or called off."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from domain.accounts.rules import Principal, Role
from domain.chats import moderating
from domain.chats.rules import BannedFromRoom
from domain.draws import actions, drawing, queries, sealing
from domain.draws.entering import EntryDesk
from domain.draws.rules import (
    CrewDoesNotEnter,
    DrawsSwitchedOff,
    DrawState,
    Entry,
    LuckyDrawClosed,
    LuckyDrawOver,
    LuckyDrawStillOpen,
    OnlyForBuyers,
    OpenTo,
    Prize,
    PrizesBeyondBudget,
)
from domain.draws.tables import draws, winners
from domain.foundation.errors import BadInput, IdempotencyConflict, NotAllowed, NotFound
from domain.foundation.ids import new_id
from domain.live_rooms import running
from domain.live_rooms.rules import Channel, EventKind, RoomNotOn
from domain.live_rooms.store import room_of_promotion
from domain.live_rooms.tables import orders as room_orders
from domain.orders.tables import orders
from tests.audit import assert_clean
from tests.draws.looking import count, happened, noted, won_in
from workers import draws as worker
from workers.context import WorkerContext

SECOND = timedelta(seconds=1)
MERCHANDISER = Principal(new_id(), frozenset({Role.MERCHANDISER}))


# -- opening


async def test_a_crew_promises_prizes_up_to_the_rooms_budget(given):
    room = await given.live_room(prize_budget_minor=35_000)
    wish = await given.new_draw(room, prizes=(Prize("礼包", 10_000, 2),))
    opening = {"key": given.seal_key, "now": given.now}

    first = await actions.open_draw(given.db, given.bus, wish, **opening, by=room.host, idempotency_key="draw-0001")
    with pytest.raises(PrizesBeyondBudget) as refused:
        await actions.open_draw(given.db, given.bus, wish, **opening, by=room.host, idempotency_key="draw-0002")
    assert refused.value.left.minor == 15_000
    assert await count(given, draws) == 1

    await actions.open_draw(given.db, given.bus, wish, **opening, by=MERCHANDISER, idempotency_key="draw-0003")
    calling = {"reason": "改期", "by": room.host, "now": given.now}
    await actions.call_off(given.db, given.bus, draw_id=first.id, **calling)
    small = await given.new_draw(room, prizes=(Prize("礼包", 15_000, 1),))
    await actions.open_draw(given.db, given.bus, small, **opening, by=room.host, idempotency_key="draw-0004")
    assert await count(given, draws) == 3


async def test_a_draw_is_published_as_it_was_wished_for_and_once(given):
    room = await given.live_room()
    wish = await given.new_draw(room, title=" 整点抽奖 ")
    opening = {"key": given.seal_key, "by": room.host, "now": given.now}

    draw = await actions.open_draw(given.db, given.bus, wish, **opening, idempotency_key="draw-0001")
    again = await actions.open_draw(
        given.db, given.bus, wish, **opening | {"now": wish.closes_at}, idempotency_key="draw-0001"
    )

    assert draw == again == await given.draw_again(draw.id)
    assert (draw.title, draw.state, draw.pieces, draw.entrants, draw.seed) == ("整点抽奖", DrawState.OPEN, 3, 0, None)
    assert (draw.digest, draw.draw_by) == (draw.commitment, wish.closes_at + timedelta(minutes=2))
    assert await happened(given, room) == [(EventKind.DRAW_OPENED, str(draw.id))]
    assert await noted(given) == [(room.host.account_id, "open_lucky_draw", {"title": "整点抽奖"})]
    async with given.db.reading() as reader:
        assert await room_of_promotion(reader, draw.id) == room.id
    with pytest.raises(IdempotencyConflict):
        await given.lucky_draw(room, title="别的", store_id=wish.store_id, key="draw-0001")


async def test_two_draws_have_two_seeds(given):
    room = await given.live_room()

    assert (await given.lucky_draw(room)).commitment != (await given.lucky_draw(room)).commitment


async def test_nobody_reads_the_seed_before_it_is_drawn(given):
    draw = await given.lucky_draw(entrants=3)
    sealed = await given.db.value(select(draws.c.sealed_seed))
    everything = await given.db.column(
        text("SELECT to_jsonb(d)::text FROM lucky_draws d UNION ALL SELECT to_jsonb(t)::text FROM staff_deeds t "
             "UNION ALL SELECT to_jsonb(e)::text FROM live_room_events e UNION ALL "
             "SELECT to_jsonb(k)::text FROM idempotency_keys k")
    )  # fmt: skip

    drawn = await given.drawn(draw)

    assert drawing.commitment_of(drawn.seed) == draw.commitment
    assert not any(drawn.seed.hex() in row for row in everything)
    assert sealing.unseal(given.seal_key, draw_id=draw.id, sealed=sealed) == drawn.seed
    for key, draw_id in ((b"k" * 32, draw.id), (given.seal_key, new_id())):
        with pytest.raises(Exception, match=r"^$"):  # cryptography's InvalidTag says no more
            sealing.unseal(key, draw_id=draw_id, sealed=sealed)


def test_there_are_no_draws_where_seeds_cannot_be_sealed(settings):
    with pytest.raises(DrawsSwitchedOff):
        sealing.seal_key(settings.model_copy(update={"seal_key": type(settings.seal_key)("")}))


async def test_who_may_open_one_and_where(given):
    room = await given.live_room()
    wish = await given.new_draw(room)
    other = Principal(await given.shopper(), frozenset({Role.SHOPPER, Role.HOST}))
    before = await count(given, draws)

    async def opened(wish, by):
        how = {"key": given.seal_key, "by": by, "idempotency_key": f"draw-{new_id()}", "now": given.now}
        return await actions.open_draw(given.db, given.bus, wish, **how)

    with pytest.raises(NotAllowed):
        await opened(wish, other)
    for missing in ({"store_id": new_id()}, {"room_id": new_id()}):
        with pytest.raises(NotFound):
            await opened(await given.new_draw(room, **{"store_id": wish.store_id, **missing}), MERCHANDISER)
    with pytest.raises(BadInput):
        await opened(await given.new_draw(room, prizes=(Prize("汽车", 5_000_001, 1),)), room.host)
    assert await count(given, draws) == before == 0
    assert (await opened(wish, MERCHANDISER)).state is DrawState.OPEN
    await running.end(given.db, given.bus, room_id=room.id, by=room.host, now=given.now)
    with pytest.raises(RoomNotOn):
        await opened(wish, room.host)


# -- entering


async def test_entries_are_numbered_without_gaps_and_each_is_given_once(given):
    draw, shoppers = await given.lucky_draw(), await given.shoppers(5)

    first = await given.entered(draw, shoppers[:3])
    again = await given.entered(draw, [shoppers[1], *shoppers[3:], shoppers[3]])
    late = await given.entered(draw, shoppers[:1], now=draw.closes_at)

    assert [entry.number for entry in first] == [1, 2, 3]
    assert [entry.number for entry in again] == [2, 4, 5, 4]
    assert (again[0], late) == (first[1], first[:1])
    now = await given.draw_again(draw.id)
    listed = [*first, *again[1:3]]
    assert (now.entrants, now.chance) == (5, 0.6)
    assert now.digest == drawing.digest_after(draw.commitment, [entry.id for entry in listed])
    assert list((await queries.entries_of(given.db, draw.id, first=9)).rows) == listed
    assert await queries.own_entries(given.db, shoppers[1], [draw.id]) == {draw.id: first[1]}


async def test_nobody_enters_from_the_closing_moment_on(given):
    draw, [shopper] = await given.lucky_draw(), await given.shoppers(1)

    [refused] = await given.entered(draw, [shopper], now=draw.closes_at)
    [entry] = await given.entered(draw, [shopper], now=draw.closes_at - SECOND)

    assert (refused, entry.number) == (LuckyDrawClosed(closed_at=draw.closes_at), 1)
    with pytest.raises(NotFound):
        await given.entered(type("Another", (), {"id": new_id()}), [shopper])


async def test_the_crew_does_not_enter_and_does_not_stop_the_others(given):
    room = await given.live_room()
    draw = await given.lucky_draw(room)
    shoppers = await given.shoppers(2)

    answers = await given.entered(draw, [shoppers[0], room.host.account_id, shoppers[1]])

    assert [getattr(answer, "number", type(answer)) for answer in answers] == [1, CrewDoesNotEnter, 2]


async def test_whoever_is_banned_from_the_room_does_not_enter_but_keeps_an_entry_of_before(given):
    room, other_room = await given.live_room(), await given.live_room()
    draw, elsewhere = await given.lucky_draw(room), await given.lucky_draw(other_room)
    before, after = await given.viewer("林晚"), await given.viewer("周舟")
    await given.entered(draw, [before.account_id])
    for viewer in (before, after):
        posted = await given.comment(room.id, "加我微信", by=viewer)
        banning = {"comment_id": posted.comment.id, "by": room.host, "reason": "广告", "now": given.now}
        await moderating.ban(given.db, given.bus, **banning)

    kept, refused = await given.entered(draw, [before.account_id, after.account_id])
    [entry] = await given.entered(elsewhere, [after.account_id])

    assert (kept.number, type(refused), entry.number) == (1, BannedFromRoom, 1)
    assert (await given.draw_again(draw.id)).entrants == 1


async def test_only_who_has_paid_in_the_room_and_kept_something_enters_a_draw_for_buyers(given):
    room, other_room = await given.live_room(), await given.live_room()
    draw = await given.lucky_draw(room, open_to=OpenTo.BUYERS)
    paid, elsewhere, nowhere, given_back = [await given.bought() for _ in range(4)]
    unpaid = await given.ordered()
    everybody = [paid, unpaid, elsewhere, nowhere, given_back]
    async with given.db.transaction() as tx:
        for order, where in ((paid, room), (unpaid, room), (elsewhere, other_room), (given_back, room)):
            row = {"order_id": order.id, "room_id": where.id, "shopper_id": order.shopper_id, "channel": Channel.SHELF}
            await tx.execute(room_orders.insert().values(**row, placed_at=given.now))
        await tx.execute(
            orders.update().where(orders.c.id == given_back.id).values(state="refunded", refunded_at=given.now)
        )

    answers = await given.entered(draw, [order.shopper_id for order in everybody])

    assert [type(answer) for answer in answers] == [Entry, *[OnlyForBuyers] * 4]


async def test_a_desk_takes_the_wishes_of_a_tick_together_and_answers_each_by_itself(given):
    room = await given.live_room()
    draw, shoppers, desk = await given.lucky_draw(room), await given.shoppers(40), EntryDesk(given.db)

    answers = await asyncio.gather(
        *(
            desk.enter(draw_id=draw.id, shopper_id=shopper_id, now=given.now)
            for shopper_id in [*shoppers, room.host.account_id]
        ),
        return_exceptions=True,
    )

    assert [entry.number for entry in answers[:-1]] == list(range(1, 41))
    assert isinstance(answers[-1], CrewDoesNotEnter)


# -- drawing


async def test_winners_follow_from_the_seed_and_the_entries(given):
    room, shoppers = await given.live_room(), await given.shoppers(9)
    draw = await given.lucky_draw(room)
    listed = await given.entered(draw, shoppers)
    with pytest.raises(LuckyDrawStillOpen):
        await given.drawn(draw, now=draw.closes_at - SECOND)

    drawn = await given.drawn(draw, by=room.host)
    again = await given.drawn(draw, by=room.host, now=draw.closes_at + SECOND)

    assert drawn == again == await given.draw_again(draw.id)
    assert (drawn.state, drawn.drawn_at, drawn.entrants) == (DrawState.DRAWN, draw.closes_at, 9)
    numbers = drawing.winning_numbers(drawn.seed, drawn.digest, [entry.id for entry in listed], 3)
    told = (await queries.winners_of(given.db, draw.id, first=9)).rows
    assert [(winner.rank, winner.entry, winner.prize) for winner in told] == [
        (rank, listed[number - 1], prize) for rank, number, prize in zip((1, 2, 3), numbers, (1, 2, 2), strict=True)
    ]
    mine = await won_in(given, draw, shoppers)
    assert [won.shopper_id for won in mine] == [shoppers[number - 1] for number in numbers]
    assert [won.prize.name for won in mine] == ["空气炸锅", "优惠礼包", "优惠礼包"]
    assert len({won.code for won in mine}) == 3 and all(len(won.code) == 10 for won in mine)
    assert [kind for kind, _ in await happened(given, room)] == [EventKind.DRAW_OPENED, EventKind.DRAWN]
    assert [deed for _, deed, _ in await noted(given)] == ["open_lucky_draw", "draw_lucky_draw"]
    await assert_clean(given.market)


@pytest.mark.parametrize("entrants", [0, 1, 2, 3])
async def test_with_fewer_entrants_than_pieces_all_win_and_the_rest_is_not_drawn(given, entrants):
    draw = await given.lucky_draw(entrants=entrants)

    await given.drawn(draw)

    assert await count(given, winners) == entrants
    assert await given.db.column(select(winners.c.prize).order_by(winners.c.rank)) == [1, 2, 2][:entrants]
    await assert_clean(given.market)


async def test_what_the_crew_does_not_draw_the_timetable_draws_also_in_a_room_that_has_ended(given):
    room = await given.live_room()
    draw, later = await given.lucky_draw(room, entrants=5), await given.lucky_draw(room)
    off = await given.lucky_draw(room)
    await actions.call_off(given.db, given.bus, draw_id=off.id, reason="奖品破损", by=room.host, now=given.now)
    await running.end(given.db, given.bus, room_id=room.id, by=room.host, now=given.now)

    async def due(now):
        return await actions.draw_due(given.db, given.bus, key=given.seal_key, now=now, limit=9)

    rounds = [await due(moment) for moment in (draw.draw_by - SECOND, draw.draw_by, draw.draw_by)]

    assert rounds == [0, 2, 0]
    assert {(await given.draw_again(each.id)).state for each in (draw, later)} == {DrawState.DRAWN}
    assert (await given.draw_again(off.id)).state is DrawState.CALLED_OFF
    assert [kind for kind, _ in await happened(given, room)][-2:] == [EventKind.DRAWN] * 2
    await assert_clean(given.market)


async def test_a_worker_draws_what_is_due(given):
    draw = await given.lucky_draw(entrants=5)  # at a noon that is over

    for _ in range(2):
        await worker.draw_due(WorkerContext(given.market, send=None))

    assert (await given.draw_again(draw.id)).state is DrawState.DRAWN
    assert await count(given, winners) == 3


async def test_a_draw_whose_seed_cannot_be_read_keeps_no_other_waiting_and_can_be_called_off(given):
    room = await given.live_room()
    stuck, draw = await given.lucky_draw(room), await given.lucky_draw(room)
    async with given.db.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = 'replica'"))
        await tx.execute(draws.update().where(draws.c.id == stuck.id).values(sealed_seed=bytes(60)))

    done = await actions.draw_due(given.db, given.bus, key=given.seal_key, now=draw.draw_by, limit=9)
    off = await actions.call_off(
        given.db, given.bus, draw_id=stuck.id, reason="无法开奖", by=room.host, now=draw.draw_by
    )

    assert (done, off.state) == (1, DrawState.CALLED_OFF)
    assert (await given.draw_again(draw.id)).state is DrawState.DRAWN


async def test_a_draw_that_is_called_off_says_why_and_is_never_drawn(given):
    room = await given.live_room()
    draw = await given.lucky_draw(room, entrants=2)
    stranger = Principal(await given.shopper(), frozenset({Role.SHOPPER}))
    calling = {"draw_id": draw.id, "reason": " 奖品破损 ", "now": given.now}
    for refused, by, reason in ((NotAllowed, stranger, "x"), (BadInput, room.host, " ")):
        with pytest.raises(refused):
            await actions.call_off(given.db, given.bus, **calling | {"reason": reason}, by=by)

    off = await actions.call_off(given.db, given.bus, **calling, by=room.host)
    again = await actions.call_off(given.db, given.bus, **calling | {"reason": "别的"}, by=MERCHANDISER)

    assert off == again == await given.draw_again(draw.id)
    assert (off.state, off.reason, off.seed) == (DrawState.CALLED_OFF, "奖品破损", None)
    with pytest.raises(LuckyDrawOver):
        await given.drawn(draw)
    [closed] = await given.entered(draw, await given.shoppers(1))
    assert closed == LuckyDrawClosed(closed_at=given.now)
    drawn = await given.drawn(await given.lucky_draw(room))
    with pytest.raises(LuckyDrawOver):
        await actions.call_off(given.db, given.bus, **calling | {"draw_id": drawn.id}, by=room.host)
    assert [kind for kind, _ in await happened(given, room)][1] is EventKind.DRAW_CALLED_OFF
    assert (await noted(given))[1] == (
        room.host.account_id,
        "call_off_lucky_draw",
        {"title": "整点抽奖", "reason": "奖品破损"},
    )
    await assert_clean(given.market)
