"""A document, read: parsed, measured, validated and prepared for many executions. Never keeps one."""

import re
from itertools import islice
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSyntaxError,
    IntValueNode,
    OperationDefinitionNode,
    StringValueNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.validation import (
    ASTValidationRule,
    NoSchemaIntrospectionCustomRule,
    OverlappingFieldsCanBeMergedRule,
    ValidationContext,
)
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from api.cost import Costs
from api.faults import (
    BAD_REQUEST,
    BAD_USER_INPUT,
    DOCUMENT_TOO_COMPLEX,
    DOCUMENT_TOO_LARGE,
    GRAPHQL_PARSE_FAILED,
    GRAPHQL_VALIDATION_FAILED,
    RequestFault,
)
from api.inputs import Inputs
from api.limits import Limits, excesses
from api.operations import ERRORS_AT_MOST, Operation, PublicSeconds

NUMBER_DIGITS = 100  # nobody's: 64 bits have 19

_LONG_NUMBER = re.compile(rf"\d{{{NUMBER_DIGITS}}}")


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


class Reader:
    """Reads documents for one schema, within limits."""

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        limits: Limits,
        introspection: bool,
        suggestions: bool,
        public_seconds: PublicSeconds | None = None,
    ) -> None:
        self._schema, self._limits, self._inputs = schema, limits, Inputs()
        self._suggestions, self._public_seconds = suggestions, public_seconds
        self._rules: list[type[ASTValidationRule]] = [
            *(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule),
            FieldsCanBeMerged,
            MaybeNullValidationRule,
            OneOfInputValidationRule,
        ]
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)

    def read(self, text: str) -> Document:
        """The document of this text. Raises RequestFault when it cannot be executed."""
        ast = self._parse(text)
        if errors := list(islice(excesses(ast, self._limits), ERRORS_AT_MOST)):
            raise RequestFault.in_document(DOCUMENT_TOO_COMPLEX, errors)
        schema = self._schema._schema
        errors = validate(schema, ast, self._rules, max_errors=ERRORS_AT_MOST, hide_suggestions=not self._suggestions)
        if errors:
            raise RequestFault.in_document(GRAPHQL_VALIDATION_FAILED, errors)
        fragments = {d.name.value: d for d in ast.definitions if isinstance(d, FragmentDefinitionNode)}
        costs = Costs(schema, fragments)
        return Document(
            [
                Operation(
                    self._schema,
                    definition,
                    fragments,
                    inputs=self._inputs,
                    costs=costs,
                    cost_limit=self._limits.cost,
                    is_static="@" not in text,  # an "@" in a comment only costs the sharing
                    suggestions=self._suggestions,
                    public_seconds=self._public_seconds,
                )
                for definition in ast.definitions
                if isinstance(definition, OperationDefinitionNode)
            ]
        )

    def _parse(self, text: str) -> DocumentNode:
        most = self._limits.document_bytes
        if len(text) > most or len(text.encode()) > most:
            raise RequestFault.of(DOCUMENT_TOO_LARGE, f"The document has more than {most} bytes.", well_formed=True)
        try:
            ast = parse(text, max_lexical_tokens=self._limits.tokens)
        except GraphQLSyntaxError as error:
            is_long = f"more than {self._limits.tokens} tokens" in error.message
            raise RequestFault.in_document(DOCUMENT_TOO_LARGE if is_long else GRAPHQL_PARSE_FAILED, [error]) from None
        if "\\u" in text or "\0" in text or _LONG_NUMBER.search(text):
            visit(ast, _Values())
        return ast


class FieldsCanBeMerged(OverlappingFieldsCanBeMergedRule):
    """graphql-core's rule, which compares fields of one name pair by pair, with an end to its patience.

    The house's own documents take some 75 of its steps, of less than a microsecond each; its own end is at half a million.
    """

    steps = 5_000

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = self.steps

    def enter_selection_set(self, *place: Any) -> None:
        """Compare the fields of one selection set. Raises RequestFault when that takes too long."""
        try:
            super().enter_selection_set(*place)
        except ValidationAbortedError:
            if self.rule_context.remaining_complexity_budget >= 0:
                raise  # enough errors were found
            message = "Too many fields of the document have the same name in one place."
            raise RequestFault.of(DOCUMENT_TOO_COMPLEX, message, well_formed=True) from None


class _Values(Visitor):
    """Refuses what nobody can take of a document's own values: PostgreSQL's text holds every character but U+0000, and Python
    reads no number of thousands of digits, in words that are not for clients.
    """

    def enter_int_value(self, node: IntValueNode, *_: object) -> None:
        if len(node.value) >= NUMBER_DIGITS:
            message = f"A number has {NUMBER_DIGITS} digits or more."
            raise RequestFault.of(BAD_USER_INPUT, message, well_formed=True)

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        if "\0" in node.value:
            message = "The character U+0000 is not allowed anywhere in a request."
            raise RequestFault.of(BAD_USER_INPUT, message, well_formed=True)
