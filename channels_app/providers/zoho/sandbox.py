"""The stand-in Zoho CRM: gives tokens (ten in ten minutes), and keeps records of modules."""

import hashlib
import json
import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from channels_app.providers.zoho.centres import CENTRES
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import id_of, json_object, part, text_of
from channels_app.wire.stand_ins import trim

JSON = {"content-type": "application/json;charset=UTF-8"}
KEPT = 5000
TEXT = "Order_Text"
TOKENS, TOKENS_SECONDS = 10, 600.0
LONGEST_TEXT = 2000
_MODULE = re.compile(r"/crm/v\d+(\.\d)?/(?P<module>\w+)/(?P<rest>\w+)")
_ORG = re.compile(r"/crm/v\d+(\.\d)?/org")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# The code that goes with a status, and Zoho's words for it.
_SAID = {
    401: ("INVALID_TOKEN", "invalid oauth token"),
    403: ("NO_PERMISSION", "permission denied"),
    404: ("INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one"),
    412: ("RECORD_MODIFIED", "the record was modified"),
    429: ("TOO_MANY_REQUESTS", "You have made too many requests"),
}


class Refused(Exception):
    """What is not taken: a record's error goes with HTTP 200, as at the real one."""

    def __init__(self, status: int, code: str, message: str = "", **details: Any) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.details = status, code, message, details


def demo_credentials() -> dict[str, str]:
    """A self client of an account that exists nowhere else."""
    return {
        "centre": "eu",
        "client_id": f"1000.{secrets.token_hex(15).upper()}",
        "client_secret": secrets.token_hex(21),
        "refresh_token": f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}",
    }


