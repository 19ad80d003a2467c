"""The registered documents that come with the image: all that it executes, unless an operator names others."""

import json
import re
from pathlib import Path

from api import schema, trusted
from api.gathering import documents_in
from api.limits import Limits
from api.reading import Reader
from tests.packaging.tree import ROOT

REGISTRY = ROOT / "clients" / "documents.json"
OFF_IN_PRODUCTION = ("ADHOC_DOCUMENTS", "INTROSPECTION", "SUGGESTIONS", "GRAPHIQL")


def test_the_image_is_closed_and_has_its_registry() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    told = dict(re.findall(r"\bNIGHTMARKET_([A-Z_]+)=(\S+)", dockerfile))

    assert {name: told[name] for name in OFF_IN_PRODUCTION} == dict.fromkeys(OFF_IN_PRODUCTION, "false")
    assert f"COPY clients/documents.json {told['DOCUMENTS']}\n" in dockerfile


def test_everything_in_it_can_be_executed_with_room_to_spare() -> None:
    limits = Limits()
    reader = Reader(schema.build(), limits=limits, introspection=False, suggestions=True)

    for text in trusted.read(REGISTRY).values():
        operation = reader.read(text).operation(None)
        cost = operation.cost if isinstance(operation.cost, int) else operation.cost({"first": 100})
        assert cost < limits.cost / 2, text


def test_every_document_of_the_clients_is_in_it() -> None:
    assert set(documents_in([Path(ROOT / "clients" / "documents")])) <= set(json.loads(REGISTRY.read_text()).values())
