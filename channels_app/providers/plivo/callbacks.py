"""Plivo's calls to us: receipts, and what people text back. Signed with its third scheme."""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from channels_app.contract import (
    Answer,
    CallbackRefused,
    CallbackRequest,
    Callbacks,
    InboundMessage,
    Receipt,
    ReceiptStatus,
)
from channels_app.failures import FailureKind
from channels_app.providers.plivo.codes import DELIVERED, ERRORS

# Of the (sub)account, and of the main account: messages come with the latter.
SIGNATURES = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")
NONCE = "x-plivo-signature-v3-nonce"
MOST_FIELDS = 200

STATUSES = {
    "queued": ReceiptStatus.QUEUED,
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "failed": ReceiptStatus.FAILED,
    "undelivered": ReceiptStatus.FAILED,
    "rejected": ReceiptStatus.FAILED,
}
NORTH_AMERICA = "+1"
# What Plivo's own "do not disturb" made of a text, and answered.
INTENTS = {"optout": "STOP", "optin": "START", "help": "HELP"}


def signature(request: CallbackRequest, nonce: str, key: str) -> bytes:
    """Over the URL, its query sorted, every field sorted, and the nonce; HMAC-SHA256; base64."""
    url, _mark, query = request.url.partition("?")
    asked, sent = _pairs(query), _pairs(request.body.decode())
    if request.method == "GET":
        asked, sent = [*asked, *sent], []
    text = url
    if asked or sent:
        text += "?" + "&".join(f"{name}={value}" for name, value in sorted(asked))
    if sent:
        text += "." if asked else ""
        text += "".join(name + value for name, value in sorted(sent))
    return b64encode(hmac.digest(key.encode(), f"{text}.{nonce}".encode(), "sha256"))


def _pairs(text: str) -> list[tuple[str, str]]:
    """The fields in a query or a form; raises ValueError when it is none."""
    return parse_qsl(
        text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=MOST_FIELDS
    )


class PlivoCallbacks(Callbacks):
    """Forms, signed over the public URL and every field. Older schemes leave the body out."""

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """One of the signatures that came must be one of those that our tokens make."""
        names = ("auth_token", "main_auth_token")
        keys = [credentials[name] for name in names if credentials.get(name)]
        if not keys:
            raise CallbackRefused("The channel has no Auth Token, so no call can be believed.")
        claimed = [
            one.strip().encode()
            for name in SIGNATURES
            for one in request.headers.get(name, "").split(",")
        ]
        nonce = request.headers.get(NONCE, "")
        try:
            made = [signature(request, nonce, key) for key in keys]
        except ValueError:
            raise CallbackRefused("The body is no form, so no signature can fit it.") from None
        if not nonce or not any(hmac.compare_digest(a, b) for a in made for b in claimed):
            raise CallbackRefused("The signature is not Plivo's.")

    def read(self, request: CallbackRequest) -> Sequence[Receipt | InboundMessage]:
        """A receipt, or a text."""
        form = dict(_pairs(request.body.decode()) or _pairs(urlsplit(request.url).query))
        if "Status" in form:
            return _receipt(form, request.query.get("ref", ""))
        return [_inbound(form)]

    def answer(self, request: CallbackRequest) -> Answer:
        """An empty document in Plivo's markup: say nothing back."""
        return Answer(200, "<Response/>", "application/xml")


def _receipt(form: Mapping[str, str], ref: str) -> Sequence[Receipt]:
    word = form["Status"]
    status = STATUSES.get(word)
    if status is None:
        return ()
    uuid, code = form["MessageUUID"], form.get("ErrorCode", "")
    failure, detail = _reason(word, code) if status is ReceiptStatus.FAILED else (None, "")
    return [
        Receipt(
            uuid,
            status,
            ref=ref,
            code="" if code == DELIVERED else code,
            detail=detail,
            failure=failure,
            event_id=f"{uuid}:{word}",
            opt_out=failure is FailureKind.OPTED_OUT,
            address=_with_plus(form.get("To", "")),
        )
    ]


def _reason(word: str, code: str) -> tuple[FailureKind, str]:
    """Why it failed. Without a code only a rejection is sure to be about the message."""
    if code in ERRORS:
        return ERRORS[code]
    if code and code != DELIVERED:
        return FailureKind.CONTENT_REJECTED, "Look the code up at Plivo."
    if word == "rejected":
        return FailureKind.CONTENT_REJECTED, "Plivo did not take it, and gave no reason."
    return FailureKind.TRANSIENT, "Plivo gave no reason."


def _inbound(form: Mapping[str, str]) -> InboundMessage:
    """What a person wrote. Which words mean STOP is Plivo's, so its verdict counts.

    It answers them itself only for long numbers of the United States and Canada.
    """
    verdict = INTENTS.get(form.get("MessageIntent", "").lower(), "")
    return InboundMessage(
        form["MessageUUID"],
        _with_plus(form["From"]) or form["From"],
        text=verdict or form.get("Text", "") or form.get("Body", ""),
        stop_handled=bool(verdict) and _with_plus(form.get("To", "")).startswith(NORTH_AMERICA),
    )


def _with_plus(number: str) -> str:
    """`number` as we write it; Plivo leaves the plus out at times. Empty when it is masked."""
    digits = number.strip().removeprefix("+")
    return f"+{digits}" if digits.isdecimal() and len(digits) > 6 else ""


CALLBACKS = PlivoCallbacks()
