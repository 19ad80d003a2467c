"""Secrets and personal data never reach the log, wherever in an event they stand."""

import json
import subprocess
import sys

import pytest

from domain.foundation import logs
from domain.foundation.redaction import redact, redact_all

OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
PHONE = "13812345678"
JWT = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJzdWIiOiIwMThmIn0.c2lnbmF0dXJlLW9mLXNvbWVib2R5"
REFRESH = "nmr_Zm9yZXZlci15b3Vycy1hbmQtbWluZQ"
PASS = "AZ" * 51 + "x"
CODE = "0a3Jxp000QmCXN1hq2000Ykz2q3Jxp0L"
NASTY = {
    "bearer": f"Bearer {JWT}",
    "refresh": REFRESH,
    "pass": PASS,
    "phone": PHONE,
    "openid": OPENID,
    "js_code": CODE,
    "session_key": "tiihtNczf5v6AKRyjwEUhQ==",
    "password": "correct horse battery staple",
    "totp": "492039",
    "secret": "9f86d081884c7d659a2feaa0c55ad015",
}
MARKS = (
    JWT, JWT.split(".")[1], REFRESH[4:], PASS, PHONE, OPENID, CODE, "tiihtNczf5v6", "horse battery", "492039", "9f86d081884c",
    "hunter2",
)  # fmt: skip

PROGRAM = """
import json, logging, sys
import structlog
from domain.foundation import logs

logs.configure(level="INFO", as_json=sys.argv[1] == "json")
nasty = json.loads(sys.argv[2])
ours, theirs = structlog.get_logger("market"), logging.getLogger("library")
ours.info("all", **nasty)
ours.info("nested", variables={"input": [nasty, {"deeper": nasty}]})
ours.warning("said: " + json.dumps(nasty))
ours.warning(f"printed: {nasty!r}")
theirs.warning("headers were %r, phone %s", {"Authorization": nasty["bearer"]}, nasty["phone"])
theirs.warning("GET https://api.weixin.qq.com/sns/jscode2session?appid=wx1&secret=%s&js_code=%s", nasty["secret"], nasty["js_code"])
theirs.warning("postgresql://night:hunter2@db/market")

class Shopper:
    def __repr__(self):
        return f"Shopper({nasty['openid']}, {nasty['phone']})"

ours.warning("object", who=Shopper(), number=int(nasty["phone"]))
try:
    try:
        raise ValueError(f"Key (subject)=({nasty['openid']}) already exists, {nasty['phone']}")
    except ValueError as first:
        raise RuntimeError(f"refresh token {nasty['refresh']} of {json.dumps(nasty)}") from first
except RuntimeError:
    ours.error("failed", exc_info=True)
    theirs.exception("failed too")
"""


@pytest.mark.parametrize("format", ["json", "text"])
def test_nothing_of_a_nasty_collection_is_written(format: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, format, json.dumps(NASTY)], capture_output=True, text=True, check=True
    )

    assert [mark for mark in MARKS if mark in ran.stderr] == []
    assert "138****5678" in ran.stderr
    assert "Key (subject)=" in ran.stderr
    assert "Traceback" in ran.stderr
    if format == "json":
        lines = [json.loads(line) for line in ran.stderr.splitlines()]
        assert len(lines) == 10
        assert lines[0].keys() >= NASTY.keys()
        assert lines[1]["variables"]["input"][1]["deeper"].keys() == NASTY.keys()


