"""How Shopify names things: exact global ids, and numbers that may have lost their last digits."""

import re
from collections.abc import Mapping
from typing import Any

from orders.parsing import identifier, js_rounded, unique

_GID = re.compile(r"gid://[a-z0-9-]+/[A-Za-z]+/([0-9]+)(?:\?.*)?")


def tail(gid: Any) -> str:
    """The number at the end of a global id, or ""."""
    match = _GID.fullmatch(gid) if isinstance(gid, str) else None
    return match[1] if match else ""


def exact_id(body: Mapping[str, Any], where: str = "id") -> str:
    """The id of the thing in `body`: the global one when present, it never went through a float."""
    return tail(body.get("admin_graphql_api_id")) or identifier(body.get("id"), where)


def names(body: Mapping[str, Any], kind: str) -> tuple[str, list[str]]:
    """(id, other names) of the order or fulfilment in `body`; `kind` as in its global id."""
    exact = exact_id(body, f"{kind} id")
    return exact, aliases(exact, kind, identifier(body.get("id"), f"{kind} id"))


def aliases(exact: str, kind: str, plain: str = "") -> list[str]:
    """The other names under which Shopify, or a JavaScript in between, may speak of `exact`."""
    if not exact:
        return []
    return unique([f"gid://shopify/{kind}/{exact}", plain, js_rounded(exact)], apart_from=exact)
