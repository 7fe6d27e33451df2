"""Deliveroo's two signatures: which one a body has depends on the generation of its event."""

import re
from collections.abc import Sequence

from orders.contract import BadSignature, Malformed, Raw
from orders.parsing import parse_json, text
from orders.signatures import Scheme, header, verify

SEQUENCE_GUID = ("x-deliveroo-sequence-guid",)
CURRENT = Scheme(
    headers=("x-deliveroo-hmac-sha256",),
    encoding="hex",
    template="{id} {body}",
    id_headers=SEQUENCE_GUID,
)
LEGACY = Scheme(
    headers=("x-deliveroo-hmac-sha256",),
    encoding="hex",
    template="{id} \n {body}",
    id_headers=SEQUENCE_GUID,
)
LEGACY_EVENTS = frozenset({"new_order", "cancel_order"})
# Only a blank stands between the id and the body, so an id may hold none: otherwise a part
# of the body could be passed off as a part of the id.
_GUID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def check(raw: Raw, secrets: Sequence[str]) -> None:
    """Raise BadSignature unless Deliveroo signed `raw` in the way of its event's generation.

    The body is read only once somebody has vouched for it.
    """
    if not _GUID.fullmatch(header(raw, SEQUENCE_GUID)):
        raise BadSignature("The header X-Deliveroo-Sequence-Guid is missing or holds no id.")
    signed_as = _fitting(raw, secrets)
    wanted = LEGACY if _event_of(raw.body) in LEGACY_EVENTS else CURRENT
    if signed_as is not wanted:
        raise BadSignature("The signature is of the other generation of Deliveroo's events.")


def _fitting(raw: Raw, secrets: Sequence[str]) -> Scheme:
    try:
        verify(CURRENT, raw, secrets)
    except BadSignature:
        verify(LEGACY, raw, secrets)
        return LEGACY
    return CURRENT


def _event_of(body: bytes) -> str:
    try:
        value = parse_json(body)
    except Malformed:
        return ""
    return text(value.get("event"), 80) if isinstance(value, dict) else ""
