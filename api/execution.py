"""The execution of one prepared operation: graphql-core's own executor with the work of every request taken out."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

from graphql import GraphQLError, GraphQLField, GraphQLList, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.execution import Executor, default_field_resolver, default_type_resolver
from graphql.execution.collect_fields import FieldDetailsList, collect_fields
from graphql.execution.values import VariableValues
from graphql.language import FieldNode
from graphql.pyutils import Path, gather_with_cancel
from graphql.type import GraphQLResolveInfoHelpers
from strawberry.execution import optimized_is_awaitable

from api.access import GUARD
from api.faults import AnswerTooLarge
from api.operations import Operation
from api.plain import Read, plain_object

Result = tuple[dict[str, Any] | None, list[GraphQLError]]

MOST_ENTRIES = 10_000
"""Entries of all the lists of one answer, at most. A list within a list multiplies, and a document's length says nothing
of it. What is read plainly within an entry is not counted: it is part of what was read with the entry."""


class ResolveInfo(GraphQLResolveInfo):  # type: ignore[type-arg]  # the context's type is the schema's affair
    """What strawberry's Info reads. The `extensions` of a request are the edge's own: resolvers see none."""

    __slots__ = ()
    operation_extensions: ClassVar[dict[str, Any]] = {}


class Execution(Executor[Any]):
    """One operation for one request. The base executor: neither @defer nor @stream, and nothing paid for them."""

    def __init__(self, operation: Operation, variables: VariableValues, context: object, event: object = None) -> None:
        super().__init__(
            operation.schema,
            operation.fragment_definitions,
            operation.fragments,
            event,
            context,
            operation.node,
            variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # strawberry's says bool
            hide_suggestions=not operation.suggestions,
        )
        # graphql-core's own pair refers back to the execution: a cycle, left to the garbage collector by every request.
        self.async_helpers = HELPERS
        self.prepared = operation
        self.entries = 0
        if operation.is_static:
            # Its keys are field lists by identity, and those of a static operation live as long as it does.
            self._relevant_sub_fields = operation.sub_fields

    async def run(self) -> Result:
        """Data and errors. Never raises for what a field raised; cancellation passes through.

        An answer of more than MOST_ENTRIES entries is none: no data, and that as the only error.
        """
        operation = self.prepared
        try:
            root_fields = operation.root_fields
            if root_fields is None:
                root_fields = collect_fields(
                    operation.schema,
                    operation.fragments,
                    self.variable_values,
                    operation.root_type,
                    operation.node,
                    self.hide_suggestions,
                ).grouped_field_set
                if operation.is_static:
                    operation.root_fields = root_fields
            # The root fields of a mutation wait for one another; one alone has nobody to wait for.
            serially = operation.kind == "mutation" and len(root_fields) > 1
            data = self.execute_root_grouped_field_set(
                operation.root_type, self.root_value, root_fields, serially, None
            )
            if self.is_awaitable(data):
                data = await data
        except GraphQLError as error:  # a root field that must not be null is
            self.collected_errors.add(error, None)
            data = None
        if self.entries > MOST_ENTRIES:
            too_large = AnswerTooLarge(f"The lists of the answer have more than {MOST_ENTRIES} entries.")
            return None, [GraphQLError(str(too_large), original_error=too_large)]
        return data, self.collected_errors.errors  # type: ignore[return-value]  # awaited by now

    def complete_list_value(
        self,
        return_type: GraphQLList[GraphQLOutputType],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: None,
    ) -> Any:
        """The entries of a list, counted before the first of them is completed: the rest of a too large answer fails fast."""
        if type(result) is list:
            self.entries += len(result)
            if self.entries > MOST_ENTRIES:
                raise AnswerTooLarge
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    def collect_and_execute_subfields(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        path: Path,
        result: Any,
        position_context: None,
    ) -> Any:
        """The answer of an object that the asker may see: by plain calls where that will do, else field by field."""
        if (guard := return_type.extensions.get(GUARD)) is not None:
            guard(self.context_value.principal, result)
        if (read := self._plain(return_type, field_details_list)) is not None:
            # whatever it raises, the executor meets again on its own way, and knows what to say of it
            with suppress(Exception):
                return read(result)
        return super().collect_and_execute_subfields(return_type, field_details_list, path, result, position_context)

    def _plain(self, return_type: GraphQLObjectType, asked: FieldDetailsList) -> Read | None:
        operation = self.prepared
        if not operation.is_static:
            return None
        key = return_type, id(asked)  # kept alive by the operation, as the keys of its sub_fields are
        if key not in operation.plain:
            operation.plain[key] = plain_object(
                return_type, asked, lambda kind, details: self.collect_subfields(kind, details).grouped_field_set
            )
        return operation.plain[key]

    def build_resolve_info(
        self, field_def: GraphQLField, field_nodes: list[FieldNode], parent_type: GraphQLObjectType, path: Path
    ) -> GraphQLResolveInfo[Any]:
        """What a resolver may know of its place. Made once per field, so straight from a tuple."""
        return tuple.__new__(
            ResolveInfo,
            (
                field_nodes[0].name.value,
                field_nodes,
                field_def.type,
                parent_type,
                path,
                self.schema,
                self.fragment_definitions,
                None,
                self.operation,
                self.variable_values.coerced,  # plain, as strawberry hands them to resolvers
                self.context_value,
                self.is_awaitable,
                None,
                self.async_helpers,
            ),
        )


_settling: set[asyncio.Future[Any]] = set()


def _track(values: Sequence[Any]) -> None:
    """Let the awaitables among these values, which nobody waits for any more, come to their end."""
    for value in values:
        if optimized_is_awaitable(value):
            future = asyncio.ensure_future(value)
            _settling.add(future)
            future.add_done_callback(_settled)


def _settled(future: asyncio.Future[Any]) -> None:
    _settling.discard(future)
    if not future.cancelled():
        future.exception()  # looked at, so that asyncio does not report it as never retrieved


HELPERS = GraphQLResolveInfoHelpers(gather=lambda values: gather_with_cancel(*values), track=_track)
