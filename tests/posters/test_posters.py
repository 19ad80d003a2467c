"""From the wish to the picture: made once, again when something else is seen on it, given up after three tries."""

from asyncio import Event, create_task, gather
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image

from domain.foundation import metrics
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id
from domain.foundation.wechat_platform import PlatformFailed
from domain.posters import actions, queries, store
from domain.posters.events import PosterWanted
from domain.posters.rules import PosterState
from domain.products.actions import publish, unpublish
from domain.products.rules import Image as Picture
from domain.sharing.rules import TargetKind
from workers import posters
from workers.context import WorkerContext


async def test_a_poster_is_wanted_made_and_there(sharing, given):
    link = await sharing.product()

    wanted = await sharing.want(link)
    sent = await sharing.hear()
    ready = await sharing.poster(link)

    assert (wanted.state, wanted.made_at, sent) == (PosterState.MAKING, None, [link.id])
    assert ready.state is PosterState.READY and ready.made_at >= given.now
    assert Image.open(BytesIO(await sharing.png(link))).width == 750


async def test_asking_again_when_nothing_has_changed_makes_nothing(sharing, given):
    link = await sharing.product()
    first = await sharing.made(link)

    again = await sharing.want(link, now=given.now + timedelta(hours=1))

    assert (again.state, again.wanted_at) == (PosterState.READY, given.now)
    assert await given.recorded(PosterWanted) == [PosterWanted(link_id=link.id, wanted_at=given.now)]
    assert not await sharing.make(link)
    assert await sharing.png(link) == first


async def test_of_two_who_ask_at_once_one_has_it_made(sharing, given):
    link = await sharing.product()

    wanted = await gather(*(sharing.want(link) for _ in range(10)))
    made = await gather(*(sharing.make(link) for _ in range(3)))

    assert {poster.state for poster in wanted} == {PosterState.MAKING}
    assert len(await given.recorded(PosterWanted)) == 1
    assert sorted(made) == [False, False, True]


async def test_another_price_is_another_poster(sharing, given):
    product = await given.product(price_minor=1990)
    link = await given.link(target_kind=TargetKind.PRODUCT, target_id=product.id)
    first = await sharing.made(link)
    await given.sale_price(product.sku_ids[0], 990)

    wanted = await sharing.want(link)
    missing = await queries.made_of_token(given.db, link.token)
    await sharing.make(link)

    assert (wanted.state, missing) == (PosterState.MAKING, None)
    assert await sharing.png(link) != first


async def test_nobody_has_posters_of_others_links_made_nor_of_what_is_gone(sharing, given, db):
    link = await sharing.product()
    strangers = await given.shopper()

    for link_id, by in ((link.id, strangers), (new_id(), strangers)):
        with pytest.raises(NotFound):
            await actions.want(db, given.market.settings, link_id=link_id, by=by, now=given.now)
    await unpublish(db, product_id=link.target_id, by=new_id(), now=given.now)
    with pytest.raises(NotFound):
        await sharing.want(link)

    assert await sharing.poster(link) is None
    assert await given.recorded(PosterWanted) == []


async def test_what_is_gone_before_it_is_drawn_is_given_up(sharing, given, db):
    link = await sharing.product()
    await sharing.want(link)
    await unpublish(db, product_id=link.target_id, by=new_id(), now=given.now)

    assert await sharing.hear() == [link.id]

    assert (await sharing.poster(link)).state is PosterState.FAILED
    await publish(db, product_id=link.target_id, by=new_id(), now=given.now)
    assert (await sharing.want(link)).state is PosterState.MAKING


async def test_three_failures_are_the_end_until_somebody_asks_anew(sharing, wechat, with_wechat):
    link = await sharing.product()
    await sharing.want(link, settings=with_wechat)
    await wechat.fail(-1, 3, door="code")

    states = []
    for _ in range(3):
        with pytest.raises(PlatformFailed):
            await sharing.make(link, settings=with_wechat)
        states.append((await sharing.poster(link)).state)
    given_up = await sharing.make(link, settings=with_wechat)
    again = await sharing.want(link, settings=with_wechat)
    made = await sharing.make(link, settings=with_wechat)

    assert states == [PosterState.MAKING, PosterState.MAKING, PosterState.FAILED]
    assert (given_up, again.state, again.failures, made) == (False, PosterState.MAKING, 0, True)


