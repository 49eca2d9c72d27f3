"""Which URLs may be registered, and which addresses a socket may open to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonehook import addresses

LOOPBACK = addresses.parse_networks("127.0.0.0/8, ::1/128")

PUBLIC_ADDRESSES = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
    "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
    "223.255.255.255", "2001:4860:4860::8888", "2606:4700:4700::1111", "2a00:1450:4001::200e",
]  # fmt: skip

REFUSED_ADDRESSES = {
    "this network": ["0.0.0.0", "0.255.255.255"],
    "private": ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"],
    "carriers' NAT": ["100.64.0.0", "100.100.100.100", "100.127.255.255"],
    "loopback": ["127.0.0.1", "127.0.0.2", "127.255.255.255", "::1"],
    "link-local": ["169.254.0.1", "169.254.169.254", "fe80::1", "febf::1"],
    "IETF protocols": ["192.0.0.1", "192.0.0.171", "2001:1::1", "2001:20::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "AS112": ["192.31.196.1", "192.175.48.1", "2620:4f:8000::1"],
    "AMT": ["192.52.193.1"],
    "6to4": ["192.88.99.1", "2002:7f00:1::", "2002:808:808::1"],
    "benchmarking": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved and broadcast": ["240.0.0.1", "255.255.255.255"],
    "unspecified": ["::"],
    "IPv4-compatible": ["::7f00:1", "::8.8.8.8"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1"],
    "discard-only": ["100::1"],
    "Teredo": ["2001::1", "2001:0:7f00:1::1"],
    "unique local": ["fc00::1", "fd12:3456:789a::1"],
    "site-local": ["fec0::1", "feff::1"],
    "not allocated": ["4000::1", "9000::1"],
}

GOOD_URLS = [
    "https://hooks.example.com",
    "https://hooks.example.com/path/to?key=value&other=%20",
    "https://hooks.example.com:8443/",
    "https://hooks.example.com:1/",
    "https://hooks.example.com:65535/",
    "https://hooks.example.com./",
    "HTTPS://HOOKS.EXAMPLE.COM/",
    "https://xn--bcher-kva.example/",
    "https://1.2.3.4.example.com/",
    "https://8.8.8.8/",
    "https://8.8.8.8:8443/",
    "https://[2606:4700:4700::1111]/",
    "https://[2606:4700:4700::1111]:8443/",
    "https://example.com/%0d%0aX-Injected:%20yes",
]

BAD_URLS = {
    "plain http": ["http://hooks.example.com/", "http://8.8.8.8/", "http://[2606:4700:4700::1111]/"],
    "another scheme": ["ftp://hooks.example.com/", "file:///etc/passwd", "ws://hooks.example.com/", "javascript:x",
                       "gopher://hooks.example.com/", "//hooks.example.com/", "hooks.example.com", "/path", ""],
    "no host": ["https://", "https:///path", "https://:443/", "https:hooks.example.com", "https://?query"],
    "an inner address": ["https://127.0.0.1/", "https://10.0.0.1:8443/", "https://169.254.169.254/latest/meta-data",
                         "https://100.64.0.1/", "https://[::1]/", "https://[fe80::1]/", "https://[fec0::1]/",
                         "https://[fd00::1]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
                         "https://[2002:7f00:1::]/", "https://0.0.0.0/", "https://127.0.0.1./", "https://[::]/"],
    "an IPv4 address in disguise": ["https://0177.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://127.1/",
                                    "https://0x7f000001/", "https://017700000001/", "https://127.0.0.01/",
                                    "https://127.0.0.0x1/", "https://0/", "https://0x7f.0x1/", "https://2130706433./",
                                    "https://1.2.3.4.5/", "https://999.1.1.1/"],
    "a zone": ["https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::1%25lo]/",
               "https://[2606:4700:4700::1111%25eth0]/"],
    "user name or password": ["https://user@example.com/", "https://user:pass@example.com/", "https://@example.com/",
                              "https://:@example.com/", "https://127.0.0.1@example.com/",
                              "https://example.com@127.0.0.1/", "https://a@b@c.example.com/"],
    "a port that is none": ["https://example.com:0/", "https://example.com:65536/", "https://example.com:-1/",
                            "https://example.com:https/", "https://example.com:+443/", "https://example.com:99999999/"],
    "a fragment": ["https://example.com/#top", "https://example.com/?q#top", "https://example.com#@127.0.0.1/"],
    "other than visible ASCII": ["https://example.com/a b", " https://example.com/", "https://example.com/\n",
                                 "https://exam\tple.com/", "https://example.com/\r\nX: y", "https://example.com/\0",
                                 "https://example.com/\x7f", "https://bücher.example/", "https://example.com/ü",
                                 "https://\uff10x7f.1/", "https://example\u3002com/"],
    "a backslash": ["https://example.com/a\\b", "https://example.com\\@127.0.0.1/", "https:\\\\example.com\\"],
    "a name that is none": ["https://-a.example.com/", "https://a..example.com/", "https://.example.com/",
                            "https://*.example.com/", "https://exa<mple.com/", "https://%31.example.com/",
                            "https://xn--.example/", f"https://{'a' * 64}.example.com/", "https://hooks.example.com../"],
    "broken brackets": ["https://[::1/", "https://::1/", "https://[]/", "https://[1.2.3.4]/", "https://[v1.example]/"],
    "not a full name": ["https://example/", "https://localhost/", "https://LOCALHOST./", "https://a.localhost/",
                        "http://localhost/"],
    "too long": ["https://example.com/" + "a" * 2048],
}  # fmt: skip

INSIDE = {
    "https://localhost:8443/": True,
    "http://localhost:9000/": True,
    "http://127.0.0.1:9000/": True,
    "http://127.8.9.10/": True,
    "http://[::1]:9000/": True,
    "https://127.0.0.1/": True,
    "https://receiver/": True,
    "https://hooks.example.com/": True,
    "https://8.8.8.8/": True,
    "http://8.8.8.8/": False,
    "http://[2606:4700:4700::1111]/": False,
    "http://10.0.0.1/": False,
    "https://10.0.0.1/": False,
    "https://169.254.169.254/": False,
    "https://[::ffff:127.0.0.1]/": False,
    "https://[::1%25lo]/": False,
    "https://2130706433/": False,
    "http://0177.0.0.1/": False,
    "ftp://127.0.0.1/": False,
    "http://user@127.0.0.1/": False,
    "http://127.0.0.1:0/": False,
    "http:///": False,
}


def _cases(table: dict[str, list[str]]) -> list[object]:
    return [pytest.param(value, id=f"{why}: {value[:60]!r}") for why, values in table.items() for value in values]


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_public_addresses_may_be_connected_to(address: str) -> None:
    """A public address is allowed without any setting."""
    assert addresses.is_allowed(ipaddress.ip_address(address), ())


@pytest.mark.parametrize("address", _cases(REFUSED_ADDRESSES))
def test_other_addresses_may_not_be_connected_to(address: str) -> None:
    """An address that is not public, or that carries another one inside, is refused."""
    assert not addresses.is_allowed(ipaddress.ip_address(address), ())


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_is_allowed(address: addresses.Address) -> None:
    """The table refuses at least what the standard library knows to be no public unicast address."""
    if not address.is_global or address.is_multicast:
        assert not addresses.is_allowed(address, ())


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_public_https_url_may_be_registered(url: str) -> None:
    """An https URL with a public host is accepted."""
    assert addresses.url_problem(url, ()) is None


@pytest.mark.parametrize("url", _cases(BAD_URLS))
def test_other_urls_are_refused_with_a_sentence(url: str) -> None:
    """A URL that deliveries could not or should not go to is refused, with something to read."""
    problem = addresses.url_problem(url, ())
    assert problem is not None
    assert len(problem.split()) > 3


@pytest.mark.parametrize(("url", "is_good"), INSIDE.items())
def test_the_allow_list_opens_its_networks_alone(url: str, is_good: bool) -> None:
    """With loopback allowed, loopback may be registered, over plain http too, and nothing else may."""
    assert (addresses.url_problem(url, LOOPBACK) is None) is is_good


def test_a_zone_is_never_excepted() -> None:
    """An allow-list does not reach an address that names an interface."""
    link_local = addresses.parse_networks("fe80::/10")
    assert addresses.is_allowed(ipaddress.ip_address("fe80::1"), link_local)
    assert not addresses.is_allowed(ipaddress.ip_address("fe80::1%eth0"), link_local)


def test_plain_http_goes_to_allowed_networks_alone() -> None:
    """An address that a name resolved to gets plain http only when the allow-list names it."""
    public, inner = ipaddress.ip_address("8.8.8.8"), ipaddress.ip_address("127.0.0.1")
    assert "https" in (addresses.address_problem(public, "http", LOOPBACK) or "")
    assert addresses.address_problem(public, "https", LOOPBACK) is None
    assert addresses.address_problem(inner, "http", LOOPBACK) is None
    assert "127.0.0.1" in (addresses.address_problem(inner, "https", ()) or "")


def test_networks_are_read_from_a_list() -> None:
    """Commas separate networks, white space and empty parts do not matter."""
    assert addresses.parse_networks(" 10.1.0.0/16 ,, ::1/128,") == (
        ipaddress.ip_network("10.1.0.0/16"),
        ipaddress.ip_network("::1/128"),
    )
    assert addresses.parse_networks("") == ()


@pytest.mark.parametrize("text", ["10.0.0.1/8", "300.0.0.0/8", "localhost", "10.0.0.0/33", "10.0.0.0/8;::1/128"])
def test_what_is_no_network_is_refused_with_a_sentence(text: str) -> None:
    """A wrong network is quoted, with an example of a right one."""
    with pytest.raises(ValueError, match=r"write networks such as 10\.1\.0\.0/16"):
        addresses.parse_networks(text)
