"""The registry and the values behind it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from notifications import values, words
from notifications.variables import REGISTRY, allowed, build, example, save_problems
from orders.models import Brand, FulfilmentGroup, Order, OrderLine, StatusChange, Store

NOW = datetime(2026, 3, 14, 22, 0, tzinfo=UTC)  # 18:00 in New York, 23:00 in Madrid
EN, ES = words.language("en"), words.language("es")


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])]
    return ""


def look_up(path: str, data: Any) -> Any:
    for name in path.split("."):
        data = data[name[:-2]][0] if name.endswith("[]") else data[name]
    return data


def variables(**changed: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "order": Order(display_number="#7", currency="USD", total_minor=2150),
        "group": None,
        "change": None,
        "store": Store(name="Centro", time_zone="America/New_York"),
        "brand": Brand(name="Bella", country="US"),
        "lines": [],
        "groups": [],
        "language": "en",
        "now": NOW,
        "links": {},
    }
    return build(**{**facts, **changed})


def lines() -> list[OrderLine]:
    return [
        OrderLine(line_id="a", name="Margherita", quantity=Decimal("2.000")),
        OrderLine(line_id="b", name="Cola", quantity=Decimal(3), removed_quantity=Decimal(1)),
        OrderLine(line_id="c", name="Ham", quantity=Decimal("1.500")),
    ]


def split() -> list[FulfilmentGroup]:
    return [
        FulfilmentGroup(key="one", status="ready", method="pickup", lines={"a": "1"}),
        FulfilmentGroup(key="main", status="preparing", method="pickup"),
    ]


def test_the_registry_and_what_is_built_have_the_same_names():
    assert shape(example()) == allowed()


@pytest.mark.parametrize("variable", REGISTRY, ids=lambda one: one.path)
def test_each_example_is_what_the_preview_shows(variable):
    assert look_up(variable.path, example()) == variable.example
    assert str(variable.doc)
    assert variable.kind in ("text", "number", "yes_no")


def test_names_are_listed_once():
    paths = [variable.path for variable in REGISTRY]
    assert len(paths) == len(set(paths))


def test_no_order_at_all_gives_the_same_names_empty():
    found = variables(order=None, store=None)
    assert found["order"]["number"] == ""
    assert found["order"]["total"] == ""
    assert found["items_text"] == ""
    assert found["brand"]["name"] == "Bella"
    assert shape({**found, "items": [{}], "parts": [{}], "tracking": [{}]}).keys() == (
        allowed().keys()
    )


def test_only_plain_values_reach_a_template():
    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(isinstance(k, str) and plain(v) for k, v in value.items())
        if isinstance(value, list):
            return all(plain(one) for one in value)
        return type(value) in (str, int, bool)

    assert plain(example())
    assert plain(variables(groups=split(), lines=lines()))


def test_the_whole_order_lists_what_is_left_of_each_line():
    assert variables(lines=lines())["items_text"] == "2 × Margherita, 2 × Cola, 1.5 × Ham"


def test_a_part_lists_its_own_items_and_the_rest_lists_the_rest():
    groups = split()
    change = StatusChange(status="ready", group_key="one", part=True, occurred_at=NOW)
    first = variables(lines=lines(), groups=groups, group=groups[0], change=change)
    second = variables(lines=lines(), groups=groups, group=groups[1], change=change)
    assert first["items_text"] == "1 × Margherita"
    assert second["items_text"] == "1 × Margherita, 2 × Cola, 1.5 × Ham"
    assert (first["part"]["is_part"], first["part"]["number"], first["part"]["of"]) == (True, 1, 2)
    assert second["part"]["number"] == 2
    assert [one["status"] for one in first["parts"]] == ["Ready", "Being prepared"]
    assert first["progress"]["ready"] == 1
    assert first["progress"]["parts"] == 2


def test_the_rest_of_an_order_that_is_all_claimed_is_no_part():
    groups = [
        FulfilmentGroup(key="main", status="preparing"),
        FulfilmentGroup(key="one", status="ready", lines={"a": "2", "b": "2", "c": "1.5"}),
    ]
    found = variables(lines=lines(), groups=groups, group=groups[1])
    assert found["part"]["of"] == 1
    assert found["part"]["is_part"] is False


def test_an_unsplit_order_is_never_called_a_part():
    group = FulfilmentGroup(key="main", status="ready")
    change = StatusChange(status="ready", group_key="main", part=True, occurred_at=NOW)
    assert variables(group=group, groups=[group], change=change)["part"]["is_part"] is False


@pytest.mark.parametrize(
    ("fields", "language", "expected"),
    [
        ({"method": "pickup", "ready_at": NOW + timedelta(minutes=40)}, "en", "18:40"),
        ({"method": "pickup", "ready_at": NOW + timedelta(hours=12)}, "en", "Mar 15, 06:00"),
        ({"method": "pickup", "ready_at": NOW + timedelta(hours=12)}, "es", "15 mar, 06:00"),
        ({"method": "pickup", "ready_at": NOW - timedelta(minutes=1)}, "en", ""),
        ({"method": "pickup", "ready_at": NOW + timedelta(minutes=9), "status": "ready"}, "en", ""),
        (
            {"method": "delivery", "ready_at": NOW, "deliver_to": NOW + timedelta(hours=1)},
            "en",
            "19:00",
        ),
        (
            {
                "method": "delivery",
                "deliver_from": NOW + timedelta(minutes=30),
                "deliver_to": NOW + timedelta(hours=1),
            },
            "en",
            "18:30-19:00",
        ),
        (
            {"method": "pickup", "status": "cancelled", "ready_at": NOW + timedelta(hours=1)},
            "en",
            "",
        ),
    ],
)
def test_a_time_is_told_in_the_stores_zone_and_only_while_it_lies_ahead(fields, language, expected):
    group = FulfilmentGroup(**{"key": "main", "status": "preparing", **fields})
    assert variables(group=group, groups=[group], language=language)["eta"] == expected


def test_the_time_of_a_whole_order_is_that_of_its_slowest_part():
    groups = split()
    groups[0].ready_at = NOW + timedelta(minutes=5)
    groups[1].ready_at = NOW + timedelta(minutes=50)
    assert variables(lines=lines(), groups=groups)["eta"] == "18:50"


def test_a_zone_that_does_not_exist_falls_back_to_utc():
    group = FulfilmentGroup(key="main", method="pickup", ready_at=NOW + timedelta(minutes=1))
    store = Store(name="X", time_zone="../../etc/passwd")
    assert variables(store=store, group=group, groups=[group])["eta"] == "22:01"


def test_a_delay_says_how_much_from_when_to_when_and_why():
    group = FulfilmentGroup(
        key="main", status="preparing", method="pickup", delayed_since=NOW,
        ready_at=NOW + timedelta(minutes=45), delay_reason="KITCHEN_BUSY",
    )  # fmt: skip
    data = {
        "previous": (NOW + timedelta(minutes=20)).isoformat(),
        "new": (NOW + timedelta(minutes=45)).isoformat(),
        "reason": "KITCHEN_BUSY",
    }
    change = StatusChange(fact="delayed", data=data, occurred_at=NOW)
    found = variables(group=group, groups=[group], change=change)["delay"]
    assert found == {
        "is_late": True, "reason": "kitchen busy", "minutes": 25,
        "previous": "18:20", "new": "18:45",
            "told": "", "earlier": False,
    }  # fmt: skip


def test_facts_that_are_not_what_was_promised_give_nothing_and_raise_nothing():
    data = {"previous": "yesterday", "new": "", "reason": None, "added": "x", "removed": [1, {}]}
    found = variables(change=StatusChange(fact="delayed", data=data, occurred_at=NOW))
    assert found["delay"]["new"] == ""
    assert found["change"]["added_text"] == found["change"]["removed_text"] == ""


def test_an_edit_and_a_refund_are_told_in_words_and_money():
    edit = {"added": [{"name": "Tiramisu", "quantity": "2.000"}], "removed": []}
    change = variables(change=StatusChange(fact="edited", data=edit, occurred_at=NOW))["change"]
    assert (change["added_text"], change["removed_text"]) == ("2 × Tiramisu", "")
    order = Order(currency="USD", refunds={"r": {"amount_minor": 500}, "s": {"amount_minor": 25}})
    refund = StatusChange(fact="refund", data={"amount_minor": 500}, occurred_at=NOW)
    found = variables(order=order, change=refund)["refund"]
    assert (found["amount"], found["total"]) == ("$5.00", "$5.25")


def test_a_reason_for_cancelling_reaches_the_customer_only_when_it_is_fit_to():
    told = variables(order=Order(cancel_reason="inventory"))["order"]["cancel_reason"]
    kept = variables(order=Order(cancel_reason="fraud"))
    assert told == "something is sold out"
    assert kept["order"]["cancel_reason"] == ""
    assert kept["change"]["reason"] == "fraud"


@pytest.mark.parametrize(
    ("minor", "currency", "language", "country", "expected"),
    [
        (2150, "USD", EN, "US", "$21.50"),
        (123456789, "USD", EN, "", "$1,234,567.89"),
        (2150, "EUR", ES, "ES", "21,50 €"),
        (123456, "EUR", ES, "", "1.234,56 €"),
        (2150, "USD", ES, "US", "$21.50"),
        (2150, "MXN", ES, "MX", "$21.50"),
        (1500, "JPY", EN, "", "¥1,500"),
        (1234, "KWD", EN, "", "KWD 1.234"),
        (5, "CHF", EN, "", "CHF 0.05"),
        (-50, "USD", EN, "", "-$0.50"),
        (0, "USD", EN, "", "$0.00"),
        (None, "USD", EN, "", ""),
        (9007199254740993, "USD", EN, "", "$90,071,992,547,409.93"),
    ],
)
def test_money_is_exact_and_written_as_people_write_it(
    minor, currency, language, country, expected
):
    assert values.money(minor, currency, language, country) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada\r\nBcc: all@example.com", "Ada Bcc: all@example.com"),
        ("\u202eevil\u202c Ada\u2066", "evil Ada"),
        ("A\u200bd\ufeffa\x00\x1b[31m", "Ada [31m"),
        ("Z" + "\u0335" * 40 + "algo", "Z" + "\u0335" * 3 + "algo"),
        ("e\u0301", "é"),
        ("\ud800Ada", "Ada"),
        ("a" * 100, "a" * 59 + "…"),
        ("  Ada \u2028 Lovelace\t", "Ada Lovelace"),
        ("👨‍👩‍👧 Ng", "👨‍👩‍👧 Ng"),
        ("محمد", "محمد"),
        (None, ""),
    ],
)
def test_names_become_one_neutral_line(name, expected):
    assert values.clean(name) == expected
    order = Order(contact_name=name or "", display_number="#7")
    assert variables(order=order)["customer"]["name"] == expected


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://track.example.com/a?b=1", True),
        ("javascript:alert(1)", False),
        ('https://x.example/" onclick="', False),
        ("https://x.example/\r\nX: y", False),
        ("//x.example", False),
        ("https://x.example/" + "a" * 500, False),
    ],
)
def test_only_web_addresses_become_links(address, kept):
    group = FulfilmentGroup(key="main", tracking={"N1": {"carrier": "DHL", "url": address}})
    found = variables(group=group, groups=[group])["tracking"]
    assert found == [{"carrier": "DHL", "number": "N1", "url": address if kept else ""}]


@pytest.mark.parametrize(
    ("given", "expected"),
    [("2.000", "2"), ("1.50", "1.5"), (Decimal("1E+2"), "100"), ("100", "100"), ("many", "many")],
)
def test_quantities_are_written_plainly(given, expected):
    assert values.quantity(given) == expected


def test_a_template_is_tried_out_before_it_is_saved():
    assert save_problems("{{ order.number }}", "{{ brand.name }}") == []
    (misused,) = save_problems("{{ order.number | truncate: 1, 2, 3, 4 }}")
    assert "could not be filled in" in misused.message
    (subject,) = save_problems("ok", "{{ brand.nme }}")
    assert (subject.field, subject.line, subject.column) == ("subject", 1, 4)
