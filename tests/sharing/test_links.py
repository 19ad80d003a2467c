"""Links: whoever shares the same thing in the same way has one link to it, which says nothing by its looks."""

import asyncio

import pytest
from sqlalchemy import func, select

from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.sharing import actions, queries
from domain.sharing.rules import TOKEN_SHAPE, Funnel, TargetKind, new_token
from domain.sharing.tables import links
from tests.statements import count_statements


@pytest.fixture
async def share(db, given, now):
    """Somebody shares one product, on one channel and for no campaign unless told otherwise."""
    sharer_id, target_id = await given.shopper(), new_id()

    async def share(**other):
        same = {"sharer_id": sharer_id, "target_kind": TargetKind.PRODUCT, "target_id": target_id}
        return await actions.share(db, **same | {"channel": "friend", "campaign": "", "now": now} | other)

    return share


async def test_sharing_the_same_again_gives_the_same_link(db, share, given):
    first = await share()
    again = await share()
    others = [
        await share(sharer_id=await given.shopper()),
        await share(target_kind=TargetKind.FLASH_SALE),
        await share(target_id=new_id()),
        await share(channel="moments"),
        await share(campaign="双十一"),
    ]

    assert again == first
    assert len({link.id for link in (first, *others)}) == len({link.token for link in (first, *others)}) == 6
    assert await queries.by_ids(db, [first.id, new_id()]) == {first.id: first}
    assert await queries.by_token(db, first.token) == first


async def test_thirty_shares_of_the_same_at_once_are_one_link(db, share):
    made = await asyncio.gather(*(share() for _ in range(30)))

    assert len(set(made)) == 1
    assert await db.value(select(func.count()).select_from(links)) == 1


async def test_a_share_is_one_statement_and_a_repeated_one_two(db, share):
    with count_statements(db) as first:
        await share()
    with count_statements(db) as again:
        await share()

    assert (len(first), len(again)) == (1, 2)


def test_a_token_has_room_in_a_mini_program_code_and_tells_nothing():
    tokens = {new_token() for _ in range(1_000)}

    assert len(tokens) == 1_000
    assert {len(token) for token in tokens} == {16}
    assert all(TOKEN_SHAPE.fullmatch(token) for token in tokens)
    assert len({letter for token in tokens for letter in token}) == 62


@pytest.mark.parametrize("channel", ["", "Friend", "f" * 31, "朋友圈", "a b", "a\0"])
async def test_a_malformed_channel_is_refused(db, share, channel):
    with pytest.raises(BadInput, match="channel"):
        await share(channel=channel)

    assert await db.value(select(func.count()).select_from(links)) == 0


@pytest.mark.parametrize("campaign", ["c" * 61, "a b", "双 11", "a\0", "a\n", "<b>"])
async def test_a_malformed_campaign_is_refused(db, share, campaign):
    with pytest.raises(BadInput, match="campaign"):
        await share(campaign=campaign)

    assert await db.value(select(func.count()).select_from(links)) == 0


async def test_a_sharer_sees_their_links_by_pages_newest_first(db, share, given):
    made = [await share(campaign=f"c{number}") for number in range(5)]
    await share(sharer_id=await given.shopper())

    first = await queries.of_sharer(db, made[0].sharer_id, first=3)
    rest = await queries.of_sharer(db, made[0].sharer_id, first=3, after=first.cursors[-1])

    assert [*first.rows, *rest.rows] == made[::-1]
    assert (first.has_next, rest.has_next) == (True, False)


async def test_a_link_that_nobody_has_opened_has_come_to_nothing(db, share, given):
    link = await share()

    assert await queries.funnels_by_link_ids(db, [link.id]) == {}
    assert await given.funnel(link) == Funnel(opened=0, signed_in=0, joined=0, paid=0)
