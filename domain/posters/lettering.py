"""Text on posters: the fonts, which characters they have, and how lines are measured, broken and cut off."""

from bisect import bisect_right
from functools import lru_cache
from pathlib import Path
from typing import Literal
from unicodedata import normalize

from PIL import ImageFont

Weight = Literal["regular", "bold"]
_FONTS = Path(__file__).parent / "fonts"
_NOT_FIRST = frozenset("，。、；：？！…—～·％%）》〉】」』〕〗］｝”’,.;:?!)]}°℃")
_NOT_LAST = frozenset("（《〈【「『〔〖［｛“‘([{¥￥$#＃")
_UNKNOWN = "\U0010ffff"
"""A character that no font has: what is drawn for it is the box that nobody wants to see."""


@lru_cache(maxsize=64)
def font(weight: Weight, size: int) -> ImageFont.FreeTypeFont:
    """Noto Sans SC in pixels. A face is used by one thread at a time, as `actions` sees to."""
    # the basic layout has no ligatures, and needs no library that a machine may lack
    return ImageFont.truetype(_FONTS / f"noto-sans-sc-{weight}.otf", size, layout_engine=ImageFont.Layout.BASIC)


def drawable(text: str) -> str:
    """The text in one line, without what the fonts lack: letters in fancy dress as plain ones, emoji and rare ones left out."""
    return " ".join("".join(_drawable(character) for character in text).split())


def is_latin(character: str) -> bool:
    """Whether it belongs to a word of letters, which is not broken within a line."""
    return character.isascii() or (character.isalpha() and ord(character) < 0x250)


def width_of(text: str, weight: Weight, size: int) -> float:
    """Pixels from the text's beginning to its end."""
    return font(weight, size).getlength(text)


def fitted(text: str, weight: Weight, size: int, width: float) -> str:
    """The text, cut off with an ellipsis where it is wider."""
    if width_of(text, weight, size) <= width:
        return text
    return text[: _fits(text, weight, size, width - width_of("…", weight, size))].rstrip() + "…"


def wrapped(text: str, weight: Weight, size: int, width: float, *, lines: int) -> list[str]:
    """The text in at most so many lines, the last one cut off with an ellipsis where more would follow.

    Chinese breaks between any two characters, but no line begins with a full stop or ends with an opening bracket; words
    of letters stay whole as long as they fit into a line.
    """
    found: list[str] = []
    rest = text
    while rest and len(found) < lines - 1:
        line, rest = _broken(rest, weight, size, width)
        found.append(line)
    if rest:
        found.append(fitted(rest, weight, size, width))
    return found


def _broken(text: str, weight: Weight, size: int, width: float) -> tuple[str, str]:
    """The first line and the rest."""
    fits = max(_fits(text, weight, size, width), 1)
    if fits == len(text):
        return text, ""
    at = next((place for place in range(fits, 0, -1) if _may_break(text, place)), fits)
    return text[:at].rstrip(), text[at:].lstrip()


def _fits(text: str, weight: Weight, size: int, width: float) -> int:
    """How many characters from the beginning are no wider."""
    return bisect_right(range(1, len(text) + 1), width, key=lambda end: width_of(text[:end].rstrip(), weight, size))


def _may_break(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    if after in _NOT_FIRST or before in _NOT_LAST:
        return False
    return " " in (before, after) or not (is_latin(before) and is_latin(after))


@lru_cache(maxsize=8192)
def _drawable(character: str) -> str:
    if character.isspace():
        return " "
    if _is_in_font(character):
        return character
    return "".join(each for each in normalize("NFKC", character) if each.isspace() or _is_in_font(each))


def _is_in_font(character: str) -> bool:
    drawn, unknown = (font("regular", 24).getmask(each) for each in (character, _UNKNOWN))
    return character.isprintable() and (drawn.size, bytes(drawn)) != (unknown.size, bytes(unknown))
