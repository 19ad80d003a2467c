"""Every enum value of the schema has a name for people, in both languages, and no name belongs to nothing."""

import re

import pytest
from graphql import GraphQLEnumType

from api import schema
from api.label_words import LABELS
from domain.back_office import wording
from domain.ledger.rules import CHART
from domain.shipments.rules import CARRIERS

IN_DIRECTIVES_ONLY = {"Who", "Rate"}
"""Enums with which the schema speaks of itself; no answer has a value of them."""
LABELS_QUERY = "query ($of: [String!]) { labels(of: $of) { name values { value label } } }"


@pytest.fixture(scope="module")
def enums() -> dict[str, list[str]]:
    types = schema.build()._schema.type_map.values()
    ours = [each for each in types if isinstance(each, GraphQLEnumType) and not each.name.startswith("__")]
    return {each.name: list(each.values) for each in ours if each.name not in IN_DIRECTIVES_ONLY}


def test_every_value_of_every_enum_has_a_label_and_no_label_is_left_over(enums: dict[str, list[str]]) -> None:
    assert {name: list(labels) for name, labels in sorted(LABELS.items())} == dict(sorted(enums.items()))


def test_labels_are_chinese_and_english_and_tell_the_values_of_an_enum_apart() -> None:
    for name, labels in LABELS.items():
        for zh, en in labels.values():
            assert re.search("[\u4e00-\u9fff]", zh) or zh == en == "Stripe", (name, zh)
            assert re.fullmatch("[A-Z][\x20-\x7e]*[a-zA-Z]", en), (name, en)
        for language in (0, 1):
            assert len({label[language] for label in labels.values()}) == len(labels), name


def test_what_the_market_calls_things_elsewhere_it_calls_them_here() -> None:
    chinese = {enum: {name: zh for name, (zh, _) in labels.items()} for enum, labels in LABELS.items()}

    assert {name.upper(): words for name, words in wording.GATEWAYS.items()} == LABELS["PaymentGateway"]
    assert {each.name: facts.zh for each, facts in CARRIERS.items()} == chinese["Carrier"]
    assert {each.name: words.zh for each, words in CHART.items()} == chinese["LedgerAccount"]
    for name, zh in chinese["AfterSaleReason"].items():
        assert wording.REFUND_REASONS[name.lower()][0] == zh


async def test_labels_are_told_in_the_language_asked_for(ask) -> None:
    wanted = {"of": ["OrderState", "Role"]}

    zh = (await ask(LABELS_QUERY, wanted)).data
    en = (await ask(LABELS_QUERY, wanted, accept_language="en-GB")).data

    assert [each["name"] for each in zh] == [each["name"] for each in en] == ["OrderState", "Role"]
    assert zh[0]["values"][0] == {"value": "PLACED", "label": "待付款"}
    assert en[0]["values"][0] == {"value": "PLACED", "label": "Awaiting payment"}


async def test_all_labels_are_told_where_none_is_named(ask) -> None:
    told = (await ask(LABELS_QUERY)).data

    assert {each["name"]: [value["value"] for value in each["values"]] for each in told} == {
        name: list(labels) for name, labels in LABELS.items()
    }


async def test_an_enum_named_twice_is_told_once_and_an_unknown_one_is_refused(ask) -> None:
    assert len((await ask(LABELS_QUERY, {"of": ["Role"] * 500})).data) == 1
    refused = await ask(LABELS_QUERY, {"of": ["Role", "Nobody"]})
    assert refused.codes == ["BAD_USER_INPUT"]
    assert "'Nobody' is not an enum with labels" in refused.json["errors"][0]["message"]
