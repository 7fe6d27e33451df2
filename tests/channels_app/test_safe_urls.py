"""Which URLs may be called."""

import pytest

from channels_app.safe_urls import UnsafeUrl, allowed_host, host_of, is_address, is_public, on_label


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Partner.Example/hook", "partner.example"),
        ("https://partner.example.:443/hook?a=1", "partner.example"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://93.184.216.34/", "93.184.216.34"),
        ("https://[2606:2800:220:1::1]/", "2606:2800:220:1::1"),
    ],
)
def test_a_plain_https_url_gives_its_host_in_one_spelling(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "http://partner.example/",
        "ftp://partner.example/",
        "https://partner.example:8443/",
        "https://partner.example:0x1bb/",
        "https://partner.example:99999/",
        "https://good.example@evil.example/",
        "https://good.example\\@evil.example/",
        "https://good.example/ evil",
        "https://good.example/\r\nX: y",
        "https://good.example/#part",
        "https:///hook",
        "https://-bad-.example/",
        "https://a..example/",
        "https://[::1/",
        "https://" + "a" * 64 + ".example/",
        "partner.example",
        "",
    ],
)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(UnsafeUrl):
        host_of(url)


def test_a_suffix_counts_only_at_a_dot() -> None:
    assert on_label("eu.logic.azure.com", ".logic.azure.com")
    assert on_label("logic.azure.com", "logic.azure.com")
    assert not on_label("evillogic.azure.com", "logic.azure.com")
    assert not on_label("logic.azure.com.evil.example", "logic.azure.com")


def test_only_hosts_of_the_list_are_allowed() -> None:
    assert allowed_host("https://EU.push.example./x", ["push.example"]) == "eu.push.example"
    with pytest.raises(UnsafeUrl, match="not one that this channel speaks to"):
        allowed_host("https://push.example.evil.example/x", ["push.example"])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "239.1.2.3",
        "255.255.255.255",
        "198.18.0.1",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "not an address",
    ],
)
def test_addresses_inside_a_network_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::808:808"])
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert is_public(address)
    assert is_address(address)


def test_a_name_is_no_address() -> None:
    assert not is_address("partner.example")
