"""The stand-in HubSpot: keeps records by their unique property, and takes events.

It knows nothing of an account's settings, so it takes every property but those whose name begins
with `missing`, and every pipeline but `nowhere`.
"""

import hashlib
import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import first_of, json_object, part, text_of
from channels_app.wire.stand_ins import trim

JSON = {"content-type": "application/json;charset=utf-8"}
KEPT = 5000  # records, and events
REFUSED_DOMAIN = "@refused.example"  # contacts with such an address are not taken
TEXTS = ("orderbell_text", "order_text", "description")  # where the words may be
_V = "(?P<version>20[0-9]{2}-(?:03|09))"
_ROUTES = (
    ("POST", re.compile(rf"/oauth/{_V}/token"), "_token"),
    ("GET", re.compile(rf"/account-info/{_V}/details"), "_account"),
    ("GET", re.compile(rf"/crm/properties/{_V}/(orders|deals)/(?P<name>[a-z0-9_]+)"), "_property"),
    ("POST", re.compile(rf"/crm/objects/{_V}/contacts/batch/upsert"), "_contacts"),
    ("PATCH", re.compile(rf"/crm/objects/{_V}/(?P<object>orders|deals)/(?P<key>.+)"), "_update"),
    ("POST", re.compile(rf"/crm/objects/{_V}/(?P<object>orders|deals)"), "_create"),
    ("POST", re.compile(rf"/events/{_V}/send"), "_event"),
)
_EVENT = re.compile(r"pe[0-9]+_[a-z0-9_]+\Z")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SAID = {
    401: ("INVALID_AUTHENTICATION", "The key is missing, wrong or expired."),
    403: ("MISSING_SCOPES", "This app hasn't been granted all required scopes."),
    404: ("OBJECT_NOT_FOUND", "resource not found"),
    409: ("CONFLICT", "The object exists already."),
    429: ("RATE_LIMITS", "You have reached your ten_secondly_rolling limit."),
}
PROPERTIES = (
    "hs_order_name = title\n"
    "hs_external_order_id = order.external_id\n"
    "hs_external_order_status = order.status\n"
    "hs_currency_code = order.currency\n"
    "hs_total_price = order.total\n"
    "orderbell_text = text"
)
Answered = tuple[Reply, Taken | None]


