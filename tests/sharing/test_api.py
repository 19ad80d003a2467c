"""Share links as clients meet them: made, opened, listed, and counted for the order that came of one."""

import asyncio

import pytest
from sqlalchemy import func, select, text

from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.foundation.locks import SHARE_CIRCLES
from domain.products.rules import State
from domain.sharing.rules import Funnel, TargetKind
from domain.sharing.tables import links, visits
from tests.statements import count_statements

FIELDS = "id token url target { kind id } channel campaign createdAt funnel { opened signedIn joined paid }"
SHARE = f"""mutation ($input: CreateShareLinkInput!) {{ createShareLink(input: $input) {{
    __typename ... on ShareLink {{ {FIELDS} }} ... on UserError {{ code message }} }} }}"""
OPEN = """mutation ($token: String!) { openShareLink(input: {token: $token}) {
    __typename ... on OpenedShare { target { kind id } sharerName channel node { __typename id } }
    ... on UserError { code message } } }"""
MINE = f"""query ($first: Int! = 20, $after: String) {{ myShareLinks(first: $first, after: $after) {{
    nodes {{ {FIELDS} }} pageInfo {{ endCursor }} }} }}"""
NODE = "query ($id: ID!) { node(id: $id) { ... on ShareLink { token } } }"


@pytest.fixture
async def product_id(given):
    return encode("product", (await given.product()).id)


async def test_a_share_is_made_once_and_opened_by_anybody(ask, given, product_id, settings):
    sharer_id, friend_id = await given.shopper("阿美"), await given.shopper()

    made = (await ask(SHARE, {"input": {"targetId": product_id}}, by=sharer_id)).data
    again = (await ask(SHARE, {"input": {"targetId": product_id, "channel": "friend"}}, by=sharer_id)).data
    opened = (await ask(OPEN, {"token": made["token"]})).data
    by_friend = (await ask(OPEN, {"token": made["token"]}, by=friend_id, x_device_id="phone-0001")).data
    listed = (await ask(MINE, by=sharer_id)).data["nodes"]

    assert made == {
        "__typename": "ShareLink",
        "id": made["id"],
        "token": made["token"],
        "url": f"{settings.home}/s/{made['token']}",
        "target": {"kind": "PRODUCT", "id": product_id},
        "channel": "friend",
        "campaign": "",
        "createdAt": made["createdAt"],
        "funnel": {"opened": 0, "signedIn": 0, "joined": 0, "paid": 0},
    }
    assert made["id"].startswith("sharelink_")
    assert again == made
    assert opened == by_friend == {
        "__typename": "OpenedShare",
        "target": {"kind": "PRODUCT", "id": product_id},
        "sharerName": "阿美",
        "channel": "friend",
        "node": {"__typename": "Product", "id": product_id},
    }  # fmt: skip
    del made["__typename"]
    assert listed == [made | {"funnel": {"opened": 2, "signedIn": 1, "joined": 0, "paid": 0}}]


async def test_a_group_a_flash_sale_and_a_live_room_can_be_shared(ask, given):
    by = await given.shopper()
    group, sale, room = await given.group(), (await given.flash_sale()).sale, await given.live_room()
    targets = {
        "GROUP_BUY": encode("groupbuy", group.id),
        "FLASH_SALE": encode("flashsale", sale.id),
        "LIVE_ROOM": encode("room", room.id),
    }

    for kind, id in targets.items():
        made = (await ask(SHARE, {"input": {"targetId": id}}, by=by)).data
        opened = (await ask(OPEN, {"token": made["token"]})).data

        assert made["target"] == opened["target"] == {"kind": kind, "id": id}
        assert opened["node"]["id"] == id


async def test_only_what_shoppers_may_see_can_be_shared(ask, given, db):
    by = await given.shopper()
    draft, hidden_sale = await given.product(state=State.DRAFT), (await given.flash_sale(warm=False)).sale

    for id in (
        encode("product", draft.id),
        encode("product", new_id()),
        encode("flashsale", hidden_sale.id),
        encode("groupbuy", new_id()),
    ):
        answer = (await ask(SHARE, {"input": {"targetId": id}}, by=by, roles=[Role.ADMIN])).data
        assert (answer["__typename"], answer["code"]) == ("NotFound", "NOT_FOUND")
    assert await db.value(select(func.count()).select_from(links)) == 0


