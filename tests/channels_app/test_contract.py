"""What every provider must keep, whoever wrote it. A new folder is tested by being there."""

import importlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.forms import PasswordInput

from channels_app import providers, registry
from channels_app.contract import (
    Accepted,
    CallbackRefused,
    Family,
    Idempotency,
    InboundMessage,
    Provider,
    ProviderTemplate,
    Receipt,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.management.commands import providers as command
from channels_app.sandbox import server
from channels_app.sandbox.contract import Account, Call, Taken
from channels_app.sending import STEPS
from tests.cases import CallbackCase, SendCase

SLUGS = registry.slugs()
WITH_CALLBACKS = [slug for slug in SLUGS if registry.callbacks(slug) is not None]
PERMANENT = {FailureKind.RECIPIENT_INVALID, FailureKind.OPTED_OUT}


def cases_of(slug: str) -> ModuleType:
    return importlib.import_module(f"tests.channels_app.providers.{slug}.cases")


def now_of(slug: str) -> datetime:
    """The moment at which the provider's callback cases arrive."""
    found: datetime = getattr(cases_of(slug), "NOW", datetime(2026, 11, 21, 12, tzinfo=UTC))
    return found


def provider_of(slug: str) -> Provider:
    """With the cases' credentials; `pinned()` of a provider that encrypts fixes what is random."""
    cases = cases_of(slug)
    if hasattr(cases, "pinned"):
        found: Provider = cases.pinned()
        return found
    return registry.provider_class(slug)(cases.CREDENTIALS)


def sends() -> list[Any]:
    return [
        pytest.param(slug, case, id=f"{slug}: {case.label}")
        for slug in SLUGS
        for case in cases_of(slug).SEND_CASES
    ]


def calls() -> list[Any]:
    return [
        pytest.param(slug, case, id=f"{slug}: {case.label}")
        for slug in WITH_CALLBACKS
        for case in cases_of(slug).CALLBACK_CASES
    ]


def ending(provider: Provider, case: SendCase) -> Accepted | SendError:
    try:
        return provider.accepted(case.response)
    except SendError as error:
        return error


# --- declarations ---
@pytest.mark.parametrize("slug", SLUGS)
def test_the_folder_is_complete(slug: str) -> None:
    assert command.missing(slug) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_the_guide_says_what_to_do(slug: str) -> None:
    text = (Path(providers.__path__[0]) / slug / "guide.md").read_text()
    assert text.startswith("# ")
    assert len(text.split()) > 100


@pytest.mark.parametrize("slug", SLUGS)
def test_the_logo_is_a_small_picture_without_scripts_and_links(slug: str) -> None:
    picture = (settings.BASE_DIR / "static" / "img" / "providers" / f"{slug}.svg").read_text()
    assert picture.lstrip().startswith("<svg")
    assert len(picture) < 8_000
    outside = re.sub(r'xmlns(:\w+)?="[^"]*"', "", picture)
    assert not re.search(r"<script|href|https?:|\son\w+=", outside)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_credentials_form_takes_the_cases_and_knows_its_secrets(slug: str) -> None:
    form_class = registry.provider_class(slug).Credentials
    form = form_class(cases_of(slug).CREDENTIALS)
    assert form.is_valid(), form.errors
    assert form_class.secret <= set(form.fields)
    for name in form.fields:
        named_so = re.search(r"secret|token|private|password|api_key$", name)
        if named_so and not name.endswith(("_sid", "_id")):
            assert name in form_class.secret, f"{name} looks secret but is not declared so"


@pytest.mark.parametrize("slug", SLUGS)
def test_the_form_renders_with_a_label_for_every_field(slug: str) -> None:
    form = registry.provider_class(slug).Credentials()
    page = form.as_p()
    for name, field in form.fields.items():
        assert f'name="{name}"' in page
        assert field.label


@pytest.mark.parametrize("slug", SLUGS)
def test_an_empty_form_is_refused_with_a_reason_unless_nothing_is_needed(slug: str) -> None:
    form = registry.provider_class(slug).Credentials({})
    needed = any(field.required for field in form.fields.values())
    assert form.is_valid() is not needed


@pytest.mark.parametrize("slug", SLUGS)
def test_secrets_of_the_form_are_never_rendered_into_a_page_by_a_password_field(slug: str) -> None:
    form_class = registry.provider_class(slug).Credentials
    for name in form_class.secret:
        widget = form_class.base_fields[name].widget
        if isinstance(widget, PasswordInput):
            assert not widget.render_value


# --- sending ---
@pytest.mark.parametrize(("slug", "case"), sends())
def test_the_request_is_this_one_byte_for_byte(slug: str, case: SendCase) -> None:
    provider = provider_of(slug)
    first = provider.request(provider.fit(case.message))
    assert first == provider_of(slug).request(provider.fit(case.message)), "not pure"
    if case.expected_request is not None:
        assert first == case.expected_request


@pytest.mark.parametrize(("slug", "case"), sends())
def test_the_answer_ends_like_this(slug: str, case: SendCase) -> None:
    end = ending(provider_of(slug), case)
    if isinstance(case.expected, Accepted):
        assert end == case.expected
        return
    assert isinstance(end, SendError)
    assert end.kind is case.expected
    assert end.retry_after == case.retry_after
    assert case.message.to not in end.detail
    assert len(end.code) <= 60 and len(end.detail) <= 300


@pytest.mark.parametrize("slug", SLUGS)
def test_the_cases_cover_the_endings_that_matter(slug: str) -> None:
    cases = cases_of(slug).SEND_CASES
    kinds = {case.expected for case in cases if not isinstance(case.expected, Accepted)}
    assert any(isinstance(c.expected, Accepted) and c.expected_request for c in cases)
    assert FailureKind.MISCONFIGURED in kinds
    assert FailureKind.THROTTLED in kinds
    assert FailureKind.TRANSIENT in kinds
    if "customer" in registry.provider_class(slug).audiences:
        assert kinds & PERMANENT, "no case of a recipient that does not work"


@pytest.mark.parametrize("slug", SLUGS)
def test_a_success_that_cannot_be_read_is_never_taken_for_a_refusal(slug: str) -> None:
    provider, case = provider_of(slug), cases_of(slug).SEND_CASES[0]
    for status in (200, 201):
        odd = replace(case.response, status=status, body=b"<html>It works!</html>", headers={})
        end = ending(provider, replace(case, response=odd))
        assert isinstance(end, Accepted) or end.kind is FailureKind.UNKNOWN


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"0", b'{"errors":[]}', b"\xff", b"{}"])
def test_an_error_without_a_usable_body_goes_by_its_status(slug: str, body: bytes) -> None:
    provider, case = provider_of(slug), cases_of(slug).SEND_CASES[0]
    for status, kinds in (
        (302, {FailureKind.MISCONFIGURED}),
        (401, {FailureKind.MISCONFIGURED}),
        (429, {FailureKind.THROTTLED}),
        (503, {FailureKind.TRANSIENT}),
    ):
        end = ending(
            provider,
            replace(case, response=replace(case.response, status=status, body=body, headers={})),
        )
        assert isinstance(end, SendError)
        assert end.kind in kinds, status


