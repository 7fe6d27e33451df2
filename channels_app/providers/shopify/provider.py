"""Shopify's Admin API: writes on the order in the shop what happened to it.

Two steps: a query that shows what is on the order, and one mutation with what is missing there.
A repeat finds everything written and ends after the query.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    Access,
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
from channels_app.providers.shopify import errors, writing
from channels_app.wire.oauth import access_of
from channels_app.wire.reading import part, text_of

VERSION = "2026-10"
TAG_PREFIX = "orderbell:"
METAFIELD = "orderbell.status"
LONGEST_TEXT = 1000  # ours: customers read it in the history of their parcel
TOKEN_SECONDS = 86_399.0  # what Shopify says of a fetched token
SHOP = re.compile(r"(?!-)[a-z0-9-]{1,60}(?<!-)\.myshopify\.com")
ABOUT = "query { shop { name } currentAppInstallation { accessScopes { handle } } }"
RIGHTS = ("write_orders", "write_fulfillments")


def shop_host(value: str) -> str:
    """The shop's own host in what staff typed; "" unless it is below myshopify.com."""
    host = value.strip().lower().removeprefix("https://").partition("/")[0]
    return host if SHOP.fullmatch(host) else ""


class ShopifyCredentials(Credentials):
    """What the shop's admin and the app's pages show."""

    secret = frozenset({"access_token", "client_secret"})

    shop = forms.CharField(
        label=_("Shop"),
        help_text=_("Its address at Shopify: your-shop.myshopify.com, not your own domain."),
    )
    access_token = forms.CharField(
        label=_("Access token"),
        required=False,
        help_text=_("Begins with shpat_. Of an app that was made in the shop's admin."),
        validators=[RegexValidator(r"^shp(at|ca|pa|ua)_[A-Za-z0-9]{16,}\Z")],
    )
    client_id = forms.CharField(
        label=_("Client ID"),
        required=False,
        help_text=_("Of an app that was made in the Dev Dashboard. Instead of an access token."),
        validators=[RegexValidator(r"^[A-Za-z0-9]{16,}\Z")],
    )
    client_secret = forms.CharField(
        label=_("Client secret"),
        required=False,
        validators=[RegexValidator(r"^[A-Za-z0-9_]{16,}\Z")],
    )
    api_version = forms.CharField(
        label=_("Version of the Admin API"),
        required=False,
        help_text=format_lazy(_("Empty: {version}."), version=VERSION),
        validators=[RegexValidator(r"^20\d\d-(01|04|07|10)\Z")],
    )
    tag_prefix = forms.CharField(
        label=_("Beginning of our tags"),
        required=False,
        help_text=format_lazy(_("Empty: {prefix}, as in {prefix}ready."), prefix=TAG_PREFIX),
        validators=[RegexValidator(r"^[^,\s][^,]{0,19}\Z")],
        strip=False,
    )
    metafield = forms.CharField(
        label=_("Metafield"),
        required=False,
        help_text=format_lazy(_("Namespace and key. Empty: {name}."), name=METAFIELD),
        validators=[RegexValidator(r"^[A-Za-z0-9_-]{3,255}\.[A-Za-z0-9_-]{2,64}\Z")],
    )

    def clean_shop(self) -> str:
        """Only Shopify's own host: the token goes nowhere else."""
        host = shop_host(self.cleaned_data["shop"])
        if not host:
            raise ValidationError(
                _("Write the address that ends in .myshopify.com. Settings, Domains shows it.")
            )
        return host

    def clean(self) -> dict[str, Any]:
        """A token, or what fetches one."""
        found = super().clean() or {}
        pair = bool(found.get("client_id")), bool(found.get("client_secret"))
        if found.get("access_token") and any(pair):
            raise ValidationError(_("Give the access token, or client ID and secret; not both."))
        if not found.get("access_token") and not all(pair) and not self.errors:
            raise ValidationError(_("Give the access token, or client ID and client secret."))
        return found


