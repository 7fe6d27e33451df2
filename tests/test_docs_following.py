"""The page about adding a provider is followed, file by file, and what it promises happens."""

import importlib
import json
import re
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from channels_app import providers, registry
from channels_app.contract import Accepted
from channels_app.failures import SendError
from channels_app.sandbox.contract import Account, Call
from tests.cases import SendCase

ROOT = Path(settings.BASE_DIR)
PAGE = (ROOT / "docs" / "adding-a-provider.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
EXCERPTS = [(name.removeprefix("from "), text) for _l, name, text in BLOCKS if "from " in name]
CASES = "tests/channels_app/providers/acme/cases.py"


def files() -> dict[str, str]:
    """Where each file of the page goes, below the root of the project."""
    found = {}
    for _language, name, text in BLOCKS:
        if not name.startswith("from "):
            place = name or "provider.py"
            found[place if "/" in place else f"channels_app/providers/acme/{place}"] = text
    return found


def forget() -> None:
    registry.slugs.cache_clear()
    registry.provider_class.cache_clear()
    registry.callbacks.cache_clear()
    for name in [name for name in sys.modules if name.startswith("channels_app.providers.acme")]:
        del sys.modules[name]


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Path]:
    """A project that holds nothing but what the page says."""
    for name, text in files().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(providers, "__path__", [str(tmp_path / "channels_app" / "providers")])
    settings.BASE_DIR = tmp_path
    forget()
    yield tmp_path
    forget()


def cases(followed: Path) -> ModuleType:
    module = ModuleType("acme_cases")
    exec((followed / CASES).read_text(), module.__dict__)
    return module


def test_the_check_takes_it(followed: Path) -> None:
    out = StringIO()
    call_command("providers", "--check", stdout=out)
    assert out.getvalue() == "1 providers are complete.\n"


@pytest.mark.parametrize("name", [name for name in files() if not name.endswith("__init__.py")])
def test_the_check_names_a_file_that_is_left_out(followed: Path, name: str) -> None:
    (followed / name).unlink()
    forget()
    err = StringIO()
    with pytest.raises((CommandError, ModuleNotFoundError)) as failed:
        call_command("providers", "--check", stderr=err)
    told = err.getvalue() + str(failed.value)
    assert Path(name).name.removesuffix(".py") in told


def test_its_cases_hold(followed: Path) -> None:
    module = cases(followed)
    provider = registry.provider_class("acme")(module.CREDENTIALS)
    known: list[SendCase] = module.SEND_CASES
    assert len(known) > 4
    for case in known:
        if case.expected_request is not None:
            assert provider.request(case.message) == case.expected_request
        if isinstance(case.expected, Accepted):
            assert provider.accepted(case.response) == case.expected
            continue
        with pytest.raises(SendError) as refused:
            provider.accepted(case.response)
        assert (refused.value.kind, refused.value.retry_after) == (case.expected, case.retry_after)


def test_its_form_and_its_guide_are_as_the_contract_test_wants_them(followed: Path) -> None:
    form = registry.provider_class("acme").Credentials()
    assert all(field.label for field in form.fields.values())
    guide = files()["channels_app/providers/acme/guide.md"]
    assert len(guide.split()) > 100
    assert [
        text for text in files().values() if "class " in text and not text.startswith('"""')
    ] == []


def test_its_stand_in_takes_what_it_sends(followed: Path) -> None:
    sandbox = importlib.import_module("channels_app.providers.acme.sandbox")
    credentials = sandbox.demo_credentials()
    kind = registry.provider_class("acme")
    assert kind.Credentials(credentials).is_valid()
    request = kind(credentials, "http://sandbox").request(cases(followed).MESSAGE)
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.method, "/v1/messages", headers, request.body)
    reply, taken = sandbox.SANDBOX.handle(call, [Account("", credentials)])
    assert (reply.status, taken.to) == (201, "+12025550143")
    assert json.loads(reply.body) == {"id": taken.id}
    reply, taken = sandbox.SANDBOX.handle(call, [Account("", {"api_key": "another"})])
    assert (reply.status, taken) == (401, None)


def test_there_are_excerpts_of_a_real_provider() -> None:
    assert len(EXCERPTS) > 2


@pytest.mark.parametrize(("name", "text"), EXCERPTS)
def test_an_excerpt_is_what_the_file_says(name: str, text: str) -> None:
    assert text in (ROOT / name).read_text(encoding="utf-8")
