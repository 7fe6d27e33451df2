"""Meta's Graph API as WhatsApp and Messenger share it: errors, templates, signed calls to us."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Answer,
    CallbackRefused,
    CallbackRequest,
    Callbacks,
    Credentials,
    ProviderTemplate,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.reading import id_of, json_object, part, text_of

GRAPH = "https://graph.facebook.com"
GRAPH_VERSION = "v26.0"
SIGNATURE = "x-hub-signature-256"
USAGE = "x-business-use-case-usage"
LONGEST_CHALLENGE = 1000
LONGEST_GAP = 1024

# "code" or "code/subcode" -> what it means, and what staff can do about it.
Table = Mapping[str, tuple[FailureKind, str]]
_LOGIN = "Meta does not accept the access token. Make a new one and enter it here."
_RIGHTS = "The app may not do this. Check its permissions, and that it is live."
_BUSY = "Meta asks us to slow down."
COMMON: Table = {
    "0": (FailureKind.MISCONFIGURED, _LOGIN),
    "1": (FailureKind.TRANSIENT, "Meta has an unknown hiccup."),
    "2": (FailureKind.TRANSIENT, "The service at Meta is down for the moment."),
    "3": (FailureKind.MISCONFIGURED, _RIGHTS),
    "4": (FailureKind.THROTTLED, _BUSY),
    "10": (FailureKind.MISCONFIGURED, _RIGHTS),
    "32": (FailureKind.THROTTLED, _BUSY),
    "100": (FailureKind.CONTENT_REJECTED, "Meta refuses a part of the message as built."),
    "100/33": (
        FailureKind.MISCONFIGURED,
        "Meta does not know the id that we send from, or the token may not use it.",
    ),
    "190": (FailureKind.MISCONFIGURED, _LOGIN),
    "368": (
        FailureKind.MISCONFIGURED,
        "Meta has restricted the account for its policies. Look into Meta's business manager.",
    ),
    "613": (FailureKind.THROTTLED, _BUSY),
    "80006": (FailureKind.THROTTLED, _BUSY),
    "80007": (FailureKind.THROTTLED, _BUSY),
}
_PERMISSIONS = range(200, 300)


def _visible(shortest: int, longest: int) -> RegexValidator:
    return RegexValidator(rf"^[\x21-\x7e]{{{shortest},{longest}}}\Z")


class MetaCredentials(Credentials):
    """What every product of Meta's asks for."""

    secret = frozenset({"access_token", "app_secret", "verify_token"})

    access_token = forms.CharField(
        label=_("Access token"),
        validators=[_visible(20, 1000)],
        help_text=_("One that does not expire."),
    )
    app_secret = forms.CharField(
        label=_("App secret"),
        validators=[_visible(8, 128)],
        help_text=_("From the app's basic settings. It proves that calls come from Meta."),
    )
    verify_token = forms.CharField(
        label=_("Verify token"),
        validators=[_visible(8, 128)],
        help_text=_("Choose one: 8 to 128 letters or digits. Enter the same at the webhook."),
    )
    graph_version = forms.CharField(
        label=_("Graph API version"),
        required=False,
        initial=GRAPH_VERSION,
        validators=[RegexValidator(r"^v[1-9]\d\.\d\Z")],
        help_text=_("Empty means %(version)s.") % {"version": GRAPH_VERSION},
    )


def node_url(base: str, credentials: Mapping[str, str], path: str) -> str:
    """The address of `path` at the version of the Graph API that the channel uses."""
    return f"{base}/{credentials.get('graph_version') or GRAPH_VERSION}/{path}"


def bearer(credentials: Mapping[str, str]) -> dict[str, str]:
    """The token as a header: in the address it would end up in logs."""
    return {"Authorization": f"Bearer {credentials['access_token']}"}


