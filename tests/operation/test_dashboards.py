"""Dashboard, alerts and the operator's page speak of figures that there are, and of each other."""

import json
import re

import pytest
import yaml
from prometheus_client import REGISTRY

from api.payments import COUNTED_AS
from cli.main import variable
from domain.foundation import metrics
from domain.foundation.settings import Settings
from domain.payments.gateways import MAKERS
from tests.packaging.tree import ROOT

assert metrics, "imported, so that the registry knows them"
DEPLOY = ROOT / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "nightmarket.json").read_text())
ALERTS = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
SCRAPING = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
PAGE = (ROOT / "docs" / "operating.md").read_text()
OTHERS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Figures that Prometheus and its client tell of every process."""
WORDS = {
    "sum", "max", "rate", "increase", "topk", "histogram_quantile", "absent", "vector", "by", "le", "or",
    "__rate_interval",
}  # fmt: skip
EXPRESSIONS = [
    *((rule["alert"], rule["expr"]) for rule in ALERTS),
    *(
        (panel["title"], target["expr"])
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", ())
    ),
]  # fmt: skip


def told() -> dict[str, set[str]]:
    """Every series of ours and the names of its labels."""
    series: dict[str, set[str]] = {}
    for collector in set(REGISTRY._names_to_collectors.values()):
        for family in collector.describe() if hasattr(collector, "describe") else ():
            if not family.name.startswith("nightmarket_"):
                continue
            labels = set(collector._labelnames)
            suffixes = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}[family.type]
            series |= {
                f"{family.name}{suffix}": labels | ({"le"} if suffix == "_bucket" else set()) for suffix in suffixes
            }
    return series


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS)
def test_every_series_asked_for_exists_with_these_labels(where: str, expression: str) -> None:
    series = told()
    bare = re.sub(r'"[^"]*"', '""', expression)

    names = set(re.findall(r"\b(?:nightmarket_[a-z_]+|up|process_[a-z_]+)\b", bare))
    assert names
    assert names - OTHERS <= series.keys()
    allowed = set().union(*(series[name] for name in names - OTHERS)) | {"job"}
    matched = {
        label for inside in re.findall(r"\{([^}]*)\}", bare) for label in re.findall(r"([a-z_]+)\s*[!=]", inside)
    }
    grouped = {
        label for inside in re.findall(r"\bby \(([^)]*)\)", bare) for label in inside.replace(" ", "").split(",")
    }
    assert matched | grouped <= allowed
    functions = set(re.findall(r"[A-Za-z_]+", re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare))) - names - grouped
    assert functions <= WORDS | {"e"}
    assert bare.count("(") == bare.count(")")


@pytest.mark.parametrize(("name", "labels"), [
    ("nightmarket_tickets_refused_total", {"reason": "sold_out"}),
    ("nightmarket_tickets_refused_total", {"reason": "limit"}),
    *(("nightmarket_gates_rebuilt_total", {"reason": each}) for each in ("cold", "epoch", "restart", "drift")),
    *(
        ("nightmarket_notices_total", {"gateway": gateway, "outcome": outcome})
        for gateway in MAKERS
        for outcome in COUNTED_AS.values()
    ),
    ("nightmarket_wrong_pickup_codes_total", {}),
])  # fmt: skip
def test_what_an_alert_counts_is_told_before_it_happens(name: str, labels: dict[str, str]) -> None:
    """The first of its kind is no increase otherwise, and nobody is told."""
    assert REGISTRY.get_sample_value(name, labels) is not None


def test_no_other_alert_waits_for_the_first_of_a_kind() -> None:
    counted = {name for rule in ALERTS for name in re.findall(r"increase\((\w+)", rule["expr"])}

    assert counted == {
        f"nightmarket_{name}_total" for name in ("tickets_refused", "gates_rebuilt", "notices", "wrong_pickup_codes")
    }


def test_every_figure_of_ours_is_on_the_dashboard() -> None:
    shown = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ()))

    assert {name for name in told() if not name.endswith(("_sum", "_count", "_bucket")) and name not in shown} == set()


def test_the_dashboard_is_laid_out_without_overlaps() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]

    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23
    assert len(set(ids)) == len(ids)


def test_every_alert_has_a_severity_a_summary_and_a_section_for_three_in_the_morning() -> None:
    sections = re.findall(r"^### (\w+)$\n\n(.+?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)

    assert [name for name, _ in sections] == [rule["alert"] for rule in ALERTS]
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["runbook"] == f"docs/operating.md#{rule['alert'].lower()}"
    assert all(len(text) > 120 for _, text in sections)


def test_links_within_the_page_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= headings


def test_prometheus_scrapes_what_the_composition_runs() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
    port = services["api"]["environment"]["NIGHTMARKET_METRICS_PORT"]
    by_job = {job["job_name"]: json.dumps(job) for job in SCRAPING["scrape_configs"]}

    assert SCRAPING["rule_files"] == ["alerts.yml"]
    assert len(by_job) == len(SCRAPING["scrape_configs"])  # of two jobs of one name Prometheus takes neither: it ends
    for job, scraped in by_job.items():
        assert job.removeprefix("nightmarket-") in services
        assert port in scraped
    assert not any(port in str(service.get("ports")) for service in services.values())


def test_every_key_of_the_market_is_in_the_table_of_keys() -> None:
    table = PAGE.partition("## Keys")[2].partition("## Backups")[0]
    keys = {
        name for name in Settings.model_fields if name in {"token_keys", "pass_key", "seal_key", "wechat_app_secret"}
    }

    assert {variable(name) for name in keys if variable(name) not in table} == set()
