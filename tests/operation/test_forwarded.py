"""The client's address behind proxies: what is believed, of whom, and where belief ends."""

import pytest

from api.app import Api
from api.forwarded import MOST_HOPS, Forwarded, device_of
from api.wire import RequestHead

PROXIES = Forwarded(["10.0.0.0/8", "192.168.1.7", "fd00::/8", "127.0.0.1"])


def scope(peer: str | None, *forwarded: str) -> dict[str, object]:
    client = None if peer is None else (peer, 4711)
    return {"client": client, "headers": [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        # nobody in between
        ("203.0.113.9", [], "203.0.113.9"),
        ("2001:DB8::9", [], "2001:db8::9"),
        # a stranger who claims things
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("203.0.113.9", ["10.0.0.1"], "203.0.113.9"),
        # one proxy, two, and one whose own address is listed alone
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("192.168.1.7", ["198.51.100.1"], "198.51.100.1"),
        ("192.168.1.8", ["198.51.100.1"], "192.168.1.8"),
        # what the client invented stands left of what the first proxy saw
        ("10.0.0.1", ["1.1.1.1, 127.0.0.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        # a header for each proxy
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        # all trusted: the farthest known
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        # what is no address ends the walk at the proxy that passed it on
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, _hidden, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1,"], "10.0.0.1"),
        ("10.0.0.1", ["999.1.1.1"], "10.0.0.1"),
        ("10.0.0.1", ["\xff\xfe"], "10.0.0.1"),
        # ports, brackets, zones, spaces, IPv4 in IPv6's clothes
        ("10.0.0.1", ["198.51.100.1:5555"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:443"], "2001:db8::1"),
        ("10.0.0.1", ["[2001:DB8:0::1]"], "2001:db8::1"),
        ("10.0.0.1", ["  2001:db8::1\t"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("fd00::1%eth0", ["fe80::2%wlan0"], "fe80::2"),
        # a Unix socket: of this machine
        (None, ["198.51.100.1"], "198.51.100.1"),
        ("", ["198.51.100.1"], "198.51.100.1"),
        (None, [], ""),
    ],
)
def test_the_address_is_the_nearest_that_no_proxy_of_ours_has(peer, forwarded, address):
    assert PROXIES.address(scope(peer, *forwarded)) == address


@pytest.mark.parametrize(
    ("peer", "address"), [("203.0.113.9", "203.0.113.9"), ("::ffff:203.0.113.9", "203.0.113.9"), (None, "")]
)
def test_without_proxies_nothing_is_believed(peer, address):
    assert Forwarded([]).address(scope(peer, "198.51.100.1")) == address


def test_of_a_header_that_goes_on_and_on_the_nearest_hops_are_read():
    endless = ", ".join(["198.51.100.1", *["10.0.0.2"] * 10_000])

    assert PROXIES.address(scope("10.0.0.1", endless)) == "10.0.0.2"
    assert (
        PROXIES.address(scope("10.0.0.1", ", ".join(["198.51.100.1", *["10.0.0.2"] * (MOST_HOPS - 1)])))
        == "198.51.100.1"
    )


@pytest.mark.parametrize(
    ("header", "device"),
    [
        ("phone-1.A_b", "phone-1.A_b"),
        ("x" * 64, "x" * 64),
        ("x" * 65, ""),
        ("short", ""),
        ("a b c d e f", ""),
        ("设备号设备号设备号", ""),
        ("", ""),
    ],
)
def test_a_device_is_a_short_plain_name(header, device):
    assert device_of(header) == device


async def test_resolvers_know_address_and_device(settings, clean):
    api = Api(settings.model_copy(update={"trusted_proxies": frozenset({"127.0.0.1"})}))
    head = RequestHead(scope("127.0.0.1", "198.51.100.1"))
    head.headers[b"x-device-id"] = b"device-0001"

    async with api.started():
        context = api._context(head)

    assert (context.address, context.device) == ("198.51.100.1", "device-0001")


def test_settings_refuse_proxies_and_origins_that_are_none(settings):
    for wrong in ({"trusted_proxies": "10.0.0.0/33"}, {"trusted_proxies": "proxy.example"}):
        with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 network"):
            type(settings)(**wrong)
    for origin in ("shop.example", "https://shop.example/", "https://Shop.example", "https://shop.example/a"):
        with pytest.raises(ValueError, match="is no origin"):
            type(settings)(allowed_origins=origin)
    fine = type(settings)(
        allowed_origins="https://shop.example, http://localhost:8080,*", trusted_proxies="10.0.0.1/8,::1"
    )
    assert fine.allowed_origins == {"https://shop.example", "http://localhost:8080", "*"}
