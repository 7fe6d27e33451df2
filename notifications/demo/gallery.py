"""The rest of the demo: a store that tells everybody, over every provider that there is.

The restaurant of `shop.yaml` uses what a restaurant uses. Its little gallery has a channel of
each other provider, a place behind each of those that reach no customer, and one regular who
has joined everything: one order there shows all of them at once.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml
from django.utils import timezone

from channels_app import registry
from channels_app.contract import AddressKind, Family, Provider
from channels_app.credentials import is_secret
from channels_app.providers.webpush.sandbox import demo_subscription
from consents import recording
from consents.models import ContactPoint
from notifications.models import MessageTemplate
from orders import registry as sources
from orders import sandbox
from orders.models import Brand, Customer, CustomerIdentity

FILE = "gallery.yaml"
STORE = "gallery"
LOCATION = "gallery-1"  # what orders of this store name as their location
PHONE = "+12025550155"
EMAIL = "noor@example.com"
# What the destination of each provider is called there; "orders" where any word will do.
PLACES = {
    "activecampaign": "status",
    "apprise": "kitchen",
    "google_chat": "spaces/AAAAorders",
    "hubspot": "default",
    "intercom": "order",
    "klaviyo": "Order {event}",
    "mailgun": "office@example.com",
    "plivo": "+12025550171",
    "pusher": "private-order-{token}",
    "salesforce": "Order_Status__e",
    "shopify": "note,tags",
    "signalwire": "+12025550172",
    "woocommerce": "note",
    "zoho": "Sales_Orders",
}
# The shops take back news of their own orders only.
OWN_ORDERS = frozenset({"shopify", "woocommerce"})
# How the gallery's regular is known to each provider that gives people ids of its own.
JOINED = {
    "telegram": "700100149",
    "messenger": "7340000000000149",
    "viber": "01234567890A=",
    "fcm": "demo-registration-token-of-noor-0123456789",
    "airship": "user:noor",
}
EVENTS = ["confirmed", "ready", "out_for_delivery", "picked_up", "delivered"]


def config(
    known_channels: set[str],
    known_sources: set[str],
    credentials: Mapping[str, Mapping[str, str]],
) -> str:
    """The configuration file of the gallery: what is not in the restaurant's own."""
    others = [slug for slug in registry.slugs() if slug not in known_channels]
    places = [slug for slug in others if not _reaches_customers_only(slug)]
    brand = {
        "slug": "nonna",
        "stores": [
            {
                "slug": STORE,
                "name": "Nonna Gallery",
                "time_zone": "America/New_York",
                "language": "en",
                "currency": "USD",
                "external_refs": [LOCATION],
            }
        ],
        "connections": [_connection(slug) for slug in sources.slugs() if slug not in known_sources],
        "channels": [_channel(slug, credentials[slug]) for slug in others],
        "destinations": [_destination(slug) for slug in places],
        "rules": list(_rules(places)),
    }
    return yaml.safe_dump({"brands": [brand]}, sort_keys=False, allow_unicode=True)


def _reaches_customers_only(slug: str) -> bool:
    return registry.provider_class(slug).audiences == {"customer"}


def _provider(slug: str) -> type[Provider]:
    return registry.provider_class(slug)


def _connection(slug: str) -> dict[str, Any]:
    source = sources.source(slug)
    found: dict[str, Any] = {
        "name": source.name,
        "source": slug,
        "store": STORE,
        "secret": f"env:{slug.upper()}_SECRET",
    }
    if slug in sandbox.slugs():
        found["settings"] = {"sandbox": True}
        found["credentials"] = {
            name: f"env:{_api_variable(slug, name)}" if is_secret(name) else value
            for name, value in _api_credentials(slug).items()
            if name in source.CREDENTIALS
        }
    return found


@cache
def _api_credentials(slug: str) -> Mapping[str, str]:
    """The same for the file and for the environment that it asks for."""
    return sandbox.demo_credentials(slug)


def _api_variable(slug: str, name: str) -> str:
    return f"source_{slug}_{name}".upper()


def api_environment() -> dict[str, str]:
    """What the stand-ins of sources' APIs are called with; only stand-ins take it."""
    return {
        _api_variable(slug, name): value
        for slug in sandbox.slugs()
        for name, value in _api_credentials(slug).items()
    }


