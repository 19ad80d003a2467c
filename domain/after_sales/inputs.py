"""What people may write into an after-sale: words, pictures, a parcel's number, units to put back."""

from collections.abc import Mapping, Sequence

from domain.after_sales.rules import AfterSaleLine
from domain.foundation.errors import BadInput

MOST_EVIDENCE = 9
LONGEST_WORDS = 500
LONGEST_URL = 500


def check_words(words: str, *, needed: bool = False) -> str:
    """The words without blanks around them. Raises BadInput for too many, and for none where they are needed."""
    said = words.strip()
    if len(said) > LONGEST_WORDS or "\0" in said or (needed and not said):
        raise BadInput(f"words have {len(said)} characters; allowed: {int(needed)} to {LONGEST_WORDS}, and no NUL")
    return said


def check_evidence(urls: Sequence[str]) -> list[str]:
    """The pictures' addresses. Raises BadInput for more than nine, or one that is no https address."""
    if len(urls) > MOST_EVIDENCE:
        raise BadInput(f"{len(urls)} pictures; allowed: at most {MOST_EVIDENCE}")
    for url in urls:
        host = url.removeprefix("https://").partition("/")[0]
        if not url.startswith("https://") or not host or not url.isprintable() or " " in url or len(url) > LONGEST_URL:
            raise BadInput(f"evidence {url[:80]!r} is not allowed: https addresses of at most {LONGEST_URL} characters")
    return list(urls)


def check_parcel(carrier: str, number: str) -> tuple[str, str]:
    """Carrier and tracking number without blanks around them. Raises BadInput for none, or too long ones."""
    for name, text, longest in (("carrier", carrier.strip(), 20), ("number", number.strip(), 40)):
        if not 1 <= len(text) <= longest or not text.isprintable():
            raise BadInput(f"{name} {text[:60]!r} is not allowed: 1 to {longest} characters")
    return carrier.strip(), number.strip()


def check_restock(restock: Mapping[int, int], lines: Sequence[AfterSaleLine]) -> None:
    """Raises BadInput for units that were not sent back; those that are not restocked are written off."""
    sent = {line.position: line.sent for line in lines}
    for position, quantity in sorted(restock.items()):
        if not 0 <= quantity <= sent.get(position, -1):
            raise BadInput(
                f"line {position}: restock is {quantity}; allowed: 0 to {sent.get(position, 0)} units sent back"
            )