class Refused(Exception):
    """A request that is not taken: the status, what is wrong, and the code of the detail."""

    def __init__(self, status: int, message: str = "", code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


def demo_credentials() -> dict[str, str]:
    """An account that exists nowhere else, with a property for the words."""
    return {
        "service_key": f"pat-eu1-{secrets.token_hex(20)}",
        "mode": "orders",
        "properties": PROPERTIES,
        "stages": "ready = stage-ready\ndelivered = stage-done",
    }


class HubSpotSandbox(SandboxEnd):
    """The seven calls that we make."""

    slug = "hubspot"

    def __init__(self) -> None:
        self._records: OrderedDict[tuple[str, str], str] = OrderedDict()  # (object, key) -> id
        self._events: OrderedDict[str, None] = OrderedDict()

    def handle(self, call: Call, accounts: Sequence[Account]) -> Answered:
        """Find out which of the calls it is, and answer it."""
        try:
            for method, path, name in _ROUTES:
                found = path.fullmatch(call.path)
                if found and method == call.method:
                    if name != "_token":
                        check_key(call, accounts)
                    answered: Answered = getattr(self, name)(call, found.groupdict(), accounts)
                    return answered
            raise Refused(404)
        except Refused as no:
            return Reply(no.status, error_body(no.status, no.message, no.code), JSON), None

    def fault_body(self, status: int) -> bytes:
        """HubSpot's error object."""
        return error_body(status)

    def _token(self, call: Call, named: Mapping[str, str], known: Sequence[Account]) -> Answered:
        """A token for a refresh token that an account has."""
        given = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
        if given.get("grant_type") != "refresh_token":
            raise Refused(400, "grant_type must be refresh_token")
        names = ("client_id", "client_secret", "refresh_token")
        if not any(all(a.credentials.get(n) == given.get(n, "") for n in names) for a in known):
            raise Refused(400, "missing or invalid refresh token")
        token = access_token(given["refresh_token"])
        return reply({"token_type": "bearer", "access_token": token, "expires_in": 1800}), None

    def _account(self, call: Call, named: Mapping[str, str], known: Sequence[Account]) -> Answered:
        value = {"portalId": 4242424, "accountType": "STANDARD", "timeZone": "UTC"}
        return reply(value), None

    def _property(self, call: Call, named: Mapping[str, str], known: Sequence[Account]) -> Answered:
        """Every property is there, and its values are unique, unless it is one of HubSpot's."""
        name = named["name"]
        if name.startswith("missing"):
            raise Refused(404)
        value = {
            "name": name,
            "label": name.replace("_", " ").capitalize(),
            "type": "string",
            "fieldType": "text",
            "hasUniqueValue": not name.startswith("hs_"),
        }
        return reply(value), None

    def _contacts(self, call: Call, named: Mapping[str, str], known: Sequence[Account]) -> Answered:
        """One contact, known by its email; refused as one of a batch, with a 207."""
        inputs = json_of(call).get("inputs")
        one = first_of(inputs)
        email = text_of(one.get("id"))
        if one.get("idProperty") != "email" or not _EMAIL.fullmatch(email):
            raise Refused(400, f"Email address {email} is invalid", "INVALID_EMAIL")
        if email.endswith(REFUSED_DOMAIN):
            errors = [json.loads(error_body(400, "Email address is invalid", "INVALID_EMAIL"))]
            return reply(batch([], errors), 207), None
        new, contact = self._keep("contacts", email)
        return reply(batch([{**record(contact, part(one, "properties")), "new": new}])), None

    def _update(self, call: Call, named: Mapping[str, str], known: Sequence[Account]) -> Answered:
        """A record that is known by its unique property."""
        values = checked(json_of(call))
        if call.query.get("idProperty", "").startswith("hs_"):
            raise Refused(400, "Unable to perform update/upsert by non-unique property")
        found = self._records.get((named["object"], named["key"]))
        if found is None:
            raise Refused(404)
        return reply(record(found, values)), taken(found, named["object"], values)

    def _create(self, call: Call, named: Mapping[str, str], known: Sequence[Account]) -> Answered:
        """A new record, with its links."""
        body = json_of(call)
        values, links = checked(body), body.get("associations")
        if not isinstance(links, list):
            raise Refused(400, "associations must not be null")
        key = next((text for name, text in values.items() if name.startswith("orderbell_")), "")
        new, made = self._keep(named["object"], key or secrets.token_hex(8))
        if not new:
            raise Refused(409)
        message = taken(made, values.get("hs_pipeline") or named["object"], values)
        message.extra["linked"] = [text_of(part(one, "to").get("id")) for one in links]
        return reply(record(made, values), 201), message

    def _event(self, call: Call, named: Mapping[str, str], known: Sequence[Account]) -> Answered:
        """A custom event; a second one with the same uuid is refused."""
        body = json_of(call)
        values, name = checked(body), text_of(body.get("eventName"))
        if not _EVENT.match(name):
            raise Refused(400, f"The event definition {name} does not exist")
        if not any(text_of(body.get(who)) for who in ("email", "objectId", "utk")):
            raise Refused(400, "One of email, objectId or utk is needed")
        event = text_of(body.get("uuid")) or secrets.token_hex(16)
        if event in self._events:
            raise Refused(400, "An event with this uuid was already taken")
        self._events[event] = None
        trim(self._events, KEPT)
        return Reply(204), taken(event, name, values)

    def _keep(self, kind: str, key: str) -> tuple[bool, str]:
        """(whether it is new, its id)."""
        known = self._records.get((kind, key))
        if known is not None:
            return False, known
        made = str(10_000_000_000 + secrets.randbelow(9_000_000_000))
        self._records[kind, key] = made
        trim(self._records, KEPT)
        return True, made


def access_token(refresh_token: str) -> str:
    """The token that is given for `refresh_token`; always the same, so nothing must be kept."""
    return "CN" + hashlib.sha256(refresh_token.encode()).hexdigest()


def check_key(call: Call, accounts: Sequence[Account]) -> None:
    """Refuse a key that no account has. Without known accounts every key will do."""
    scheme, _space, key = call.headers.get("authorization", "").partition(" ")
    known = {a.credentials.get("service_key") for a in accounts}
    known |= {access_token(a.credentials.get("refresh_token", "")) for a in accounts}
    if scheme.lower() != "bearer" or not key or (accounts and key not in known):
        raise Refused(401)


def json_of(call: Call) -> dict[str, Any]:
    """The body; refused unless it is said to be, and is, a JSON object."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(415, "Content-Type must be application/json")
    try:
        return json_object(call.body)
    except ValueError:
        raise Refused(400, "Invalid input JSON") from None


def checked(body: Mapping[str, Any]) -> dict[str, str]:
    """The properties of a record or an event: text, under names that exist."""
    values = body.get("properties")
    if not isinstance(values, dict):
        raise Refused(400, "properties must not be null")
    for name, value in values.items():
        if name.startswith("missing"):
            raise Refused(400, f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST")
        if not isinstance(value, str):
            raise Refused(400, f"{name} is not a string")
        if value == "nowhere" and name in ("hs_pipeline", "pipeline"):
            raise Refused(400, "There is no such pipeline", "INVALID_PIPELINE")
    return values


def taken(made: str, to: str, values: Mapping[str, str]) -> Taken:
    """What happened, for people: the words if they came, else all properties."""
    said = next((values[name] for name in TEXTS if values.get(name)), "")
    text = said or "\n".join(f"{name}: {value}" for name, value in values.items())
    return Taken(made, to, text, extra={"properties": dict(values)})


def record(made: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A record as HubSpot shows it."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": made,
        "properties": dict(values),
        "createdAt": now,
        "updatedAt": now,
        "archived": False,
    }


def batch(results: Sequence[Any], errors: Sequence[Any] = ()) -> dict[str, Any]:
    """The answer to a batch."""
    now = datetime.now(UTC).isoformat()
    found = {"status": "COMPLETE", "startedAt": now, "completedAt": now, "results": list(results)}
    return found | ({"errors": list(errors), "numErrors": len(errors)} if errors else {})


def reply(value: Any, status: int = 200) -> Reply:
    """`value` as JSON."""
    return Reply(status, json.dumps(value).encode(), JSON)


def error_body(status: int, message: str = "", code: str = "") -> bytes:
    """HubSpot's error object."""
    category, said = _SAID.get(status, ("VALIDATION_ERROR", "Invalid input"))
    value: dict[str, Any] = {
        "status": "error",
        "message": message or said,
        "correlationId": secrets.token_hex(16),
        "category": category if status < 500 else "INTERNAL_ERROR",
    }
    if code:
        value["errors"] = [{"message": message, "code": code}]
    if status == 429:
        value |= {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
    return json.dumps(value).encode()


SANDBOX = HubSpotSandbox()
