"""CloudEvents 1.0 in its three HTTP forms: structured, batch and binary."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from orders.contract import Item, Malformed, OrderEvent, Raw, Unmappable
from orders.parsing import identifier, parse_json, text, timestamp
from orders.sources.generic.body import Envelope, read_event
from orders.sources.generic.words import is_about_orders

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
BATCH_LIMIT = 1000
REQUIRED = ("id", "source", "type")
_HEADER_PREFIX = "ce-"
_BLANKS = " \t\r\n"


def media_type(headers: Mapping[str, str]) -> str:
    """The content type without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_cloud_event(headers: Mapping[str, str], value: Any) -> bool:
    """Whether this is a CloudEvent, by what it holds rather than by what it is called."""
    inside = isinstance(value, dict) and "specversion" in value
    return inside or "ce-specversion" in headers or media_type(headers) in (STRUCTURED, BATCH)


def items(raw: Raw, value: Any) -> Sequence[Item]:
    """The events in a request; those of a batch each with the bytes they were sent in."""
    if media_type(raw.headers) != BATCH:
        return [_item(attributes(raw.headers, value))]
    if not isinstance(value, list):
        raise Malformed("A CloudEvents batch must be a list.")
    if len(value) > BATCH_LIMIT:
        raise Malformed(f"A CloudEvents batch may hold {BATCH_LIMIT} events at most.")
    bodies = elements(raw.body)
    return [
        _item(_checked(event, f"[{n}].") if isinstance(event, dict) else _not_an_event(n), body)
        for n, (event, body) in enumerate(zip(value, bodies, strict=True))
    ]


def _not_an_event(n: int) -> Mapping[str, Any]:
    raise Malformed(f"[{n}]: must be a CloudEvent.")


def _item(event: Mapping[str, Any], body: bytes | None = None) -> Item:
    key = f"{text(event['source'], 2000)}#{text(event['id'], 2000)}"
    return Item(key, text(event["type"], 120), body)


def elements(body: bytes) -> list[bytes]:
    """The elements of a JSON list as they are written; `body` has been parsed before."""
    written = body.decode("utf-8-sig")
    decoder = json.JSONDecoder()
    found: list[bytes] = []
    at = written.index("[") + 1
    while True:
        while written[at] in _BLANKS or written[at] == ",":
            at += 1
        if written[at] == "]":
            return found
        _value, end = decoder.raw_decode(written, at)
        found.append(written[at:end].encode())
        at = end


def attributes(headers: Mapping[str, str], value: Any) -> Mapping[str, Any]:
    """The context attributes, from the body or from the `ce-` headers."""
    if isinstance(value, dict) and "specversion" in value:
        return _checked(value)
    if media_type(headers) == STRUCTURED:
        raise Malformed("specversion: is missing, so this is no CloudEvent.")
    found = {
        name.removeprefix(_HEADER_PREFIX): unquote(written)
        for name, written in headers.items()
        if name.startswith(_HEADER_PREFIX)
    }
    return _checked(found, _HEADER_PREFIX)


def _checked(event: Mapping[str, Any], where: str = "") -> Mapping[str, Any]:
    if event.get("specversion") != "1.0":
        raise Malformed(f'{where}specversion: must be "1.0".')
    for name in REQUIRED:
        if not isinstance(event.get(name), str) or not text(event[name]):
            raise Malformed(f"{where}{name}: must be a text.")
    return event


def read(headers: Mapping[str, str], value: Any, settings: Mapping[str, Any]) -> OrderEvent:
    """The order event that a CloudEvent carries as its data."""
    event = attributes(headers, value)
    if not is_about_orders(event["type"]):
        raise Unmappable(f"type: {text(event['type'], 120)} is not about an order.")
    binary = not (isinstance(value, dict) and "specversion" in value)
    data = value if binary else _data(event)
    around = Envelope(
        name=text(event["type"], 120),
        subject=identifier(event.get("partitionkey") or event.get("subject"), "subject"),
        version=_version(event.get("sequence")),
        time=timestamp(event.get("time")),
    )
    return read_event(data, settings, around)


def _data(event: Mapping[str, Any]) -> Any:
    kind = text(event.get("datacontenttype"), 120).partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise Unmappable(f"datacontenttype: {kind} cannot be read; send JSON.")
    if event.get("data_base64") is not None:
        return parse_json(_decoded(event["data_base64"]))
    if event.get("data") is None:
        raise Malformed("data: is missing.")
    return event["data"]


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "!", validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("data_base64: must be base64.") from None


def _version(sequence: Any) -> int | None:
    """The `sequence` extension when it is a number; other orderings are not ours to guess."""
    digits = text(sequence, 20)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None
