"""Posters as pictures: their size, their colours, and the code that can be read off them."""

from dataclasses import replace
from io import BytesIO

import pytest
import segno
from PIL import Image

from domain.foundation.money import Money
from domain.posters.drawing import CODE, INNER, MARGIN, MOST_BYTES, WIDTH, poster, qr_code
from domain.posters.rules import Face
from domain.posters.tiles import PALETTES, palette_of, tile

FACE = Face(
    subject="product",
    sharer="阿美",
    invitation="邀你一起拼",
    title="桂花酒酿 家庭装",
    price=Money(1990),
    struck_price=Money(2990),
    picture_url=None,
    note="3人成团",
    address="https://shop.example/s/Ab12Cd34Ef56Gh78",
    page="",
)


def drawn(face: Face = FACE, **more) -> Image.Image:
    return Image.open(BytesIO(poster(face, **{"picture": None, "code": None} | more)))


def modules_of(image: Image.Image, size: int) -> list[list[int]]:
    """What a camera reads of the code at the bottom right: 1 for dark, one for each of `size` x `size` modules."""
    pixels = image.convert("L")
    scale = CODE // size
    side = scale * size
    left = WIDTH - MARGIN - side
    top = image.height - 46 - CODE + (CODE - side) // 2
    middles = [scale * module + scale // 2 for module in range(size)]
    return [[int(pixels.getpixel((left + x, top + y)) < 128) for x in middles] for y in middles]


@pytest.mark.parametrize(
    "address", [FACE.address, "http://127.0.0.1:8000/s/" + "Z" * 32, "https://a.example/s/" + "9" * 12]
)
def test_the_code_on_a_poster_leads_to_the_landing_page(address: str) -> None:
    wanted = segno.make_qr(address, error="m")

    image = drawn(replace(FACE, address=address))

    assert wanted.error in ("M", "Q", "H")
    assert modules_of(image, len(wanted.matrix)) == [list(row) for row in wanted.matrix]


def test_around_the_code_everything_is_white() -> None:
    image = drawn().convert("L")
    side = qr_code(FACE.address, CODE).width
    left, top = WIDTH - MARGIN - side, image.height - 46 - CODE + (CODE - side) // 2
    four = 4 * side // 33
    around = image.crop((left - four, top - 4, left + side + four, top + side + 20))
    around.paste(255, (four, 4, four + side, 4 + side))

    assert around.getextrema() == (255, 255)


def test_a_poster_is_750_wide_and_as_high_as_its_title() -> None:
    short, long = drawn(), drawn(replace(FACE, title="桂花酒酿" * 40))

    assert (short.size, long.size) == ((WIDTH, 1272), (WIDTH, 1326))
    assert short.mode == "P"


def test_a_picture_fills_its_square_from_the_middle() -> None:
    picture = Image.new("RGB", (900, 300), "red")
    picture.paste("blue", (300, 0, 600, 300))

    image = drawn(picture=picture).convert("RGB")

    corners = [(MARGIN + 40, 170), (MARGIN + INNER - 40, 170), (WIDTH // 2, 128 + INNER - 10)]
    assert {image.getpixel(corner) for corner in corners} == {(0, 0, 255)}
    assert image.getpixel((MARGIN, 128)) == (255, 255, 255)  # the corner is round


def test_a_mini_program_code_takes_the_place_of_the_qr_code() -> None:
    image = drawn(code=Image.new("RGB", (430, 430), "black")).convert("L")

    code = image.crop((WIDTH - MARGIN - CODE, image.height - 46 - CODE, WIDTH - MARGIN, image.height - 46))
    assert code.getextrema() == (0, 0)


@pytest.mark.parametrize(
    "about",
    [
        {"title": "🔥🔥", "sharer": "🌸"},
        {"title": "W" * 255, "sharer": "W" * 60},
        {"title": "", "sharer": ""},
        {"price": Money(0), "struck_price": None, "note": ""},
        {"price": None, "struck_price": None, "note": "11月22日 20:00 开播"},
        {"price": Money(10**15), "struck_price": Money(10**15 + 1)},
        {"price": Money(1990, "XAU"), "title": "\x00\u202e\n"},
    ],
)
def test_a_poster_of_anything_can_be_drawn(about) -> None:
    image = drawn(replace(FACE, **about))

    assert image.width == WIDTH
    margins = [image.convert("L").crop((x, 0, x + MARGIN - 8, image.height)) for x in (0, WIDTH - MARGIN + 8)]
    assert [margin.getextrema() for margin in margins] == [(255, 255)] * 2, "something is drawn into the margin"


def test_the_worst_picture_is_within_the_limit_and_a_usual_poster_far_below() -> None:
    noise = Image.merge("RGB", [Image.effect_noise((INNER, INNER), 200) for _ in range(3)])

    assert len(poster(FACE, picture=noise, code=None)) < MOST_BYTES
    assert len(poster(FACE, picture=None, code=None)) < 300_000


def test_a_tile_has_the_colours_of_its_subject_and_they_differ() -> None:
    subjects = [f"product {number}" for number in range(40)]

    assert {palette_of(subject) for subject in subjects} == set(range(len(PALETTES)))
    assert tile("茶", "a", 200).tobytes() == tile("茶", "a", 200).tobytes() != tile("茶", "b", 200).tobytes()


@pytest.mark.parametrize(
    "other", [{"price": Money(1991)}, {"sharer": "阿强"}, {"picture_url": "https://a/b"}, {"page": "p"}]
)
def test_another_face_has_another_fingerprint(other) -> None:
    assert len(FACE.fingerprint) == 43
    assert replace(FACE, **other).fingerprint != FACE.fingerprint == replace(FACE).fingerprint
