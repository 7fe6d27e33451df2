"""System checks: settings that would do harm later are named now, with what to do about them."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from channels_app import registry

Check = Callable[..., Sequence[CheckMessage]]


def public_base_url(**kwargs: Any) -> list[CheckMessage]:
    """Links in messages and callback addresses start with it."""
    parts = urlsplit(settings.PUBLIC_BASE_URL)
    if parts.scheme in ("http", "https") and parts.hostname and not parts.query:
        return []
    return [
        Error(
            "PUBLIC_BASE_URL is not an http(s) address.",
            hint="Write it like https://orders.example.com.",
            id="config.E002",
        )
    ]


def provider_base_urls(**kwargs: Any) -> list[CheckMessage]:
    """Each entry names a provider that exists and an address."""
    given = settings.PROVIDER_BASE_URLS
    if not isinstance(given, dict):
        return [Error("PROVIDER_BASE_URLS is not a JSON object.", id="config.E003")]
    return [
        Error(
            f"PROVIDER_BASE_URLS: {slug!r} is not a known provider with an http(s) address.",
            hint=f"Known providers: {', '.join(registry.slugs())}.",
            id="config.E003",
        )
        for slug, url in given.items()
        if slug not in registry.slugs() or not str(url).startswith(("http://", "https://"))
    ]


def lease(**kwargs: Any) -> list[CheckMessage]:
    """A lease must outlive the call that it protects."""
    if settings.LEASE_SECONDS >= 3 * settings.SEND_TIMEOUT_SECONDS:
        return []
    return [
        Error(
            "LEASE_SECONDS is too short for SEND_TIMEOUT_SECONDS: a slow call could be made twice.",
            hint="Make the lease at least three times as long as the timeout.",
            id="config.E004",
        )
    ]


def sqlite_with_broker(**kwargs: Any) -> list[CheckMessage]:
    """Workers of several processes queue up for SQLite's one writer."""
    if not settings.CELERY_BROKER_URL or not _sqlite():
        return []
    return [
        Warning(
            "A broker is set, but the database is SQLite, which one process at a time writes to.",
            hint="Set DATABASE_URL to PostgreSQL, or leave the broker out: `up` needs none.",
            id="config.W001",
        )
    ]


def secrets_from_environment(**kwargs: Any) -> list[CheckMessage]:
    """Generated secrets live beside one machine's database; a second machine has others."""
    if settings.SECRETS_FROM_ENVIRONMENT or (settings.DEBUG and not _https()):
        return []
    return [
        Error(
            "SECRET_KEY or CREDENTIAL_KEYS do not come from the environment.",
            hint="Set both to long random texts of your own, and keep a copy of CREDENTIAL_KEYS: "
            "stored provider secrets cannot be read without it.",
            id="config.E001",
        )
    ]


def short_keys(**kwargs: Any) -> list[CheckMessage]:
    """A key that can be guessed protects nothing."""
    if all(len(key) >= 32 for key in settings.CREDENTIAL_KEYS):
        return []
    return [
        Warning(
            "A key in CREDENTIAL_KEYS is shorter than 32 characters.",
            hint="Put a new long one first and keep the old ones behind it.",
            id="config.W002",
        )
    ]


def digest_key(**kwargs: Any) -> list[CheckMessage]:
    """Opt-outs are filed under DIGEST_KEY: they would be lost with a change of SECRET_KEY."""
    if not _https() or settings.DIGEST_KEY != settings.SECRET_KEY:
        return []
    return [
        Warning(
            "DIGEST_KEY is not set apart, so opt-outs are filed under SECRET_KEY: once that is "
            "changed, they are not found again.",
            hint="Set DIGEST_KEY to a long random text of its own before the first customer. An "
            "installation that already has customers sets it to the SECRET_KEY of today and "
            "changes SECRET_KEY only then.",
            id="config.W005",
        )
    ]


def own_host(**kwargs: Any) -> list[CheckMessage]:
    """Providers call PUBLIC_BASE_URL; Django answers only for ALLOWED_HOSTS."""
    host = urlsplit(settings.PUBLIC_BASE_URL).hostname or ""
    known = settings.ALLOWED_HOSTS
    if "*" in known or any(host == h or (h[:1] == "." and host.endswith(h)) for h in known):
        return []
    return [
        Warning(
            f"PUBLIC_BASE_URL's host {host!r} is not in ALLOWED_HOSTS: webhooks would get a 400.",
            hint="Add it to ALLOWED_HOSTS.",
            id="config.W003",
        )
    ]


def private_hosts(**kwargs: Any) -> list[CheckMessage]:
    """Hosts of the own network that user-supplied addresses may name."""
    if not settings.PRIVATE_HOSTS_ALLOWED:
        return []
    return [
        Warning(
            f"PRIVATE_HOSTS_ALLOWED opens {', '.join(settings.PRIVATE_HOSTS_ALLOWED)} to addresses "
            "that users enter.",
            hint="Leave it empty unless a partner's endpoint really is in your own network.",
            id="config.W004",
        )
    ]


def _https() -> bool:
    return str(settings.PUBLIC_BASE_URL).startswith("https://")


def _sqlite() -> bool:
    return str(settings.DATABASES["default"]["ENGINE"]).endswith("sqlite3")


ALWAYS: tuple[Check, ...] = (public_base_url, provider_base_urls, lease, sqlite_with_broker)
DEPLOY: tuple[Check, ...] = (
    secrets_from_environment,
    short_keys,
    digest_key,
    own_host,
    private_hosts,
)
