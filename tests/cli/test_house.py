"""Which simulated companies a house brings along."""

import os

import pytest

from cli.house import House
from domain.foundation.settings import Settings

STRIPE = {
    "stripe_secret_key": "sk_live_1",
    "stripe_webhook_secret": "whsec_1",
    "public_url": "https://shop.example",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in os.environ:
        if name.startswith("NIGHTMARKET_"):
            monkeypatch.delenv(name)


def house(tmp_path, **knobs):
    addresses = dict.fromkeys(("database_url", "redis_url", "broker_url"), "nowhere://")
    return House(Settings(data_dir=tmp_path, port=0, **addresses, **knobs))


def test_without_any_gateway_every_company_is_simulated_and_the_house_knows_its_own_address(tmp_path):
    opened = house(tmp_path)
    settings = opened._complete(opened.settings)

    for url in (settings.wechat_url, settings.wechat_platform_url, settings.tracking_url):
        assert url.startswith("http://127.0.0.1:")
    assert settings.public_url == f"http://127.0.0.1:{settings.port}"


def test_beside_a_real_account_at_stripe_no_company_is_simulated(tmp_path):
    opened = house(tmp_path, **STRIPE)
    settings = opened._complete(opened.settings)

    assert (settings.wechat_mch_id, settings.wechat_platform_url, settings.tracking_url) == ("", "", "")
    assert settings.public_url == "https://shop.example"
