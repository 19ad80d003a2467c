"""The image and the composition, as far as they can be judged without building them."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import AliasChoices

from cli.main import app
from domain.foundation.embedded import valkey
from domain.foundation.settings import Settings
from tests.packaging.tree import PROJECT, ROOT

EXAMPLE = (ROOT / "deploy" / "example.env").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("api", "live", "worker", "migrate")
POSTGRES_IMAGE = {"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"}
SECRETS = {
    "POSTGRES_PASSWORD",
    "NIGHTMARKET_TOKEN_KEYS",
    "NIGHTMARKET_PASS_KEY",
    "NIGHTMARKET_SEAL_KEY",
    "NIGHTMARKET_WECHAT_PRIVATE_KEY",
    "NIGHTMARKET_WECHAT_APIV3_KEY",
    "NIGHTMARKET_WECHAT_APP_SECRET",
    "NIGHTMARKET_TRACKING_KEY",
    "NIGHTMARKET_STRIPE_SECRET_KEY",
    "NIGHTMARKET_STRIPE_WEBHOOK_SECRET",
}
NOT_IN_EXAMPLE = {
    "data_dir": "nothing is kept on a disk of ours where engines are others'",
    "database_url": "the composition says it",
    "redis_url": "the composition says it",
    "broker_url": "the composition says it",
    "redis_cluster": "the composition's gate is one server",
    "host": "the image says it",
    "port": "the image's own health asks at this one",
    "development_login": "anyone would be anyone",
    "wechat_wallet_url": "the simulator's; a real shopper has a wallet",
    "worker_processes": "of `nightmarket up` only",
    "metrics_port": "the composition says it",
    "live_host": "the image says it",
    "live_port": "the composition says it",
    "rate_limits": "off in load tests only",
}
"""Knobs that no operator of the composition has to do with, and why."""

given_in_example = dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE))
defaults_in_example = dict(re.findall(r"^#([A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, continued lines joined."""
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line and not line.startswith("#")]


def instruction(name: str) -> str:
    """The last of its kind: the one that counts."""
    return [arguments for word, arguments in instructions() if word == name][-1]


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in instruction("ENV").split())


def variables() -> dict[str, str]:
    """The environment variables that settings know, and the knob of each."""
    known = {}
    for knob, field in Settings.model_fields.items():
        alias = field.validation_alias
        names = alias.choices if isinstance(alias, AliasChoices) else [f"NIGHTMARKET_{knob.upper()}"]
        known.update({str(name): knob for name in names})
    return known


def commands() -> set[str]:
    """What `nightmarket` can be told."""
    return set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


# --- the image ---


def test_both_stages_stand_on_one_pinned_python_that_the_project_runs_on() -> None:
    stages = [arguments.split()[0] for word, arguments in instructions() if word == "FROM"]

    assert len(stages) == 2
    assert len(set(stages)) == 1
    assert re.fullmatch(r"python:3\.1[1-4]-slim-[a-z]+", stages[0])


def test_the_image_runs_as_nobody_in_particular() -> None:
    assert re.fullmatch(r"[1-9][0-9]{4}:[1-9][0-9]{4}", instruction("USER"))


def test_the_image_is_entered_by_the_projects_command() -> None:
    (entry,) = json.loads(instruction("ENTRYPOINT"))
    (command,) = json.loads(instruction("CMD"))

    assert entry in PROJECT["scripts"]
    assert command in commands()


def test_everything_installed_into_the_image_is_locked() -> None:
    installs = [arguments for word, arguments in instructions() if word == "RUN" and arguments.startswith("pip ")]

    assert len(installs) == 4
    for arguments in installs:
        assert "--require-hashes" in arguments or "--no-index" in arguments
    assert not any("development" in arguments or "[" in arguments for arguments in installs)


def test_what_is_copied_into_the_image_is_let_through() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert {name for name in let_through if not (ROOT / name).exists()} == set()
    for word, arguments in instructions():
        if word == "COPY" and not arguments.startswith(("--from", ". ")):
            assert set(arguments.split()[:-1]) <= let_through


def test_the_image_knows_only_knobs_that_exist() -> None:
    assert {name for name in image_environment() if name.startswith("NIGHTMARKET_")} <= variables().keys()


# --- the composition ---


def test_our_services_are_told_only_knobs_and_commands_that_exist() -> None:
    for name in OURS:
        assert SERVICES[name]["environment"].keys() <= variables().keys()
        assert set(SERVICES[name]["command"]) <= commands()


