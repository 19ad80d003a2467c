"""What README and docs say must be true of the code: paths, names, operations, commands, knobs, words and excerpts.

Paths are written from the root of the checkout, a name in a file as `domain/foundation/ids.py:new_ticket_id`; a file name
alone, `rules.py`, is one that some folder has. Code that is quoted names its file in its first line, and says `...` where
lines are left out.
"""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from prometheus_client import REGISTRY

from cli.main import app, variable
from domain.foundation import metrics
from domain.foundation.settings import Settings
from tests.packaging.tree import ROOT, files

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "decisions").iterdir())
WORDS = ROOT / "docs" / "words.md"
FEATURES = sorted(path.parent for path in (ROOT / "domain").glob("*/__init__.py"))
assert metrics, "imported, so that the registry knows them"
FILE_NAMES = frozenset(path.name for path in files())

FOLDERS = "|".join(sorted(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")))
PATH = re.compile(
    rf"((?:{FOLDERS})/[\w./-]*|(?:[\w-]+/)*[\w-]+\.(?:py|lua|md|toml|yml|graphql|env))(?::([A-Za-z_][\w.]*))?"
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ASK = re.compile(r"""\bask ("\$\w+"|'[^']*') ((?:'[^']*'|"\$\w+"|\$\w+)+)""")
WORD = re.compile(r"(?:^|[,;:(.] )([A-Za-z][A-Za-z -]*?) \(?([\u4e00-\u9fff]+)")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in these languages."""
    return [content for language, content in BLOCK.findall(page.read_text()) if language in languages]


def spans(page: Path) -> list[str]:
    """What stands in backticks in a page's sentences."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", BLOCK.sub("", page.read_text()))]


@lru_cache
def names_in(path: Path) -> frozenset[str]:
    """Whatever a Python file defines: functions, classes, constants, and `Class.method`."""

    def found(body: list[ast.stmt], prefix: str) -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield prefix + node.name
            elif isinstance(node, ast.ClassDef):
                yield prefix + node.name
                yield from found(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))

    return frozenset(found(ast.parse(path.read_text()).body, ""))


@lru_cache
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema.graphql").read_text())


def operations(page: Path) -> Iterator[tuple[str, dict[str, object] | None]]:
    """GraphQL of a page; with its variables where a shell asks it."""
    for text in blocks(page, "graphql"):
        yield text, None
    for script in blocks(page, "sh"):
        kept = dict(re.findall(r"^(\w+)='([^']*)'$", script, re.MULTILINE))
        asked = ASK.findall(re.sub(r"\\\n *", "", script))
        assert len(asked) == len(re.findall(r"\bask ['\"]", script))
        for query, variables in asked:
            text = kept[query.strip('"$')] if query.startswith('"') else query.strip("'")
            # a shell variable where a number stands is not in quotes
            yield text, json.loads(re.sub(r": \$\w+", ": 0", shlex.split(variables)[0]))


@each_page
def test_every_path_and_every_name_in_it_exists(page):
    missing = []
    for path, name in (match.groups() for match in map(PATH.fullmatch, spans(page)) if match):
        if path not in FILE_NAMES and not (ROOT / path).exists():
            missing.append(path)
        elif name and name not in names_in(ROOT / path):
            missing.append(f"{path}:{name}")

    assert missing == []


@each_page
def test_every_link_leads_somewhere(page):
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s#]+)[^)]*\)", page.read_text())

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@each_page
def test_every_operation_is_one_of_the_schema(page):
    for text, variables in operations(page):
        document = parse(text)
        assert validate(schema(), document) == [], text
        if variables is not None:
            (operation,) = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
            values = get_variable_values(schema(), operation.variable_definitions or (), variables)
            assert not isinstance(values, list), (values, text)


@each_page
def test_every_command_exists(page):
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = set(typer.main.get_command(app).commands)
    lines = [*spans(page), *(line for script in blocks(page, "sh") for line in script.splitlines())]

    made = {match[1] for line in lines if (match := re.match(r"make ([a-z-]+)", line))}
    told = {match[1] for line in lines if (match := re.match(r"(?:\.venv/bin/)?nightmarket ([a-z-]+)", line))}

    assert made <= targets
    assert told <= commands


@each_page
def test_every_variable_is_a_knob(page):
    named = set(re.findall(r"\b(?:NIGHTMARKET_[A-Z_]*[A-Z]|(?:DATABASE|REDIS|BROKER)_URL)\b", page.read_text()))

    assert named <= {variable(name) for name in Settings.model_fields}


@each_page
def test_every_figure_to_watch_is_counted(page):
    named = set(re.findall(r"`(nightmarket_[a-z_]+)`", page.read_text()))
    counted = {sample.name for metric in REGISTRY.collect() for sample in (metric, *metric.samples)}

    assert {name for name in named if name not in counted and name.removesuffix("_total") not in counted} == set()


@each_page
def test_every_excerpt_is_code_that_exists(page):
    for excerpt in blocks(page, "python", "lua"):
        first, *lines = excerpt.splitlines()
        code = iter((ROOT / first.lstrip("#- ")).read_text().splitlines())
        for line in lines:
            # `in` goes on where the line before was found, so the order counts too
            assert line.strip() in {"", "..."} or line in code, f"{first}: {line}"


def test_every_word_of_every_feature_is_in_the_glossary():
    rows = re.findall(r"^\| ([^|]+?) \|([^|]*)\|", WORDS.read_text(), re.MULTILINE)

    spoken = {(feature.name, *word) for feature in FEATURES for word in words_of(feature)}

    written = {
        (english.lower(), chinese) for english, cell in rows for chinese in re.findall(r"[\u4e00-\u9fff]+", cell)
    }
    assert len(spoken) > 40
    assert [word for word in sorted(spoken) if word[1:] not in written] == []


def words_of(feature: Path) -> Iterator[tuple[str, str]]:
    """The English and Chinese words that a feature's first lines explain."""
    docstring = ast.get_docstring(ast.parse((feature / "__init__.py").read_text())) or ""
    for english, chinese in WORD.findall(" ".join(docstring.partition("Words:")[2].split())):
        yield english.lower(), chinese


def test_the_glossary_is_alphabetic():
    words = re.findall(r"^\| ([^|]+?) \|", WORDS.read_text(), re.MULTILINE)[1:]

    assert [pair for pair in pairwise(map(str.lower, words)) if pair[0] > pair[1]] == []


def test_every_feature_is_on_the_map():
    mapped = set(spans(ROOT / "README.md"))

    assert [feature.name for feature in FEATURES if f"domain/{feature.name}/" not in mapped] == []


def test_decisions_are_numbered_and_say_context_decision_and_consequences():
    for number, decision in enumerate(DECISIONS, 1):
        text = decision.read_text()

        assert decision.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number:04} ")
        assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], decision.name
