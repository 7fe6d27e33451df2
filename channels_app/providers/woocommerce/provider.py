"""WooCommerce's REST API v3: writes on the order in the shop what happened to it.

Each thing takes two steps: look, and write what is not there. A repeat finds it and writes nothing.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
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
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.woocommerce import writing
from channels_app.providers.woocommerce.errors import answer_of
from channels_app.wire.hosts import secure_endpoint
from channels_app.wire.reading import id_of, part, text_of

API = "/wc/v3"
# How WordPress writes links -> where its REST API begins. Settings, Permalinks decides.
PERMALINKS = {
    "pretty": "/wp-json",
    "index": "/index.php/wp-json",
    "plain": "/?rest_route=",
}
NOTE_FIELDS = "id,note,customer_note,date_created_gmt"
ORDER_FIELDS = "id,number,status"
CHANGED_FIELDS = "id,status,date_modified_gmt"  # no number: it tells this answer from the other


def site_url(value: str) -> str:
    """The site's address without what follows it in an address bar; raises ValueError."""
    url = value.strip()
    secure_endpoint(url, frozenset())
    if "?" in url:
        raise ValueError("Write the address without the question mark and what follows it.")
    for tail in ("/wp-admin", "/wp-json", "/index.php"):
        url = url.partition(tail)[0]
    return url.rstrip("/")


