"""After-sales from the request to the money, one by one: what moves, what is refused, and that the books stay clean."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from domain.after_sales import actions, arriving, deciding, queries
from domain.after_sales.amounts import Wish
from domain.after_sales.rules import (
    OPEN,
    AfterSaleMoved,
    AfterSaleState,
    AfterSaleTooLate,
    AgreedTooMuch,
    GoodsHaveLeft,
    GoodsMustComeBack,
    Kind,
    Reason,
)
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.orders import actions as order_actions
from domain.orders.events import OrderGivenBack
from domain.orders.rules import Fulfilment, OrderNotRefundable, OrderState, Receiver, TooManyUnits
from domain.stock import store as stock
from domain.stock.rules import Cause, Level, Units
from domain.trail.tables import deeds
from tests.audit import assert_clean
from tests.given.after_sales import Goods

S = AfterSaleState
TWO_LINES = (Goods(3, 1000, discount_minor=100, freight_minor=10), Goods(1, 500, freight_minor=5))


@pytest.fixture
def act(given):
    """The actions, by whoever may take them, each with a key of its own."""

    class Act:
        async def request(self, order, wish, *, by=None, key=None, now=None, **more):
            return await actions.request(
                given.db,
                order_id=order.id,
                shopper_id=by or order.shopper_id,
                wish=wish,
                idempotency_key=key or f"key-{new_id()}",
                now=now or given.now,
                **more,
            )

        def __getattr__(self, verb):
            return partial(self._do, next(getattr(m, verb) for m in (actions, deciding, arriving) if hasattr(m, verb)))

        async def _do(self, action, found, *, by=None, key=None, now=None, **more):
            who = (
                {"shopper_id": by or found.shopper_id} if action.__module__ == actions.__name__ else {"by": by or STAFF}
            )
            key = key or f"key-{new_id()}"
            return await action(
                given.db, after_sale_id=found.id, idempotency_key=key, now=now or given.now, **who, **more
            )

    return Act()


STAFF = new_id()


async def test_a_refund_before_anything_was_sent(given, act):
    order = await given.bought(*TWO_LINES)
    line = (await given.lines_of_order(order))[0]

    asked = await act.request(order, Wish(Kind.REFUND, Reason.NOT_WANTED, {1: 2}), words=" 买多了 ")
    approved = await act.approve(asked)
    before = await given.account_balances()
    await given.give_back_at_gateway()

    assert (asked.state, asked.asked.minor, asked.words) == (S.REQUESTED, 1933 + 6, "买多了")
    assert asked.due_at == given.now + timedelta(hours=48)
    assert (approved.state, approved.agreed, approved.due_at) == (S.REFUNDING, asked.asked, None)
    assert before == {"gateway": 3415, "prepaid": -(3415 - 1939), "refunds": -1939}
    assert await given.account_balances() == {"gateway": 3415 - 1939, "prepaid": -(3415 - 1939)}
    refunded = await given.after_sale_again(asked)
    assert (refunded.state, refunded.refunded_at) == (S.REFUNDED, given.now)
    assert await given.stock_of(line.sku_id) == Level(line.sku_id, free=2, held=0, sold=1)
    (of_it,) = (await queries.lines_by_ids(given.db, [asked.id]))[asked.id]
    assert (of_it.unsent, of_it.restocked) == (2, 2)
    assert (await given.order_again(order.id)).state is OrderState.PAID
    assert [line.to_ship for line in await given.lines_of_order(order)] == [1, 1]
    await assert_clean(given.market, in_flight=True)


async def test_the_last_unit_ends_the_order(given, act):
    order = await given.bought(*TWO_LINES)

    first = await given.after_sale(order, {1: 1}, state=S.REFUNDING)
    rest = await given.after_sale(order, state=S.REFUNDING)
    await given.give_back_at_gateway()

    ended = await given.order_again(order.id)
    assert (ended.state, ended.refunded, ended.refunded_at) == (OrderState.REFUNDED, order.total, given.now)
    assert [event.is_whole for event in await given.recorded(OrderGivenBack)] == [False, True]
    assert first.asked.minor + rest.asked.minor == order.total.minor == 3415
    assert await given.account_balances() == {}
    with pytest.raises(OrderNotRefundable):
        await act.request(order, Wish(Kind.REFUND, Reason.QUALITY, None))
    await assert_clean(given.market, in_flight=True)


async def test_goods_come_back_and_then_the_money_goes(given, act):
    order = await given.bought_and_received(Goods(3, 1000, freight_minor=100))
    line = (await given.lines_of_order(order))[0]
    asked = await act.request(order, Wish(Kind.RETURN, Reason.NOT_WANTED, {1: 2}))
    to_send = await act.approve(asked)
    sent = await act.send_back(to_send, carrier="sf", number="SF1")
    before = await given.account_balances()

    done = await act.accept_goods(sent, restock={1: 1})
    await given.give_back_at_gateway()

    assert (to_send.state, to_send.due_at) == (S.TO_SEND, given.now + timedelta(days=7))
    assert (sent.state, sent.due_at, sent.return_number) == (S.SENT_BACK, given.now + timedelta(days=10), "SF1")
    assert before == {"gateway": 3100, "sales": -3000, "freight": -100}
    assert (done.state, done.agreed.minor, done.arrived_by) == (S.REFUNDING, 2000, STAFF)
    assert await given.account_balances() == {"gateway": 1100, "sales": -3000, "freight": -100, "returns": 2000}
    assert await given.stock_of(line.sku_id) == Level(line.sku_id, free=1, held=0, sold=2)
    assert (await given.order_again(order.id)).state is OrderState.RECEIVED
    await assert_clean(given.market, in_flight=True)


async def test_freight_goes_back_where_the_merchant_is_at_fault(given):
    order = await given.bought_and_received(Goods(3, 1000, freight_minor=100))

    broken = await given.after_sale(order, {1: 3}, kind=Kind.RETURN, reason=Reason.DAMAGED, state=S.REFUNDING)
    await given.give_back_at_gateway()

    assert broken.asked.minor == 3100
    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    assert await given.account_balances() == {"sales": -3000, "freight": -100, "returns": 3100}
    await assert_clean(given.market, in_flight=True)


async def test_sent_units_whose_money_goes_back_stay_with_the_shopper(given, act):
    order = await given.bought(Goods(3, 1000))
    line = (await given.lines_of_order(order))[0]
    await given.units_leave(order, {1: 2})

    with pytest.raises(GoodsMustComeBack):
        await act.request(order, Wish(Kind.REFUND, Reason.NOT_WANTED, {1: 2}))
    await given.after_sale(order, {1: 2}, reason=Reason.NOT_ARRIVED, state=S.REFUNDED)

    assert await given.stock_of(line.sku_id) == Level(line.sku_id, free=1, held=0, sold=2)
    shipped = await given.order_again(order.id)
    assert (shipped.state, shipped.shipped_at) == (OrderState.SHIPPED, given.now)
    await assert_clean(given.market, in_flight=True)


async def test_staff_agree_to_less(given, act):
    order = await given.bought(*TWO_LINES)
    asked = await given.after_sale(order)

    with pytest.raises(AgreedTooMuch):
        await act.approve(asked, agreed_minor=order.total.minor + 1)
    approved = await act.approve(asked, agreed_minor=2000, words="已使用")
    await given.give_back_at_gateway()

    assert (approved.asked, approved.agreed.minor, approved.decision_words) == (order.total, 2000, "已使用")
    ended = await given.order_again(order.id)
    assert (ended.state, ended.refunded.minor) == (OrderState.REFUNDED, 2000)
    balances = await given.account_balances()
    assert (balances["gateway"], "prepaid" in balances, balances["sales"] + balances["freight"]) == (1415, False, -1415)
    await assert_clean(given.market, in_flight=True)


async def test_no_and_why(given, act):
    order = await given.bought()
    asked = await given.after_sale(order)

    with pytest.raises(BadInput):
        await act.reject(asked, words=" ")
    rejected = await act.reject(asked, words="请先联系客服")

    assert (rejected.state, rejected.decided_by, rejected.decision_words) == (S.REJECTED, STAFF, "请先联系客服")
    assert rejected.due_at is None
    assert (await given.order_again(order.id)).state is OrderState.PAID
    await given.after_sale(order, state=S.REFUNDED)
    await assert_clean(given.market, in_flight=True)


async def test_goods_that_are_not_as_agreed(given, act):
    order = await given.bought_and_received()
    sent = await given.after_sale(order, kind=Kind.RETURN, state=S.SENT_BACK)

    refused = await act.refuse_goods(sent, words="商品已损坏")

    assert (refused.state, refused.arrival_words, refused.arrived_at) == (S.REJECTED, "商品已损坏", given.now)
    assert (refused.decided_at, refused.decided_by) == (sent.decided_at, sent.decided_by)
    assert (await given.order_again(order.id)).refunded.minor == 0
    await assert_clean(given.market, in_flight=True)


async def test_what_staff_did_is_noted(given, act):
    order = await given.bought_and_received(Goods(3, 1000))
    by = [new_id() for _ in range(4)]
    no = await given.after_sale(order, {1: 1}, kind=Kind.RETURN)
    yes = await given.after_sale(order, {1: 1}, kind=Kind.RETURN)
    refused = await given.after_sale(order, {1: 1}, kind=Kind.RETURN, state=S.SENT_BACK)

    await act.reject(no, by=by[0], words="不")
    await act.send_back(await act.approve(yes, by=by[1], agreed_minor=900), carrier="sf", number="1")
    await act.accept_goods(yes, by=by[2], restock={1: 1})
    await act.refuse_goods(refused, by=by[3], words="旧的")

    noted = await given.db.rows(select(deeds).where(deeds.c.by.in_(by)).order_by(deeds.c.position))
    assert [(row.deed, row.subject, row.subject_id) for row in noted] == [
        ("decide_after_sale", "aftersale", no.id),
        ("decide_after_sale", "aftersale", yes.id),
        ("confirm_return_arrival", "aftersale", yes.id),
        ("confirm_return_arrival", "aftersale", refused.id),
    ]
    assert noted[1].facts == {"decision": "approved", "asked_minor": 1000, "agreed_minor": 900, "words": ""}
    assert noted[2].facts == {"goods": "accepted", "restock": {"1": 1}, "words": ""}
    await assert_clean(given.market, in_flight=True)


@pytest.mark.parametrize("state", S)
async def test_in_every_state_only_the_tables_steps_are_taken(given, act, state):
    order = await given.bought_and_received(Goods(2, 1000))
    found = await given.after_sale(order, {1: 1}, kind=Kind.RETURN, state=S.SENT_BACK if state is S.REFUNDED else state)
    if state is S.REFUNDED:
        await act.accept_goods(found, restock={})
        await given.give_back_at_gateway()
        found = await given.after_sale_again(found)
    steps = {
        "withdraw": {S.REQUESTED, S.TO_SEND},
        "send_back": {S.TO_SEND},
        "approve": {S.REQUESTED},
        "reject": {S.REQUESTED},
        "accept_goods": {S.SENT_BACK},
        "refuse_goods": {S.SENT_BACK},
    }
    more = {
        "send_back": {"carrier": "sf", "number": "1"},
        "reject": {"words": "不"},
        "accept_goods": {"restock": {}},
        "refuse_goods": {"words": "不"},
    }

    for verb, starts in steps.items():
        if state not in starts:
            with pytest.raises(AfterSaleMoved):
                await getattr(act, verb)(found, **more.get(verb, {}))

    assert await given.after_sale_again(found) == found
    await assert_clean(given.market, in_flight=True)


async def test_the_same_key_gives_the_same_answer(given, act):
    order = await given.bought_and_received(Goods(2, 1000))
    wish = Wish(Kind.RETURN, Reason.QUALITY, {1: 1})

    asked = [await act.request(order, wish, key="request-1") for _ in range(2)]
    approved = [await act.approve(asked[0], key="approve-1") for _ in range(2)]
    sent = [await act.send_back(asked[0], key="sent-back-1", carrier="sf", number="1") for _ in range(2)]
    done = [await act.accept_goods(asked[0], key="accept-1", restock={1: 1}) for _ in range(2)]

    for first, again in (asked, approved, sent, done):
        assert first == again
    with pytest.raises(IdempotencyConflict):
        await act.request(order, Wish(Kind.RETURN, Reason.QUALITY, {1: 2}), key="request-1")
    with pytest.raises(IdempotencyConflict):
        await act.accept_goods(asked[0], key="accept-1", restock={})
    assert await given.give_back_at_gateway() == 1
    await assert_clean(given.market, in_flight=True)


async def test_somebody_elses_order_and_after_sale_do_not_exist(given, act):
    order = await given.bought(Goods(2))
    asked, stranger = await given.after_sale(order, {1: 1}), await given.shopper()
    wish = Wish(Kind.REFUND, Reason.QUALITY, None)

    for attempt in (
        act.request(order, wish, by=stranger),
        act.withdraw(asked, by=stranger),
        act.send_back(asked, by=stranger, carrier="sf", number="1"),
        actions.quote(given.db, order_id=order.id, shopper_id=stranger, wish=wish, now=given.now),
        actions.quote(given.db, order_id=new_id(), shopper_id=stranger, wish=wish, now=given.now),
        deciding.approve(given.db, after_sale_id=new_id(), by=STAFF, idempotency_key="approve-1", now=given.now),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await given.after_sale_again(asked) == asked


async def test_an_order_that_waits_for_money_gives_none_back(given, act):
    order = await given.ordered()

    with pytest.raises(OrderNotRefundable):
        await act.request(order, Wish(Kind.REFUND, Reason.NOT_WANTED, None))
    await assert_clean(given.market)


async def test_units_in_an_open_request_are_not_asked_for_again(given, act):
    order = await given.bought(Goods(3))
    first = await given.after_sale(order, {1: 2})

    with pytest.raises(TooManyUnits) as refused:
        await act.request(order, Wish(Kind.REFUND, Reason.NOT_WANTED, {1: 2}))
    assert refused.value.left == 1
    await act.withdraw(first)
    second = await act.request(order, Wish(Kind.REFUND, Reason.NOT_WANTED, {1: 3}))

    assert second.asked == order.total
    await assert_clean(given.market, in_flight=True)


async def test_the_preview_says_what_the_request_then_asks(given, act):
    order = await given.bought(*TWO_LINES)
    await given.units_leave(order, {1: 1})
    wish = Wish(Kind.REFUND, Reason.QUALITY, {1: 2, 2: 1})

    previewed = await actions.quote(given.db, order_id=order.id, shopper_id=order.shopper_id, wish=wish, now=given.now)
    asked = await act.request(order, wish)

    assert previewed == (await queries.lines_by_ids(given.db, [asked.id]))[asked.id]


async def test_seven_days_after_receipt(given, act):
    order = await given.bought_and_received(Goods(2))
    last = given.now + timedelta(days=7)

    with pytest.raises(AfterSaleTooLate):
        await act.request(order, Wish(Kind.RETURN, Reason.NOT_WANTED, {1: 1}), now=last)
    await act.request(order, Wish(Kind.RETURN, Reason.NOT_WANTED, {1: 1}), now=last - timedelta(seconds=1))
    await act.request(order, Wish(Kind.RETURN, Reason.QUALITY, {1: 1}), now=last)


class TestTheClock:
    """What happens when nobody acts in time."""

    async def test_approves_a_refund(self, given):
        asked = await given.after_sale(await given.bought())

        early = await deciding.act_on_deadline(
            given.db, after_sale_id=asked.id, now=asked.due_at - timedelta(microseconds=1)
        )
        acted = await deciding.act_on_deadline(given.db, after_sale_id=asked.id, now=asked.due_at)
        again = await deciding.act_on_deadline(given.db, after_sale_id=asked.id, now=asked.due_at)

        assert (early, again) == (None, None)
        assert (acted.state, acted.agreed, acted.decided_by) == (S.REFUNDING, asked.asked, None)
        assert await given.give_back_at_gateway() == 1
        await assert_clean(given.market, in_flight=True)

    async def test_approves_a_return_and_closes_it_when_nothing_is_sent(self, given, act):
        order = await given.bought_and_received()
        asked = await given.after_sale(order, kind=Kind.RETURN)

        to_send = await deciding.act_on_deadline(given.db, after_sale_id=asked.id, now=asked.due_at)
        closed = await deciding.act_on_deadline(given.db, after_sale_id=asked.id, now=to_send.due_at)

        assert (to_send.state, to_send.due_at) == (S.TO_SEND, asked.due_at + timedelta(days=7))
        assert (closed.state, closed.closed_at, closed.due_at) == (S.CLOSED, to_send.due_at, None)
        await given.after_sale(order, kind=Kind.RETURN)
        await assert_clean(given.market, in_flight=True)

    async def test_pays_for_goods_nobody_confirmed_and_staff_book_them_in_later(self, given, act):
        order = await given.bought_and_received(Goods(2, 1000))
        line = (await given.lines_of_order(order))[0]
        sent = await given.after_sale(order, kind=Kind.RETURN, state=S.SENT_BACK)

        acted = await deciding.act_on_deadline(given.db, after_sale_id=sent.id, now=sent.due_at)
        before = await given.stock_of(line.sku_id)
        late = await act.accept_goods(acted, restock={1: 2})

        assert (acted.state, acted.arrived_at) == (S.REFUNDING, None)
        assert (late.state, late.arrived_by) == (S.REFUNDING, STAFF)
        assert (before.free, (await given.stock_of(line.sku_id)).free) == (0, 2)
        with pytest.raises(AfterSaleMoved):
            await act.accept_goods(acted, restock={1: 2})
        assert await given.give_back_at_gateway() == 1
        await assert_clean(given.market, in_flight=True)

    async def test_does_not_pay_for_goods_that_have_left_meanwhile(self, given):
        order = await given.bought(Goods(2))
        asked = await given.after_sale(order, {1: 1}, reason=Reason.NOT_WANTED)
        await given.units_leave(order, {1: 2})

        acted = await deciding.act_on_deadline(given.db, after_sale_id=asked.id, now=asked.due_at)

        assert (acted.state, acted.decided_by, acted.decision_words) == (S.REJECTED, None, deciding.LEFT_MEANWHILE)
        assert (await given.order_again(order.id)).refunded.minor == 0
        await assert_clean(given.market, in_flight=True)

    async def test_knows_who_is_due_in_pages(self, given):
        order = await given.bought(Goods(5))
        asked = [await given.after_sale(order, {1: 1}) for _ in range(3)]
        now = asked[0].due_at

        assert await queries.due(given.db, now=now - timedelta(seconds=1), after=None, limit=9) == []
        first = await queries.due(given.db, now=now, after=None, limit=2)
        rest = await queries.due(given.db, now=now, after=first[-1], limit=2)

        assert [id for _, id in first + rest] == sorted(one.id for one in asked)


async def test_staff_see_that_the_goods_have_left_meanwhile(given, act):
    order = await given.bought(Goods(2))
    asked = await given.after_sale(order, {1: 1}, reason=Reason.NOT_WANTED)
    await given.units_leave(order, {1: 2})

    with pytest.raises(GoodsHaveLeft):
        await act.approve(asked)

    assert await given.after_sale_again(asked) == asked
    await assert_clean(given.market, in_flight=True)


async def test_a_store_that_hands_the_goods_over_first_keeps_the_money(given, act):
    order = await given.bought(Goods(2), fulfilment=Fulfilment.PICKUP)
    asked = await given.after_sale(order, {1: 1}, reason=Reason.NOT_WANTED)
    await given.units_arrive(order, by=Receiver.STORE)

    with pytest.raises(GoodsHaveLeft):
        await act.approve(asked)

    await act.reject(asked, words="已自提")
    await given.after_sale(order, {1: 2}, kind=Kind.RETURN, reason=Reason.NOT_WANTED)
    await assert_clean(given.market, in_flight=True)


async def test_a_free_order_is_refunded_at_once(given):
    order = await given.bought(Goods(2, 1000, discount_minor=2000))
    line = (await given.lines_of_order(order))[0]

    done = await given.after_sale(order, state=S.REFUNDED)

    assert (done.refund_id, done.refunded_at, done.agreed.minor) == (None, given.now, 0)
    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    assert await given.stock_of(line.sku_id) == Level(line.sku_id, free=2, held=0, sold=0)
    assert await given.account_balances() == {}
    await assert_clean(given.market, in_flight=True)


async def test_units_of_an_allotment_become_free_stock(given):
    sku_id = await given.stocked_sku(5)
    async with given.db.transaction() as tx:
        allotment_id = await stock.open_allotment(
            tx, Units(sku_id, 5), purpose="test", cause=Cause("test", sku_id), now=given.now
        )
    order = await given.order(sku_id, quantity=3, allotment_id=allotment_id)
    await given.money_for(order)
    await given.hear_payments()

    await given.after_sale(order, {1: 2}, reason=Reason.NOT_WANTED, state=S.REFUNDED)

    assert await given.stock_of(sku_id) == Level(sku_id, free=2, held=2, sold=1)
    await assert_clean(given.market, in_flight=True)


async def test_an_order_that_was_revived_by_late_money(given):
    order = await given.ordered(Goods(2))
    await given.payment(order)
    await order_actions.lapse_due(given.db, now=order.pay_by, limit=1)
    await given.money_for(order)
    await given.hear_payments(now=order.pay_by)
    line = (await given.lines_of_order(order))[0]

    await given.after_sale(order, {1: 1}, state=S.REFUNDED)
    await given.after_sale(order, state=S.REFUNDED)

    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    assert await given.stock_of(line.sku_id) == Level(line.sku_id, free=2, held=0, sold=0)
    assert await given.account_balances() == {}
    await assert_clean(given.market, in_flight=True)


async def test_goods_that_were_fetched_at_a_store(given):
    order = await given.bought(Goods(2, 1000), fulfilment=Fulfilment.PICKUP)
    await given.after_sale(order, {1: 1}, reason=Reason.NOT_WANTED, state=S.REFUNDED)
    await given.units_arrive(order, by=Receiver.STORE)

    await given.after_sale(order, kind=Kind.RETURN, reason=Reason.NOT_WANTED, state=S.REFUNDING)
    await given.give_back_at_gateway()

    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    assert await given.account_balances() == {"sales": -1000, "returns": 1000}
    await assert_clean(given.market, in_flight=True)


async def test_lists_of_ones_own_and_of_all(given):
    order = await given.bought(Goods(4))
    asked = [await given.after_sale(order, {1: 1}) for _ in range(3)]
    other = await given.after_sale(await given.bought(), state=S.REJECTED)

    mine = await queries.of_shopper(given.db, order.shopper_id, first=2)
    rest = await queries.of_shopper(given.db, order.shopper_id, first=2, after=mine.cursors[-1])
    all_of_them = await queries.for_staff(given.db, first=10)
    waiting = await queries.for_staff(given.db, first=2, state=S.REQUESTED)
    more = await queries.for_staff(given.db, first=2, after=waiting.cursors[-1], state=S.REQUESTED)

    assert [*mine.rows, *rest.rows] == asked[::-1]
    assert (mine.has_next, rest.has_next) == (True, False)
    assert [one.id for one in all_of_them.rows] == [*(one.id for one in asked), other.id]
    assert [*waiting.rows, *more.rows] == asked
    assert not (await queries.of_shopper(given.db, order.shopper_id, first=2, state=S.CLOSED)).rows
    assert (await queries.by_order_ids(given.db, [order.id]))[order.id] == asked
    assert {one.state for one in asked} <= OPEN
