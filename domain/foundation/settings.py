"""Every knob of the market, with its unit and default. Read once, at the start of a process.

A knob `x` is set by the environment variable `NIGHTMARKET_X`; the three addresses also by their customary names
DATABASE_URL, REDIS_URL and BROKER_URL. Left empty, the embedded engines take their place.
"""

import secrets
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

WECHAT_NEEDS = (
    "wechat_app_id", "wechat_private_key", "wechat_serial", "wechat_apiv3_key", "wechat_public_key", "wechat_public_key_id",
)  # fmt: skip
"""What WeChat Pay cannot do without, once a merchant number is set."""
WECHAT_PLATFORM = "https://api.weixin.qq.com"
"""Told how orders of a real merchant were sent, unless another address is set: WeChat settles none of them before."""
HERE = frozenset({"127.0.0.1", "::1", "localhost"})
"""Hosts on which nobody but a simulator answers."""


def _address(name: str, description: str) -> SecretStr:
    # An address may carry a password: it is masked wherever settings are shown.
    aliases = AliasChoices(name.upper(), f"NIGHTMARKET_{name.upper()}")
    return Field(SecretStr(""), validation_alias=aliases, description=description)


class Settings(BaseSettings):
    """The knobs. `nightmarket settings` prints them."""

    # hide_input_in_errors: a complaint is logged, and must not show the secret next to the one it is about
    model_config = SettingsConfigDict(
        env_prefix="NIGHTMARKET_", extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )

    # engines
    data_dir: Path = Field(Path(".nightmarket"), description="where embedded engines, secrets and reports live")
    database_url: SecretStr = _address("database_url", "PostgreSQL 15+; empty: embedded")
    redis_url: SecretStr = _address("redis_url", "Redis 7+/Valkey 8+, the gate; empty: embedded")
    broker_url: SecretStr = _address("broker_url", "Redis/Valkey for Dramatiq, a database of its own; empty: embedded")
    redis_cluster: bool = Field(False, description="REDIS_URL names a node of a Redis Cluster")
    database_connections: int = Field(10, ge=1, le=200, description="connections per process, at most")
    statement_seconds: float = Field(15.0, gt=0, description="seconds before PostgreSQL cancels a statement")

    # edge
    host: str = Field("127.0.0.1", description="address the API listens on")
    port: int = Field(8000, ge=0, le=65535, description="port the API listens on; 0: any free one")
    api_processes: int = Field(1, ge=1, le=64, description="API processes behind the one port")
    public_url: str = Field(
        "",
        description="how the world reaches the API; empty: http://host:port, which no real company could send a notice to",
    )
    adhoc_documents: bool = Field(True, description="documents nobody has registered are executed; off in production")
    documents: Path | None = Field(
        None, description="file of the registered documents, made by `nightmarket documents`; empty: none"
    )
    introspection: bool = Field(True, description="the schema may be asked for; off in production")
    suggestions: bool = Field(True, description="errors guess what a misspelt name was meant to be; off in production")
    graphiql: bool = Field(True, description="GET /graphql in a browser shows GraphiQL; off in production")
    console: bool = Field(True, description="GET /console shows the page from which live rooms are run")
    request_bytes: int = Field(65_536, ge=1024, description="bytes of a request body, at most")
    operation_seconds: float = Field(10.0, gt=0, description="seconds before an operation is cancelled")
    public_answer_seconds: float = Field(
        1.0, ge=0, description="seconds an anonymous catalogue answer is shared; 0: never"
    )

    allowed_origins: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(), description="origins of web pages that may call the API, comma separated; *: any; empty: none"
    )
    trusted_proxies: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(),
        description="addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-For is believed, comma separated",
    )
    rate_limits: bool = Field(True, description="count requests by shopper, device and address; off in load tests only")

    # live sockets
    api_sockets: bool = Field(
        True, description="the API answers sockets, too; off in production, where `nightmarket live` does"
    )
    sockets: int = Field(10_000, ge=1, description="sockets of one process, at most")
    sockets_per_address: int = Field(
        1_000, ge=1, description="of them of one address, at most; many phones share the address of their network"
    )
    live_host: str = Field("127.0.0.1", description="address the server of live sockets listens on")
    live_port: int = Field(8001, ge=0, le=65535, description="its port; 0: any free one")
    socket_message_bytes: int = Field(65_536, ge=1024, description="bytes of a socket's message, at most")
    socket_subscriptions: int = Field(20, ge=1, le=1000, description="subscriptions on one socket, at most")
    socket_queue_bytes: int = Field(
        262_144, ge=16_384, description="bytes that may wait for a slow reader before it is dropped"
    )
    socket_ping_seconds: float = Field(25.0, gt=0, description="seconds between pings of a socket")

    # identity
    token_keys: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict,
        description="key id:secret pairs, comma separated, the first signs; each secret at least 32 characters",
    )
    token_seconds: int = Field(900, ge=60, description="seconds an access token lives")
    refresh_days: int = Field(30, ge=1, le=365, description="days without a visit after which one has to sign in again")
    seal_key: SecretStr = Field(
        SecretStr(""),
        description="seals second factors of staff, and seeds of draws; at least 32 characters; lost, all have to enrol anew",
    )
    development_login: bool = Field(False, description="anyone may sign in as anyone; never in production")

    # flash sales
    pass_key: SecretStr = Field(SecretStr(""), description="signs passes; at least 32 characters")
    pass_seconds: int = Field(120, ge=5, description="seconds a pass of a flash sale lives")
    reserve_batch: int = Field(500, ge=1, le=5000, description="tickets reserved in one transaction, at most")
    sold_out_seconds: float = Field(0.25, ge=0, description="seconds a sold-out answer is kept in memory")

    # orders and payments
    order_pay_minutes: int = Field(30, ge=1, le=1440, description="minutes to pay an order, from placing it")
    unpaid_orders: int = Field(10, ge=1, description="orders of a shopper that may wait for their money, at most")
    lapse_batch: int = Field(200, ge=1, le=5000, description="orders lapsed in one sweep, at most")
    default_gateway: str = Field(
        "wechat", pattern="^(wechat|stripe)$", description="gateway of payments that name none: wechat or stripe"
    )

    # video of live rooms
    video: str = Field(
        "",
        pattern="^(|tencent|rtmp)$",
        description="who carries the video: tencent, rtmp (nginx-rtmp, SRS); empty: nobody",
    )
    video_push_url: str = Field("", description="where hosts push to: rtmp://push.example.com/live")
    video_play_url: str = Field("", description="where viewers play from: https://play.example.com/live")
    video_push_key: SecretStr = Field(SecretStr(""), description="signs the addresses to push to")
    video_play_key: SecretStr = Field(SecretStr(""), description="signs the addresses to play from")
    video_hook_secret: SecretStr = Field(
        SecretStr(""), description="the `secret` in the addresses of the hooks; at least 32 characters; empty: no hooks"
    )

    # sharing
    share_days: int = Field(7, ge=1, le=90, description="days that a share counts for, from its opening")

    # WeChat Pay
    wechat_mch_id: str = Field("", description="merchant number (mchid) at WeChat Pay; empty: no WeChat Pay")
    wechat_app_id: str = Field("", description="app id (appid) of the mini-program")
    wechat_private_key: SecretStr = Field(
        SecretStr(""), description="the merchant's RSA private key: PKCS#8 as PEM, or its base64 in one line"
    )
    wechat_serial: str = Field("", description="serial number of the merchant's certificate")
    wechat_apiv3_key: SecretStr = Field(SecretStr(""), description="APIv3 key, 32 bytes: it opens notices")
    wechat_public_key: str = Field("", description="WeChat Pay's public key: PEM, or its base64 in one line")
    wechat_public_key_id: str = Field("", description="id of that key, PUB_KEY_ID_...")
    wechat_url: str = Field("https://api.mch.weixin.qq.com", description="address of WeChat Pay or of its simulator")
    wechat_wallet_url: str = Field("", description="page that stands for the wallet, at the simulator; empty: none")
    wechat_contract_plan: int = Field(
        0, ge=0, description="template of contract payment (委托代扣, plan_id) at WeChat Pay; 0: no automatic renewal"
    )

    # shipments
    wechat_platform_url: str = Field(
        "",
        description="address of the WeChat platform or its simulator, for logins, phone numbers and what it is told of "
        "orders; empty: https://api.weixin.qq.com beside a real merchant at WeChat Pay, else none of these",
    )
    wechat_app_secret: SecretStr = Field(SecretStr(""), description="secret of the mini-program at the WeChat platform")
    wechat_share_page: str = Field(
        "pages/share/share",
        description="page of the mini-program that opens share links; a link's token is its `scene`",
    )
    wechat_room_page: str = Field(
        "pages/room/room", description="page of the mini-program that shows a live room, by its `id`"
    )
    wechat_reminder_template: str = Field(
        "", description="template of the message that reminds of a live room (订阅消息); empty: nobody is reminded"
    )
    wechat_reminder_fields: str = Field(
        "thing1,time2",
        pattern="^[a-z_]+[0-9]+,[a-z_]+[0-9]+$",
        description="its fields for the room's title and for its time",
    )
    wechat_renewal_template: str = Field(
        "", description="template of the message about a membership's end (订阅消息); empty: nobody is told by message"
    )
    wechat_renewal_fields: str = Field(
        "thing1,time2,amount3",
        pattern="^[a-z_]+[0-9]+(,[a-z_]+[0-9]+){2}$",
        description="its fields for what happens, for when, and for the price",
    )
    wechat_member_page: str = Field(
        "pages/member/member", description="page of the mini-program that shows one's membership"
    )
    tracking_url: str = Field("", description="address of the tracking company or its simulator; empty: none")
    tracking_customer: str = Field("", description="our name at the tracking company")
    tracking_key: SecretStr = Field(SecretStr(""), description="signs what is said to the tracking company and by it")

    # Stripe
    stripe_secret_key: SecretStr = Field(SecretStr(""), description="secret key at Stripe; empty: no Stripe")
    stripe_webhook_secret: SecretStr = Field(SecretStr(""), description="verifies Stripe's notices, whsec_...")
    stripe_url: str = Field("https://api.stripe.com", description="address of Stripe or of its simulator")
    stripe_return_url: str = Field(
        "", description="page a shopper comes back to from Stripe; empty: the API's own address"
    )

    # workers
    worker_processes: int = Field(1, ge=1, le=64, description="worker processes under `nightmarket up`")
    worker_threads: int = Field(8, ge=1, le=256, description="Dramatiq threads per worker process")
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="port of a process's Prometheus metrics, on NIGHTMARKET_HOST; of several on one machine each takes the "
        "next free one; 0: none",
    )
    otlp_url: str = Field(
        "",
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "NIGHTMARKET_OTLP_URL"),
        description="base address of a collector that takes traces by OTLP/HTTP, such as http://collector:4318; empty: none",
    )
    trace_ratio: float = Field(
        0.01, ge=0, le=1, description="part of all requests that are traced, where traces are taken"
    )

    # logs
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="lowest level written")
    log_json: bool = Field(False, description="one JSON object a line; on in production")

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: dict[str, object]) -> dict[str, object]:
        for name in ("allowed_origins", "trusted_proxies"):
            given = values.get(name)
            if isinstance(given, str):
                values[name] = frozenset(part.strip() for part in given.split(",") if part.strip())
        if values.get("documents") == "":
            values["documents"] = None
        return values

    @model_validator(mode="before")
    @classmethod
    def _split_token_keys(cls, values: dict[str, object]) -> dict[str, object]:
        given = values.get("token_keys")
        if isinstance(given, str):
            pairs = [pair.strip().partition(":") for pair in given.split(",") if pair.strip()]
            if not all(key_id and secret for key_id, _, secret in pairs):
                raise ValueError("token_keys are id:secret pairs, comma separated; one has no id or no secret")
            values["token_keys"] = {key_id: secret for key_id, _, secret in pairs}
        return values

    @model_validator(mode="after")
    def _plain_addresses(self) -> "Settings":
        for proxy in self.trusted_proxies:
            ip_network(proxy, strict=False)  # its ValueError names the entry
        for origin in self.allowed_origins - {"*"}:
            parts = urlsplit(origin)
            if not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}".lower():
                raise ValueError(f"allowed_origins: {origin!r} is no origin such as https://shop.example")
        return self

    @model_validator(mode="after")
    def _long_secrets(self) -> "Settings":
        for key_id, secret in self.token_keys.items():
            if len(secret.get_secret_value()) < 32:
                raise ValueError(f"token key {key_id!r} is shorter than 32 characters")
        for name in ("pass_key", "seal_key", "video_hook_secret"):
            if 0 < len(getattr(self, name).get_secret_value()) < 32:
                raise ValueError(f"{name} is shorter than 32 characters")
        return self

    @model_validator(mode="after")
    def _whole_gateways(self) -> "Settings":
        lacking = [name for name in WECHAT_NEEDS if not _shown(getattr(self, name))]
        if self.wechat_mch_id and lacking:
            raise ValueError(f"wechat_mch_id is set, so these must be: {', '.join(lacking)}")
        if self.wechat_mch_id and len(self.wechat_apiv3_key.get_secret_value().encode()) != 32:
            raise ValueError("wechat_apiv3_key has not 32 bytes")
        if _shown(self.stripe_secret_key) and not _shown(self.stripe_webhook_secret):
            raise ValueError("stripe_secret_key is set, so stripe_webhook_secret must be")
        return self

    @model_validator(mode="after")
    def _whole_companies(self) -> "Settings":
        if self.wechat_mch_id and not self.wechat_platform_url and is_elsewhere(self.wechat_url):
            # WeChat settles no order of a mini-program that it was not told the shipping of: this must not depend on a knob
            if not _shown(self.wechat_app_secret):
                raise ValueError(
                    "wechat_mch_id is set, so wechat_app_secret must be: WeChat settles no order before it is told how it "
                    "was sent"
                )
            self.wechat_platform_url = WECHAT_PLATFORM
        needs = {
            "wechat_platform_url": ("wechat_app_id", "wechat_app_secret"),
            "tracking_url": ("tracking_customer", "tracking_key"),
            "video": ("video_push_url", "video_play_url", "video_push_key", "video_play_key"),
        }
        for address, others in needs.items():
            lacking = [name for name in others if not _shown(getattr(self, name))]
            if getattr(self, address) and lacking:
                raise ValueError(f"{address} is set, so these must be: {', '.join(lacking)}")
        return self

    @model_validator(mode="after")
    def _reachable(self) -> "Settings":
        addresses = {
            "wechat_mch_id": self.wechat_url if self.wechat_mch_id else "",
            "stripe_secret_key": self.stripe_url if _shown(self.stripe_secret_key) else "",
            "tracking_url": self.tracking_url,
        }
        real = [name for name, address in addresses.items() if address and is_elsewhere(address)]
        if real and not self.public_url:
            raise ValueError(
                f"{real[0]} is set, so public_url must be: the company is told to send its notices there, and cannot reach "
                f"{self.home}"
            )
        return self

    @model_validator(mode="after")
    def _nobody_is_anybody(self) -> "Settings":
        if self.development_login and self.public_url.lower().startswith("https:"):
            raise ValueError(
                f"development_login is on, so public_url must not be {self.public_url}: whoever comes there could sign in as "
                "anybody"
            )
        return self

    @property
    def signing_secret(self) -> bytes:
        """The bytes that sign passes. Raises ValueError when there are none: an empty key would let anybody sign."""
        secret = self.pass_key.get_secret_value()
        if not secret:
            raise ValueError("NIGHTMARKET_PASS_KEY must be set")
        return secret.encode()

    @property
    def home(self) -> str:
        """How the world reaches the API, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def has_gateway(self) -> bool:
        """Whether any company that moves money is configured."""
        return bool(self.wechat_mch_id or _shown(self.stripe_secret_key))

    def knobs(self, prefix: str) -> tuple[object, ...]:
        """The values of all knobs whose names begin so."""
        return tuple(getattr(self, name) for name in type(self).model_fields if name.startswith(prefix))

    @property
    def is_embedded(self) -> bool:
        """Whether any engine has to be started by us."""
        return not all(url.get_secret_value() for url in (self.database_url, self.redis_url, self.broker_url))


@lru_cache
def settings() -> Settings:
    """The settings of this process. Raises pydantic's ValidationError naming every bad knob."""
    return Settings()


def _shown(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def is_elsewhere(address: str) -> bool:
    """Whether an address leads to another machine, to a real company as far as anybody here can tell."""
    return urlsplit(address).hostname not in HERE


def fresh_secret() -> str:
    """43 characters of 256 random bits, for a key that nobody has chosen."""
    return secrets.token_urlsafe(32)
