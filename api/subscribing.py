"""Subscriptions: from one that was prepared to its answers, one for each event of its source. Never sees a socket."""

from collections.abc import AsyncIterator, Callable
from inspect import isawaitable
from typing import Any, NamedTuple

import orjson
from graphql import ExecutionResult, GraphQLError
from graphql.execution import create_source_event_stream
from graphql.execution.values import VariableValues

from api.answering import Answering, not_admitted
from api.answers import Answer
from api.execution import Execution
from api.faults import RequestFault, sort_out
from api.operations import Operation


class Begun(NamedTuple):
    """A subscription that may go on: what each event of its source is executed with."""

    operation: Operation
    variables: VariableValues
    extensions: orjson.Fragment
    source: Any


async def begin(
    answering: Answering,
    operation: Operation,
    given: dict[str, Any],
    make_context: Callable[[], object],
    language: str = "en",
) -> Begun:
    """The subscription with what its resolver gave back. Raises RequestFault for one that may not begin; `language` is
    what that speaks.
    """
    context, variables, extensions = await answering.admit(operation, given, make_context, language)
    source: Any = create_source_event_stream(Execution(operation, variables, context))
    if isawaitable(source):
        source = await source
    if isinstance(source, ExecutionResult):
        raise _failed(source.errors or [], answering, operation, language)
    return Begun(operation, variables, extensions, source)


async def answers(
    answering: Answering,
    operation: Operation,
    given: dict[str, Any],
    make_context: Callable[[], object],
    language: str = "en",
) -> AsyncIterator[Answer]:
    """The answers of a subscription from its beginning; as `begin` and `answers_of`."""
    begun = await begin(answering, operation, given, make_context, language)
    async for answer in answers_of(answering, begun, make_context, language):
        yield answer


async def answers_of(
    answering: Answering, begun: Begun, make_context: Callable[[], object], language: str = "en"
) -> AsyncIterator[Answer]:
    """The answers of a subscription until its source ends; closed before that, it closes the source.

    Every event has a context of its own: its own moment, its own loaders, and a token that is checked again. Raises
    RequestFault for a subscription that may not go on, and when its source fails.
    """
    operation, variables, extensions, source = begun
    events = aiter(source)
    try:
        async for event in events:
            try:
                fresh = make_context()
            except answering.client_errors as error:
                raise not_admitted(error, language) from None
            yield await answering.run(operation, fresh, variables, extensions, event=event)
    except RequestFault:
        raise
    except Exception as error:
        failure = GraphQLError(str(error), original_error=error)
        raise _failed([failure], answering, operation, language) from None
    finally:
        await events.aclose()


def _failed(errors: list[GraphQLError], answering: Answering, operation: Operation, language: str) -> RequestFault:
    entries, _ = sort_out(errors, answering.client_errors, operation.label, language)
    return RequestFault(entries, well_formed=True)