class WooCommerceCredentials(Credentials):
    """The site, and a key of its REST API."""

    secret = frozenset({"consumer_key", "consumer_secret"})

    site = forms.CharField(
        label=_("Site"),
        max_length=400,
        help_text=_("https://your-shop.example, with the folder if WordPress lives in one."),
    )
    consumer_key = forms.CharField(
        label=_("Consumer key"),
        help_text=_("WooCommerce, Settings, Advanced, REST API. Rights: Read/Write."),
        validators=[RegexValidator(r"^ck_[A-Za-z0-9]{20,}\Z")],
    )
    consumer_secret = forms.CharField(
        label=_("Consumer secret"),
        validators=[RegexValidator(r"^cs_[A-Za-z0-9]{20,}\Z")],
    )
    permalinks = forms.ChoiceField(
        label=_("Links of the site"),
        required=False,
        choices=[
            ("pretty", _("Pretty: /wp-json/ works")),
            ("index", _("With index.php: /index.php/wp-json/ works")),
            ("plain", _("Plain: /?rest_route=/ works")),
        ],
    )
    status_map = forms.CharField(
        label=_("Statuses"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_(
            "A line for each: ours = the shop's, as in ready = ready-for-pickup. "
            "Empty: delivered and picked_up are completed."
        ),
    )

    def clean_site(self) -> str:
        """Only https: the key and its secret go along with each call."""
        try:
            return site_url(self.cleaned_data["site"])
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def clean_status_map(self) -> str:
        """Every line must name a status of ours and a slug."""
        text: str = self.cleaned_data["status_map"]
        try:
            writing.parse_map(text)
        except ValueError as error:
            raise ValidationError(
                _("This line is no status of ours, an equals sign and one of the shop's: %(line)s"),
                params={"line": str(error)},
            ) from None
        return text


class WooCommerce(Provider):
    """One shop. `Message.to` says what is written: note, customer_note, status."""

    slug = "woocommerce"
    name = "WooCommerce"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    capabilities = Capabilities(idempotency=Idempotency.LOOKUP, hands_off=True)
    Credentials = WooCommerceCredentials
    base_url = ""  # every shop has its own host, which nobody vouches for
    in_flight = 4  # often a small server, and the same that sells

    def request(self, message: Message) -> Request:
        """The first look: at the notes where one is wanted, else at the order."""
        return self._look(writing.wanted(message, self._status_map()))

    def following(self, message: Message, response: Response) -> Request | None:
        """Note, look at the order, set its status: whatever is still missing after `response`."""
        want = writing.wanted(message, self._status_map())
        answer = answer_of(response)
        if isinstance(answer, list) and writing.note_in(want, answer) is None:
            body = {"note": want.note, "customer_note": want.mailed}
            return self._call("POST", f"/orders/{want.order}/notes", NOTE_FIELDS, body=body)
        if isinstance(answer, list) or "note" in part(answer):
            return self._look_at_order(want) if want.slug else None
        if not want.slug or not writing.slug_of(part(answer)):
            return None
        return self._status(want, part(answer))

    def accepted(self, response: Response) -> Accepted:
        """The note's id; for a status the order's and its new time, by which to know the echo."""
        answer = answer_of(response)
        if isinstance(answer, list):
            return Accepted(detail="The note was there already.", handed_off=True)
        found = part(answer)
        number, changed = id_of(found.get("id")), text_of(found.get("date_modified_gmt"), 40)
        if not number or not ("note" in found or "status" in found):
            raise SendError(
                FailureKind.UNKNOWN, str(response.status), "The shop does not say that it wrote it."
            )
        if "note" in found:
            return Accepted(number, handed_off=True)
        if not changed:
            return Accepted(detail="The order had this status already.", handed_off=True)
        return Accepted(f"{number}@{changed}", handed_off=True)

    def lookup(self, message: Message, since: datetime) -> Request:
        """The first look again."""
        return self.request(message)

    def found(self, response: Response, message: Message, since: datetime) -> Accepted | None:
        """Written when the look finds it. What takes two looks is sent again: that looks twice."""
        want = writing.wanted(message, self._status_map())
        want = replace(want, since=want.since or since)
        answer = answer_of(response)
        if want.note:
            known = writing.note_in(want, answer) if isinstance(answer, list) else None
            return None if known is None or want.slug else Accepted(known, handed_off=True)
        same = writing.slug_of(part(answer)) == want.slug
        return Accepted(detail="The order has this status.", handed_off=True) if same else None

    def verification(self) -> Request | None:
        """The shop's statuses: they show whether the key reads, and whether ours are known."""
        return self._call("GET", "/reports/orders/totals", "slug")

    def verified(self, response: Response) -> str:
        """How many statuses there are; refuses a list that names one which is not there."""
        answer = answer_of(response)
        listed = [part(one) for one in answer] if isinstance(answer, list) else []
        slugs = {text_of(one.get("slug"), 80) for one in listed} - {""}
        if not slugs:
            raise SendError(FailureKind.TRANSIENT, "statuses", "The shop names no statuses.")
        unknown = sorted(set(self._status_map().values()) - slugs)
        if unknown:
            names = ", ".join(unknown)[:200]
            raise SendError(
                FailureKind.MISCONFIGURED, "status_map", f"The shop has no such status: {names}."
            )
        return (
            f"The shop lets the key read; it has {len(slugs)} statuses, and all of ours. "
            "Whether the key may write shows with the first message."
        )

    def _status_map(self) -> dict[str, str]:
        """Our status -> the shop's."""
        try:
            own = writing.parse_map(self.credentials.get("status_map") or "")
        except ValueError:
            raise SendError(
                FailureKind.MISCONFIGURED,
                "status_map",
                "The channel's list of statuses cannot be read. Write it anew.",
            ) from None
        return own or dict(writing.STATUS_MAP)

    def _look(self, want: writing.Wanted) -> Request:
        if not want.note:
            return self._look_at_order(want)
        query = {"type": "customer" if want.mailed else "internal"}
        return self._call("GET", f"/orders/{want.order}/notes", NOTE_FIELDS, query)

    def _look_at_order(self, want: writing.Wanted) -> Request:
        return self._call("GET", f"/orders/{want.order}", ORDER_FIELDS)

    def _status(self, want: writing.Wanted, order: Mapping[str, Any]) -> Request | None:
        """The change of status after a look; after the change itself nothing, or a refusal."""
        if not writing.needs_status(want, order):
            return None
        if "number" not in order:
            raise writing.rejected(
                "status_kept", "The shop kept another status. A plug-in may forbid the change."
            )
        body = {"status": want.slug}
        return self._call("PUT", f"/orders/{want.order}", CHANGED_FIELDS, body=body)

    def _call(
        self,
        method: str,
        route: str,
        fields: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Request:
        """A call of the REST API. Only the members in `fields` come back."""
        start = PERMALINKS[self.credentials.get("permalinks") or "pretty"]
        values = {**(query or {}), "_fields": fields}
        if start.endswith("="):
            path, values = "/", {"rest_route": f"{API}{route}", **values}
        else:
            path = f"{start}{API}{route}"
        url = self.at(f"{self.credentials['site'].rstrip('/')}{path}?{urlencode(values)}")
        pair = f"{self.credentials['consumer_key']}:{self.credentials['consumer_secret']}"
        headers = {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        if body is None:
            return Request(method, url, headers)
        made = Request.json(url, body, headers)
        return Request(method, url, made.headers, made.body)


PROVIDER = WooCommerce
