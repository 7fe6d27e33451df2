"""What messages in staff rooms show below their words."""

from typing import Any

import pytest

from channels_app.contract import Message
from channels_app.wire.staff_cards import context, links

ORDER = "https://hub.example.com/o/1/"
ALERT = "https://hub.example.com/a/1/"


def about(url: str, alert: str | None = None, language: str = "en") -> Message:
    data = {"incident": {"token": "t", "url": alert}} if alert is not None else {}
    return Message(to="", text="", ref="", url=url, language=language, data=data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [({"order": {"number": "#7"}, "store": {"name": "Harbour"}}, "#7 · Harbour"),
     ({"order": 7, "store": "Harbour"}, "7 · Harbour"), ({"order": {"number": None}}, ""),
     ({"store": {"name": "Harbour"}}, "Harbour"), ({}, "")],
)  # fmt: skip
def test_the_context_is_number_and_store(data: dict[str, Any], expected: str) -> None:
    assert context(data) == expected


def test_a_long_context_is_cut() -> None:
    found = context({"store": {"name": "Harbour " * 100}})
    assert len(found) <= 300
    assert found.endswith("…")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (about(ORDER), [("View order", ORDER, False)]),
        (about(ORDER, ALERT), [("Open alert", ALERT, True), ("View order", ORDER, False)]),
        (about(ALERT, ALERT, "es-MX"), [("Abrir aviso", ALERT, True)]),
        (about(ORDER, ""), [("View order", ORDER, False)]),
        (about("", "javascript:alert(1)"), []),
        (about(f"{ORDER}{'x' * 90}", ALERT), [("Open alert", ALERT, True)]),
    ],
)
def test_the_alerts_page_comes_first_and_no_address_twice(message: Message, expected: Any) -> None:
    assert links(message, 100) == expected
