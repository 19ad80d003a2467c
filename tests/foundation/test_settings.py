"""Settings: read from the environment under the names operators know, and silent about secrets."""

import os

import pytest
from pydantic import ValidationError

from domain.foundation.settings import Settings, fresh_secret

SECRET = "s3cret-" * 5
MERCHANT = {
    "wechat_mch_id": "1900000001",
    "wechat_app_id": "wx1",
    "wechat_private_key": SECRET,
    "wechat_serial": "1",
    "wechat_apiv3_key": "k" * 32,
    "wechat_public_key": "PEM",
    "wechat_public_key_id": "PUB_KEY_ID_1",
    "wechat_app_secret": SECRET,
}
STRIPE = {"stripe_secret_key": SECRET, "stripe_webhook_secret": SECRET}
TRACKING = {"tracking_url": "https://poll.kuaidi.example", "tracking_customer": "nm", "tracking_key": SECRET}
HOME = {"public_url": "https://shop.example"}
ADDRESS = "postgresql+asyncpg://market:pa55word@db/nightmarket"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in os.environ:
        if name.startswith("NIGHTMARKET_") or name in {"DATABASE_URL", "REDIS_URL", "BROKER_URL"}:
            monkeypatch.delenv(name)


@pytest.mark.parametrize("variable", ["DATABASE_URL", "NIGHTMARKET_DATABASE_URL"])
@pytest.mark.parametrize("name", ["database_url", "redis_url", "broker_url"])
def test_an_address_has_its_customary_name_and_ours(monkeypatch, variable, name):
    monkeypatch.setenv(variable.replace("DATABASE_URL", name.upper()), ADDRESS)

    assert getattr(Settings(), name).get_secret_value() == ADDRESS


def test_the_customary_name_comes_first(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", ADDRESS)
    monkeypatch.setenv("NIGHTMARKET_DATABASE_URL", "another")

    assert Settings().database_url.get_secret_value() == ADDRESS


def test_other_knobs_have_our_name_only(monkeypatch):
    monkeypatch.setenv("PORT", "9000")
    assert Settings().port == 8000

    monkeypatch.setenv("NIGHTMARKET_PORT", "9000")
    assert Settings().port == 9000


def test_with_nothing_set_every_engine_is_embedded_and_nothing_is_open(monkeypatch):
    settings = Settings()

    assert settings.is_embedded
    assert settings.token_keys == {}
    assert not settings.development_login


@pytest.mark.parametrize("missing", ["database_url", "redis_url", "broker_url"])
def test_one_address_missing_is_enough_to_start_an_engine(missing):
    addresses = dict.fromkeys(("database_url", "redis_url", "broker_url"), ADDRESS)

    assert not Settings(**addresses).is_embedded
    assert Settings(**addresses | {missing: ""}).is_embedded


def test_token_keys_are_read_in_order_the_first_signs(monkeypatch):
    monkeypatch.setenv("NIGHTMARKET_TOKEN_KEYS", f" new:{SECRET}:with:colons , old:{SECRET},")

    keys = {key_id: secret.get_secret_value() for key_id, secret in Settings().token_keys.items()}

    assert list(keys.items()) == [("new", f"{SECRET}:with:colons"), ("old", SECRET)]


@pytest.mark.parametrize("given", [SECRET, f":{SECRET}", "key:", f"key:{SECRET},{SECRET}"])
def test_token_keys_without_an_id_or_a_secret_are_refused_unseen(monkeypatch, given):
    monkeypatch.setenv("NIGHTMARKET_TOKEN_KEYS", given)

    with pytest.raises(ValidationError, match="token_keys are id:secret pairs") as refused:
        Settings()

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"token_keys": {"good": SECRET, "bad": "sh0rt"}}, "token key 'bad' is shorter than 32 characters"),
        ({"pass_key": "sh0rt"}, "pass_key is shorter than 32 characters"),
        ({"wechat_mch_id": "19"}, "these must be: wechat_app_id, wechat_private_key, wechat_serial, wechat_apiv3_key"),
        ({**MERCHANT, "wechat_serial": ""}, "wechat_mch_id is set, so these must be: wechat_serial"),
        ({**MERCHANT, "wechat_apiv3_key": "sh0rt"}, "wechat_apiv3_key has not 32 bytes"),
        (
            {**MERCHANT, "wechat_app_secret": ""},
            "wechat_mch_id is set, so wechat_app_secret must be: WeChat settles no",
        ),
        ({"stripe_secret_key": SECRET}, "stripe_webhook_secret must be"),
        ({**MERCHANT}, "wechat_mch_id is set, so public_url must be: .* cannot reach http://127.0.0.1:8000"),
        (
            {**STRIPE, "host": "0.0.0.0"},
            "stripe_secret_key is set, so public_url must be: .* reach http://0.0.0.0:8000",
        ),
        ({**TRACKING}, "tracking_url is set, so public_url must be"),
        (
            {**HOME, "development_login": True},
            "development_login is on, so public_url must not be https://shop.example: whoever comes there",
        ),
    ],
)
def test_a_short_secret_is_refused_without_showing_any(given, complaint):
    with pytest.raises(ValidationError, match=complaint) as refused:
        Settings(database_url=ADDRESS, **given)

    for secret in (SECRET, "sh0rt", "pa55word"):
        assert secret not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PORT", "65536"), ("LOG_LEVEL", "loud"), ("TOKEN_SECONDS", "59"), ("DATABASE_CONNECTIONS", "0")],
)
def test_a_knob_out_of_range_is_refused_by_name(monkeypatch, variable, value):
    monkeypatch.setenv(f"NIGHTMARKET_{variable}", value)

    with pytest.raises(ValidationError, match=variable.lower()):
        Settings()


