"""The doctor finds what keeps messages from going out, and says what to do."""

import socket
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from channels_app.models import Channel
from notifications import health
from notifications.diagnosing import diagnose
from notifications.models import Heartbeat
from orders.models import SourceConnection
from tests import factories, services

CREDENTIALS = {
    "account_sid": "AC" + "0" * 32,
    "auth_token": "twilio-token-7f3a91c2",
    "from_number": "+12025550100",
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def healthy(settings):
    """A small installation in which nothing is wrong."""
    channel = factories.ChannelFactory(credentials=CREDENTIALS)
    factories.ConnectionFactory()
    swept(timezone.now())
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.SANDBOX_URL = f"http://127.0.0.1:{server.getsockname()[1]}"
        yield channel


def swept(at) -> None:
    Heartbeat.objects.update_or_create(name=health.SWEEP, defaults={"at": at})


def troubles() -> dict[str, str]:
    return {f.what: f"{f.state} -> {f.todo}" for f in diagnose(timezone.now()) if f.todo}


def test_a_healthy_installation_is_called_healthy(healthy, capsys) -> None:
    call_command("doctor")
    said = capsys.readouterr().out
    assert said.endswith("All is well.\n")
    assert all(line.startswith("ok ") for line in said.splitlines()[:-1])
    assert "twilio-token" not in said


def test_trouble_ends_with_status_one(healthy, capsys) -> None:
    Channel.objects.update(credentials={})
    with pytest.raises(SystemExit) as caught:
        call_command("doctor")
    assert caught.value.code == 1
    assert capsys.readouterr().out.endswith("1 thing(s) to repair.\n")


def test_each_trouble_is_named_alone(healthy, settings) -> None:
    assert troubles() == {}
    Channel.objects.update(credentials={"account_sid": "AC" + "0" * 32})
    (found,) = troubles().values()
    assert found.startswith("twilio: credentials are not complete -> correct ")
    later = timezone.now() + timedelta(hours=1)
    Channel.objects.update(credentials=CREDENTIALS, paused_until=later, paused_why="401")
    (found,) = troubles().values()
    assert found.startswith("paused: 401 -> ")
    Channel.objects.update(paused_until=None)
    SourceConnection.objects.update(secrets=[])
    assert [*troubles().values()] == ["has no valid secret -> choose Rotate secret in the admin"]


def test_a_pump_that_stopped_is_found(healthy) -> None:
    swept(timezone.now() - timedelta(minutes=5))
    assert troubles()["pump"].startswith("last ran at ")


def test_a_sandbox_that_is_away_is_found_only_when_a_channel_needs_it(healthy, settings) -> None:
    settings.SANDBOX_URL = f"http://127.0.0.1:{services.free_port()}"
    assert "manage.py sandbox --port" in troubles()["sandbox"]
    Channel.objects.update(mode="live")
    assert troubles() == {}


def test_a_key_that_was_lost_is_found(healthy, settings) -> None:
    settings.CREDENTIAL_KEYS = ["another key"]
    found = {f.what: f.todo for f in diagnose(timezone.now())}
    assert "Put the key that wrote it back" in found["keys"]


def test_a_key_that_was_lost_is_one_line_of_the_report_and_no_crash(
    healthy, settings, capsys
) -> None:
    settings.CREDENTIAL_KEYS = ["another key"]
    with pytest.raises(SystemExit) as caught:
        call_command("doctor")
    said = capsys.readouterr().out
    assert caught.value.code == 1
    assert said.count("!!") == 1
    assert "!! keys: a stored secret cannot be read -> " in said
    assert said.endswith("1 thing(s) to repair.\n")


def test_the_connection_that_the_api_made_for_itself_needs_no_secret(healthy) -> None:
    made = factories.ConnectionFactory(source="generic", name="API", secrets=[])
    assert troubles() == {}
    SourceConnection.objects.filter(pk=made.pk).update(name="Till")
    assert [*troubles().values()] == ["has no valid secret -> choose Rotate secret in the admin"]


def test_a_broker_that_is_away_is_found(healthy, settings) -> None:
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{services.free_port()}/0"
    assert troubles()["broker"].startswith("does not answer")


@pytest.mark.services
def test_a_broker_that_answers_is_well(healthy, settings, redis_url) -> None:
    settings.CELERY_BROKER_URL = redis_url
    assert troubles() == {}
