"""One house for everybody who means it ill."""

import pytest

from tests.running import house_of_its_own


@pytest.fixture(scope="session")
def house():
    with house_of_its_own(rate_limits=False, log_level="INFO", log_json=True) as house:
        yield house
