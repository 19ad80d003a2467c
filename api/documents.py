"""The documents of one process: registered ones for good, others read lately. Never sees variables.

A document's id is the SHA-256 of its text. So whoever sends a text has thereby named it: the next request of an Apollo
client may send the hash alone. Nothing of this is kept anywhere but here, and the room is bounded.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256

import structlog

from api.faults import (
    BAD_REQUEST,
    DOCUMENT_NOT_TRUSTED,
    PERSISTED_QUERY_NOT_FOUND,
    PERSISTED_QUERY_NOT_SUPPORTED,
    RequestFault,
)
from api.reading import Document, Reader
from api.reading_time import ReadingTime
from api.requests import Request

LEAST_CHARACTERS = 50  # what the shortest document takes is counted as so many characters more

log = structlog.get_logger(__name__)


def id_of(text: str) -> str:
    """The id of a document: sha256:<64 hex digits>."""
    return f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


class Documents:
    """Documents by text and by id; those read lately are forgotten least recently used first.

    `registered` holds texts by id. One that cannot be executed any more does not keep the others from being served: it
    is logged as an error, and whoever asks for it is told why. With `adhoc`, documents that nobody has registered are
    read too. `kept_characters` counts the text of those; parsed and prepared, a document takes 50 to 150 bytes for each.
    Invalid ones are not kept. Where `reading_time` is given, the time that reading takes is limited by address.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        registered: Mapping[str, str] | None = None,
        adhoc: bool = True,
        reading_time: ReadingTime | None = None,
        kept_characters: int = 250_000,
    ) -> None:
        self._reader, self._adhoc, self._reading_time = reader, adhoc, reading_time
        self._registered: dict[str, Document | RequestFault] = {}
        self._registered_ids: dict[str, str] = {}
        for document_id, text in (registered or {}).items():
            self._registered[document_id] = self._register(document_id, text)
            self._registered_ids[text] = document_id
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._kept_texts: dict[str, str] = {}
        self._room = kept_characters

    def find(
        self, request: Request, *, only_persisted: bool = False, address: Callable[[], str] | None = None
    ) -> Document:
        """The document that is asked for. Raises RequestFault when there is none, or none that can be executed, and
        RateLimited for one that would have to be read when its `address` has sent too many.

        With `only_persisted` a text is not enough, unless it is a registered one's.
        """
        text, document_id = request.text, request.document_id
        if text is None:
            assert document_id is not None
            return self._by_id(document_id, request.is_automatic)
        if document_id is not None and document_id != id_of(text):
            raise RequestFault.of(BAD_REQUEST, "The hash is not that of the query.", well_formed=True)
        if (registered_id := self._registered_ids.get(text)) is not None:
            return self._by_id(registered_id, is_automatic=False)
        if not self._adhoc:
            raise RequestFault.of(
                DOCUMENT_NOT_TRUSTED, "Only registered documents are executed here.", well_formed=True
            )
        if only_persisted:
            message = "Only registered documents are executed by GET: send others by POST."
            raise RequestFault.of(DOCUMENT_NOT_TRUSTED, message, well_formed=True)
        return self._by_text(text, address)

    def _by_id(self, document_id: str, is_automatic: bool) -> Document:
        registered = self._registered.get(document_id)
        if isinstance(registered, Document):
            return registered
        if registered is not None:
            raise registered
        if (text := self._kept_texts.get(document_id)) is not None:
            return self._by_text(text)
        # Apollo clients read these words; after the first they send the text along, after the second they stop asking
        if is_automatic and not self._adhoc:
            raise RequestFault.of(PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported", well_formed=True)
        raise RequestFault.of(PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound", well_formed=True)

    def _by_text(self, text: str, address: Callable[[], str] | None = None) -> Document:
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
            return document
        document = self._kept[text] = self._read(text, address)
        self._kept_texts[id_of(text)] = text
        self._room -= len(text) + LEAST_CHARACTERS
        while self._room < 0:
            forgotten, _ = self._kept.popitem(last=False)
            del self._kept_texts[id_of(forgotten)]
            self._room += len(forgotten) + LEAST_CHARACTERS
        return document

    def _read(self, text: str, address: Callable[[], str] | None) -> Document:
        if self._reading_time is None or address is None:
            return self._reader.read(text)
        return self._reading_time.read(address(), partial(self._reader.read, text))

    def _register(self, document_id: str, text: str) -> Document | RequestFault:
        try:
            return self._reader.read(text)
        except RequestFault as fault:
            log.error("a registered document cannot be executed", document=document_id, reason=str(fault))
            return fault
