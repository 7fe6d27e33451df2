"""Zoho's data centres: an account lives in one of them, and is unknown in all others."""

from collections.abc import Mapping
from dataclasses import dataclass

from channels_app.wire.hosts import is_listed, secure_endpoint


@dataclass(frozen=True, slots=True)
class Centre:
    """Where tokens are given, where the API is, and what an answer may name as the API's host."""

    name: str
    accounts: str
    api: str
    hosts: frozenset[str]


def _centre(name: str, ending: str) -> Centre:
    hosts = frozenset({f"www.zohoapis.{ending}", f".zohoapis.{ending}"})
    return Centre(name, f"https://accounts.zoho.{ending}", f"https://www.zohoapis.{ending}", hosts)


CENTRES: Mapping[str, Centre] = {
    "com": _centre("United States", "com"),
    "eu": _centre("Europe", "eu"),
    "in": _centre("India", "in"),
    "com.au": _centre("Australia", "com.au"),
    "jp": _centre("Japan", "jp"),
    "com.cn": _centre("China", "com.cn"),
    "sa": _centre("Saudi Arabia", "sa"),
    "uk": _centre("United Kingdom", "uk"),
    # Canada has a name of its own; which of the two the API answers at, the token's answer says.
    "ca": Centre(
        "Canada",
        "https://accounts.zohocloud.ca",
        "https://www.zohoapis.ca",
        frozenset({"www.zohoapis.ca", ".zohoapis.ca", ".zohocloud.ca"}),
    ),
}


def api_host(centre: Centre, url: str) -> str:
    """`url` as the address of the API of `centre`; raises ValueError for any other."""
    parts = secure_endpoint(url, frozenset())
    host = (parts.hostname or "").removesuffix(".")
    if parts.path.strip("/") or parts.query or not is_listed(host, centre.hosts):
        raise ValueError("This is not the API of this data centre.")
    return f"https://{host}"
