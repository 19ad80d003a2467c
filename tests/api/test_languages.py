"""Which language an answer speaks, and what it says to shoppers when something is wrong with the request, or with us."""

import pytest

from api.languages import HEADER_BYTES, language_of


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "zh"),
        ("zh", "zh"),
        ("en", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh-CN;q=0.8,zh;q=0.7", "en"),
        ("zh-CN;q=0.5, en-GB;q=0.7", "en"),
        ("zh_CN", "zh"),
        ("en, zh", "en"),
        ("zh, en", "zh"),
        ("EN-us", "en"),
        ("zh-Hant-TW;q=0.2, en;q=0.3, zh;q=0.4", "zh"),
        ("*", "zh"),
        ("*, en;q=0.5", "zh"),
        ("en, *;q=0.5", "en"),
        ("fr-FR, de;q=0.8", "zh"),
        ("fr-FR, en;q=0.1", "en"),
        ("zh;q=0", "en"),
        ("zh;q=0, en;q=0", "zh"),
        ("en;q=0", "zh"),
        ("en;q=nan", "zh"),
        ("en;q=inf", "zh"),
        ("en;q=2", "zh"),
        ("en;q=0.12345", "zh"),
        ("en;q=", "zh"),
        (" en ; q=0.3 ", "en"),
        (",,;;q=1,en", "en"),
        ("frozen, zhuang, tender", "zh"),
        ("../../etc/passwd\x00", "zh"),
        ("\xff\xfe", "zh"),
        ("en" + "," * (HEADER_BYTES - 2), "en"),
        ("en" + "," * HEADER_BYTES, "zh"),
    ],
)
def test_the_language_with_the_greater_weight_is_spoken(accept: str, language: str) -> None:
    assert language_of(accept.encode("latin-1")) == language
