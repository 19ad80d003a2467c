"""`nightmarket documents`: the registry of the documents that apps may send."""

import re
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

app = typer.Typer(help="The registry of the documents that apps may send.", no_args_is_help=True)

BROKEN = 1
CANNOT_READ = 2


@app.command()
def build(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files of operations and fragments (.graphql), or folders of them.", exists=True),
    ],
    out: Annotated[Path, typer.Option("--out", help="The registry; what is in it already stays.", dir_okay=False)],
    prune: Annotated[
        bool, typer.Option("--prune", help="Drop what PATHS do not have: apps that still ask for it will be refused.")
    ] = False,
) -> None:
    """Register one document for each operation, with the fragments it uses.

    Exit code 0: all of them are registered. 1: some cannot be executed, and nothing was written. 2: a file cannot be read.
    """
    from api import trusted
    from api.documents import id_of
    from api.gathering import documents_in

    try:
        wanted = {id_of(text): text for text in documents_in(paths)}
        before = trusted.read(out) if out.exists() and not prune else {}
    except ValueError as fault:
        raise _unreadable(fault) from None
    broken = _show(before | wanted, new=wanted.keys() - before.keys())
    if broken & wanted.keys():
        Console(stderr=True).print(Text("nothing was written", style="red"))
        raise typer.Exit(BROKEN)
    trusted.write(out, before | wanted)
    print(f"{len(before | wanted)} documents in {out}, {len(wanted.keys() - before.keys())} of them new")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The registry.", exists=True, dir_okay=False)],
) -> None:
    """Tell which registered documents this version of the market would refuse: ask before it is rolled out.

    Exit code 0: none. 1: some, and the table names why. 2: the file cannot be read.
    """
    from api import trusted

    try:
        registered = trusted.read(file)
    except ValueError as fault:
        raise _unreadable(fault) from None
    if _show(registered):
        raise typer.Exit(BROKEN)


def _show(documents: Mapping[str, str], *, new: Iterable[str] = ()) -> Set[str]:
    """Print a table of documents; gives back the ids of those that cannot be executed."""
    from graphql.execution.values import VariableValues

    from api import schema
    from api.faults import RequestFault
    from api.limits import Limits
    from api.reading import Reader

    reader = Reader(schema.build(), limits=Limits(), introspection=False, suggestions=True)
    table = Table()
    for heading in ("operation", "id", "cost at most", "state"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")
    console, new = Console(), set(new)
    reasons: dict[str, str] = {}
    for document_id, text in documents.items():
        name = (re.findall(r"\b(?:query|mutation|subscription)\s+(\w+)", text) or [""])[0]
        try:
            operation = reader.read(text).operation(None)
            if isinstance(operation.cost, int):
                operation.price(VariableValues({}, {}))  # too dear whatever its variables are
        except RequestFault as fault:
            reasons[document_id] = f"{name}: {fault}"
            table.add_row(name, document_id[:19], "", Text("cannot be executed", style="red"))
            continue
        state = "new" if document_id in new else ""
        told_cost = str(operation.cost) if isinstance(operation.cost, int) else "by its variables"
        table.add_row(name, document_id[:19], told_cost, state)
    console.print(table)
    for reason in reasons.values():
        console.print(Text(reason, style="red"), soft_wrap=True)
    return reasons.keys()


def _unreadable(fault: ValueError) -> typer.Exit:
    Console(stderr=True).print(Text(str(fault), style="red"))
    return typer.Exit(CANNOT_READ)
