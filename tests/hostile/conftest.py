"""One house for everybody who means it ill."""

import pytest

from tests.running import house_of_its_own


@pytest.fixture(scope="session")
def house():
    with house_of_its_own(rate_limits=False) as house:
        yield house