@pytest.mark.parametrize(
    "bad", [{"targetId": "product"}, {"targetId": encode("order", new_id())}, {"channel": "朋友"}, {"campaign": "a b"}]
)
async def test_a_malformed_wish_is_refused(ask, given, db, product_id, bad):
    answered = await ask(SHARE, {"input": {"targetId": product_id} | bad}, by=await given.shopper())

    assert answered.codes == ["BAD_USER_INPUT"]
    assert await db.value(select(func.count()).select_from(links)) == 0


async def test_whoever_shares_or_lists_is_signed_in(ask, product_id):
    assert (await ask(SHARE, {"input": {"targetId": product_id}})).codes == ["UNAUTHENTICATED"]
    assert (await ask(MINE)).codes == ["UNAUTHENTICATED"]


async def test_nobody_else_sees_a_link(ask, given):
    owner_id, stranger_id = await given.shopper(), await given.shopper()
    link = await given.link(owner_id)
    id = encode("sharelink", link.id)

    assert (await ask(NODE, {"id": id}, by=owner_id)).data == {"token": link.token}
    assert (await ask(NODE, {"id": id})).data is None
    assert (await ask(NODE, {"id": id}, by=stranger_id)).data is None
    assert (await ask(NODE, {"id": id}, by=stranger_id, roles=[Role.ADMIN])).data is None
    assert (await ask(MINE, by=stranger_id)).data["nodes"] == []


async def test_an_unknown_token_is_refused_in_words(ask, db):
    answer = (await ask(OPEN, {"token": "A" * 16})).data

    assert answer == {"__typename": "NotFound", "code": "NOT_FOUND", "message": "找不到该分享链接"}
    assert await db.value(select(func.count()).select_from(visits)) == 0


async def test_what_is_not_public_any_more_is_told_without_its_contents(ask, given):
    link = await given.link(target_id=(await given.product(state=State.DRAFT)).id)

    opened = (await ask(OPEN, {"token": link.token})).data

    assert (opened["__typename"], opened["node"]) == ("OpenedShare", None)


async def test_figures_of_all_links_are_asked_for_together(ask, api, given):
    owner_id = await given.shopper()
    for number in range(9):
        await given.visit(await given.link(owner_id, campaign=f"c{number}"))

    with count_statements(api.market.db) as sent:
        page = (await ask(MINE, {"first": 5}, by=owner_id)).data
    rest = (await ask(MINE, {"first": 5, "after": page["pageInfo"]["endCursor"]}, by=owner_id)).data

    assert len(sent) == 2
    assert [node["campaign"] for node in page["nodes"] + rest["nodes"]] == [f"c{n}" for n in range(9)][::-1]
    assert {node["funnel"]["opened"] for node in page["nodes"] + rest["nodes"]} == {1}


async def test_an_order_of_any_kind_that_is_paid_counts_once_for_the_link_it_came_of(ask, given, hear):
    sharer_id, shopper_id = await given.shopper(), await given.shopper()
    link = await given.link(sharer_id)
    await ask(OPEN, {"token": link.token}, by=shopper_id)
    given.now = clock.now()  # the shopper orders after that
    paid = await given.order(await given.stocked_sku(5), shopper_id=shopper_id)
    await given.order(await given.stocked_sku(5), shopper_id=shopper_id)
    await given.order(await given.stocked_sku(5), shopper_id=sharer_id)
    await given.money_for(paid)
    await given.hear_payments()

    await hear()
    await hear()

    (mine,) = (await ask(MINE, by=sharer_id)).data["nodes"]
    assert mine["funnel"] == {"opened": 1, "signedIn": 1, "joined": 1, "paid": 1}


def test_every_kind_of_target_has_a_prefix():
    from api.sharing import KINDS

    assert set(KINDS.values()) == set(TargetKind)


async def test_who_waits_for_the_lock_of_circles_leaves_connections_to_others(app, ask, given, db):
    link, people = await given.link(), await given.shoppers(30)

    async with db.transaction() as tx:
        await tx.value(text(f"SELECT pg_advisory_xact_lock({SHARE_CIRCLES})"))
        opening = [asyncio.create_task(ask(OPEN, {"token": link.token}, by=each)) for each in people]
        await asyncio.sleep(0.3)
        async with asyncio.timeout(2):
            mine = await ask(MINE, by=link.sharer_id)
    answers = await asyncio.gather(*opening)

    assert len(mine.data["nodes"]) == 1
    assert {answer.data["__typename"] for answer in answers} == {"OpenedShare"}
    assert await given.funnel(link) == Funnel(opened=30, signed_in=30)
