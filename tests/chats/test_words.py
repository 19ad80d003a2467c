"""The word list: what is found however it is dressed up, and what is no such word."""

import unicodedata

import pytest

from domain.chats.words import MOST_WORDS, Verdict, Word, WordAction, WordList, check_words
from domain.foundation.errors import BadInput

LIST = WordList(
    1,
    [
        Word("ass", WordAction.MASK),
        Word("傻瓜", WordAction.MASK),
        Word("加微信", WordAction.WITHHOLD),
        Word("vx", WordAction.WITHHOLD),
        Word("Ｃafé", WordAction.MASK),
        Word("88元", WordAction.MASK),
    ],
)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("你是傻瓜吗", "你是**吗"),
        ("傻 瓜", "***"),
        ("傻\u200b瓜", "***"),
        ("傻.._瓜！", "*****！"),
        ("傻瓜傻瓜", "****"),
        ("傻傻瓜", "傻**"),
        ("ASS", "***"),
        ("a.s.s", "*****"),
        ("ａｓｓ!", "***!"),
        ("加ass吗", "加***吗"),
        ("ass88", "***88"),
        ("CAFÉ", "****"),
        ("cafe\u0301", "****"),
        ("只要88 元", "只要****"),
        ("𝐚𝐬𝐬", "***"),
    ],
)
def test_a_word_is_masked_however_it_is_dressed_up(written, shown):
    assert LIST.judge(unicodedata.normalize("NFC", written)) == Verdict(shown, is_masked=True, is_withheld=False)


@pytest.mark.parametrize(
    "written", ["加微信", "加 微-信", "【加】【微】【信】", "傻瓜加微信", "加vx123", "V.X", "㊋ 加微信"]
)
def test_a_word_may_keep_a_comment_from_being_shown(written):
    assert LIST.judge(written) == Verdict(written, is_masked=False, is_withheld=True)


@pytest.mark.parametrize(
    "written", ["class", "was so good", "bass", "asso", "傻大瓜", "加W微信", "cafés", "avx", "", "！？", "a s"]
)
def test_what_only_looks_like_a_word_is_none(written):
    assert LIST.judge(written) == Verdict(written, is_masked=False, is_withheld=False)


def test_an_empty_list_finds_nothing():
    assert WordList().judge("傻瓜") == Verdict("傻瓜", is_masked=False, is_withheld=False)


@pytest.mark.parametrize(
    "words",
    [
        [Word("", WordAction.MASK)],
        [Word(" ！", WordAction.MASK)],
        [Word("长" * 41, WordAction.MASK)],
        [Word("傻瓜", WordAction.MASK), Word("傻-瓜", WordAction.WITHHOLD)],
        [Word(str(number), WordAction.MASK) for number in range(MOST_WORDS + 1)],
        [Word("a\0", WordAction.MASK)],
        [Word("a\ud83d", WordAction.MASK)],
    ],
)
def test_a_list_that_means_nothing_is_refused(words):
    with pytest.raises(BadInput):
        check_words(words)


def test_words_are_kept_without_blanks_around_them():
    assert check_words([Word(" 傻瓜\n", WordAction.MASK)]) == (Word("傻瓜", WordAction.MASK),)
