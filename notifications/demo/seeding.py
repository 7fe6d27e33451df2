"""Makes the demo's restaurant, once; says in `demo.json` all that a script needs to drive it."""

from pathlib import Path
from typing import Any

from django.utils import timezone

from channels_app.models import Channel
from channels_app.providers.webpush.sandbox import demo_subscription
from channels_app.sandbox.contract import Account
from consents import recording
from consents.models import Preference
from notifications import config_file
from notifications.demo import gallery, secrets
from orders import tokens
from orders.models import Brand, Customer, CustomerIdentity, SourceConnection

CONFIG = Path(__file__).with_name("shop.yaml")
BRAND = "nonna"
# What `shop.yaml` names; all else comes with the gallery.
OWN_CHANNELS = ("texts", "mail", "telegram", "push", "slack", "pager", "partner")
OWN_CONNECTIONS = ("Web shop", "Market shop", "Till")
# Customers who have joined a messenger or allowed push before today: (given name, surname,
# language, phone, kind, address or name of the browser, the families they prefer).
REGULARS = (
    ("Luis", "Ortega", "es", "+12025550147", "telegram", "700100147", ["chat", "sms"]),
    ("Mei", "Tan", "en", "+12025550148", "push", "mei-phone", ["push", "sms"]),
)


def seed(folder: Path, url: str, sandbox_url: str) -> dict[str, Any]:
    """Apply the configuration, add the regulars, write and return the content of `demo.json`."""
    known = secrets.load(folder)
    config_file.apply(CONFIG.read_text(), CONFIG.name, secrets.environment(known))
    brand = Brand.objects.get(slug=BRAND)
    for regular in REGULARS:
        _regular(brand, *regular)
    _open_gallery(brand, known)
    token = known["api_token"]
    if not token:
        _row, token = tokens.issue(brand, "Demo", tokens.RIGHTS)
    content = {
        "url": url,
        "sandbox_url": sandbox_url,
        "api_token": token,
        "staff": {"username": "demo", "password": known["password"]},
        "connections": _connections(brand, url, known),
        "channels": _channels(brand, url, known),
    }
    secrets.write(folder, content)
    return content


def _open_gallery(brand: Brand, known: dict[str, Any]) -> None:
    """Every provider and source that the restaurant itself does not use."""
    with_restaurant = Channel.objects.filter(brand_id=brand.pk, slug__in=OWN_CHANNELS)
    used = SourceConnection.objects.filter(brand=brand, name__in=OWN_CONNECTIONS)
    text = gallery.config(
        set(with_restaurant.values_list("provider", flat=True)),
        set(used.values_list("source", flat=True)),
        known["channels"],
    )
    environment = secrets.environment(known) | gallery.api_environment()
    config_file.apply(text, gallery.FILE, environment)
    gallery.regular(brand)
    gallery.provider_texts(brand)


def _connections(brand: Brand, url: str, known: dict[str, Any]) -> list[dict[str, Any]]:
    rows = SourceConnection.objects.filter(brand=brand, source__in=known["connections"])
    return [
        {
            "source": row.source,
            "name": row.name,
            "store": row.store.slug if row.store else None,
            "mode": row.mode,
            "url": f"{url}/hooks/{row.key}/",
            "secret": known["connections"][row.source],
        }
        for row in rows.select_related("store").exclude(name="API").order_by("id")
    ]


def _channels(brand: Brand, url: str, known: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "provider": row.provider,
            "name": row.name,
            "mode": row.mode,
            "callback_url": f"{url}/receipts/{row.key}/",
            "secret": known["channels"][row.provider],
        }
        for row in Channel.objects.filter(brand_id=brand.pk).order_by("id")
    ]


def accounts(content: dict[str, Any]) -> dict[str, list[Account]]:
    """The channels as the sandbox knows them: whom to call back, and how to sign."""
    return {
        entry["provider"]: [Account(entry["callback_url"], entry["secret"])]
        for entry in content["channels"]
    }


def _regular(
    brand: Brand,
    given: str,
    surname: str,
    language: str,
    phone: str,
    kind: str,
    address: str,
    families: list[str],
) -> None:
    if CustomerIdentity.objects.filter(brand=brand, kind="phone", value=phone).exists():
        return
    customer = Customer.objects.create(
        brand=brand, name=f"{given} {surname}", given_name=given, language=language
    )
    CustomerIdentity.objects.create(brand=brand, customer=customer, kind="phone", value=phone)
    Preference.objects.create(customer=customer, families=families, language=language)
    data = None
    if kind == "push":
        data = demo_subscription(address)
        address = data.pop("endpoint")
    recording.join(brand.pk, customer.pk, kind, address, timezone.now(), data=data)