def _channel(slug: str, credentials: Mapping[str, str]) -> dict[str, Any]:
    """A sandbox channel. A second account of a kind takes over when the first fails."""
    provider, form = _provider(slug), _provider(slug).Credentials
    second = provider.family in (Family.SMS, Family.EMAIL)
    return {
        "slug": slug.replace("_", "-"),
        "name": provider.name,
        "provider": slug,
        **({"weight": 0} if second else {}),
        "credentials": {
            name: "env:" + f"{slug}_{name}".upper() if name in form.secret else value
            for name, value in credentials.items()
            if value and name in form.base_fields
        },
    }


def _destination(slug: str) -> dict[str, Any]:
    provider = _provider(slug)
    audience = "staff" if "staff" in provider.audiences else "partner"
    return {
        "slug": f"gallery-{slug.replace('_', '-')}",
        "name": f"{provider.name}: {PLACES.get(slug, 'orders')}",
        "audience": audience,
        "channel": slug.replace("_", "-"),
        "address": PLACES.get(slug, "orders"),
        # A write-back belongs to the shop's own orders, wherever they are made.
        **({} if slug in OWN_ORDERS else {"store": STORE}),
    }


def _rules(places: list[str]) -> Iterator[dict[str, Any]]:
    here = {"events": EVENTS, "stores": [STORE], "position": 70}
    families = [str(one) for one in (Family.SMS, Family.EMAIL, Family.CHAT, Family.PUSH)]
    yield {
        "slug": "gallery-customer",
        "name": "Gallery: the customer, everywhere at once",
        **here,
        "strategy": "all",
        "families": families,
    }
    for audience in ("staff", "partner"):
        slugs = [one for one in places if one not in OWN_ORDERS and _audience(one) == audience]
        found = [f"gallery-{one.replace('_', '-')}" for one in slugs]
        yield {**here, **_to(audience, found), "name": f"Gallery: every {audience} channel"}
    pager = {"slug": "gallery-pager", "name": "Gallery: the pager, which wakes nobody here"}
    yield {**here, **_to("staff", ["on-call"]), **pager, "events": ["ready"]}
    for slug in sorted(OWN_ORDERS & set(places)):
        yield {
            **_to("partner", [f"gallery-{slug}"]),
            "slug": f"back-to-{slug}",
            "name": f"Back to {_provider(slug).name}",
            "events": ["ready", "picked_up", "delivered"],
            "sources": [slug],
            "position": 72,
        }


def _to(audience: str, destinations: list[str]) -> dict[str, Any]:
    """A rule for places, not for the customer."""
    return {
        "slug": f"gallery-{audience}",
        "audience": audience,
        "purpose": audience,
        "destinations": destinations,
        **({"template": "staff"} if audience == "staff" else {}),
    }


def _audience(slug: str) -> str:
    return "staff" if "staff" in _provider(slug).audiences else "partner"


def regular(brand: Brand) -> None:
    """The customer who has joined everything, once."""
    known = CustomerIdentity.objects.filter(brand=brand, kind="phone", value=PHONE)
    if known.exists():
        return
    customer = Customer.objects.create(
        brand=brand, name="Noor Haddad", given_name="Noor", language="en"
    )
    CustomerIdentity.objects.create(brand=brand, customer=customer, kind="phone", value=PHONE)
    now = timezone.now()
    for kind, address in JOINED.items():
        if kind in registry.slugs():
            recording.join(brand.pk, customer.pk, kind, address, now)
    push = demo_subscription("noor-phone")
    endpoint = push.pop("endpoint")
    recording.join(brand.pk, customer.pk, AddressKind.PUSH, endpoint, now, data=push)
    recording.opt_in(_phone(brand, customer), method="form", now=now, channel=Family.CHAT)


def _phone(brand: Brand, customer: Customer) -> ContactPoint:
    wanted = recording.Wanted(brand.pk, customer.pk, AddressKind.PHONE, PHONE)
    return next(iter(recording.ensure_contact_points([wanted]).values()))


def provider_texts(brand: Brand) -> None:
    """Outside a conversation Meta takes approved texts only: name them on the chat templates."""
    rows = MessageTemplate.objects.filter(brand=brand, name="customer", family=Family.CHAT)
    for row in rows.filter(provider_texts={}):
        text = {"id": f"order_{row.event}", "language": row.language}
        filled = {**text, "parameters": {"1": "{{ order.number }}"}}
        row.provider_texts = {"whatsapp": filled, "messenger": filled}
        row.save(update_fields=["provider_texts"])
