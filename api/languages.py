"""Which of the market's two languages an answer speaks, chosen by what a client accepts."""

import re
from functools import lru_cache

LANGUAGES = ("zh", "en")  # the first where nothing speaks for another
HEADER_BYTES = 500  # longer Accept-Language headers are nobody's, and are not worth remembering
_RANGE = re.compile(r"\s*(\*|[a-z]{1,8})(?:[-_][a-z0-9]{1,8})*\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")
_UNNAMED = 0.0001  # what is not named is better than what is refused with q=0, and worse than anything named


def language_of(accept: bytes) -> str:
    """Either "zh" or "en", whichever an Accept-Language header (RFC 9110, 12.5.4) gives the greater weight.

    Of the same weight, the one named first; Chinese where neither is named. Regions and scripts make no difference,
    "en_US" is read as "en-US", and what cannot be read is passed over.
    """
    return _read(accept) if len(accept) <= HEADER_BYTES else LANGUAGES[0]


@lru_cache(maxsize=256)
def _read(accept: bytes) -> str:
    weights: dict[str, float] = {}
    for text in accept.decode("latin-1").lower().split(","):
        if read := _RANGE.fullmatch(text):
            name, quality = read[1], float(read[2] or 1)
            weights[name] = max(quality, weights.get(name, 0.0))
    others = weights.get("*", _UNNAMED)
    named_first = sorted(LANGUAGES, key=lambda name: list(weights).index(name) if name in weights else len(weights))
    return max(named_first, key=lambda name: weights.get(name, others))
