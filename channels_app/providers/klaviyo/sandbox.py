"""The stand-in Klaviyo: checks an event, and keeps one of each unique_id.

A profile whose email begins with invalid@ is refused, one that begins with throttle@ must wait.
"""

import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any

from channels_app.providers.klaviyo.provider import ACCOUNT_PATH, LONGEST_METRIC, MEDIA_TYPE, PATH
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, part, text_of
from channels_app.wire.stand_ins import trim

JSON = {"content-type": MEDIA_TYPE}
OLDEST_REVISION = "2024-10-15"
REVISION = re.compile(r"20\d\d-[01]\d-[0-3]\d(\.pre)?\Z")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
PHONE = re.compile(r"\+[1-9]\d{6,14}\Z")
MOST_PROPERTIES = 400
REMEMBERED = 50_000
EVENT = "/data/attributes"
PROFILE = f"{EVENT}/profile/data/attributes"
TITLES = {
    401: ("not_authenticated", "Authentication credentials were not provided."),
    403: ("permission_denied", "You do not have permission to perform this action."),
    410: ("revision_retired", "This revision is no longer served."),
    429: ("throttled", "Request was throttled."),
}


class Refused(Exception):
    """A status, Klaviyo's code, and the part of the body that it is about."""

    def __init__(self, status: int, code: str, pointer: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.pointer = status, code, pointer


def demo_credentials() -> dict[str, str]:
    """A key that opens nothing outside the sandbox."""
    return {"private_key": f"pk_{secrets.token_hex(17)}", "revision": "", "identify_by": "email"}


class KlaviyoSandbox(SandboxEnd):
    """Takes events, and says whose key it is."""

    slug = "klaviyo"

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, ...], None] = OrderedDict()
        self._lock = Lock()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer as Klaviyo does: 202 without words, also to what it has already."""
        try:
            checked_headers(call, accounts)
            if (call.method, call.path) == ("GET", ACCOUNT_PATH):
                return account_reply(), None
            taken = event_of(call)
        except Refused as no:
            headers = {**JSON, "retry-after": "7"} if no.status == 429 else JSON
            return Reply(no.status, error_body(no.status, no.code, no.pointer), headers), None
        return Reply(202), None if self._is_repeat(taken) else taken

    def fault_body(self, status: int) -> bytes:
        """An error in Klaviyo's form."""
        return error_body(status, TITLES.get(status, ("error", ""))[0])

    def _is_repeat(self, taken: Taken) -> bool:
        key = (taken.extra["who"], taken.to, taken.id)
        with self._lock:
            known = key in self._seen
            self._seen[key] = None
            trim(self._seen, REMEMBERED)
        return known


def error_body(status: int, code: str, pointer: str = "") -> bytes:
    """One error, as JSON:API writes it."""
    title = TITLES.get(status, ("", "Invalid input."))[1]
    error = {"id": secrets.token_hex(8), "status": status, "code": code, "title": title}
    return json.dumps({"errors": [{**error, "source": {"pointer": pointer}}]}).encode()


def checked_headers(call: Call, accounts: Sequence[Account]) -> None:
    """The key, the revision, and a path that there is."""
    if (call.method, call.path) not in (("POST", PATH), ("GET", ACCOUNT_PATH)):
        raise Refused(405 if call.path in (PATH, ACCOUNT_PATH) else 404, "not_found")
    scheme, _space, key = call.headers.get("authorization", "").partition(" ")
    known = {account.credentials.get("private_key") for account in accounts}
    if scheme != "Klaviyo-API-Key" or not key.startswith("pk_") or (known and key not in known):
        raise Refused(401, "not_authenticated")
    revision = call.headers.get("revision", "")
    if not REVISION.match(revision):
        raise Refused(400, "invalid", "/revision")
    if revision < OLDEST_REVISION:
        raise Refused(410, "revision_retired")


def account_reply() -> Reply:
    """The account behind the key."""
    info = {"organization_name": "Bella Napoli (sandbox)"}
    data = [{"type": "account", "id": "SNDBOX", "attributes": {"contact_information": info}}]
    return Reply(200, json.dumps({"data": data}).encode(), JSON)


def event_of(call: Call) -> Taken:
    """The event, when every part of it is as Klaviyo wants it."""
    if call.headers.get("content-type", "").split(";")[0] != MEDIA_TYPE:
        raise Refused(415, "unsupported_media_type")
    try:
        data = part(json_object(call.body), "data")
    except ValueError:
        raise Refused(400, "parse_error", "/") from None
    attributes = part(data.get("attributes"))
    if data.get("type") != "event" or not attributes:
        raise Refused(400, "invalid", "/data/type")
    metric = checked_metric(attributes)
    who = checked_profile(attributes)
    told = checked_properties(attributes)
    ref = text_of(attributes.get("unique_id")) or secrets.token_hex(8)
    text = text_of(told.get("Message")) or metric
    shown = {"ref": ref, "who": who, "properties": told, "value": attributes.get("value")}
    return Taken(ref, metric, text, extra=shown)


def checked_metric(attributes: Mapping[str, Any]) -> str:
    """The metric's name."""
    found = part(attributes, "metric", "data")
    name = text_of(part(found.get("attributes")).get("name"))
    if found.get("type") != "metric" or not 0 < len(name) <= LONGEST_METRIC:
        raise Refused(400, "invalid", f"{EVENT}/metric/data/attributes/name")
    return name


def checked_profile(attributes: Mapping[str, Any]) -> str:
    """Who it is about: one of the identifiers."""
    found = part(attributes, "profile", "data")
    person = part(found.get("attributes"))
    email, phone = text_of(person.get("email")), text_of(person.get("phone_number"))
    who = email or phone or text_of(person.get("external_id"))
    if found.get("type") != "profile" or not who:
        raise Refused(400, "invalid", PROFILE)
    if email and (not EMAIL.match(email) or email.startswith("invalid@")):
        raise Refused(400, "invalid", f"{PROFILE}/email")
    if phone and not PHONE.match(phone):
        raise Refused(400, "invalid", f"{PROFILE}/phone_number")
    if email.startswith("throttle@"):
        raise Refused(429, "throttled")
    return who


def checked_properties(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The properties, and time, value and currency beside them."""
    told = attributes.get("properties")
    if not isinstance(told, dict) or len(told) > MOST_PROPERTIES:
        raise Refused(400, "invalid", f"{EVENT}/properties")
    value = attributes.get("value", 0)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Refused(400, "invalid", f"{EVENT}/value")
    if not re.fullmatch("[A-Z]{3}", text_of(attributes.get("value_currency", "USD"))):
        raise Refused(400, "invalid", f"{EVENT}/value_currency")
    try:
        if "time" in attributes:
            datetime.fromisoformat(text_of(attributes["time"]))
    except ValueError:
        raise Refused(400, "invalid", f"{EVENT}/time") from None
    return told


SANDBOX = KlaviyoSandbox()