def test_secrets_are_never_shown():
    settings = Settings(
        database_url=ADDRESS,
        redis_url=ADDRESS,
        broker_url=ADDRESS,
        token_keys={"key": SECRET},
        pass_key=SECRET,
        wechat_private_key=SECRET,
        wechat_apiv3_key=SECRET,
        stripe_secret_key=SECRET,
        stripe_webhook_secret=SECRET,
        public_url="https://shop.example",
    )

    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        assert SECRET not in shown
        assert "pa55word" not in shown
    assert settings.signing_secret == SECRET.encode()


def test_a_fresh_secret_is_long_enough_and_never_twice():
    made = {fresh_secret() for _ in range(100)}

    assert len(made) == 100
    assert {len(secret) for secret in made} == {43}


def test_beside_a_real_merchant_the_real_platform_is_told_how_orders_were_sent():
    assert Settings(**MERCHANT, **HOME).wechat_platform_url == "https://api.weixin.qq.com"
    assert Settings(**MERCHANT, **HOME, wechat_platform_url="").wechat_platform_url == "https://api.weixin.qq.com"
    assert Settings(**MERCHANT, **HOME, wechat_platform_url="http://proxy").wechat_platform_url == "http://proxy"


def test_beside_a_simulated_merchant_nobody_is_told_and_no_address_is_needed():
    simulated = {**MERCHANT, "wechat_app_secret": "", "wechat_url": "http://127.0.0.1:7000"}

    assert Settings(**simulated).wechat_platform_url == ""
    assert Settings(**simulated).home == "http://127.0.0.1:8000"


def test_without_a_merchant_nobody_is_told():
    assert Settings(**STRIPE, **HOME).wechat_platform_url == ""


@pytest.mark.parametrize(("given", "has_gateway"), [({}, False), (MERCHANT | HOME, True), (STRIPE | HOME, True)])
def test_a_gateway_is_a_merchant_or_an_account(given, has_gateway):
    assert Settings(**given).has_gateway is has_gateway
