"""The settings that would do harm are named before they do it."""

import os
import subprocess
import sys

import pytest
from django.core.checks.registry import registry

from config import checks
from tests.services import ROOT


def ids(check: checks.Check) -> list[str | None]:
    return [message.id for message in check()]


def test_the_checks_are_known_to_django() -> None:
    assert set(checks.ALWAYS) <= set(registry.get_checks())


def test_production_checks_run_with_deploy_only() -> None:
    assert not set(checks.DEPLOY) & set(registry.get_checks())
    assert set(checks.DEPLOY) <= set(registry.get_checks(include_deployment_checks=True))


@pytest.mark.parametrize(
    ("check", "changes", "expected"),
    [
        (checks.public_base_url, {"PUBLIC_BASE_URL": "https://o.example.com"}, []),
        (checks.public_base_url, {"PUBLIC_BASE_URL": "orders.example.com"}, ["config.E002"]),
        (checks.provider_base_urls, {"PROVIDER_BASE_URLS": {}}, []),
        (
            checks.provider_base_urls,
            {"PROVIDER_BASE_URLS": {"pigeon": "http://a"}},
            ["config.E003"],
        ),
        (checks.provider_base_urls, {"PROVIDER_BASE_URLS": ["a"]}, ["config.E003"]),
        (checks.lease, {"LEASE_SECONDS": 29, "SEND_TIMEOUT_SECONDS": 10.0}, ["config.E004"]),
        (checks.lease, {"LEASE_SECONDS": 30, "SEND_TIMEOUT_SECONDS": 10.0}, []),
        (
            checks.sqlite_with_broker,
            {
                "CELERY_BROKER_URL": "redis://h",
                "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3"}},
            },
            ["config.W001"],
        ),
        (
            checks.sqlite_with_broker,
            {
                "CELERY_BROKER_URL": "redis://h",
                "DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql"}},
            },
            [],
        ),
        (checks.secrets_from_environment, {"SECRETS_FROM_ENVIRONMENT": False}, ["config.E001"]),
        (checks.secrets_from_environment, {"SECRETS_FROM_ENVIRONMENT": True}, []),
        (
            checks.secrets_from_environment,
            {"SECRETS_FROM_ENVIRONMENT": False, "DEBUG": True},
            [],
        ),
        (checks.short_keys, {"CREDENTIAL_KEYS": ["x" * 32, "y" * 31]}, ["config.W002"]),
        (
            checks.digest_key,
            {"PUBLIC_BASE_URL": "https://o.example.com", "SECRET_KEY": "s", "DIGEST_KEY": "s"},
            ["config.W005"],
        ),
        (
            checks.digest_key,
            {"PUBLIC_BASE_URL": "https://o.example.com", "SECRET_KEY": "s", "DIGEST_KEY": "d"},
            [],
        ),
        (
            checks.digest_key,
            {"PUBLIC_BASE_URL": "http://127.0.0.1", "SECRET_KEY": "s", "DIGEST_KEY": "s"},
            [],
        ),
        (
            checks.own_host,
            {"PUBLIC_BASE_URL": "https://a.example.com", "ALLOWED_HOSTS": ["b.example.com"]},
            ["config.W003"],
        ),
        (
            checks.own_host,
            {"PUBLIC_BASE_URL": "https://a.example.com", "ALLOWED_HOSTS": [".example.com"]},
            [],
        ),
        (checks.private_hosts, {"PRIVATE_HOSTS_ALLOWED": ["10.0.0.1"]}, ["config.W004"]),
    ],
)
@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_a_check_names_what_is_wrong_and_only_that(settings, check, changes, expected) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    assert ids(check) == expected


def test_an_https_start_without_secrets_stops_with_one_clear_line(tmp_path) -> None:
    env = {k: v for k, v in os.environ.items() if k not in ("SECRET_KEY", "CREDENTIAL_KEYS")}
    env |= {"PUBLIC_BASE_URL": "https://orders.example.com", "DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Set SECRET_KEY and CREDENTIAL_KEYS" in done.stderr.strip().splitlines()[-1]