class Shopify(Provider):
    """One shop. `Message.to` says what is written: event, note, tags, metafield, or several."""

    slug = "shopify"
    name = "Shopify"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    capabilities = Capabilities(
        max_text=LONGEST_TEXT, idempotency=Idempotency.LOOKUP, hands_off=True
    )
    Credentials = ShopifyCredentials
    base_url = "https://myshopify.com"
    in_flight = 2  # a shop's allowance of calls is small

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """The shop decides the host, unless `base_url` does."""
        super().__init__(credentials, base_url, allowed_hosts)
        self.version = credentials.get("api_version") or VERSION
        self.settings = {
            "tag_prefix": credentials.get("tag_prefix") or TAG_PREFIX,
            "metafield": credentials.get("metafield") or METAFIELD,
        }
        host = shop_host(credentials.get("shop", ""))
        if host and not base_url:
            self.base = f"https://{host}"

    def request(self, message: Message) -> Request:
        """The query that shows what is on the order already."""
        return self._graphql(*writing.question(writing.wanted(message, self.settings)))

    def following(self, message: Message, response: Response) -> Request | None:
        """The mutation that writes what the query did not find; None when nothing is missing."""
        data = self._data(response)
        if "order" not in data:
            return None
        want = writing.wanted(message, self.settings)
        writes = writing.missing(want, order_of(data))
        return self._graphql(*writing.mutation(want.order, writes)) if writes else None

    def accepted(self, response: Response) -> Accepted:
        """The mutation's answer, or that of the query when all was written before."""
        data = self._data(response)
        if "order" in data:
            order_of(data)
            return Accepted(detail="All of it was there already.", handed_off=True)
        if refused := errors.refusals(data):
            raise refused
        if not data or not all(isinstance(one, dict) for one in data.values()):
            raise SendError(
                FailureKind.UNKNOWN, str(response.status), "Shopify does not say that it wrote it."
            )
        events = (part(answer, "fulfillmentEvent").get("id") for answer in data.values())
        ids = [text_of(one, 120) for one in events if one]
        return Accepted(ids[0] if ids else "", handed_off=True)

    def lookup(self, message: Message, since: datetime) -> Request:
        """The same query: it shows whether anything is missing."""
        return self.request(message)

    def found(self, response: Response, message: Message, since: datetime) -> Accepted | None:
        """Written when nothing is missing; else it is sent again, and says itself why it cannot."""
        want = writing.wanted(message, self.settings)
        data = self._data(response)
        try:
            if writing.missing(want, order_of(data)):
                return None
        except SendError as error:
            if error.kind is FailureKind.CONTENT_REJECTED:
                return None
            raise
        return Accepted(detail="All of it is there.", handed_off=True)

    def token_request(self, now: datetime) -> Request | None:
        """Client ID and secret for a token; none is asked for where one was pasted."""
        if self.credentials.get("access_token"):
            return None
        fields = {
            "grant_type": "client_credentials",
            "client_id": self.credentials.get("client_id", ""),
            "client_secret": self.credentials.get("client_secret", ""),
        }
        return Request.form(
            f"{self.base}/admin/oauth/access_token", fields, {"Accept": "application/json"}
        )

    def token(self, response: Response, now: datetime) -> Access:
        """The token, good for a day."""
        if not response.ok:
            raise errors.token_failure(response)
        return access_of(response, now, TOKEN_SECONDS)

    def verification(self) -> Request | None:
        """The shop's name, and what the app may do there."""
        return self._graphql(ABOUT, {})

    def verified(self, response: Response) -> str:
        """The shop's name; refuses an app that may write nothing."""
        data = self._data(response)
        name = text_of(part(data, "shop").get("name"), 120)
        granted = part(data, "currentAppInstallation").get("accessScopes")
        handles = {part(one).get("handle") for one in granted} if isinstance(granted, list) else ()
        if not name:
            raise SendError(FailureKind.TRANSIENT, "shop", "Shopify does not name the shop.")
        lacks = [right for right in RIGHTS if right not in handles]
        if len(lacks) == len(RIGHTS):
            raise SendError(FailureKind.MISCONFIGURED, "scopes", errors.STATUSES[403][1])
        sentence = f"The app may write on the orders of {name}."
        if "write_orders" in lacks:
            return f"{sentence} Without write_orders it writes no notes, tags and metafields."
        if lacks:
            return f"{sentence} Without write_fulfillments it writes no courier's events."
        return sentence

    def _graphql(self, query: str, variables: Mapping[str, Any]) -> Request:
        """A call of the one address that the Admin API has, with the token pasted or fetched."""
        token = self.credentials.get("access_token") or (self.access.token if self.access else "")
        if not token:
            raise SendError(FailureKind.TRANSIENT, "token", "There is no token yet.")
        return Request.json(
            f"{self.base}/admin/api/{self.version}/graphql.json",
            {"query": query, "variables": dict(variables)},
            {"X-Shopify-Access-Token": token},
        )

    def _data(self, response: Response) -> dict[str, Any]:
        return errors.data_of(response, fetched=not self.credentials.get("access_token"))


def order_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The order in the query's answer; raises SendError when the shop has none."""
    order = data.get("order")
    if order is None and "order" in data:
        raise writing.rejected(
            "no_order",
            "The shop has no such order, or the app may not see it: orders older than 60 days "
            "need the right read_all_orders.",
        )
    if not isinstance(order, dict):
        raise SendError(FailureKind.UNKNOWN, "order", "Shopify does not show the order.")
    return order


PROVIDER = Shopify
