"""Which URLs that somebody typed in, or a browser gave us, may be called.

Two rules for two needs. A provider with a known list of hosts checks with
`allowed_host`; it looks nothing up. For a partner's own host the transport
checks every address that the name stands for with `is_public`, and connects
to what it has checked.
"""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

# What the authority and the rest of a URL may be written with: parsers disagree about all else.
_PLAIN = re.compile(r"[^\s\\\x00-\x20\x7f]+")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# No top-level domain is a number: 127.1 and 0x7f000001 are addresses in disguise.
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")


class UnsafeUrl(ValueError):
    """A URL that is not called; the message says what to change."""


def host_of(
    url: str, schemes: tuple[str, ...] = ("https",), ports: tuple[int, ...] = (443,)
) -> str:
    """The host of `url`, in lower case, IDNA-encoded and without a trailing dot.

    Raises UnsafeUrl unless the URL is plain: https, port 443, no user name, no fragment.
    """
    if not _PLAIN.fullmatch(url):
        raise UnsafeUrl("The URL holds a space, a backslash or a control character. Encode it.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise UnsafeUrl("The URL cannot be read. Write it as https://host/path.") from None
    if parts.scheme not in schemes:
        raise UnsafeUrl(f"The URL must begin with {schemes[0]}://.")
    if "@" in parts.netloc or parts.fragment:
        raise UnsafeUrl("The URL must not hold a user name, a password or a fragment.")
    if port is not None and port not in ports:
        raise UnsafeUrl(f"The URL must use port {ports[0]}.")
    return normal_host(host)


def normal_host(host: str) -> str:
    """`host` as it is compared: lower case, IDNA, no trailing dot."""
    if is_address(host):
        return host
    try:
        plain = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        raise UnsafeUrl("The host name is not valid.") from None
    plain = plain.lower().removesuffix(".")
    labels = plain.split(".")
    if len(plain) > 253 or not all(map(_LABEL.fullmatch, labels)) or _NUMBER.fullmatch(labels[-1]):
        raise UnsafeUrl("The host name is not valid.")
    return plain


def on_label(host: str, suffix: str) -> bool:
    """Whether `host` is `suffix` or below it; `evilexample.com` is not below `example.com`."""
    suffix = suffix.lower().strip(".")
    return host == suffix or host.endswith(f".{suffix}")


def allowed_host(url: str, suffixes: Iterable[str]) -> str:
    """The host of `url`; raises UnsafeUrl unless it is one of `suffixes` or below one of them."""
    host = host_of(url)
    if not any(on_label(host, suffix) for suffix in suffixes):
        raise UnsafeUrl("The host is not one that this channel speaks to.")
    return host


def is_address(host: str) -> bool:
    """Whether `host` is an IP address and not a name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Whether `address` is on the open internet: not private, shared, local or multicast."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _embedded(found) if isinstance(found, ipaddress.IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    return found.is_global and not (found.is_multicast or found.is_reserved)


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one carries the packets to."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
