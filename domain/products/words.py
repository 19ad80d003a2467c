"""How a product's texts and a shopper's search become words that PostgreSQL can compare, without a dictionary.

Chinese has no spaces, so every Chinese (or kana, or hangul) character makes one word together with its neighbour:
水洗棉 is 水洗 洗棉 棉, in three consecutive places. A search for 水洗棉 is then the phrase 水洗 <-> 洗棉, and one for
洗 alone is every word that begins with 洗. Letters and digits make words of their own, whatever they are glued to:
"iPhone15手机壳" is iphone 15 手机 机壳 壳. Case and width (Ｔ and T) make no difference. The server is given finished
tsvector and tsquery literals, so both halves of a search are decided here, by one splitter.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

LONGEST_SEARCH = 100
"""Characters of a search. What follows is not looked at."""

# What PostgreSQL stores of one text: places up to 16,383, words under 2 kB. Both are out of reach of an honest product.
_LAST_PLACE = 4_000
_LONGEST_WORD = 64

_CJK = (
    "\u3005-\u3007"  # 々〆〇
    "\u3040-\u30ff"  # kana
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"  # small kana, Han
    "\uac00-\ud7af\uf900-\ufaff"  # hangul, compatibility Han
    "\U00020000-\U0003ffff"  # Han beyond the first plane
)
# A run of CJK characters, a run of digits, or a run of other letters.
_RUNS = re.compile(rf"([{_CJK}]+)|(\d+)|([^\W\d_{_CJK}]+)")
_SPACE_WITHIN_CJK = re.compile(rf"(?<=[{_CJK}])\s+(?=[{_CJK}])")


def document(texts: Iterable[str]) -> str:
    """The tsvector literal of a product's texts: `'水洗':1 '洗棉':2 '棉':3`. No phrase reaches from one into the next.

    Spaces between Chinese characters are taken for layout: 全棉 四件套 is found by 全棉四件套.
    """
    place = 0
    places: dict[str, list[int]] = {}
    for text in texts:
        for word in _document_words(_SPACE_WITHIN_CJK.sub("", _plain(text))):
            place += 1
            if word:
                places.setdefault(word, []).append(place)
        place += 1
        if place > _LAST_PLACE:
            break
    return " ".join(f"'{word}':{','.join(map(str, at))}" for word, at in places.items())


def query(search: str) -> str:
    """The tsquery literal of a search: all of its words, Chinese ones as phrases; "" when it has no word at all.

    The last word may be unfinished: "ipho" finds iPhone. Digits are always whole: 24 does not find 240.
    """
    runs = list(_RUNS.finditer(_plain(search[:LONGEST_SEARCH])))
    terms = (_term(run, is_last=run is runs[-1]) for run in runs)
    return " & ".join(dict.fromkeys(terms))


def _plain(text: str) -> str:
    # NFKC folds the widths of a Chinese keyboard: Ｔ to T, ５００ｍｌ to 500ml, ㎝ to cm
    return unicodedata.normalize("NFKC", text).casefold()


def _document_words(text: str) -> Iterator[str]:
    """Words in their order, and "" where something other than a space stands between two CJK runs."""
    for run in _RUNS.finditer(text):
        cjk = run[1]
        if cjk:
            yield from map("".join, pairwise(cjk))
            yield cjk[-1]
            yield ""
        else:
            yield run[0][:_LONGEST_WORD]


def _term(run: re.Match[str], *, is_last: bool) -> str:
    cjk, digits, letters = run.groups()
    if cjk is not None:
        if len(cjk) == 1:
            return f"'{cjk}':*"
        bigrams = [f"'{a}{b}'" for a, b in pairwise(cjk)]
        return bigrams[0] if len(bigrams) == 1 else f"({' <-> '.join(bigrams)})"
    if digits is not None:
        return f"'{digits[:_LONGEST_WORD]}'"
    word = letters[:_LONGEST_WORD]
    return f"'{word}':*" if is_last else f"'{word}'"
