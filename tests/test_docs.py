"""The documents tell the truth: what they name exists, and their examples work."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands

from channels_app.contract import Message, Response
from channels_app.failures import FailureKind, SendError
from consents.reasons import Reason as Refusal
from notifications.config_file import apply
from notifications.models import Delivery
from notifications.reasons import Reason
from orders.contract import BadSignature, Raw
from orders.models import Brand
from orders.statuses import Status

ROOT = Path(settings.BASE_DIR)
README = ROOT / "README.md"
DOCS = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
EACH = [pytest.param(path, id=path.name) for path in DOCS]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
# Of the source guide's example body under "secret", worked out with openssl.
SIGNATURE = "f54705d4e43575b4612b9a0cd9c558ff6b27d6328425d28027d173f53408e04c"
NAMED_PATH = re.compile(
    r"`((?:config|orders|channels_app|consents|notifications|templates|static|tests|docs)/[^`\s]*)`"
)


def words(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def block(path: Path, language: str) -> str:
    """The first fenced block of `language`."""
    found = re.search(rf"```{language}\n(.*?)```", words(path), re.DOTALL)
    assert found, f"{path.name} has no {language} block"
    return found[1]


# --- What is named exists -----------------------------------------------------------
@pytest.mark.parametrize("path", EACH)
def test_every_relative_link_leads_to_a_file(path: Path) -> None:
    targets = [link or image for link, image in LINK.findall(words(path))]
    local = [t.partition("#")[0] for t in targets if not t.startswith(("http:", "https:"))]
    assert [t for t in local if not (path.parent / t).exists()] == []


@pytest.mark.parametrize("path", EACH)
def test_every_path_that_is_named_is_there(path: Path) -> None:
    named = [name for name in NAMED_PATH.findall(words(path)) if "<" not in name]
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", EACH)
def test_every_management_command_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z]\w+)", words(path))) - {"means"}
    assert named - set(get_commands()) == set()


def test_every_command_of_our_own_is_in_the_readme() -> None:
    ours = {name for name, app in get_commands().items() if app in ("notifications", "orders")}
    ours |= {name for name, app in get_commands().items() if app == "channels_app"}
    assert {name for name in ours if f"`manage.py {name}" not in words(README)} == set()


def test_every_make_target_that_is_named_exists() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", words(ROOT / "Makefile"), re.MULTILINE)
    assert phony
    targets = set(phony[1].split())
    assert {"run", "test"} <= targets
    for path in DOCS:
        named = set(re.findall(r"(?:^    |`)make ([a-z]+)", words(path), re.MULTILINE))
        assert named <= targets, path.name


def test_the_two_commands_stand_by_themselves() -> None:
    assert "\n\n    make run\n    make test\n\n" in words(README)


# --- The environment ----------------------------------------------------------------
def read_by_the_settings() -> set[str]:
    source = words(ROOT / "config" / "settings.py")
    return set(re.findall(r"\benv\.\w+\(\s*\"([A-Z_]+)\"", source))


def test_the_table_of_the_environment_names_what_the_settings_read() -> None:
    rows = set(re.findall(r"^\| `([A-Z_]+)` \|", words(README), re.MULTILINE))
    assert len(rows) > 15
    assert rows == read_by_the_settings()


def test_the_example_environment_holds_only_variables_of_the_readme() -> None:
    names = re.findall(r"^(?:# )?([A-Z_]+)=", words(ROOT / ".env.example"), re.MULTILINE)
    assert set(names) - {"POSTGRES_PASSWORD"} <= read_by_the_settings()


# --- Words --------------------------------------------------------------------------
def test_the_glossary_names_every_state_and_status() -> None:
    known = [*Delivery.State.values, *Status.values]
    assert [word for word in known if f"`{word}`" not in words(README)] == []


def test_every_code_of_a_decision_is_explained() -> None:
    text = words(ROOT / "docs" / "operating.md")
    assert [code.value for code in Reason if f"`{code.value}`" not in text] == []
    assert Refusal.QUIET_HOURS.value == Reason.DEFERRED.value


def test_the_place_for_the_measurements_is_there_once() -> None:
    assert words(README).count("<!-- bench -->") == 1


def test_the_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "img").glob("*.png"))
    assert pictures
    assert [one.name for one in pictures if one.stat().st_size > 250_000] == []


# --- The examples work --------------------------------------------------------------
def test_the_provider_of_the_guide_sends() -> None:
    space: dict[str, Any] = {"__name__": "example"}
    exec(block(ROOT / "docs" / "adding-a-provider.md", "python"), space)
    acme = space["PROVIDER"]({"api_key": "k", "sender": "Nonna"})
    request = acme.request(Message(to="+12025550143", text="Ready ¡", ref="r"))
    assert request.url == "https://api.acme.example/v1/messages"
    assert request.headers["Authorization"] == "Bearer k"
    assert request.body == '{"to":"+12025550143","from":"Nonna","text":"Ready ¡"}'.encode()
    assert acme.accepted(Response(201, {}, b'{"id": 7}')).message_id == "7"
    with pytest.raises(SendError) as refused:
        acme.accepted(Response(503, {"retry-after": "9"}, b""))
    assert (refused.value.kind, refused.value.retry_after) == (FailureKind.TRANSIENT, 9.0)


def test_the_source_of_the_guide_maps() -> None:
    space: dict[str, Any] = {"__name__": "example"}
    exec(block(ROOT / "docs" / "adding-a-source.md", "python"), space)
    acme = space["SOURCE"]
    body = b'{"event_id": "e1", "ticket": 12, "state": "cooking", "phone": "+12025550143"}'
    raw = Raw({"x-acme-signature": SIGNATURE}, body)
    acme.authenticate(raw, ["secret"])
    with pytest.raises(BadSignature):
        acme.authenticate(replace(raw, body=body + b" "), ["secret"])
    assert acme.identify(raw)[0].event_key == "e1"
    (event,) = acme.map("ticket", {}, body, {})
    assert (event.external_id, event.status) == ("12", "preparing")
    (event,) = acme.map("ticket", {}, body.replace(b"cooking", b"burnt"), {})
    assert (event.status, event.unmapped_status) == ("", "burnt")


@pytest.mark.django_db
def test_the_configuration_of_the_readme_applies_twice() -> None:
    env = {
        "KIM_PASSWORD": "correct-horse-battery",
        "SHOPIFY_SECRET": "shpss_0123456789abcdef",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "0" * 32,
    }
    text = block(README, "yaml")
    assert apply(text, "brand.yaml", env).created == 5
    assert Brand.objects.get(slug="bella").name == "Bella Napoli"
    again = apply(text, "brand.yaml", env)
    assert again.summary == "created: 0, changed: 0, unchanged: 5"
    assert again.summary in " ".join(words(README).split())
