"""The word list: which words are masked in what people write, and which keep it from being shown. Pure.

A word is found however it is dressed up: in full width or capitals, with blanks, marks or invisible letters between its
letters. In scripts that set blanks between words (letters that have capitals) it is found as a whole word only: `ass` in
"a.s.s" and in "加ass", not in "class", nor in "was so".
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from domain.foundation.errors import BadInput

MOST_WORDS = 5_000
LONGEST_WORD = 40
"""Letters and digits."""
LONGEST_TEXT = 80
MASK = "*"
"""Stands for each letter of a masked word, and for what stood between them."""
_END = ""


class WordAction(StrEnum):
    """What becomes of a comment with the word in it."""

    MASK = "mask"
    WITHHOLD = "withhold"


@dataclass(frozen=True, slots=True)
class Word:
    """A word that people should not write."""

    text: str
    action: WordAction


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be shown of a text, with its masked words; `is_withheld`: nothing."""

    text: str
    is_masked: bool
    is_withheld: bool


class WordList:
    """A list as it was set, compiled: a comment is judged in 15 us (28 letters) to 85 us (200), by 5,000 words as by one."""

    def __init__(self, version: int = 0, words: Sequence[Word] = ()) -> None:
        self.version = version
        self.words = tuple(words)
        self._tree: dict[str, Any] = {}
        for word in words:
            at = self._tree
            for letter in plain(word.text):
                at = at.setdefault(letter, {})
            at[_END] = word.action

    def judge(self, text: str) -> Verdict:
        """What may be shown of it."""
        if not self._tree:
            return Verdict(text, is_masked=False, is_withheld=False)
        shown = list(text)
        for first, last, action in self._found(text):
            if action is WordAction.WITHHOLD:
                return Verdict(text, is_masked=False, is_withheld=True)
            shown[first : last + 1] = MASK * (last + 1 - first)
        masked = "".join(shown)
        return Verdict(masked, is_masked=masked != text, is_withheld=False)

    def _found(self, text: str) -> Iterator[tuple[int, int, WordAction]]:
        """Every word in the text, with the places of its first and its last letter."""
        letters = _plain_letters(text)
        for start, (letter, first) in enumerate(letters):
            at = self._tree.get(letter)
            end = start
            while at is not None:
                last = letters[end][1]
                if _END in at and not _goes_on(text, first, -1) and not _goes_on(text, last, 1):
                    yield first, last, at[_END]
                end += 1
                at = at.get(letters[end][0]) if end < len(letters) else None


def check_words(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words without blanks around them, in their order.

    Raises BadInput for more than 5,000, for one that has not 1 to 40 letters or digits, and for two that are the same to
    whoever looks for them.
    """
    if len(words) > MOST_WORDS:
        raise BadInput(f"the list has {len(words)} words; allowed: at most {MOST_WORDS}")
    seen: dict[str, str] = {}
    for word in words:
        text, letters = word.text.strip(), plain(word.text)
        if not (1 <= len(letters) <= LONGEST_WORD and len(text) <= LONGEST_TEXT and text.isprintable()):
            raise BadInput(f"word {text[:40]!r} has {len(letters)} letters and digits; allowed: 1 to {LONGEST_WORD}")
        if letters in seen:
            raise BadInput(f"words {seen[letters]!r} and {word.text!r} are the same; allowed: each once")
        seen[letters] = word.text
    return tuple(Word(word.text.strip(), word.action) for word in words)


def plain(text: str) -> str:
    """The letters and digits of a text in their plain forms: what words are compared by."""
    return "".join(letter for letter, _ in _plain_letters(unicodedata.normalize("NFC", text)))


def _plain_letters(text: str) -> list[tuple[str, int]]:
    return [(letter, place) for place, written in enumerate(text) for letter in _plain(written)]


@lru_cache(maxsize=20_000)
def _plain(written: str) -> str:
    """The plain letters and digits of one character; of blanks, marks and signs none."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", written).casefold()))


def _goes_on(text: str, place: int, step: int) -> bool:
    """Whether the letter here is one of a longer word: its script has capitals, and so has the next letter's."""
    if not _has_capitals(text[place]):
        return False
    place += step
    while 0 <= place < len(text) and unicodedata.category(text[place]) in {"Cf", "Mn"}:
        place += step
    return 0 <= place < len(text) and _has_capitals(text[place])


def _has_capitals(letter: str) -> bool:
    return letter.lower() != letter.upper()
