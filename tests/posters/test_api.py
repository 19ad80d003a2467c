"""Posters over HTTP: asked for by the sharer, fetched by anybody."""

import pytest

from domain.foundation.ids import encode, new_id
from tests.api.conftest import call

WANT = """mutation ($input: RequestSharePosterInput!) { requestSharePoster(input: $input) {
    ... on SharePoster { state url madeAt } ... on NotFound { code } } }"""
ASK = "query ($id: ID!) { sharePoster(linkId: $id) { state url wantedAt madeAt } }"


@pytest.fixture
def fetch(app):
    async def fetch(token: str, method: str = "GET", **headers: str):
        return await call(
            app, method, f"/posters/{token}.png", headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    return fetch


async def test_a_sharer_asks_for_a_poster_until_it_is_ready(ask, sharing, fetch, settings):
    link = await sharing.product()
    id = encode("sharelink", link.id)

    nothing = (await ask(ASK, {"id": id}, by=link.sharer_id)).data
    wanted = (await ask(WANT, {"input": {"linkId": id}}, by=link.sharer_id)).data
    await sharing.hear()
    ready = (await ask(ASK, {"id": id}, by=link.sharer_id)).data
    again = (await ask(WANT, {"input": {"linkId": id}}, by=link.sharer_id)).data

    assert (nothing, wanted) == (None, {"state": "MAKING", "url": None, "madeAt": None})
    assert (ready["state"], ready["url"]) == ("READY", f"{settings.home}/posters/{link.token}.png")
    assert again == {key: ready[key] for key in again}
    assert (await fetch(link.token)).body.startswith(b"\x89PNG")


async def test_others_and_strangers_learn_nothing(ask, sharing, given):
    link = await sharing.product()
    await sharing.made(link)
    id, stranger = encode("sharelink", link.id), await given.shopper()

    assert (await ask(ASK, {"id": id}, by=stranger)).data is None
    assert (await ask(WANT, {"input": {"linkId": id}}, by=stranger)).data == {"code": "NOT_FOUND"}
    assert (await ask(WANT, {"input": {"linkId": encode("sharelink", new_id())}}, by=stranger)).data == {
        "code": "NOT_FOUND"
    }
    assert (await ask(ASK, {"id": id})).codes == ["UNAUTHENTICATED"]


async def test_the_picture_is_told_once_and_then_known(sharing, fetch):
    link = await sharing.product()
    png = await sharing.made(link)

    first = await fetch(link.token)
    etag = first.headers["etag"]
    known = [await fetch(link.token, if_none_match=tag) for tag in (etag, f"W/{etag}", f'"a", {etag}')]
    other = await fetch(link.token, if_none_match='"another"')

    assert (first.status, first.body, other.status) == (200, png, 200)
    assert {
        name: first.headers[name]
        for name in ("content-type", "content-length", "cache-control", "x-content-type-options")
    } == {
        "content-type": "image/png",
        "content-length": str(len(png)),
        "cache-control": "public, max-age=300",
        "x-content-type-options": "nosniff",
    }
    assert [(answer.status, answer.body, answer.headers["etag"]) for answer in known] == [(304, b"", etag)] * 3


async def test_there_is_no_picture_of_an_unknown_link_nor_of_one_without_a_poster(fetch, sharing):
    link = await sharing.product()
    await sharing.want(link)

    for token in ("Ab12Cd34Ef56Gh78", "x", "a" * 400, "%00" * 12, "..%2f..%2fetc%2fpasswd", link.token):
        answer = await fetch(token)

        assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")


async def test_a_look_is_noted_but_not_of_who_only_asks_for_the_headers(fetch, sharing, given, db):
    link = await sharing.product()
    await sharing.made(link)
    noted = []
    for method in ("HEAD", "GET"):
        assert (await fetch(link.token, method)).status == 200
        noted.append(await looked_at(db))

    assert noted[0] == given.now < noted[1]  # the pictures of tests are made at a moment that is long ago


async def looked_at(db):
    from sqlalchemy import select

    from domain.posters.tables import posters

    return await db.value(select(posters.c.looked_at))
