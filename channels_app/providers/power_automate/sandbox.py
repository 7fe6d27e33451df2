"""The stand-in Power Automate: checks signature or token and the body's schema, starts a "flow".

The destination "off" is a flow that is switched off, "late" one that gives no answer in time,
"throttled" must wait, and "handled" answers that it handled the event.
"""

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from channels_app.providers.power_automate.body import SCHEMA
from channels_app.providers.power_automate.provider import RUN_HEADER, SCOPE
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.flows import PATH
from channels_app.wire.reading import json_object, text_of

JSON = {"content-type": "application/json; charset=utf-8"}
TYPES: Mapping[str, type] = {"object": dict, "array": list, "string": str, "integer": int}
DESTINATIONS = {
    "off": (400, "WorkflowTriggerIsNotEnabled"),
    "late": (502, "NoResponse"),
    "throttled": (429, "TooManyRequests"),
}


class Refused(Exception):
    """A status, and Microsoft's word for what is wrong."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def demo_credentials() -> dict[str, str]:
    """A flow that exists nowhere."""
    host = "https://sandbox0.00.environment.api.powerplatform.com:443"
    path = f"/powerautomate/automations/direct/workflows/{secrets.token_hex(16)}"
    query = f"api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={secrets.token_urlsafe(32)}"
    return {
        "trigger_url": f"{host}{path}/triggers/manual/paths/invoke?{query}",
        "tenant_id": "",
        "client_id": "",
        "client_secret": "",
    }


class PowerAutomateSandbox(SandboxEnd):
    """A flow's trigger, and the login that gives an app its token."""

    slug = "power_automate"

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Start the flow, or say why not."""
        if call.path.endswith("/oauth2/v2.0/token"):
            return token_reply(call, accounts), None
        try:
            check_caller(call, accounts)
            taken = taken_of(call)
        except Refused as no:
            headers = {**JSON, "retry-after": "20"} if no.status == 429 else JSON
            return Reply(no.status, error_body(no.code), headers), None
        if taken.to == "handled":
            return Reply(200, b'{"handled":true}', {**JSON, RUN_HEADER: taken.id}), taken
        return Reply(202, b"", {RUN_HEADER: taken.id}), taken

    def fault_body(self, status: int) -> bytes:
        """An error in Microsoft's form."""
        return error_body("NoResponse" if status == 502 else "Error")


def error_body(code: str) -> bytes:
    """Microsoft's form of an error."""
    return json.dumps({"error": {"code": code, "message": f"The sandbox says {code}."}}).encode()


def token_for(credentials: Mapping[str, str]) -> str:
    """The token of an app: the same each time, and of no use elsewhere."""
    key = credentials.get("client_secret", "").encode()
    return hmac.new(key, credentials.get("client_id", "").encode(), sha256).hexdigest()


def token_reply(call: Call, accounts: Sequence[Account]) -> Reply:
    """A token for an app that is known."""
    asked = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
    tenant = call.path.split("/")[1]
    for account in accounts:
        known = account.credentials
        app = {name: known.get(name) for name in ("client_id", "client_secret")}
        if tenant == known.get("tenant_id") and all(asked.get(n) == v for n, v in app.items()):
            if asked.get("scope") != SCOPE or asked.get("grant_type") != "client_credentials":
                break
            body = {"token_type": "Bearer", "expires_in": 3599, "access_token": token_for(known)}
            return Reply(200, json.dumps(body).encode(), JSON)
    error = {"error": "invalid_client", "error_description": "AADSTS7000215"}
    return Reply(401, json.dumps(error).encode(), JSON)


def check_caller(call: Call, accounts: Sequence[Account]) -> None:
    """A flow that exists, and a caller who may start it: by the signature, or by a token."""
    if call.method != "POST":
        raise Refused(405, "MethodNotAllowed")
    if not PATH.match(call.path):
        if not call.query.get("sig"):
            raise Refused(404, "WorkflowNotFound")
        return  # an address that a connector registered
    if not accounts:
        return
    flows = [account.credentials for account in accounts if call.path == path_of(account)]
    if not flows:
        raise Refused(404, "WorkflowNotFound")
    if not any(may_start(call, flow) for flow in flows):
        raise Refused(401, "DirectApiAuthorizationRequired")


def path_of(account: Account) -> str:
    """The path of a channel's flow."""
    return urlsplit(account.credentials.get("trigger_url", "")).path


def may_start(call: Call, flow: Mapping[str, str]) -> bool:
    """Whether signature or token are right; both at once are not."""
    signature = dict(parse_qsl(urlsplit(flow["trigger_url"]).query)).get("sig", "")
    bearer = call.headers.get("authorization", "")
    if signature:
        return not bearer and hmac.compare_digest(call.query.get("sig", ""), signature)
    return hmac.compare_digest(bearer, f"Bearer {token_for(flow)}")


def taken_of(call: Call) -> Taken:
    """The event, when its body is as the schema says."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(400, "TriggerInputSchemaMismatch")
    try:
        event = json_object(call.body)
    except ValueError:
        raise Refused(400, "InvalidRequestContent") from None
    if not fits(SCHEMA, event):
        raise Refused(400, "TriggerInputSchemaMismatch")
    to = text_of(event["destination"])
    if to in DESTINATIONS:
        raise Refused(*DESTINATIONS[to])
    words = event["message"]
    extra = {"ref": event["event_id"], "event": event}
    return Taken(secrets.token_hex(12).upper(), to, words["body"], words["title"], extra=extra)


def fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether `value` is as `schema` says; nothing may be there that it does not name."""
    if not isinstance(value, TYPES[schema["type"]]) or isinstance(value, bool):
        return False
    if isinstance(value, list):
        return all(fits(schema["items"], one) for one in value)
    if not isinstance(value, dict):
        return True
    known = schema["properties"]
    return set(schema["required"]) <= set(value) <= set(known) and all(
        fits(known[name], inner) for name, inner in value.items()
    )


SANDBOX = PowerAutomateSandbox()
