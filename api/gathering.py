"""The documents of an app, gathered from its .graphql files: one for each operation, complete with its fragments."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
    Source,
    Visitor,
    parse,
    print_ast,
    visit,
)

Definition = TypeVar("Definition", OperationDefinitionNode, FragmentDefinitionNode)


class DocumentsUnreadable(ValueError):
    """Files that do not come to one document for each operation."""


def documents_in(paths: Iterable[Path]) -> Iterator[str]:
    """The text of one document for each operation in these files and folders, by its name, its fragments after it.

    Raises DocumentsUnreadable for a file that is not GraphQL, for a name that stands for two things, and for an operation
    without a name or with a fragment that is in none of the files.
    """
    operations: dict[str, OperationDefinitionNode] = {}
    fragments: dict[str, FragmentDefinitionNode] = {}
    for file in _files(paths):
        for definition in _parse(file).definitions:
            if isinstance(definition, FragmentDefinitionNode):
                _add(fragments, definition.name.value, definition, file)
            elif isinstance(definition, OperationDefinitionNode):
                if definition.name is None:
                    raise DocumentsUnreadable(f"{file}: an operation without a name")
                _add(operations, definition.name.value, definition, file)
    for name, operation in sorted(operations.items()):
        try:
            used = sorted(_used(operation, fragments))
        except KeyError as missing:
            raise DocumentsUnreadable(f"{name} spreads {missing.args[0]}, which is in none of the files") from None
        yield print_ast(DocumentNode(definitions=(operation, *(fragments[fragment] for fragment in used))))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.rglob("*.graphql")) if path.is_dir() else [path]


def _parse(file: Path) -> DocumentNode:
    try:
        return parse(Source(file.read_text("utf-8"), str(file)))
    except (OSError, UnicodeDecodeError, GraphQLSyntaxError) as error:
        raise DocumentsUnreadable(f"{file}: {error}") from None


def _add(known: dict[str, Definition], name: str, definition: Definition, file: Path) -> None:
    if name in known and print_ast(known[name]) != print_ast(definition):
        raise DocumentsUnreadable(f"{file}: {name} is something else in another place")
    known[name] = definition


def _used(node: Node, fragments: Mapping[str, FragmentDefinitionNode]) -> set[str]:
    """The names of the fragments that are spread, directly or not. Raises KeyError."""
    used: set[str] = set()
    waiting = [node]
    while waiting:
        spread: list[str] = []
        visit(waiting.pop(), _Spreads(spread))
        waiting += [fragments[name] for name in spread if name not in used]
        used.update(spread)
    return used


class _Spreads(Visitor):
    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self._found = found

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        self._found.append(node.name.value)
