"""docs/mini-program.md says what is true: the client is the file, the codes are the code's, the operations exist."""

import json
import re

from api import faults, socket_connection
from api.gathering import documents_in
from domain.foundation.errors import BadInput, NotAllowed, NotSignedIn, RateLimited
from tests.clients.mini_program_page import MEANINGS, PAGE, ROOT, client, tables

CLIENTS = ROOT / "clients"


def test_the_client_on_the_page_is_the_file() -> None:
    assert client() in PAGE.read_text()


def test_the_codes_on_the_page_are_those_of_the_code() -> None:
    assert tables() in PAGE.read_text()


def test_every_code_of_a_fault_is_on_the_page() -> None:
    named = {value for module in (faults, socket_connection) for name, value in vars(module).items() if name == value}
    raised = {fault.code for fault in (BadInput, NotAllowed, NotSignedIn, RateLimited)}

    assert set(MEANINGS) == named | raised


def test_the_operations_on_the_page_and_in_the_client_have_ids() -> None:
    text = PAGE.read_text() + (CLIENTS / "mini-program/nightmarket.js").read_text()
    asked = set(re.findall(r"(?:ask|send|watch)\('(\w+)'", text))
    known = set(re.findall(r'"(\w+)": "sha256:[0-9a-f]{64}"', (CLIENTS / "mini-program/documents.js").read_text()))

    assert len(asked) > 10
    assert asked - known == set()


def test_every_operation_is_registered() -> None:
    registered = set(json.loads((CLIENTS / "documents.json").read_text()).values())

    missing = [text.split("{")[0] for text in documents_in([CLIENTS / "documents"]) if text not in registered]

    assert missing == [], "run `nightmarket documents build clients/documents --out clients/documents.json`"