class ZohoSandbox(SandboxEnd):
    """The token endpoint, the company, upserts and updates."""

    slug = "zoho"

    def __init__(self) -> None:
        self._records: OrderedDict[tuple[str, str], str] = OrderedDict()  # (module, key) -> id
        self._given: dict[str, deque[float]] = {}

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Find out what is asked for, and answer it."""
        if call.path == "/oauth/v2/token":
            return self._token(call, accounts), None
        try:
            return self._crm(call, accounts)
        except Refused as no:
            error = {"code": no.code, "details": no.details, "message": no.message}
            error["status"] = "error"
            return reply({"data": [error]} if no.status == 200 else error, no.status), None

    def fault_body(self, status: int) -> bytes:
        """Zoho's error about a call as a whole."""
        code, said = _SAID.get(status, ("INTERNAL_ERROR", "Internal server error occurred."))
        return json.dumps(
            {"code": code, "details": {}, "message": said, "status": "error"}
        ).encode()

    def _token(self, call: Call, accounts: Sequence[Account]) -> Reply:
        """Most refusals come with HTTP 200."""
        given = {n: found[0] for n, found in parse_qs(call.body.decode("utf-8", "replace")).items()}
        if call.method != "POST" or given.get("grant_type") != "refresh_token":
            return reply({"error": "unsupported_grant_type"})
        named = given.get("client_id", "")
        known = next((a for a in accounts if a.credentials.get("client_id") == named), None)
        if known is None:
            return reply({"error": "invalid_client"})
        refresh = given.get("refresh_token", "")
        if known.credentials.get("client_secret") != given.get("client_secret"):
            return reply({"error": "invalid_client_secret"})
        if known.credentials.get("refresh_token") != refresh:
            return reply({"error": "invalid_code"})
        if self._spent(refresh):
            words = (
                "You have made too many requests continuously. Please try again after some time."
            )
            return reply({"error": "Access Denied", "error_description": words}, 400)
        centre = CENTRES.get(known.credentials.get("centre", ""), CENTRES["com"])
        answer = {
            "access_token": access_token(refresh),
            "api_domain": centre.api,
            "token_type": "Bearer",
            "expires_in": 3600,
        }
        return reply(answer)

    def _spent(self, refresh: str) -> bool:
        """Whether ten tokens were given in the last ten minutes; else one more is counted."""
        now, given = time.monotonic(), self._given.setdefault(refresh, deque(maxlen=TOKENS))
        if len(given) == TOKENS and now - given[0] < TOKENS_SECONDS:
            return True
        given.append(now)
        return False

    def _crm(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        check_token(call, accounts)
        if _ORG.fullmatch(call.path) and call.method == "GET":
            return reply({"org": [{"id": "4000001", "company_name": "Sandbox Company"}]}), None
        found = _MODULE.fullmatch(call.path)
        if found is None or (call.method, found["rest"] == "upsert") not in (
            ("POST", True),
            ("PUT", False),
        ):
            raise Refused(404, *_SAID[404])
        if found["module"].startswith("Nowhere"):
            raise Refused(400, "INVALID_MODULE", "The module name given seems to be invalid")
        body = body_of(call)
        record = checked(body)
        if call.method == "PUT":
            return self._update(found["module"], found["rest"], record)
        return self._upsert(found["module"], record, body.get("duplicate_check_fields"))

    def _upsert(
        self, module: str, record: Mapping[str, Any], fields: Any
    ) -> tuple[Reply, Taken | None]:
        """Insert or update by the first of the fields that must not repeat."""
        field = text_of(fields[0]) if isinstance(fields, list) and fields else ""
        key = id_of(record.get(field))
        if not key:
            raise Refused(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing")
        new = (module, key) not in self._records
        if key.startswith("twice-") and new:
            self._keep(module, key)  # as if somebody else had been a moment faster
            duplicate = {"api_name": field, "id": self._records[module, key]}
            raise Refused(200, "DUPLICATE_DATA", "duplicate data", **duplicate)
        made = self._keep(module, key)
        answer = success(made, "insert" if new else "update", field)
        return reply({"data": [answer]}, 201 if new else 200), taken(made, module, record)

    def _update(
        self, module: str, made: str, record: Mapping[str, Any]
    ) -> tuple[Reply, Taken | None]:
        """A record that is named by its id."""
        if made not in self._records.values():
            raise Refused(200, "INVALID_DATA", "the id given seems to be invalid", id=made)
        return reply({"data": [success(made, "update", "")]}), taken(made, module, record)

    def _keep(self, module: str, key: str) -> str:
        made = self._records.setdefault(
            (module, key), str(4_000_000_000_000 + secrets.randbelow(10**12))
        )
        trim(self._records, KEPT)
        return made


def access_token(refresh_token: str) -> str:
    """The token that is given for `refresh_token`; always the same, so nothing must be kept."""
    return "1000." + hashlib.sha256(refresh_token.encode()).hexdigest()


def check_token(call: Call, accounts: Sequence[Account]) -> None:
    """Zoho's own scheme, and a token that was given. Without accounts every token will do."""
    scheme, _space, given = call.headers.get("authorization", "").partition(" ")
    known = {access_token(a.credentials.get("refresh_token", "")) for a in accounts}
    if scheme != "Zoho-oauthtoken" or not given or (accounts and given not in known):
        raise Refused(401, *_SAID[401])


def body_of(call: Call) -> dict[str, Any]:
    """The body, a JSON object."""
    try:
        return json_object(call.body)
    except ValueError:
        raise Refused(400, "INVALID_DATA", "body", expected_data_type="jsonobject") from None


def checked(body: Mapping[str, Any]) -> dict[str, Any]:
    """The one record, if its fields are there and its values fit."""
    data = body.get("data")
    record = part(data[0]) if isinstance(data, list) and len(data) == 1 else {}
    if not record:
        raise Refused(400, "MANDATORY_NOT_FOUND", "required field not found", api_name="data")
    for name, value in record.items():
        check_field(name, value)
    if not any(record.get(name) for name in ("Deal_Name", "Subject", "Name", "Last_Name")):
        raise Refused(200, "MANDATORY_NOT_FOUND", "required field not found", api_name="Name")
    return record


def check_field(name: str, value: Any) -> None:
    """A value of another kind than the field, one too long, or no email address."""
    if name.startswith("Count") and not isinstance(value, int):
        raise Refused(
            200, "INVALID_DATA", "invalid data", api_name=name, expected_data_type="integer"
        )
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise Refused(
            200, "INVALID_DATA", "invalid data", api_name=name, maximum_length=LONGEST_TEXT
        )
    if name.endswith("Email") and not _EMAIL.fullmatch(text_of(value)):
        raise Refused(
            200, "INVALID_DATA", "invalid data", api_name=name, expected_data_type="email"
        )


def success(made: str, action: str, field: str) -> dict[str, Any]:
    """What Zoho says about a record that it took."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "code": "SUCCESS",
        "duplicate_field": field if action == "update" else None,
        "action": action,
        "details": {"id": made, "Modified_Time": now, "Created_Time": now},
        "message": "record updated" if action == "update" else "record added",
        "status": "success",
    }


def taken(made: str, module: str, record: Mapping[str, Any]) -> Taken:
    """What happened, for people: the words if they came, else all fields."""
    text = text_of(record.get(TEXT)) or "\n".join(f"{name}: {one}" for name, one in record.items())
    return Taken(made, module, text, extra={"record": dict(record)})


def reply(value: Any, status: int = 200) -> Reply:
    """`value` as JSON."""
    return Reply(status, json.dumps(value).encode(), JSON)


SANDBOX = ZohoSandbox()
