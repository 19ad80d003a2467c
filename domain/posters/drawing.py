"""How a poster is drawn: 750 pixels wide, from top to bottom who shares, the picture, the price, the title and the code.

Takes a quarter of a second of one processor. Everything comes in as it is; nothing is fetched here.
"""

from io import BytesIO

import segno
from PIL import Image, ImageDraw

from domain.foundation.money import Money
from domain.posters.lettering import drawable, fitted, font, width_of, wrapped
from domain.posters.rules import SOMEBODY, Face
from domain.posters.tiles import colours, tile

WIDTH = 750
MOST_BYTES = 1_048_576
MARGIN = 40
INNER = WIDTH - 2 * MARGIN
CODE = 210
"""Pixels of the code's side, at most."""

_RED, _INK, _GREY, _LINE, _PALE = "#E1251B", "#1F1F1F", "#8C8C8C", "#EDEDED", "#FDECEA"
_FINER = 4
_COLOURS = 256
_CURRENCIES = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "HKD": "HK$"}


def poster(face: Face, *, picture: Image.Image | None, code: Image.Image | None) -> bytes:
    """The poster as PNG, at most `MOST_BYTES`: without a picture with a tile, without a code with the QR code of the address."""
    title = wrapped(drawable(face.title) or "夜市好物", "bold", 38, INNER, lines=2)
    height = 128 + INNER + 118 + 54 * len(title) + 46 + CODE + 46
    canvas = Image.new("RGB", (WIDTH, height), "white")
    draw = ImageDraw.Draw(canvas)
    _draw_sharer(canvas, draw, face)
    square = _covering(picture, INNER) if picture else tile(face.title, face.subject, INNER)
    canvas.paste(square, (MARGIN, 128), _rounded(INNER, 28))
    top = 128 + INNER
    _draw_price(draw, face, top + 88)
    for number, line in enumerate(title):
        draw.text((MARGIN, top + 118 + 54 * number), line, font=font("bold", 38), fill=_INK)
    top += 118 + 54 * len(title) + 24
    _draw_dashes(draw, top)
    _draw_footer(canvas, draw, face, top + 22, code)
    return _png(canvas)


def qr_code(text: str, side: int) -> Image.Image:
    """The QR code of a text, error level M or better, without its margin: whole pixels for each module, at most `side` together."""
    matrix = [list(row) for row in segno.make_qr(text, error="m").matrix_iter(border=0)]
    image = Image.new("1", (len(matrix), len(matrix)))
    image.putdata([0 if dark else 1 for row in matrix for dark in row])
    scale = max(1, side // len(matrix))
    return image.resize((len(matrix) * scale, len(matrix) * scale), Image.Resampling.NEAREST).convert("RGB")


def _draw_sharer(canvas: Image.Image, draw: ImageDraw.ImageDraw, face: Face) -> None:
    name = drawable(face.sharer) or SOMEBODY
    portrait = Image.new("RGB", (72, 72), colours(face.sharer)[0])
    letter = next(filter(str.isalnum, name), name[0]).upper()
    ImageDraw.Draw(portrait).text((36, 35), letter, font=font("bold", 36), fill="white", anchor="mm")
    canvas.paste(portrait, (MARGIN, 32), _rounded(72, 36))
    left = MARGIN + 72 + 20
    room = WIDTH - MARGIN - left
    name = fitted(name, "bold", 32, room - width_of(f" {face.invitation}", "regular", 32))
    draw.text((left, 80), name, font=font("bold", 32), fill=_INK, anchor="ls")
    at = left + width_of(f"{name} ", "bold", 32)
    draw.text((at, 80), face.invitation, font=font("regular", 32), fill=_INK, anchor="ls")


def _draw_price(draw: ImageDraw.ImageDraw, face: Face, baseline: int) -> None:
    if face.price is None:
        draw.text(
            (MARGIN, baseline), fitted(face.note, "bold", 48, INNER), font=font("bold", 48), fill=_RED, anchor="ls"
        )
        return
    end = _draw_amount(draw, face.price, MARGIN, baseline)
    room_ends = _draw_pill(draw, face.note, baseline) if face.note else WIDTH - MARGIN
    if face.struck_price is None:
        return
    said = _amount_of(face.struck_price)
    start, end = end + 18, end + 18 + width_of(said, "regular", 30)
    if end < room_ends:
        draw.text((start, baseline), said, font=font("regular", 30), fill=_GREY, anchor="ls")
        draw.line((start - 2, baseline - 11, end + 2, baseline - 11), fill=_GREY, width=2)


def _draw_amount(draw: ImageDraw.ImageDraw, price: Money, left: float, baseline: int) -> float:
    """The price, its whole part largest; where it ends."""
    if price.minor == 0:
        parts = [("免费", 64)]
    else:
        whole, _, fraction = price.amount.partition(".")
        size = 76 if len(whole) <= 6 else 60
        parts = [(_sign_of(price), 40), (whole, size), (f".{fraction}", 40)]
    for text, size in parts:
        draw.text((left, baseline), text, font=font("bold", size), fill=_RED, anchor="ls")
        left += width_of(text, "bold", size)
    return left


def _draw_pill(draw: ImageDraw.ImageDraw, note: str, baseline: int) -> float:
    """The note in a pill at the right margin; where it begins."""
    width = width_of(note, "bold", 28) + 40
    left = WIDTH - MARGIN - width
    draw.rounded_rectangle((left, baseline - 46, left + width, baseline + 6), radius=26, fill=_PALE)
    draw.text((left + width / 2, baseline - 20), note, font=font("bold", 28), fill=_RED, anchor="mm")
    return left


def _draw_dashes(draw: ImageDraw.ImageDraw, y: int) -> None:
    for x in range(MARGIN, WIDTH - MARGIN, 16):
        draw.line((x, y, min(x + 8, WIDTH - MARGIN), y), fill=_LINE, width=2)


def _draw_footer(
    canvas: Image.Image, draw: ImageDraw.ImageDraw, face: Face, top: int, code: Image.Image | None
) -> None:
    square = code.resize((CODE, CODE), Image.Resampling.LANCZOS) if code else qr_code(face.address, CODE)
    canvas.paste(square, (WIDTH - MARGIN - square.width, top + (CODE - square.height) // 2))
    draw.text((MARGIN, top + 58), "长按识别·查看详情", font=font("bold", 34), fill=_INK)
    draw.text((MARGIN, top + 112), "或用微信扫一扫打开", font=font("regular", 26), fill=_GREY)


def _covering(picture: Image.Image, side: int) -> Image.Image:
    """The middle of a picture, as a square that it fills."""
    shorter = min(picture.size)
    left, top = (picture.width - shorter) // 2, (picture.height - shorter) // 2
    return picture.resize((side, side), Image.Resampling.LANCZOS, box=(left, top, left + shorter, top + shorter))


def _rounded(side: int, radius: int) -> Image.Image:
    """A mask with round corners."""
    mask = Image.new("L", (side * _FINER, side * _FINER))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * _FINER, fill=255)
    return mask.resize((side, side), Image.Resampling.LANCZOS)


def _amount_of(price: Money) -> str:
    return f"{_sign_of(price)}{price.amount}"


def _sign_of(price: Money) -> str:
    return _CURRENCIES.get(price.currency, f"{price.currency} ")


def _png(canvas: Image.Image) -> bytes:
    """With a palette: a third of the bytes, and never more than one for each pixel."""
    written = BytesIO()
    reduced = canvas.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
    reduced.save(written, "PNG", optimize=True)
    return written.getvalue()
