"""What never stands in a log: secrets, and what tells who somebody is.

Two ways together: a value whose name says what it is goes by its name; in any text, what can be told by its shape goes
by that. Names are kept, so that a line still says what was there.
"""

import re
from collections.abc import Mapping
from typing import Any

REMOVED = "***"

_WORDS = (
    r"\w*(?:password|passphrase|passwd|secret)|(?:access|refresh|id|session)_?token|token|"
    r"(?:app|js|login|wechat|phone|totp|pickup|one_?time|recovery)_?codes?|totp(?:_\w+)?|otp|session_?key|"
    r"(?:api|private|seal|pass|token|apiv3)_?keys?|authorization|cookie|openid|open_id|unionid|union_id|payer|"
    r"(?:flash_?sale_?)?pass|place|signature|encrypted_?data|recipient|recipient_name|id_number"
)
_NAME = re.compile(rf"(?:{_WORDS})", re.IGNORECASE)

# What a name says, in a text: password=..., "js_code": "...", 'token': b'...', also with quotes that are escaped, however
# often, or three, or that nobody has closed, for texts are cut off
_NAMED = re.compile(
    rf"""(?<!\w)((?:{_WORDS})\\*["']?\s*[=:]\s*(?:b(?=["']))?)"""
    r"""(?:(\\*(?:"{3}|["']))(?:(?!\2)(?:\\.|[^\\\n]))*(?:\2|\\*$)|(?:(?:Bearer|Basic)\s+)?[^\s"'\\&,;)}\]]+)""",
    re.IGNORECASE | re.MULTILINE,
)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # the credentials of a header, whatever they look like
    (re.compile(r"\b(Bearer|Basic)(\s+|%20)[^\s\"',;}]+", re.IGNORECASE), rf"\1 {REMOVED}"),
    # a JSON Web Token, whole or cut off
    (re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}"), REMOVED),
    # a refresh token
    (re.compile(r"(?<![A-Za-z0-9])nmr_[A-Za-z0-9_.-]+"), f"nmr_{REMOVED}"),
    # what is signed, a pass or a place in a line, has 80 characters and more of base64; no id or digest has as many
    (re.compile(r"(?<![A-Za-z0-9_/+-])[A-Za-z0-9_-]{80,}(?![A-Za-z0-9_/+-])"), REMOVED),
    # keys of companies: Stripe's, its webhooks'
    (re.compile(r"\b(sk|rk|whsec)_[A-Za-z0-9_]{8,}"), rf"\1_{REMOVED}"),
    # the password in an address
    (re.compile(r"(://[^\s:/@]*:)[^\s@/]+@"), rf"\1{REMOVED}@"),
    # a code that somebody signs in with: the codes of errors have capitals only, or fewer digits
    (
        re.compile(
            r"""(?<!\w)(code\\*["']?\s*[=:]\s*\\*["']?)(?=[A-Za-z_-]*\d)(?=[A-Z_-]*[a-z0-9])[A-Za-z0-9_-]{6,}"""
        ),
        rf"\1{REMOVED}",
    ),
    # what pydantic could not read, of which it shows 50 characters, and the row that PostgreSQL would not take
    (re.compile(r"(\binput_value=).{,100}?(?=, input_type=)", re.DOTALL), rf"\1{REMOVED}"),
    (re.compile(r"(\bFailing row contains )\(.*?(?:\)\.?$|\Z)", re.DOTALL | re.MULTILINE), rf"\1{REMOVED}"),
    # a name that WeChat gives a person: 28 characters, among them one at least that no word of a program has
    (re.compile(r"(?<![A-Za-z0-9_-])o(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{27}(?![A-Za-z0-9_-])"), REMOVED),
    # a mobile number of mainland China, kept as people read it out: 138****5678
    (
        re.compile(
            r"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-F]{2}))(?<!\d\.)"
            r"((?:(?:\+|00)?86[ -]?)?1[3-9]\d)[ -]?\d{4}[ -]?(\d{4})(?![0-9A-Za-z])"
        ),
        r"\1****\2",
    ),
)
_CODE = re.compile(r"(?=.*[0-9a-z])[A-Za-z0-9_-]{6,}")
"""A `code` may be an error's, NOT_FOUND or 40029, or one that somebody signs in with."""


def redact(text: str) -> str:
    """The text without what names and shapes give away."""
    text = _NAMED.sub(lambda found: f"{found[1]}{found[2] or ''}{REMOVED}{found[2] or ''}", text)
    for shape, kept in _SHAPES:
        text = shape.sub(kept, text)
    return text


def redact_all(values: Mapping[str, Any]) -> dict[str, Any]:
    """These values, and all within them, redacted. What is no plain value becomes its text."""
    return {name: _of(name, value) for name, value in values.items()}


def _of(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {redact(str(inner)): _of(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_of(name, each) for each in value]
    if value is None or isinstance(value, bool | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    if _NAME.fullmatch(name) or (name == "code" and _CODE.fullmatch(text)):
        return REMOVED
    redacted = redact(text)
    return value if isinstance(value, int) and redacted == text else redacted
