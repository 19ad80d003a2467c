"""Any operation that the schema allows, with any arguments, by anybody: never a fault of ours, never a look behind the house."""

import os
import re

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from api.schema import SCHEMA_FILE

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))
PERSONAS = {
    "nobody": None,
    "a shopper": [],
    "a host": ["HOST"],
    "a leader": ["LEADER"],
    "a merchandiser": ["MERCHANDISER"],
    "finance": ["FINANCE"],
    "an admin": ["ADMIN"],
}
BEHIND_THE_HOUSE = re.compile(
    r"\bSELECT\b .*\bFROM\b|\bINSERT INTO\b|\bUPDATE\b .*\bSET\b|sqlalchemy|asyncpg|psycopg|redis\.|Traceback|"
    r"\.py\b|/site-packages|/usr/|/home/|/tmp/|object at 0x|<class |domain\.|api\.|graphql\.|strawberry"
)
"""SQL, paths, names of classes and modules: nothing of it is a client's to see."""

schemathesis.graphql.scalar("Long", st.integers(-(2**53) + 1, 2**53 - 1).map(nodes.Int))
schemathesis.graphql.scalar("DateTime", st.datetimes().map(lambda moment: nodes.String(f"{moment.isoformat()}+08:00")))
schemathesis.graphql.scalar("Date", st.dates().map(lambda day: nodes.String(day.isoformat())))

schema = schemathesis.graphql.from_path(str(SCHEMA_FILE))


@pytest.fixture(scope="module")
def tokens(house):
    """An access token of each persona, from the development login."""
    return {name: sign_in(house.url, name, roles) for name, roles in PERSONAS.items() if roles is not None}


def sign_in(url, name, roles):
    document = """mutation ($input: SignInForDevelopmentInput!) {
        signInForDevelopment(input: $input) { ... on SignedIn { accessToken } } }"""
    asked = {"query": document, "variables": {"input": {"name": name, "roles": roles}}}
    return httpx.post(f"{url}/graphql", json=asked).json()["data"]["signInForDevelopment"]["accessToken"]


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_no_operation_is_answered_by_a_fault_of_ours(house, tokens, case):
    for persona in PERSONAS:
        headers = {"authorization": f"Bearer {tokens[persona]}"} if persona in tokens else {}
        response = case.call(base_url=f"{house.url}/graphql", headers=headers)

        assert response.status_code < 500, (persona, response.text)
        errors = response.json().get("errors", [])
        codes = [error["extensions"]["code"] for error in errors]
        assert "INTERNAL" not in codes, (persona, errors, case.body)
        if "UNAUTHENTICATED" in codes and persona in tokens:  # an earlier operation has signed them out
            tokens[persona] = sign_in(house.url, persona, PERSONAS[persona])
        told = [error["message"] for error in errors]
        assert not [message for message in told if BEHIND_THE_HOUSE.search(message)], (persona, told)
