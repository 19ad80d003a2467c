"""The way into the mini-program: its codes and its links, asked of the WeChat platform over HTTP."""

from io import BytesIO

import pytest
from PIL import Image

from domain.foundation.wechat_platform import PlatformFailed
from domain.posters import pictures
from domain.posters.mini_program import CodeRefused, mini_program_of
from domain.posters.rules import PosterState
from domain.sharing.rules import new_token
from tests.given.shipments import _get, _post

TOKEN = "Ab12Cd34Ef56Gh78"


@pytest.fixture
async def program(with_wechat, wechat):
    await _post(f"{wechat.url}/commands/pages", {"pages": ["pages/index/index", "pages/share/share"]})
    yield mini_program_of(with_wechat)


async def codes_made(wechat) -> list[dict[str, str]]:
    return (await _get(f"{wechat.url}/commands/codes"))["codes"]


async def test_a_code_opens_the_page_with_the_token_as_its_scene(program, wechat, now):
    code = pictures.read(await program.code(TOKEN, now=now))

    assert code.size == (430, 430)
    assert (await codes_made(wechat))[-1] == {"scene": TOKEN, "page": "pages/share/share"}


async def test_a_link_opens_the_same_page_from_a_browser(program, now):
    assert (await program.link(TOKEN, now=now)).startswith("https://wxaurl.cn/")


async def test_an_access_token_that_has_ended_is_renewed(program, wechat, now):
    await program.code(TOKEN, now=now)
    await wechat.expire()

    assert pictures.read(await program.code(TOKEN, now=now)).size == (430, 430)


@pytest.mark.parametrize("errcode", [-1, 45009, 45011, 40001, 500, "broken"])
async def test_what_passes_is_asked_again_later(program, wechat, now, errcode):
    await wechat.fail(errcode, 2, door="code")
    with pytest.raises(PlatformFailed):
        await program.code(TOKEN, now=now)
    await wechat.fail(errcode, 2, door="link")
    with pytest.raises(PlatformFailed):
        await program.link(TOKEN, now=now)


async def test_a_page_that_is_not_published_is_no_use_asking_for(program, wechat, now):
    await _post(f"{wechat.url}/commands/pages", {"pages": ["pages/index/index"]})

    with pytest.raises(CodeRefused, match="41030"):
        await program.code(TOKEN, now=now)
    with pytest.raises(CodeRefused, match="40165"):
        await program.link(TOKEN, now=now)


async def test_every_token_fits_into_a_scene_and_no_longer_one_does(program, now):
    for token in (new_token(), "Z" * 32):
        await program.code(token, now=now)
    with pytest.raises(CodeRefused, match="40169"):
        await program.code("Z" * 33, now=now)


async def test_a_poster_carries_the_mini_programs_code_or_else_the_qr_code(program, with_wechat, wechat, sharing):
    with_code, without = await sharing.product(), await sharing.product()
    pages = {}
    for link, published in ((with_code, ["pages/share/share"]), (without, ["pages/other"])):
        await _post(f"{wechat.url}/commands/pages", {"pages": published})
        await sharing.want(link, settings=with_wechat)
        assert await sharing.make(link, settings=with_wechat)
        pages[link.id] = Image.open(BytesIO(await sharing.png(link)))

    assert (await codes_made(wechat))[-1]["scene"] == with_code.token
    assert (await sharing.poster(without)).state is PosterState.READY
    assert pages[with_code.id].tobytes() != pages[without.id].tobytes()


def test_without_a_mini_program_there_is_none(settings):
    assert mini_program_of(settings) is None