@pytest.mark.parametrize(
    "harmless",
    [
        "order_01jcqy4zr8f7xbm3w5k2t9v0ha was paid at 2026-11-11T12:00:00.138123+08:00",
        "018f3c5e-7b1a-7c3e-9d2f-138123456789",
        "sha256:" + "0123456789abcdef" * 4,
        "took 0.13812345678 s, 1762833600138 ms",
        "offset_of_a_column_long_name",
        "the code was NOT_FOUND, the state QUEUED",
        "code=NOT_FOUND, code: 40029, 'code': 'ECONNREFUSED'",
        'File "/nightmarket/lib/python3.13/site-packages/domain/flash_sales/reserving.py", line 70, in reserve',
    ],
)
def test_what_is_nobodys_stays_readable(harmless: str) -> None:
    assert redact(harmless) == harmless


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("+86 138 1234 5678", "+86 138****5678"),
        ("电话：13812345678。", "电话：138****5678。"),
        ("Basic bmlnaHQ6bWFya2V0", "Basic ***"),
        ("authorization: Bearer abc", "authorization: ***"),
        ("redis://:s3cret@gate:6379/0", "redis://:***@gate:6379/0"),
        ("whsec_0123456789", "whsec_***"),
        ("password='it is long', user='mei'", "password='***', user='mei'"),
        ('{"newPassword":"it\\"s long","x":1}', '{"newPassword":"***","x":1}'),
        (r'"{\\\"password\\\":\\\"hunter2\\\"}"', r'"{\\\"password\\\":\\\"***\\\"}"'),
        (
            'signIn(input: {password: """hunter2""", code: "492039"})',
            'signIn(input: {password: """***""", code: "***"})',
        ),
        ("password=b'hunter2'", "password=b'***'"),
        ('password="cut off in the mid', 'password="***"'),
        ("/graphql?oneTimeCode=492039&phone=%2B8613812345678", "/graphql?oneTimeCode=***&phone=%2B86138****5678"),
        ("008613812345678", "0086138****5678"),
        (
            "openid\n  Value error, no [type=value_error, input_value={'name': '王伟'}, input_type=dict]",
            "openid\n  Value error, no [type=value_error, input_value=***, input_type=dict]",
        ),
        (
            "violates check\nDETAIL:  Failing row contains (018f, 王伟, 文三路 1 号\n(西), t).\nSQL",
            "violates check\nDETAIL:  Failing row contains ***\nSQL",
        ),
    ],
)
def test_what_is_somebodys_goes(given: str, written: str) -> None:
    assert redact(given) == written


def test_a_code_is_an_errors_or_somebodys() -> None:
    kept = {"code": "NOT_FOUND", "errcode": 40029}
    assert redact_all(kept) == kept
    assert redact_all({"code": CODE, "inner": {"code": "492039"}}) == {"code": "***", "inner": {"code": "***"}}


def test_redacting_takes_time_in_proportion_to_the_text() -> None:
    for text in (
        "a_" * 50_000,
        "token " * 20_000,
        "o" * 100_000,
        "://a:" * 20_000,
        "1" * 100_000,
        '"token": "' * 10_000,
        'token="' + "a\\\\" * 50_000,
        "input_value=" * 10_000,
        "Failing row contains (" * 1_000,
    ):
        redact(text)


def test_of_a_long_text_the_beginning_is_written_and_of_a_long_traceback_the_end():
    event = logs._shorten(None, "error", {"event": "a" * 20_000, "exception": "b" * 20_000 + "the error", "count": 3})

    assert (len(event["event"]), len(event["exception"])) == (8_004, 8_004)
    assert event["exception"].endswith("the error")
    assert event["count"] == 3


def test_texts_within_lists_and_mappings_are_cut_as_well():
    deep = {"a": [{"b": ["c" * 20_000] * 10}]}
    event = logs._shorten(
        None, "error", {"places": ["a" * 20_000] * 2_000, "facts": {"why": "b" * 20_000}, "deep": deep}
    )

    assert event["places"] == ["a" * 1_000 + " ..."] * 100
    assert event["facts"] == {"why": "b" * 1_000 + " ..."}
    assert len(str(event["deep"])) < 1_100


def test_nobody_writes_a_line_of_their_own_or_to_the_terminal():
    program = (
        "import logging, structlog\n"
        "from domain.foundation import logs\n"
        "logs.configure()\n"
        "structlog.get_logger('market').warning('one', why='a\\nforged')\n"
        "logging.getLogger('library').warning('two %s', 'a\\r\\nforged \\x1b[2J')\n"
        "structlog.get_logger('market').warning('three', why='\\x1b]0;forged\\x07')\n"
        "try:\n"
        "    raise ValueError('\\x1b[2J')\n"
        "except ValueError:\n"
        "    logging.getLogger('library').exception('four')\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "\x1b" not in ran.stderr
    assert [line[:2] for line in ran.stderr.splitlines() if not line.startswith(" ")][:3] == ["20", "20", "20"]
    assert ran.stderr.count("\nTraceback") == 1
