"""The generated client is what the generator makes of the schema and the documents, and it type-checks strictly."""

import re
import shutil
from pathlib import Path

from tests.clients.node import CLIENTS, TYPESCRIPT, packages, run

GENERATED = [
    "typescript/src/generated/operations.ts",
    "typescript/src/generated/document-ids.ts",
    "typescript/src/generated/possible-types.ts",
    "mini-program/documents.js",
]


def test_what_is_generated_is_up_to_date(tmp_path: Path) -> None:
    modules = packages()
    copy = tmp_path / "clients"
    shutil.copytree(CLIENTS, copy, ignore=shutil.ignore_patterns("node_modules", "build"))
    shutil.copy(CLIENTS.parent / "schema.graphql", tmp_path)
    (copy / "typescript/node_modules").symlink_to(modules)
    for path in GENERATED:
        (copy / path).write_text("")

    done = run(["npm", "run", "generate"], cwd=copy / "typescript")

    assert done.returncode == 0, done.stderr
    for path in GENERATED:
        assert (copy / path).read_text() == (CLIENTS / path).read_text(), f"{path}: run `npm run generate`"


def test_the_client_type_checks_strictly() -> None:
    packages()

    done = run(["npx", "--no-install", "tsc", "--noEmit", "--strict"])

    assert done.returncode == 0, done.stdout


def test_no_file_names_a_registry() -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        text = (TYPESCRIPT / name).read_text()
        assert '"resolved"' not in text, name
        assert re.search(r"registry\.\w+\.\w+", text) is None, name
