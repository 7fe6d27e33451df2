"""The stand-in Salesforce: gives tokens, takes events, and keeps records by their external id."""

import hashlib
import json
import re
import secrets
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, text_of
from channels_app.wire.stand_ins import trim

JSON = {"content-type": "application/json;charset=UTF-8"}
KEPT = 5000
TEXT = "Text__c"
LONGEST_TEXT = 4000
TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
_DATA = re.compile(r"/services/data/v(?P<version>\d{1,3}\.0)/(?P<rest>.*)")
_EVENT = re.compile(r"sobjects/(?P<name>\w+__e)/?")
_RECORD = re.compile(r"sobjects/(?P<name>\w+)/(?P<field>\w+)/(?P<key>.+)")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_KNOWN_VERSIONS = range(31, 69)
_SAID = {
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    503: ("SERVER_UNAVAILABLE", "The server is too busy"),
}


class Refused(Exception):
    """A request that is not taken: the status, the code, what is wrong, and in which fields."""

    def __init__(self, status: int, code: str = "", message: str = "", *fields: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.fields = status, code, message, fields


def demo_credentials() -> dict[str, str]:
    """An app in an account that exists nowhere else."""
    return {
        "domain": "orderbell-demo.my.salesforce.com",
        "client_id": f"3MVG9{secrets.token_hex(38)}",
        "client_secret": secrets.token_hex(32).upper(),
    }


class SalesforceSandbox(SandboxEnd):
    """The token endpoint, the list of resources, events and records."""

    slug = "salesforce"

    def __init__(self) -> None:
        self._records: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        self._expired: OrderedDict[str, None] = OrderedDict()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Find out what is asked for, and answer it."""
        if call.path == TOKEN_PATH:
            return token(call, accounts), None
        try:
            return self._data(call, accounts)
        except Refused as no:
            body = error_body(no.status, no.code, no.message, no.fields)
            return Reply(no.status, body, JSON), None

    def fault_body(self, status: int) -> bytes:
        """Salesforce's list with one error."""
        return error_body(status)

    def _data(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        found = _DATA.fullmatch(call.path)
        if found is None:
            raise Refused(404)
        check_token(call, accounts)
        if int(float(found["version"])) not in _KNOWN_VERSIONS:
            raise Refused(404)
        if not found["rest"] and call.method == "GET":
            resources = {"sobjects": f"{call.path}sobjects", "limits": f"{call.path}limits"}
            usage = {"sforce-limit-info": "api-usage=18/15000"}
            return reply(resources, 200, usage), None
        if (event := _EVENT.fullmatch(found["rest"])) and call.method == "POST":
            return self._publish(event["name"], self._checked(call))
        if (record := _RECORD.fullmatch(found["rest"])) and call.method == "PATCH":
            return self._upsert(record.groupdict(), self._checked(call, record["key"]))
        raise Refused(404)

    def _publish(self, name: str, values: Mapping[str, Any]) -> tuple[Reply, Taken | None]:
        """A note among the errors says that it was queued: that is how success looks."""
        check_object(name)
        event = str(uuid.uuid4())
        note = {"statusCode": "OPERATION_ENQUEUED", "message": event, "fields": []}
        answer = {"id": "e01xx0000000001AAA", "success": True, "errors": [note]}
        return reply(answer, 201), taken(event, name, values)

    def _upsert(
        self, named: Mapping[str, str], values: Mapping[str, Any]
    ) -> tuple[Reply, Taken | None]:
        """201 for a record that is new, 200 for one that was there."""
        check_object(named["name"])
        if named["field"] in values:
            said = "The external id field must not be in the body"
            raise Refused(400, "INVALID_FIELD", said, named["field"])
        place = (named["name"], named["field"], named["key"])
        new = place not in self._records
        made = self._records.setdefault(place, f"a01{secrets.token_hex(6)}AAA")
        trim(self._records, KEPT)
        answer = {"id": made, "success": True, "errors": [], "created": new}
        return reply(answer, 201 if new else 200), taken(made, named["name"], values)

    def _checked(self, call: Call, key: str = "") -> dict[str, Any]:
        """The fields of a record or an event, if they can be written."""
        if not call.headers.get("content-type", "").startswith("application/json"):
            raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", "Use application/json")
        try:
            values = json_object(call.body)
        except ValueError:
            raise Refused(400, "JSON_PARSER_ERROR", "Unexpected character") from None
        for name, value in values.items():
            check_field(name, value)
        self._expire(next((v for v in (key, *values.values()) if is_expiring(v)), ""))
        return values

    def _expire(self, value: str) -> None:
        """The session ends once for each value that asks for it."""
        if value and value not in self._expired:
            self._expired[value] = None
            trim(self._expired, KEPT)
            raise Refused(401)


def token(call: Call, accounts: Sequence[Account]) -> Reply:
    """A token for an app that an account has. It comes without an end."""
    given = {
        name: found[0] for name, found in parse_qs(call.body.decode("utf-8", "replace")).items()
    }
    if call.method != "POST" or given.get("grant_type") != "client_credentials":
        return reply({"error": "unsupported_grant_type", "error_description": "no"}, 400)
    client, secret = given.get("client_id", ""), given.get("client_secret", "")
    known = next((a for a in accounts if a.credentials.get("client_id") == client), None)
    if known is None or known.credentials.get("client_secret") != secret:
        return reply({"error": "invalid_client", "error_description": "no"}, 400)
    domain = known.credentials.get("domain", "")
    answer = {
        "access_token": session(client, secret),
        "instance_url": f"https://{domain}",
        "id": f"https://{domain}/id/00Dxx0000000001/005xx0000000001",
        "token_type": "Bearer",
        "issued_at": "1795262400000",
        "signature": "c2lnbmF0dXJl",
    }
    return reply(answer)


def session(client_id: str, client_secret: str) -> str:
    """The token of an app; always the same, so nothing must be kept."""
    return "00Dxx0000000001!" + hashlib.sha256(f"{client_id}:{client_secret}".encode()).hexdigest()


def check_token(call: Call, accounts: Sequence[Account]) -> None:
    """Refuse a token that was not given to an account. Without accounts every token will do."""
    scheme, _space, given = call.headers.get("authorization", "").partition(" ")
    known = {
        session(a.credentials.get("client_id", ""), a.credentials.get("client_secret", ""))
        for a in accounts
    }
    if scheme != "Bearer" or not given or (accounts and given not in known):
        raise Refused(401)


def check_object(name: str) -> None:
    """Every object is there, but for one."""
    if name.startswith("Nowhere"):
        raise Refused(404)


def check_field(name: str, value: Any) -> None:
    """A field must be there, and its value must fit."""
    if name.startswith("Missing"):
        raise Refused(400, "INVALID_FIELD", f"No such column '{name}'", name)
    if isinstance(value, list | dict):
        raise Refused(400, "JSON_PARSER_ERROR", "Cannot deserialize", name)
    if name.endswith("Email__c") and not _EMAIL.fullmatch(text_of(value)):
        raise Refused(400, "INVALID_EMAIL_ADDRESS", f"{name}: invalid email address", name)
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise Refused(400, "STRING_TOO_LONG", f"{name}: data value too large", name)


def is_expiring(value: Any) -> bool:
    """Whether the session ends when this value comes for the first time."""
    return isinstance(value, str) and value.startswith("expire-")


def taken(made: str, to: str, values: Mapping[str, Any]) -> Taken:
    """What happened, for people: the words if they came, else all fields."""
    text = text_of(values.get(TEXT)) or "\n".join(f"{name}: {one}" for name, one in values.items())
    return Taken(made, to, text, extra={"fields": dict(values)})


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """`value` as JSON."""
    return Reply(status, json.dumps(value).encode(), {**JSON, **(headers or {})})


def error_body(status: int, code: str = "", message: str = "", fields: Sequence[str] = ()) -> bytes:
    """Salesforce's list with one error."""
    known, said = _SAID.get(status, ("UNKNOWN_EXCEPTION", "An unexpected error occurred"))
    error: dict[str, Any] = {"message": message or said, "errorCode": code or known}
    return json.dumps([error | ({"fields": list(fields)} if fields else {})]).encode()


SANDBOX = SalesforceSandbox()