@pytest.mark.parametrize("slug", SLUGS)
def test_a_lookup_is_there_where_it_is_declared(slug: str) -> None:
    provider_class = registry.provider_class(slug)
    declared = provider_class.capabilities.idempotency is Idempotency.LOOKUP
    assert (provider_class.lookup is not Provider.lookup) == declared
    assert (provider_class.found is not Provider.found) == declared


# --- callbacks ---
@pytest.mark.parametrize(("slug", "case"), calls())
def test_the_call_is_believed_and_read_like_this(slug: str, case: CallbackCase) -> None:
    callbacks = registry.callbacks(slug)
    assert callbacks is not None
    callbacks.verify(case.request, case.credentials or cases_of(slug).CREDENTIALS, now_of(slug))
    assert list(callbacks.read(case.request)) == list(case.expected)


@pytest.mark.parametrize(("slug", "case"), calls())
def test_the_same_call_without_its_signature_or_with_another_key_is_refused(
    slug: str, case: CallbackCase
) -> None:
    callbacks = registry.callbacks(slug)
    assert callbacks is not None
    known = case.credentials or cases_of(slug).CREDENTIALS
    others = {name: value[::-1] + "x" for name, value in known.items()}
    forged = [(case.request, others), (case.request, {})]
    # Where the proof is a header, it is needed; elsewhere it is in the body, and was tested above.
    if any(re.search("signature|token|authorization", name) for name in case.request.headers):
        forged.append((replace(case.request, headers={}), known))
    for request, credentials in forged:
        with pytest.raises(CallbackRefused):
            callbacks.verify(request, credentials, now_of(slug))


@pytest.mark.parametrize("slug", SLUGS)
def test_every_status_that_is_declared_has_a_case_and_no_other_is_ever_read(slug: str) -> None:
    read = [found for case in cases_of(slug).CALLBACK_CASES for found in case.expected]
    able = registry.provider_class(slug).capabilities
    statuses = {found.status for found in read if isinstance(found, Receipt)}
    assert statuses == able.receipts
    assert any(isinstance(found, InboundMessage) for found in read) == able.inbound


@pytest.mark.parametrize("slug", SLUGS)
def test_a_failure_in_a_receipt_says_what_follows(slug: str) -> None:
    for case in cases_of(slug).CALLBACK_CASES:
        for found in case.expected:
            if isinstance(found, Receipt):
                assert (found.status is ReceiptStatus.FAILED) == (found.failure is not None)