async def test_what_cannot_even_be_looked_up_is_given_up_as_well(sharing, monkeypatch):
    link = await sharing.product()
    await sharing.want(link)
    failed = metrics.posters_failed._value.get()

    async def broken(*_, **__):
        raise ValueError("a card that cannot be made")

    monkeypatch.setattr(actions, "card_of", broken)
    for _ in range(3):
        with pytest.raises(ValueError, match="cannot be made"):
            await sharing.make(link)

    assert (await sharing.poster(link)).state is PosterState.FAILED
    assert metrics.posters_failed._value.get() == failed + 3
    assert not await sharing.make(link)


async def test_pictures_that_are_slow_to_come_hold_two_threads_of_a_worker(given, monkeypatch):
    slow, started, sent = Event(), [], []

    async def make(db, settings, *, link_id, now):
        started.append(link_id)
        await slow.wait()

    async def send(name, link_id):
        sent.append((name, link_id))

    monkeypatch.setattr(actions, "make", make)
    monkeypatch.setattr(posters, "BUSY_SECONDS", 0)
    context, wanted = WorkerContext(given.market, send), [new_id() for _ in range(5)]
    tasks = [create_task(posters.make_poster(context, str(link_id))) for link_id in wanted]
    await gather(*tasks[2:])
    slow.set()
    await gather(*tasks)
    await posters.make_poster(context, str(wanted[2]))

    assert started == wanted[:3]
    assert sent == [("make_poster", str(link_id)) for link_id in wanted[2:]]


async def test_of_one_sharer_the_last_looked_at_or_wanted_are_kept(sharing, given, db, monkeypatch):
    monkeypatch.setattr(store, "MOST_OF_ONE", 2)
    product, sharer_id = await given.product(), await given.shopper()
    links = [await given.link(sharer_id, target_id=product.id, campaign=f"c{number}") for number in range(3)]
    other = await sharing.product()
    for link in (other, *links[:2]):
        await sharing.made(link)
    await actions.look(db, await queries.made_of_token(db, links[0].token), now=given.now + timedelta(days=2))

    await sharing.want(links[2], now=given.now + timedelta(days=3))

    kept = [await sharing.poster(link) for link in (*links, other)]
    assert [poster and poster.state for poster in kept] == [
        PosterState.READY, None, PosterState.MAKING, PosterState.READY
    ]  # fmt: skip


async def test_a_failure_of_an_earlier_wish_is_not_counted_for_the_later_one(sharing, given, db):
    product = await given.product()
    link = await given.link(target_kind=TargetKind.PRODUCT, target_id=product.id)
    earlier = await sharing.want(link)
    await given.sale_price(product.sku_ids[0], 990)
    await sharing.want(link, now=given.now + timedelta(seconds=1))

    async with db.transaction() as tx:
        await store.count_failure(tx, earlier)
        was_kept = await store.keep(tx, earlier, earlier.fingerprint, b"", now=given.now)

    assert not was_kept
    assert ((await sharing.poster(link)).failures, (await sharing.poster(link)).made_at) == (0, None)


async def test_a_picture_that_cannot_be_had_leaves_a_tile(sharing):
    link = await sharing.product(images=(Picture("https://127.0.0.1/picture.jpg"),))

    assert Image.open(BytesIO(await sharing.made(link))).width == 750


async def test_what_a_broker_has_lost_is_found_again(sharing, given, db):
    lost, made = await sharing.product(), await sharing.product()
    await sharing.want(lost)
    await sharing.made(made)

    later = given.now + timedelta(minutes=2)
    assert await actions.forgotten(db, before=given.now, limit=10) == []
    assert await actions.forgotten(db, before=later, limit=10) == [lost.id]


async def test_what_nobody_looks_at_for_thirty_days_is_forgotten(sharing, given, db):
    seen, unseen = await sharing.product(), await sharing.product()
    for link in (seen, unseen):
        await sharing.made(link)
    later = given.now + timedelta(days=20)
    await actions.look(db, await queries.made_of_token(db, seen.token), now=later)

    gone = [await actions.forget(db, now=given.now + timedelta(days=days), limit=10) for days in (30, 31)]

    assert gone == [0, 1]
    assert await sharing.poster(unseen) is None
    assert (await sharing.poster(seen)).state is PosterState.READY
