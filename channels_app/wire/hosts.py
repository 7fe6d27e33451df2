"""Hosts we post to: an address that somebody typed, or that a browser gave, is not trusted."""

import re
from urllib.parse import SplitResult, unquote, urlsplit

# A leading dot allows every host below it.
PUSH_HOSTS = frozenset(
    {
        "fcm.googleapis.com",
        "updates.push.services.mozilla.com",
        ".push.services.mozilla.com",
        "web.push.apple.com",
        ".push.apple.com",
        ".notify.windows.com",
    }
)


def is_listed(host: str, hosts: frozenset[str]) -> bool:
    """Whether `host` is one of `hosts`, or below one of them that begins with a dot."""
    host = host.lower().removesuffix(".")
    return host in hosts or any(
        entry.startswith(".") and host.endswith(entry) and host != entry for entry in hosts
    )


def split_endpoint(url: str) -> SplitResult:
    """The parts of a web address without user name or fragment; raises ValueError otherwise."""
    if any(ord(letter) <= 32 or ord(letter) > 126 or letter == "\\" for letter in url):
        raise ValueError("The address holds letters that a web address cannot hold.")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("The address is not a web address.")
    if parts.username is not None or parts.password is not None or "#" in url:
        raise ValueError("The address holds a user name or a fragment.")
    if parts.port == 0 or any(unquote(step) in (".", "..") for step in parts.path.split("/")):
        raise ValueError("The address names port 0, or climbs out of its path.")
    return parts


def secure_endpoint(url: str, private_hosts: frozenset[str]) -> SplitResult:
    """As `split_endpoint`, and https on port 443, unless the operator listed the host."""
    parts = split_endpoint(url)
    if is_listed(parts.hostname or "", private_hosts):
        return parts
    if parts.scheme != "https" or parts.port not in (None, 443):
        raise ValueError("The address must begin with https:// and use port 443.")
    return parts


def push_endpoint(url: str, extra_hosts: frozenset[str]) -> SplitResult:
    """The parts of a subscription's endpoint at a push service that we know; else ValueError."""
    parts = secure_endpoint(url, extra_hosts)
    if not is_listed(parts.hostname or "", PUSH_HOSTS | extra_hosts):
        raise ValueError("The endpoint is not at a push service that we know.")
    return parts


def account_below(value: str, domain: str) -> str:
    """The account's name in what was typed or pasted; empty for an address not below `domain`."""
    name = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    address = rf"(?:https://)?({name})(?:\.{re.escape(domain)}(?:/[^\s\\@]*)?)?"
    found = re.fullmatch(address, value.strip(), re.IGNORECASE)
    return found[1].lower() if found else ""
