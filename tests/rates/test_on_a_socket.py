"""Operations on a socket are counted like those over HTTP, against the same allowances."""

import pytest

from domain.foundation.rates import FIGURES, Rate
from tests.sockets.conftest import open_socket  # noqa: F401  # a fixture

SIGN_IN = 'mutation { signInForDevelopment(input: {name: "mei"}) { __typename } }'
LOGINS = FIGURES[Rate.LOGIN].each.burst


@pytest.fixture
async def socket(open_socket):  # noqa: F811
    return await open_socket(knobs={"rate_limits": True})


async def test_a_socket_is_told_to_wait_and_stays_open(socket):
    async with socket() as talk:
        await talk.greet(device="phone-of-mei")
        for _ in range(LOGINS):
            assert "errors" not in await talk.answer(SIGN_IN)

        await talk.ask(SIGN_IN)
        refused = await talk.hear()

        assert (refused["type"], refused["id"]) == ("error", "1")
        [error] = refused["payload"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert 0 < error["extensions"]["retryAfter"] <= 6.0
        assert "errors" not in await talk.answer("{ viewer { id } }")


async def test_a_second_socket_of_the_device_has_no_allowance_of_its_own(socket):
    async with socket() as first, socket() as second:
        for talk in (first, second):
            await talk.greet(device="phone-of-mei")
        for _ in range(LOGINS):
            await first.answer(SIGN_IN)

        await second.ask(SIGN_IN)

        assert (await second.hear())["type"] == "error"