# --- the account ---
@pytest.mark.parametrize("slug", SLUGS)
def test_the_credentials_can_be_proven_without_a_message_or_the_provider_has_no_such_question(
    slug: str,
) -> None:
    """`VERIFY_CASES` of the cases: (answer, expected sentence or kind of failure)."""
    provider, known = provider_of(slug), getattr(cases_of(slug), "VERIFY_CASES", ())
    asks = provider.verification()
    assert (asks is not None) == bool(known), "verification() and VERIFY_CASES go together"
    ends = []
    for response, expected in known:
        try:
            ends.append(provider.verified(response))
        except SendError as error:
            ends.append(error.kind)
        assert ends[-1] == expected
    if asks is not None:
        assert asks.method in ("GET", "POST")
        assert FailureKind.MISCONFIGURED in ends and any(type(end) is str for end in ends)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_text_at_the_provider_is_checked_where_there_are_any(slug: str) -> None:
    able = registry.provider_class(slug).capabilities
    problems = provider_of(slug).template_problems(ProviderTemplate(id="", language="en"))
    assert problems, "an empty id is nobody's template"
    assert able.templates or "keeps no templates" in problems[0]


@pytest.mark.parametrize("slug", SLUGS)
def test_what_is_handed_over_to_automation_says_so(slug: str) -> None:
    taken = [c.expected for c in cases_of(slug).SEND_CASES if isinstance(c.expected, Accepted)]
    able = registry.provider_class(slug).capabilities
    assert {one.handed_off for one in taken} == {able.hands_off}


# --- the stand-in ---
def answered(slug: str, provider: Provider, request: Request) -> tuple[Response, Taken | None]:
    """What the stand-in answers to `request`, through `server.ends()`."""
    assert request.url.startswith("http://127.0.0.1:8001/x/")
    parts = urlsplit(request.url.removeprefix("http://127.0.0.1:8001/x"))
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(
        request.method, unquote(parts.path), headers, request.body, dict(parse_qsl(parts.query))
    )
    account = Account("https://hub.example/receipts/k1/", dict(provider.credentials))
    reply, taken = ENDS[slug].handle(call, [account])
    names = {name.lower(): value for name, value in reply.headers.items()}
    return Response(reply.status, names, reply.body), taken


def connected(slug: str) -> Provider:
    """The provider at its stand-in, with the demo's credentials, and a token where it needs one."""
    provider = registry.provider_class(slug)(
        server.demo_credentials(slug), "http://127.0.0.1:8001/x"
    )
    now = datetime.now(UTC)
    asks = provider.token_request(now)
    if asks is not None:
        response, taken = answered(slug, provider, asks)
        assert taken is None
        provider.access = provider.token(response, now)
        assert provider.access.token
        assert provider.access.expires_at > now
    return provider


ENDS = server.ends()


@pytest.mark.parametrize("slug", SLUGS)
def test_the_stand_in_takes_what_its_provider_sends_and_the_provider_reads_its_answer(
    slug: str,
) -> None:
    provider = connected(slug)
    message = cases_of(slug).SEND_CASES[0].message
    # A table may stop the clock with this; the stand-in looks at the real one.
    message = replace(message, data={k: v for k, v in message.data.items() if k != "sent_at"})
    message = provider.fit(message)
    response, taken = answered(slug, provider, provider.request(message))
    for _step in range(STEPS - 1):
        following = provider.following(message, response)
        if following is None:
            break
        response, later = answered(slug, provider, following)
        taken = later or taken
    assert taken is not None, response
    if "customer" in provider.audiences:
        assert taken.to == message.to
    if provider.family is not Family.PUSH:  # only the browser can read those
        assert taken.text.endswith(message.text)
    accepted = provider.accepted(response)
    assert accepted.message_id in ("", taken.id)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_stand_in_proves_good_credentials_and_refuses_others(slug: str) -> None:
    provider = connected(slug)
    asks = provider.verification()
    if asks is None:
        return
    response, taken = answered(slug, provider, asks)
    assert taken is None
    assert provider.verified(response)
    headers = {name: f"{value}x" for name, value in asks.headers.items()}
    url = re.sub(r"(key|token)=[^&]+", r"\1=x", asks.url)
    spoilt = replace(asks, headers=headers, url=url)
    refused, _taken = answered(slug, provider, spoilt)
    if spoilt.headers != asks.headers or spoilt.url != asks.url:
        with pytest.raises(SendError):
            provider.verified(refused)


# --- the command ---
def test_the_command_prints_a_line_for_each_provider() -> None:
    out = StringIO()
    call_command("providers", stdout=out)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["slug", *SLUGS]


def test_the_check_fails_when_a_part_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    out = StringIO()
    call_command("providers", "--check", stdout=out)
    assert f"{len(SLUGS)} providers are complete." in out.getvalue()
    monkeypatch.setattr(command, "missing", lambda slug: ["guide.md"] if slug == "twilio" else [])
    err = StringIO()
    with pytest.raises(CommandError):
        call_command("providers", "--check", stderr=err)
    assert "twilio: add guide.md" in err.getvalue()
