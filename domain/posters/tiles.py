"""The picture of what has none: its first characters on a pattern, in colours that are always the same for the same thing."""

import math
from collections.abc import Callable
from hashlib import sha256

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from domain.posters.lettering import drawable, font, is_latin

PALETTES = (
    ("#E2462F", "#F7A145"),
    ("#B3243B", "#F06C5B"),
    ("#0F6E6E", "#5DB8A4"),
    ("#1F4E8C", "#5FA3DB"),
    ("#5B3A8E", "#B584D6"),
    ("#2F6B3C", "#9CC26B"),
    ("#8A4B1F", "#E0A868"),
    ("#30364D", "#8793B8"),
)
"""From the top left corner to the bottom right one; white letters can be read on all of them."""
_FINER = 2
"""Patterns are drawn so many times larger, and made smooth by shrinking."""

Pattern = Callable[[ImageDraw.ImageDraw, int, bytes], None]


def tile(title: str, seed: str, size: int) -> Image.Image:
    """A square tile for a title; `seed` decides its colours and its pattern."""
    chance = sha256(seed.encode()).digest()
    picture = _gradient(*colours(seed), size)
    pattern = Image.new("L", (size * _FINER, size * _FINER))
    _PATTERNS[chance[1] % len(_PATTERNS)](ImageDraw.Draw(pattern), size * _FINER, chance)
    picture.paste("white", mask=pattern.resize((size, size), Image.Resampling.LANCZOS))
    _write(picture, initials(title), size)
    return picture


def colours(seed: str) -> tuple[str, str]:
    """The two colours of a tile."""
    return PALETTES[palette_of(seed)]


def palette_of(seed: str) -> int:
    """The number of a tile's palette: always the same for the same thing."""
    return sha256(seed.encode()).digest()[0] % len(PALETTES)


def initials(title: str) -> str:
    """The first two characters of a Chinese title, the capitals of the first two words of another one."""
    words = [letters for word in drawable(title).split() if (letters := "".join(filter(str.isalnum, word)))]
    if not words:
        return "夜市"
    if not all(map(is_latin, words[0])):
        return words[0][:2]
    return "".join(word[0] for word in words[:2] if is_latin(word[0])).upper()


def _write(picture: Image.Image, text: str, size: int) -> None:
    face = font("bold", round(size * (0.4 if len(text) == 1 else 0.32)))
    letters = Image.new("L", (size, size))
    ImageDraw.Draw(letters).text((size / 2, size / 2), text, font=face, fill=255, anchor="mm")
    shadow = ImageChops.offset(letters.filter(ImageFilter.GaussianBlur(size / 60)), 0, size // 60)
    picture.paste("black", mask=shadow.point([round(level * 0.3) for level in range(256)]))
    picture.paste("white", mask=letters)


def _gradient(first: str, last: str, size: int) -> Image.Image:
    across = Image.linear_gradient("L").resize((size, size))
    diagonal = Image.blend(across, across.transpose(Image.Transpose.ROTATE_90), 0.5)
    return Image.composite(Image.new("RGB", (size, size), last), Image.new("RGB", (size, size), first), diagonal)


def _rings(draw: ImageDraw.ImageDraw, size: int, chance: bytes) -> None:
    """Rings around a corner, as of a lantern's light."""
    x, y = (size if chance[2] & 1 else 0, size if chance[2] & 2 else 0)
    for ring in range(1, 10):
        radius = size * ring * 0.15
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=34, width=size // 90)


def _waves(draw: ImageDraw.ImageDraw, size: int, chance: bytes) -> None:
    """Scales of a fish, row by row (青海波)."""
    radius = size / 8
    for row in range(-1, 18):
        for column in range(-1, 5):
            x = (2 * column + row % 2 + 1) * radius
            y = row * radius / 2 + radius
            for part in (1.0, 0.66, 0.33):
                r = radius * part
                draw.arc((x - r, y - r, x + r, y + r), 180, 360, fill=30, width=max(2, size // 220))


def _lanterns(draw: ImageDraw.ImageDraw, size: int, chance: bytes) -> None:
    """Strings of lanterns across the tile."""
    for string in range(5):
        y = size * (0.08 + 0.22 * string)
        sag = [(x, y + math.sin(math.pi * x / size) * size * 0.07) for x in range(0, size + 1, size // 48)]
        draw.line(sag, fill=40, width=size // 260)
        for number in range(7):
            x = size * (number + (0.5 if string % 2 else 0.0)) / 6
            top = y + math.sin(math.pi * x / size) * size * 0.07
            r = size * 0.026
            draw.ellipse((x - r, top + r * 0.4, x + r, top + r * 2.2), fill=38)


def _rays(draw: ImageDraw.ImageDraw, size: int, chance: bytes) -> None:
    """Rays from the middle."""
    for ray in range(18):
        start = ray * 20 + chance[2] % 20
        draw.pieslice((-size, -size, 2 * size, 2 * size), start, start + 9, fill=22)


_PATTERNS: tuple[Pattern, ...] = (_rings, _waves, _lanterns, _rays)