def test_every_variable_left_open_is_in_the_example() -> None:
    left_open = set(re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / "deploy" / "compose.yml").read_text()))

    assert left_open <= given_in_example.keys()


def test_images_of_others_are_pinned_to_a_major_version() -> None:
    for name in SERVICES.keys() - set(OURS):
        assert re.fullmatch(r"[a-z/]+:[1-9][0-9]*", SERVICES[name]["image"])


def test_nothing_can_be_written_or_gained_but_what_is_said() -> None:
    for service in SERVICES.values():
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_api_and_live_are_reached_from_outside_and_only_from_this_machine() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert ports == {"api": ["127.0.0.1:8000:8000"], "live": ["127.0.0.1:8001:8001"]}


def test_nobody_starts_before_what_they_lean_on_is_well() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other == "migrate" else "service_healthy"
            assert how == {"condition": expected}, name
            assert other == "migrate" or "healthcheck" in SERVICES[other]


def test_gate_and_broker_keep_and_refuse_as_the_embedded_ones_do() -> None:
    for name in ("gate", "broker"):
        options = iter(SERVICES[name]["command"][1:])
        told = {option.removeprefix("--"): value for option, value in zip(options, options, strict=True)}
        assert told.items() <= valkey.SETTINGS.items()
        assert {"appendonly", "maxmemory-policy"} <= told.keys()


# --- health ---


class Answering(BaseHTTPRequestHandler):
    """Answers every GET with the server's `status`."""

    def do_GET(self) -> None:
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(("status", "is_well"), [(200, True), (503, False)])
@pytest.mark.parametrize("who", ["api", "live", "worker"])
def test_health_is_what_a_process_says_of_itself(
    server: ThreadingHTTPServer, who: str, status: int, is_well: bool
) -> None:
    server.status = status  # type: ignore[attr-defined]
    image = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])
    words = ["CMD", *image] if who == "api" else SERVICES[who].get("healthcheck", {}).get("test")
    code, replaced = re.subn(r"127\.0\.0\.1:\d+", f"127.0.0.1:{server.server_port}", words[-1])

    asked = subprocess.run([sys.executable, *words[2:-1], code], capture_output=True)

    assert words[:3] == ["CMD", "python", "-c"]
    assert replaced == 1
    assert (asked.returncode == 0) is is_well


# --- the example of knobs ---


def test_the_example_names_only_knobs_that_exist() -> None:
    assert given_in_example.keys() | defaults_in_example.keys() <= variables().keys() | POSTGRES_IMAGE


def test_every_knob_is_in_the_example_or_is_left_out_for_a_reason() -> None:
    named = {variables()[name] for name in given_in_example.keys() | defaults_in_example.keys() if name in variables()}

    assert set(Settings.model_fields) - named == NOT_IN_EXAMPLE.keys()


def test_every_knob_of_a_company_is_in_the_table_for_operators() -> None:
    table = (ROOT / "README.md").read_text()
    needed = {name for name in given_in_example if re.match("NIGHTMARKET_(WECHAT|TRACKING|STRIPE|PUBLIC)_", name)}

    assert len(needed) > 12
    assert {name for name in needed if f"`{name}`" not in table} == set()


def test_the_example_says_what_each_knob_is_for() -> None:
    lines = EXAMPLE.splitlines()
    for before, line in pairwise(lines):
        if re.match(r"#?[A-Z0-9_]+=", line):
            assert before.startswith("# "), line


def test_the_example_has_no_secret_in_it() -> None:
    assert {name for name in SECRETS if given_in_example[name]} == set()


def test_the_defaults_in_the_example_are_the_defaults() -> None:
    image = image_environment()
    for name, value in defaults_in_example.items():
        knob = variables()[name]
        default = Settings.model_validate({knob: image[name]}) if name in image else Settings.model_validate({})
        assert getattr(Settings.model_validate({knob: value}), knob) == getattr(default, knob), name


def test_the_example_filled_in_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    filled = {**given_in_example, "NIGHTMARKET_TOKEN_KEYS": "first:" + "k" * 32, "NIGHTMARKET_PASS_KEY": "p" * 32}
    for name, value in filled.items():
        monkeypatch.setenv(name, value)

    settings = Settings()

    assert settings.token_keys["first"].get_secret_value() == "k" * 32
    assert settings.signing_secret == b"p" * 32