# --- errors ---
def meaning(code: str, subcode: str, table: Table) -> tuple[FailureKind, str] | None:
    """What an error means: by code and subcode, by code, and only then by Meta's common codes."""
    keys = (f"{code}/{subcode}", code)
    for known in (table, COMMON):
        for key in keys:
            if key in known:
                return known[key]
    if code.isdecimal() and int(code) in _PERMISSIONS:
        return FailureKind.MISCONFIGURED, _RIGHTS
    return None


def answered(response: Response, table: Table, waits: Mapping[str, float] | None = None) -> Any:
    """The JSON object of a success; raises the SendError that anything else means."""
    if not response.ok:
        raise failure(response, table, waits)
    answer = part(response.json())
    if "error" in answer:
        raise failure(response, table, waits)
    return answer


def failure(
    response: Response, table: Table, waits: Mapping[str, float] | None = None
) -> SendError:
    """The SendError that an answer of Meta's means. Its own words may name people: not kept."""
    error = part(_object(response.body), "error")
    code, subcode = id_of(error.get("code"), 20), id_of(error.get("error_subcode"), 20)
    fallback = (kind_of_status(response.status), f"Meta answered with status {response.status}.")
    kind, detail = meaning(code, subcode, table) or fallback
    if error.get("is_transient") is True and kind is not FailureKind.THROTTLED:
        kind = FailureKind.TRANSIENT
    wait = response.retry_after
    if kind is FailureKind.THROTTLED and wait is None:
        wait = regained(response.headers.get(USAGE, "")) or (waits or {}).get(code)
    shown = f"{code}/{subcode}" if subcode not in ("", "0") else code
    return SendError(kind, shown or str(response.status), detail, wait)


def words(response: Response) -> str:
    """What Meta says about an error. For telling errors apart only: it may name people."""
    return text_of(part(_object(response.body), "error").get("message"), 500)


def regained(usage: str) -> float | None:
    """Seconds until the account may call again, as the usage header estimates in minutes."""
    try:
        entries = [one for group in json_object(usage.encode()).values() for one in group]
    except (ValueError, TypeError):
        return None
    minutes: list[Any] = [part(one).get("estimated_time_to_regain_access") for one in entries]
    known = [float(one) for one in minutes if type(one) in (int, float) and one > 0]
    return max(known) * 60 if known else None


def _object(body: bytes) -> dict[str, Any]:
    try:
        return json_object(body)
    except ValueError:
        return {}


# --- texts kept at Meta ---
_TEMPLATE = re.compile(r"[a-z0-9_]{1,512}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_([A-Z]{2,4}|[0-9]{3}))?")
_GAP = re.compile(r"[1-9][0-9]?|[a-z][a-z0-9_]{0,59}")


def template_head(template: ProviderTemplate) -> dict[str, Any]:
    """The template's name and language; raises SendError when there are none."""
    if problems := _head_problems(template):
        raise SendError(FailureKind.CONTENT_REJECTED, "template", problems[0])
    return {"name": template.id, "language": {"code": template.language}}


def of_part(parameters: Mapping[str, str], name: str) -> dict[str, str]:
    """The parameters for one part of a template: "button:0" belongs to button. "" is the body."""
    pairs = ((key.rpartition(":")[::2], value) for key, value in parameters.items())
    return {gap: value for (place, gap), value in pairs if place == name}


def texts(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    """Parameters as Meta takes them: gaps with numbers by their order, others by name."""
    return [
        {"type": "text", **({} if gap.isdecimal() else {"parameter_name": gap}), "text": flat(text)}
        for gap, text in parameters.items()
    ]


def flat(text: str) -> str:
    """`text` on one line: Meta takes neither new lines nor runs of spaces, and nothing empty."""
    line = " ".join(text.split())[:LONGEST_GAP]
    if not line:
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "parameter",
            "A gap of the template would be empty. Give it words for every order.",
        )
    return line


def template_problems(template: ProviderTemplate, places: Sequence[str]) -> list[str]:
    """What is wrong with `template`; `places` are the parts that can be filled, body aside."""
    found = _head_problems(template)
    for key, value in template.parameters.items():
        place, _colon, gap = key.rpartition(":")
        if place not in ("", *places) or not _fits(place, gap):
            found.append(f"There is no gap “{key}” here.")
        if not value.strip():
            found.append(f"The gap “{key}” is filled with nothing.")
    for place in ("", "header"):
        found += _order_problems(list(of_part(template.parameters, place)))
    return found


