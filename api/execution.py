"""The execution of one prepared operation: graphql-core's own executor with the work of every request taken out."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, ClassVar, TypeVar

from graphql import GraphQLError, GraphQLField, GraphQLObjectType, GraphQLResolveInfo
from graphql.execution import Executor, default_field_resolver, default_type_resolver
from graphql.execution.collect_fields import FieldDetailsList, collect_fields
from graphql.execution.values import VariableValues
from graphql.language import FieldNode
from graphql.pyutils import Path, gather_with_cancel
from graphql.type import GraphQLResolveInfoHelpers
from strawberry.execution import optimized_is_awaitable

from api.operations import Operation
from api.plain import Read, plain_object

T = TypeVar("T")
Result = tuple[dict[str, Any] | None, list[GraphQLError]]


class ResolveInfo(GraphQLResolveInfo):  # type: ignore[type-arg]  # the context's type is the schema's affair
    """What strawberry's Info reads. The `extensions` of a request are the edge's own: resolvers see none."""

    __slots__ = ()
    operation_extensions: ClassVar[dict[str, Any]] = {}


class Execution(Executor[Any]):
    """One operation for one request. The base executor: neither @defer nor @stream, and nothing paid for them."""

    def __init__(self, operation: Operation, variables: VariableValues, context: object) -> None:
        super().__init__(
            operation.schema,
            operation.fragment_definitions,
            operation.fragments,
            None,
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
        if operation.is_static:
            # Its keys are field lists by identity, and those of a static operation live as long as it does.
            self._relevant_sub_fields = operation.sub_fields

    async def run(self) -> Result:
        """Data and errors. Never raises for what a field raised; cancellation passes through."""
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
            data = self.execute_root_grouped_field_set(operation.root_type, None, root_fields, serially, None)
            if self.is_awaitable(data):
                data = await data
        except GraphQLError as error:  # a root field that must not be null is
            self.collected_errors.add(error, None)
            data = None
        return data, self.collected_errors.errors  # type: ignore[return-value]  # awaited by now

    def collect_and_execute_subfields(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        path: Path,
        result: Any,
        position_context: None,
    ) -> Any:
        """The answer of an object: by plain calls where that will do, else field by field."""
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


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives back. Raises TimeoutError, and cancels it, when it takes longer than `seconds`.

    asyncio.timeout does the same for three times the price (3 us), paid by every request.
    """
    task = asyncio.current_task()
    assert task is not None
    is_over = False

    def end() -> None:
        nonlocal is_over
        is_over = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, end)
    try:
        return await work
    except asyncio.CancelledError:
        # Not over, or cancelled by somebody else as well: then it is not ours to answer.
        if is_over and task.uncancel() == 0:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
