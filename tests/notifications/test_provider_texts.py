"""Texts that are kept at a provider: what may be saved, how they are filled, when they count up."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from channels_app.contract import ProviderTemplate
from notifications import provider_texts
from notifications.liquid import RenderFailed
from notifications.models import MessageTemplate
from orders.models import Brand
from tests.factories import BrandFactory

READY = {"id": "order_ready", "language": "en_US", "parameters": {"1": "{{ order.number }}"}}


@pytest.fixture
def brand(db: Any) -> Brand:
    return BrandFactory()


def template(brand: Brand, texts: Any) -> MessageTemplate:
    return MessageTemplate(
        brand=brand, event="ready", family="chat", body="Ready.", provider_texts=texts
    )


def problems(brand: Brand, texts: Any) -> list[str]:
    """What is said when staff save `texts`."""
    try:
        template(brand, texts).full_clean()
    except ValidationError as error:
        assert set(error.message_dict) == {"provider_texts"}
        return list(error.message_dict["provider_texts"])
    return []


# --- what may be saved ---


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"whatsapp": READY},
        {"whatsapp": READY, "messenger": READY},
        {"whatsapp": {"id": "order_ready", "language": "en"}},
        {"whatsapp": {**READY, "parameters": {"header:1": "{{ order.number }}"}}},
        {"whatsapp": {**READY, "parameters": {"1": "Ada", "2": "{{ order.number }}"}}},
    ],
)
def test_what_can_be_sent_is_saved(brand: Brand, texts: Any) -> None:
    assert problems(brand, texts) == []


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["whatsapp"], "Write an object: provider, then id, language and parameters."),
        ("whatsapp", "Write an object: provider, then id, language and parameters."),
        ({"whatsup": READY}, "No provider is called 'whatsup'. Known: "),
        ({"whatsapp": "order_ready"}, "whatsapp: write id, language and parameters, nothing else."),
        ({"whatsapp": {**READY, "name": "x"}}, "whatsapp: write id, language and parameters"),
        ({"whatsapp": {**READY, "parameters": ["x"]}}, "whatsapp: parameters is an object"),
        ({"telegram": READY}, "telegram: Telegram keeps no templates."),
        (
            {"whatsapp": {**READY, "id": "Order Ready"}},
            "whatsapp: A template's name has small letters, digits and _ only.",
        ),
        ({"whatsapp": {**READY, "language": ""}}, "whatsapp: The template's language is missing"),
        (
            {"whatsapp": {**READY, "parameters": {"2": "x"}}},
            "whatsapp: Numbered gaps begin with 1, and come in their order.",
        ),
        (
            {"whatsapp": {**READY, "parameters": {"1": "{{ order.numbr }}"}}},
            "whatsapp, parameter 1: ",
        ),
        (
            {"whatsapp": {**READY, "parameters": {"1": "{% if %}"}}},
            "whatsapp, parameter 1: ",
        ),
        (
            {"whatsapp": {**READY, "parameters": {"1": "  "}}},
            "whatsapp: Parameter 1 of the provider's text is empty for this order.",
        ),
    ],
)
def test_what_could_never_be_sent_is_refused_with_the_reason(
    brand: Brand, texts: Any, said: str
) -> None:
    found = problems(brand, texts)
    assert len(found) == 1
    assert found[0].startswith(said), found


def test_every_provider_that_is_wrong_is_named(brand: Brand) -> None:
    wrong = {**READY, "id": "NO"}
    found = problems(brand, {"whatsapp": wrong, "messenger": wrong})
    assert [text.partition(":")[0] for text in found] == ["whatsapp", "messenger"]


# --- filling in ---


def test_parameters_are_filled_in_their_order_and_trimmed() -> None:
    texts = {
        "whatsapp": {
            "id": "order_ready",
            "language": "es",
            "parameters": {"1": " {{ customer.first_name }} ", "2": "No. {{ order.number }}"},
        }
    }
    kept = provider_texts.of(texts, "whatsapp")
    assert kept is not None
    values = {"customer": {"first_name": "Ada"}, "order": {"number": "#7"}}
    filled = provider_texts.filled(kept, values)
    assert filled == ProviderTemplate("order_ready", "es", {"1": "Ada", "2": "No. #7"})
    assert list(filled.parameters) == ["1", "2"]


def test_a_parameter_that_comes_out_empty_stops_the_message() -> None:
    kept = ProviderTemplate("order_ready", "en", {"1": "{{ customer.first_name }}"})
    with pytest.raises(RenderFailed, match="Parameter 1"):
        provider_texts.filled(kept, {"customer": {"first_name": ""}})


def test_markup_of_a_customer_stays_what_they_wrote() -> None:
    kept = ProviderTemplate("order_ready", "en", {"1": "{{ customer.first_name }}"})
    filled = provider_texts.filled(kept, {"customer": {"first_name": "{{ order.number }}"}})
    assert filled.parameters == {"1": "{{ order.number }}"}


@pytest.mark.parametrize("texts", [{}, {"whatsapp": "?"}, {"messenger": READY}])
def test_a_provider_without_a_text_has_none(texts: Any) -> None:
    assert provider_texts.of(texts, "whatsapp") is None


# --- versions ---


def test_a_changed_text_at_the_provider_is_a_new_version(brand: Brand) -> None:
    template(brand, {"whatsapp": READY}).save()
    row = MessageTemplate.objects.get()
    row.save()
    assert row.version == 1
    row.provider_texts = {"whatsapp": {**READY, "id": "order_ready_2"}}
    row.save(update_fields=["provider_texts"])
    row = MessageTemplate.objects.get()
    assert (row.version, row.provider_texts["whatsapp"]["id"]) == (2, "order_ready_2")


def test_a_parameter_changed_where_it_stands_is_a_new_version_too(brand: Brand) -> None:
    template(brand, {"whatsapp": READY}).save()
    row = MessageTemplate.objects.get()
    row.provider_texts["whatsapp"]["parameters"]["1"] = "No. {{ order.number }}"
    row.save()
    assert MessageTemplate.objects.get().version == 2
