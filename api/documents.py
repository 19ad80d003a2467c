"""Documents, read once: parsed, measured, validated and prepared for many executions. Never sees a request."""

from collections import OrderedDict
from itertools import islice

import strawberry
from graphql import (
    FragmentDefinitionNode,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import NoSchemaIntrospectionCustomRule
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from api.faults import (
    BAD_REQUEST,
    DOCUMENT_TOO_COMPLEX,
    DOCUMENT_TOO_LARGE,
    GRAPHQL_PARSE_FAILED,
    GRAPHQL_VALIDATION_FAILED,
    RequestFault,
)
from api.limits import Limits, excesses
from api.operations import ERRORS_AT_MOST, Operation, PublicSeconds


class Document:
    """A valid document: its operations by name."""

    def __init__(self, operations: list[Operation]) -> None:
        self.only = operations[0] if len(operations) == 1 else None
        self.by_name = {operation.node.name.value: operation for operation in operations if operation.node.name}

    def operation(self, name: str | None) -> Operation:
        """The operation of that name, or the only one. Raises RequestFault when there is none such."""
        chosen = self.only if name is None else self.by_name.get(name)
        if chosen is not None:
            return chosen
        message = (
            "The document has several operations: operationName says which one."
            if name is None
            else "The document has no operation of that name."
        )
        raise RequestFault.of(BAD_REQUEST, message, well_formed=True)


class Documents:
    """The documents read lately, least recently used first to go. Those that are not valid are not kept.

    `kept_characters` counts their text; parsed and prepared, a document takes 50 to 200 bytes for each.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        limits: Limits,
        introspection: bool,
        suggestions: bool,
        public_seconds: PublicSeconds | None = None,
        kept_characters: int = 250_000,
    ) -> None:
        self._schema, self._limits = schema, limits
        self._suggestions, self._public_seconds = suggestions, public_seconds
        self._rules = [*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule]
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._room = kept_characters

    def get(self, text: str) -> Document:
        """The document of this text, read now unless it was before. Raises RequestFault when it cannot be executed."""
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
            return document
        document = self._kept[text] = self._read(text)
        self._room -= len(text)
        while self._room < 0:
            forgotten, _ = self._kept.popitem(last=False)
            self._room += len(forgotten)
        return document

    def _read(self, text: str) -> Document:
        if len(text) > self._limits.document_bytes or len(text.encode()) > self._limits.document_bytes:
            raise RequestFault.of(
                DOCUMENT_TOO_LARGE,
                f"The document has more than {self._limits.document_bytes} bytes.",
                well_formed=True,
            )
        try:
            ast = parse(text, max_lexical_tokens=self._limits.tokens)
        except GraphQLSyntaxError as error:
            is_long = f"more than {self._limits.tokens} tokens" in error.message
            raise RequestFault.in_document(DOCUMENT_TOO_LARGE if is_long else GRAPHQL_PARSE_FAILED, [error]) from None
        if errors := list(islice(excesses(ast, self._limits), ERRORS_AT_MOST)):
            raise RequestFault.in_document(DOCUMENT_TOO_COMPLEX, errors)
        errors = validate(
            self._schema._schema,
            ast,
            self._rules,
            max_errors=ERRORS_AT_MOST,
            hide_suggestions=not self._suggestions,
        )
        if errors:
            raise RequestFault.in_document(GRAPHQL_VALIDATION_FAILED, errors)
        fragments = {d.name.value: d for d in ast.definitions if isinstance(d, FragmentDefinitionNode)}
        return Document(
            [
                Operation(
                    self._schema,
                    definition,
                    fragments,
                    is_static="@" not in text,  # an "@" in a comment only costs the sharing
                    suggestions=self._suggestions,
                    public_seconds=self._public_seconds,
                )
                for definition in ast.definitions
                if isinstance(definition, OperationDefinitionNode)
            ]
        )
