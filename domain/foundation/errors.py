"""The kinds of "no": a refusal (part of the trade) and a fault of the client.

A refusal is raised, so that its transaction rolls back, and reaches the client as a member of the field's
result union. A client fault becomes a top-level GraphQL error with a code. Anything else is a fault of ours.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar


class Refusal(Exception):
    """Something the trade does not allow now. Subclasses are frozen dataclasses whose fields are the facts."""

    code: ClassVar[str]
    zh: ClassVar[str]
    en: ClassVar[str]

    @property
    def facts(self) -> dict[str, Any]:
        """What the refusal is about, by name, typed; also the words its message may use."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def message(self, language: str = "zh") -> str:
        """The sentence a shopper reads, in Chinese unless `language` is "en"."""
        return (self.en if language == "en" else self.zh).format(**self.facts)

    def __str__(self) -> str:
        return self.message("en")


class ClientFault(Exception):
    """The request itself is wrong: not signed in, not allowed, malformed. `code` is fixed for programs."""

    code: ClassVar[str] = "BAD_REQUEST"


class NotSignedIn(ClientFault):
    """No access token, or one that is not valid any more."""

    code = "UNAUTHENTICATED"


class NotAllowed(ClientFault):
    """Signed in, but without the role this needs."""

    code = "FORBIDDEN"


class BadInput(ClientFault):
    """A value outside what is allowed; the message names the value and the range."""

    code = "BAD_USER_INPUT"


@dataclass(frozen=True)
class NotFound(Refusal):
    """There is no such thing, or it is not the asker's to see; which of the two is not told."""

    kind: str
    id: str

    code: ClassVar[str] = "NOT_FOUND"
    zh: ClassVar[str] = "找不到该内容（{kind}）"
    en: ClassVar[str] = "no {kind} with id {id}"


@dataclass(frozen=True)
class IdempotencyConflict(Refusal):
    """The key was used before for another request."""

    key: str

    code: ClassVar[str] = "IDEMPOTENCY_CONFLICT"
    zh: ClassVar[str] = "请求编号 {key} 已用于另一个请求"
    en: ClassVar[str] = "idempotency key {key} was used for a different request"
