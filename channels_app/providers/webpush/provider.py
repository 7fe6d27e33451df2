"""Web Push: an encrypted note to the browser's own push service (RFC 8030, 8291, 8292)."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    AddressKind,
    Capabilities,
    Credentials,
    Family,
    Idempotency,
    Message,
    Provider,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.providers.webpush import keys
from channels_app.wire.hosts import push_endpoint, split_endpoint
from channels_app.wire.markup import cut
from channels_app.wire.reading import json_object, text_of

LARGEST_PAYLOAD = 2048  # bytes; Firefox on Android takes about 2,700
LONGEST_TEXT = 500
LONGEST_TITLE = 120
LONGEST_TTL = 2_592_000  # Mozilla's limit, 30 days
TITLES = {"en": "Order update", "es": "Novedades de su pedido"}
# Mozilla's own numbers, where they say more than the status.
ERRNOS: Mapping[int, FailureKind] = {
    101: FailureKind.CONTENT_REJECTED,
    102: FailureKind.RECIPIENT_INVALID,
    103: FailureKind.RECIPIENT_INVALID,
    104: FailureKind.CONTENT_REJECTED,
    105: FailureKind.RECIPIENT_INVALID,
    106: FailureKind.RECIPIENT_INVALID,
    109: FailureKind.MISCONFIGURED,
    110: FailureKind.RECIPIENT_INVALID,  # the browser's keys: we checked that ours are whole
    111: FailureKind.CONTENT_REJECTED,
    112: FailureKind.CONTENT_REJECTED,
    113: FailureKind.CONTENT_REJECTED,
    201: FailureKind.TRANSIENT,
    202: FailureKind.TRANSIENT,
}
# A subscription is bound for life to the VAPID key that it was made with.
OTHER_KEY = ("vapidpkhashmismatch", "do not correspond", "key mismatch")


def a_vapid_key(value: str) -> None:
    """Refuse what is not a P-256 private key."""
    try:
        keys.private_key(value)
    except ValueError:
        raise ValidationError(
            _("This is no P-256 private key. Paste it as PEM, or as 32 bytes in base64url.")
        ) from None


class WebPushCredentials(Credentials):
    """Our own keys: push services know nobody by name."""

    secret = frozenset({"vapid_private_key", "receipt_secret"})

    vapid_private_key = forms.CharField(
        label=_("VAPID private key"),
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("PEM or base64url. Changing it ends all subscriptions made so far."),
        validators=[a_vapid_key],
    )
    vapid_subject = forms.CharField(
        label=_("Contact"),
        help_text=_("Where push services reach you: mailto:you@your-domain or an https address."),
        validators=[RegexValidator(r"^(mailto:[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+|https://[^\s<>]+)\Z")],
    )
    receipt_secret = forms.CharField(
        label=_("Receipt secret"),
        help_text=_("Any 16 letters or more. Proves that a report comes from the message itself."),
        validators=[MinLengthValidator(16)],
    )


class WebPush(Provider):
    """One VAPID key. `Message.to` is the endpoint, `Message.data["push"]` the browser's keys.

    On a stand-in the request goes to `<base>/<host of the endpoint><path of the endpoint>`, so
    that nothing leaves the machine and the stand-in still knows whom the message was for.
    """

    slug = "webpush"
    name = "Web Push"
    family = Family.PUSH
    address = AddressKind.PUSH
    capabilities = Capabilities(
        max_text=LONGEST_TEXT,
        subject=True,
        receipts=frozenset({ReceiptStatus.DELIVERED, ReceiptStatus.READ}),
        idempotency=Idempotency.RECEIPT,
        needs_join=True,
    )
    Credentials = WebPushCredentials
    base_url = ""  # every endpoint names its own

    clock: Callable[[], float] = staticmethod(time.time)
    entropy: Callable[[], tuple[bytes, ec.EllipticCurvePrivateKey]] = staticmethod(
        keys.fresh_entropy
    )

    @property
    def public_key(self) -> str:
        """What a page passes to `pushManager.subscribe` as applicationServerKey."""
        return keys.application_server_key(self.credentials["vapid_private_key"])

    def request(self, message: Message) -> Request:
        """A POST of the encrypted payload to the endpoint."""
        origin, url = self._target(message.to)
        receiver, secret = browser_keys(message.data)
        body = keys.encrypt(self.payload(message), receiver, secret, self.entropy())
        return Request("POST", url, self._headers(message, origin), body)

    def payload(self, message: Message) -> bytes:
        """What our service worker gets: JSON, the text cut until it fits."""
        value: dict[str, Any] = {
            "title": cut(title_of(message), LONGEST_TITLE),
            "body": "",
            "url": message.url,
            "tag": message.collapse_key or message.ref,
            "ref": message.ref,
        }
        if message.callback_url:
            value["receipt_url"] = message.callback_url
            value["token"] = keys.receipt_token(self.credentials["receipt_secret"], message.ref)
        room = LARGEST_PAYLOAD - len(compact(value))
        if room < 0:
            raise SendError(
                FailureKind.CONTENT_REJECTED, "size", "The links are too long for a push message."
            )
        value["body"] = cut(self.fit(message).text, room + 2, lambda text: len(compact(text)))
        return compact(value)

    def accepted(self, response: Response) -> Accepted:
        """Any 2xx; the message's name is in a header."""
        if not response.ok:
            raise failure(response)
        name = response.headers.get("location") or response.headers.get("apns-id", "")
        return Accepted(name[-200:])

    def fit(self, message: Message) -> Message:
        """Cut to what a notification shows."""
        return replace(message, text=cut(message.text, LONGEST_TEXT))

    def _target(self, endpoint: str) -> tuple[str, str]:
        """(origin, URL) for `endpoint`, after the check that we may post there."""
        try:
            parts = (
                split_endpoint(endpoint)
                if self.stand_in
                else push_endpoint(endpoint, self.allowed_hosts)
            )
        except ValueError as error:
            raise SendError(
                FailureKind.RECIPIENT_INVALID, "endpoint", f"{error} Ask the browser again."
            ) from None
        rest = parts._replace(scheme="", netloc="").geturl()
        url = f"{self.base}/{parts.netloc}{rest}" if self.stand_in else endpoint
        return f"{parts.scheme}://{parts.netloc.lower()}", url

    def _headers(self, message: Message, origin: str) -> dict[str, str]:
        headers = {
            "TTL": str(min(max(int(message.ttl_seconds), 0), LONGEST_TTL)),
            "Urgency": "high" if message.urgent else "normal",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "Authorization": keys.authorization(
                self.credentials["vapid_private_key"],
                self.credentials["vapid_subject"],
                origin,
                self.clock(),
            ),
        }
        if message.collapse_key:
            headers["Topic"] = topic(message.collapse_key)
        return headers


