"""Twilio's calls to us: receipts to StatusCallback, and what people text back."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

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
from channels_app.providers.twilio.codes import ERRORS

SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"
MOST_FIELDS = 200

STATUSES = {
    "accepted": ReceiptStatus.QUEUED,
    "scheduled": ReceiptStatus.QUEUED,
    "queued": ReceiptStatus.QUEUED,
    "sending": ReceiptStatus.QUEUED,
    "sent": ReceiptStatus.SENT,
    "partially_delivered": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "undelivered": ReceiptStatus.FAILED,
    "failed": ReceiptStatus.FAILED,
    "canceled": ReceiptStatus.FAILED,
}
OPT_OUT_WORDS = frozenset({"STOP", "START", "HELP"})


def signature(
    url: str, fields: Sequence[tuple[str, str]], key: str, digest: Callable[..., Any] = hashlib.sha1
) -> bytes:
    """Twilio's signature: the URL and every field, sorted, repeats once; HMAC; base64."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return b64encode(hmac.new(key.encode(), text.encode(), digest).digest())


def spellings(url: str) -> tuple[str, str]:
    """`url` without and with its port: which one Twilio signs depends on its mood."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return (
        parts._replace(netloc=host).geturl(),
        parts._replace(netloc=f"{host}:{port}").geturl(),
    )


def _fields(body: bytes) -> list[tuple[str, str]]:
    """The form in `body`; raises ValueError when it is none."""
    return parse_qsl(
        body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MOST_FIELDS
    )


def _scheme(header: str) -> tuple[str, Callable[..., Any]]:
    """(which credential is the key, the hash) that the settings header names."""
    if not header:
        return "auth_token", hashlib.sha1
    named = dict(part.strip().partition("=")[::2] for part in header.split(","))
    algorithm = named.get("algorithm", "HMAC_SHA1").upper()
    if algorithm == "HMAC_SHA256":
        return "shared_key_secret", hashlib.sha256
    if algorithm == "HMAC_SHA1":
        return "auth_token", hashlib.sha1
    raise CallbackRefused("Signed with an algorithm that is not known here.")


class TwilioCallbacks(Callbacks):
    """Forms, signed over the public URL and every field."""

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """HMAC-SHA1 with the auth token, or HMAC-SHA256 with the shared key."""
        name, digest = _scheme(request.headers.get(SETTINGS, ""))
        key = credentials.get(name, "")
        if not key:
            raise CallbackRefused(f"The channel has no {name}, so nothing can be checked with it.")
        claimed = request.headers.get(SIGNATURE, "").encode()
        signed = self._signed_fields(request)
        for url in spellings(request.url):
            if hmac.compare_digest(signature(url, signed, key, digest), claimed):
                return
        raise CallbackRefused("The signature is not Twilio's.")

    def _signed_fields(self, request: CallbackRequest) -> Sequence[tuple[str, str]]:
        """The form's fields; none for a JSON body, whose hash is part of the URL instead."""
        claimed = parse_qs(urlsplit(request.url).query).get("bodySHA256", [""])[0]
        if claimed:
            real = hashlib.sha256(request.body).hexdigest()
            if not hmac.compare_digest(real.encode(), claimed.lower().encode()):
                raise CallbackRefused("The body is not the one that was signed.")
            return ()
        try:
            return _fields(request.body)
        except ValueError:
            raise CallbackRefused("The body is no form, so no signature can fit it.") from None

    def read(self, request: CallbackRequest) -> Sequence[Receipt | InboundMessage]:
        """A receipt, or a text."""
        form = dict(_fields(request.body))
        if form.get("SmsStatus") == "received" or "MessageStatus" not in form:
            return _inbound(form)
        return _receipt(form, request.query.get("ref", ""))

    def answer(self, request: CallbackRequest) -> Answer:
        """An empty TwiML document: say nothing back."""
        return Answer(200, "<Response/>", "text/xml")


def _receipt(form: Mapping[str, str], ref: str) -> Sequence[Receipt]:
    word = form["MessageStatus"]
    status = STATUSES.get(word)
    if status is None:
        return ()
    sid, code = form["MessageSid"], form.get("ErrorCode", "")
    failure, detail = None, ""
    if status is ReceiptStatus.FAILED:
        failure, detail = _reason(code)
    return [
        Receipt(
            sid,
            status,
            ref=ref,
            code=code,
            detail=detail,
            failure=failure,
            event_id=f"{sid}:{word}",
            opt_out=failure is FailureKind.OPTED_OUT,
            address=form.get("To", ""),
        )
    ]


def _reason(code: str) -> tuple[FailureKind, str]:
    """Why it failed; without a code nobody says, and the carrier may do better next time."""
    if not code:
        return FailureKind.TRANSIENT, "Twilio gave no reason."
    return ERRORS.get(code, (FailureKind.CONTENT_REJECTED, "Look the code up at Twilio."))


def _inbound(form: Mapping[str, str]) -> Sequence[InboundMessage]:
    """What a person wrote. Which words mean STOP is set at Twilio, so its verdict counts."""
    verdict = form.get("OptOutType", "").upper()
    handled = verdict in OPT_OUT_WORDS
    return [
        InboundMessage(
            form["MessageSid"],
            form["From"],
            text=verdict if handled else form.get("Body", ""),
            action=form.get("ButtonPayload", ""),
            sender_name=form.get("ProfileName", ""),
            stop_handled=handled,
        )
    ]


CALLBACKS = TwilioCallbacks()
