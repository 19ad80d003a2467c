"""Which language an answer speaks, and what it says to shoppers when something is wrong with the request, or with us."""

import pytest

from api.faults import SENTENCES, internal_error, sentence
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
        ("en_US", "en"),
        ("zh_CN;q=0.5, en_GB;q=0.7", "en"),
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


VIEWER_ORDERS = "{ orders { nodes { id } } }"
STAFF_ORDERS = "{ staffOrders { nodes { id } } }"


@pytest.mark.parametrize(
    ("accept", "spoken", "nobody", "a_shopper"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh", "请先登录", "没有权限进行此操作"),
        (
            "en-US,en;q=0.9",
            "en",
            "sign in first: send `Authorization: Bearer <access token>`",
            "this needs one of the roles",
        ),
    ],
)
async def test_who_may_not_ask_is_told_in_their_language(ask, given, accept, spoken, nobody, a_shopper) -> None:
    unknown = await ask(VIEWER_ORDERS, accept_language=accept)
    forged = await ask(VIEWER_ORDERS, accept_language=accept, authorization="Bearer nobody")
    shopper = await ask(STAFF_ORDERS, by=await given.shopper(), accept_language=accept)

    assert [answer.codes for answer in (unknown, forged, shopper)] == [["UNAUTHENTICATED"]] * 2 + [["FORBIDDEN"]]
    assert [answer.status for answer in (unknown, forged, shopper)] == [200, 401, 200]
    assert unknown.json["errors"][0]["message"] == nobody
    assert forged.json["errors"][0]["message"].startswith(
        "请先登录" if spoken == "zh" else "the access token is not valid"
    )
    assert shopper.json["errors"][0]["message"].startswith(a_shopper)
    assert {answer.headers["content-language"] for answer in (unknown, forged, shopper)} == {spoken}


async def test_what_only_developers_meet_is_english_in_every_language(ask) -> None:
    misspelt = await ask("{ serverTim }", accept_language="zh-CN")

    assert misspelt.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert misspelt.json["errors"][0]["message"].isascii()


async def test_a_shared_answer_is_shared_by_those_who_speak_its_language(ask) -> None:
    question = '{ labels(of: ["Fulfilment"]) { values { label } } }'
    accepted = ("zh-CN", "en", "zh", "en-GB;q=0.9, zh;q=0.1")

    told = [await ask(question, accept_language=accept) for accept in accepted]

    assert [answer.data[0]["values"][0]["label"] for answer in told] == ["快递配送", "Delivery"] * 2
    assert [answer.headers["content-language"] for answer in told] == ["zh", "en"] * 2


def test_a_fault_of_ours_is_told_with_its_reference_for_support() -> None:
    told = internal_error(ValueError("secret"), "test", "zh")

    reference = told["extensions"]["reference"]
    assert told["message"] == f"系统繁忙，请稍后再试（编号 {reference}）"
    assert "secret" not in str(told)


def test_every_fault_that_is_not_the_shoppers_speaks_both_languages() -> None:
    facts = {"reference": "1a2b", "seconds": 10.0}

    for code in SENTENCES:
        assert not sentence(code, "zh", **facts).isascii()
        assert sentence(code, "en", **facts).isascii()
    assert sentence("TIMEOUT", "en", seconds=0.5) == "The operation took longer than 0.5 seconds and was cancelled."