def compact(value: Any) -> bytes:
    """`value` as the shortest UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def topic(collapse_key: str) -> str:
    """A name without meaning for messages that replace each other, in the letters allowed."""
    return keys.encode64(hashlib.sha256(collapse_key.encode()).digest())[:32]


def title_of(message: Message) -> str:
    """The subject, the brand's name, or plain words."""
    brand = message.data.get("brand")
    name = brand.get("name") if isinstance(brand, Mapping) else brand
    words = TITLES.get(message.language.split("-")[0].lower(), TITLES["en"])
    return message.subject or text_of(name) or words


def browser_keys(data: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The browser's checked keys; without good ones nobody could read the message."""
    push = data.get("push")
    given = push if isinstance(push, Mapping) else {}
    try:
        return (
            keys.receiver_key(str(given.get("p256dh", ""))),
            keys.receiver_secret(str(given.get("auth", ""))),
        )
    except ValueError as error:
        raise SendError(
            FailureKind.RECIPIENT_INVALID, "keys", f"{error} The browser must subscribe again."
        ) from None


def failure(response: Response) -> SendError:
    """What a push service's refusal means."""
    try:
        body = json_object(response.body)
    except ValueError:
        body = {}
    errno = body.get("errno") if type(body.get("errno")) is int else None
    said = response.body[:2000].decode("utf-8", "replace").lower()
    kind = kind_of(response.status, errno, said)
    code = str(errno or response.status)
    return SendError(kind, code, DETAILS.get(kind, ""), response.retry_after)


def kind_of(status: int, errno: int | None, said: str) -> FailureKind:
    """The kind by number, then by what was said, then by status."""
    if errno is not None and errno in ERRNOS:
        return ERRNOS[errno]
    if status in (404, 410) or any(words in said for words in OTHER_KEY):
        return FailureKind.RECIPIENT_INVALID
    return kind_of_status(status)


DETAILS: Mapping[FailureKind, str] = {
    FailureKind.RECIPIENT_INVALID: "The subscription has ended. The browser must subscribe again.",
    FailureKind.MISCONFIGURED: "The push service refuses our VAPID key or contact. Check both.",
    FailureKind.CONTENT_REJECTED: "The push service refuses the message's headers or size.",
    FailureKind.THROTTLED: "The push service asks us to slow down.",
    FailureKind.TRANSIENT: "The push service has a hiccup.",
}
PROVIDER = WebPush
