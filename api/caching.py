"""HTTP caching of answers that are the same for everyone: what tells a cache that it may keep one, and for how long."""

from hashlib import blake2b
from math import ceil

from api.answers import Answer

VARY = b"Accept, Accept-Language, Authorization"


def cacheable(answer: Answer, seconds: float) -> Answer:
    """The answer, if nothing went wrong in it, as one that caches may keep for so many seconds."""
    if answer.outcome != "ok":
        return answer
    return with_seconds_left(answer._replace(digest=blake2b(answer.body, digest_size=12).hexdigest().encode()), seconds)


def with_seconds_left(answer: Answer, seconds: float) -> Answer:
    """A cacheable answer that stays fresh for so many seconds, of which caches count the last one as a whole."""
    headers = ((b"cache-control", b"public, max-age=%d" % ceil(seconds)), (b"vary", VARY))
    return answer._replace(headers=headers)


def entity_tag(answer: Answer, *, newer: bool) -> bytes:
    """A strong one: of the same bytes in another media type it is another."""
    return b'"%b%b"' % (answer.digest, b"-response" if newer else b"")


def is_known(entity_tag: bytes, if_none_match: bytes) -> bool:
    """Whether the client has this very answer already."""
    known = [tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")]
    return entity_tag in known or b"*" in known
