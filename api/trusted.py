"""The file of registered documents: text by id, as `nightmarket documents build` writes it."""

from collections.abc import Mapping
from pathlib import Path

import orjson

from api.documents import id_of
from domain.foundation.settings import Settings


class RegistryUnreadable(ValueError):
    """A file that is not a registry, or none where there must be one: nobody could ask anything."""


def load(settings: Settings) -> dict[str, str]:
    """The registered documents of these settings, text by id. Raises RegistryUnreadable naming the knob."""
    if settings.documents is not None:
        try:
            return read(settings.documents)
        except RegistryUnreadable as fault:
            raise RegistryUnreadable(f"NIGHTMARKET_DOCUMENTS: {fault}") from None
    if not settings.adhoc_documents:
        raise RegistryUnreadable(
            "NIGHTMARKET_DOCUMENTS must name a file of registered documents: NIGHTMARKET_ADHOC_DOCUMENTS is false, so nothing "
            "else would be executed"
        )
    return {}


def read(file: Path) -> dict[str, str]:
    """The documents in a file. Raises RegistryUnreadable, also when an id is not that of its document."""
    try:
        found = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise RegistryUnreadable(f"{file} cannot be read: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise RegistryUnreadable(f"{file} is not an object of documents by their ids")
    for document_id, text in found.items():
        if document_id != id_of(text):
            raise RegistryUnreadable(f"{file}: {document_id} is not the id of its document")
    return found


def write(file: Path, documents: Mapping[str, str]) -> None:
    """Replace a file of documents, at once: whoever reads it meanwhile finds the old ones or the new ones."""
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.write_bytes(
        orjson.dumps(documents, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    )
    unfinished.replace(file)