def _fits(place: str, gap: str) -> bool:
    """Whether `gap` can be one of `place`: buttons are counted from 0, other gaps from 1."""
    if place in ("", "header"):
        return _GAP.fullmatch(gap) is not None
    return gap in "0123456789" and len(gap) == 1


def _order_problems(gaps: list[str]) -> list[str]:
    numbers = [gap for gap in gaps if gap.isdecimal()]
    if numbers and len(numbers) != len(gaps):
        return ["Gaps are either all numbered or all named."]
    if numbers != [str(count) for count in range(1, len(numbers) + 1)]:
        return ["Numbered gaps begin with 1, and come in their order."]
    return []


def _head_problems(template: ProviderTemplate) -> list[str]:
    found = []
    if not _TEMPLATE.fullmatch(template.id):
        found.append("A template's name has small letters, digits and _ only.")
    if not _LANGUAGE.fullmatch(template.language):
        found.append("The template's language is missing or unknown: write it as en or en_US.")
    return found


# --- calls to us ---
def signature(secret: str, body: bytes) -> str:
    """What Meta puts into X-Hub-Signature-256."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


class MetaCallbacks(Callbacks):
    """Signed over the raw bytes, without a time: repeats are recognised by what they tell."""

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """The app secret signs a POST; the verify token opens the GET of the set-up."""
        if request.method == "GET":
            asked = request.query.get("hub.mode") == "subscribe"
            known = credentials.get("verify_token", "") if asked else ""
            given = request.query.get("hub.verify_token", "")
        else:
            secret = credentials.get("app_secret", "")
            known = signature(secret, request.body) if secret else ""
            given = request.headers.get(SIGNATURE, "")
        if not known or not _same(known, given):
            raise CallbackRefused("This call is not proven to be Meta's.")

    def handshake(self, request: CallbackRequest, credentials: Mapping[str, str]) -> Answer | None:
        """Meta proves the address with a GET: it wants its challenge back."""
        if request.method != "GET":
            return None
        return Answer(200, request.query.get("hub.challenge", "")[:LONGEST_CHALLENGE])


def _same(known: str, given: str) -> bool:
    return hmac.compare_digest(known.encode(), given.encode("utf-8", "replace"))


def entries(request: CallbackRequest, name: str) -> list[dict[str, Any]]:
    """The entries of a POST about `name`; raises ValueError for a broken body."""
    if request.method == "GET":
        return []
    body = json_object(request.body)
    if body.get("object") != name:
        return []
    return objects(body.get("entry"))


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list of Meta's; none when there is no list. ValueError for another shape."""
    if not isinstance(value, list | None):
        raise ValueError("There is no list where Meta sends one.")
    return [part(one) for one in value or ()]


def moment(value: Any, per_second: int = 1) -> datetime | None:
    """A time in whole seconds, or in parts of them; None when it is none."""
    text = id_of(value, 20)
    try:
        return datetime.fromtimestamp(int(text) / per_second, UTC)
    except (ValueError, OverflowError, OSError):
        return None


# --- for the stand-ins ---
def error_body(code: int, message: str, subcode: int = 0, details: str = "") -> bytes:
    """An error as the Graph API writes it."""
    error: dict[str, Any] = {"message": f"(#{code}) {message}", "type": "OAuthException"}
    error |= {"code": code, "fbtrace_id": "AStandInTraceIdOnly"}
    if subcode:
        error["error_subcode"] = subcode
    if details:
        error["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return json.dumps({"error": error}).encode()


def signed_call(url: str, value: Mapping[str, Any], secret: str) -> CallbackRequest:
    """A POST of `value` to `url`, signed as Meta signs."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"content-type": "application/json", SIGNATURE: signature(secret, body)}
    return CallbackRequest("POST", url, headers, body)
