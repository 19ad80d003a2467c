"""Any operation that the schema allows, with any arguments, by an admin and by nobody: never a fault of ours."""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from api.schema import SCHEMA_FILE
from domain.accounts.rules import Principal, Role
from domain.accounts.tokens import issue
from domain.foundation import clock
from domain.foundation.ids import new_id
from tests.running import house_of_its_own

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "6"))

schemathesis.graphql.scalar("Long", st.integers(-(2**53) + 1, 2**53 - 1).map(nodes.Int))
schemathesis.graphql.scalar("DateTime", st.datetimes().map(lambda moment: nodes.String(f"{moment.isoformat()}+08:00")))
schemathesis.graphql.scalar("Date", st.dates().map(lambda day: nodes.String(day.isoformat())))

schema = schemathesis.graphql.from_path(str(SCHEMA_FILE))


@pytest.fixture(scope="module")
def house():
    with house_of_its_own() as house:
        yield house


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_no_operation_is_answered_by_a_fault_of_ours(house, case):
    admin = Principal(new_id(), frozenset(Role))
    token = issue(house.settings, admin, now=clock.now()).text

    for headers in ({"authorization": f"Bearer {token}"}, {}):
        response = case.call(base_url=f"{house.url}/graphql", headers=headers)

        assert response.status_code < 500, response.text
        codes = [error["extensions"]["code"] for error in response.json().get("errors", [])]
        assert "INTERNAL" not in codes, (response.text, case.body)
