"""`nightmarket documents`: operations and fragments of many files come to one document for each operation."""

from pathlib import Path

import orjson
import pytest
from graphql import parse, print_ast
from typer.testing import CliRunner, Result

from api import trusted
from api.documents import id_of
from cli.main import app

CATALOGUE = "query Catalogue($first: Int!) { products(first: $first) { nodes { ...Card } } }"
CARD = "fragment Card on Product { id ...Named } fragment Unused on Product { id }"
NAMED = "fragment Named on Product { title }"
TIME = "query Time { serverTime }"


def nightmarket(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["documents", *map(str, arguments)])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.graphql").write_text(f"{CATALOGUE} {TIME}")
    (folder / "b.graphql").write_text(CARD)
    (folder / "deeper" / "c.graphql").write_text(NAMED)
    (folder / "readme.md").write_text("not { this")
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "documents.json"


def text_of(*definitions: str) -> str:
    return print_ast(parse(" ".join(definitions)))


def test_each_operation_becomes_a_document_with_the_fragments_it_uses(files: Path, out: Path) -> None:
    built = nightmarket("build", files, "--out", out)

    assert built.exit_code == 0, built.output
    assert orjson.loads(out.read_bytes()) == {
        id_of(text): text for text in (text_of(CATALOGUE, "fragment Card on Product { id ...Named }", NAMED), TIME_TEXT)
    }
    assert "2 documents in" in built.output
    assert "Catalogue" in built.output
    before = out.read_bytes()
    assert nightmarket("build", files, "--out", out).exit_code == 0
    assert out.read_bytes() == before


TIME_TEXT = text_of(TIME)


def test_what_is_registered_stays_unless_it_is_pruned(files: Path, out: Path) -> None:
    older = "query Older {\n  serverTime\n}"
    trusted.write(out, {id_of(older): older})

    nightmarket("build", files, "--out", out)
    assert len(trusted.read(out)) == 3
    assert id_of(older) in trusted.read(out)
    nightmarket("build", files / "a.graphql", files / "b.graphql", files / "deeper", "--out", out, "--prune")

    assert len(trusted.read(out)) == 2
    assert id_of(older) not in trusted.read(out)


def test_what_cannot_be_executed_is_not_registered(files: Path, out: Path) -> None:
    (files / "d.graphql").write_text("query Broken { whatWasOnce }")

    built = nightmarket("build", files, "--out", out)

    assert built.exit_code == 1
    assert "Broken: Cannot query field 'whatWasOnce' on type 'Query'." in built.output
    assert not out.exists()


def test_what_would_always_be_too_dear_is_not_registered(files: Path, out: Path) -> None:
    fields = " ".join(f"{letter}: explanation {{ text }}" for letter in "abcdefghijklmnopqrstuvwxyz")
    (files / "d.graphql").write_text(f"query Dear {{ orders(first: 100) {{ nodes {{ lines {{ {fields} }} }} }} }}")

    built = nightmarket("build", files, "--out", out)

    assert built.exit_code == 1
    assert "Dear: The operation costs about 286102; allowed: 50000." in built.output
    assert not out.exists()


def test_a_registered_document_that_broke_is_told_and_kept(files: Path, out: Path) -> None:
    broken = "query Broken {\n  whatWasOnce\n}"
    trusted.write(out, {id_of(broken): broken})

    checked = nightmarket("check", out)
    built = nightmarket("build", files, "--out", out)

    assert (checked.exit_code, built.exit_code) == (1, 0)
    for told in (checked, built):
        assert "Broken: Cannot query field 'whatWasOnce' on type 'Query'." in told.output
    assert id_of(broken) in trusted.read(out)
    assert nightmarket("build", files, "--out", out, "--prune").exit_code == 0
    assert nightmarket("check", out).exit_code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("query { serverTime }", "an operation without a name"),
        ("query Lost { products { nodes { ...Nowhere } } }", "Lost spreads Nowhere, which is in none of the files"),
        ("query Time { serverTime again: serverTime }", "Time is something else in another place"),
        ("query Time {", "Syntax Error"),
    ],
)
def test_files_that_do_not_fit_together_are_named(files: Path, out: Path, content: str, said: str) -> None:
    (files / "d.graphql").write_text(content)

    built = nightmarket("build", files, "--out", out)

    assert built.exit_code == 2
    assert said in " ".join(built.output.split())
    assert not out.exists()


def test_what_is_no_registry_is_not_overwritten(files: Path, out: Path) -> None:
    out.write_text("[]")

    assert nightmarket("build", files, "--out", out).exit_code == 2
    assert nightmarket("check", out).exit_code == 2
    assert out.read_text() == "[]"
