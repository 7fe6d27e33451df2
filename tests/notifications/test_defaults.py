"""What a new brand starts with."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from consents.models import Purpose
from notifications.defaults import RULES, install, templates
from notifications.liquid_check import check
from notifications.models import MessageTemplate, Rule
from notifications.rendering import choose, render
from notifications.segments import segments
from notifications.variables import allowed, build, example
from notifications.words import LANGUAGES, REPLIES
from orders.models import Brand, FulfilmentGroup, Order, OrderLine, StatusChange, Store
from orders.statuses import EVENTS, Status
from tests.factories import BrandFactory, TemplateFactory

NOW = datetime(2026, 3, 14, 22, 0, tzinfo=UTC)
DEFAULTS = list(templates())
LABEL = "{name}-{event}-{family}-{language}"
LINK = "https://orders.example.com/t/4b0c7e1f9a2d5836e7c4b1a0f9d2e3c85a6b7d10/"
BRAND = Brand(name="Bella Napoli", country="US", contact_line="+1 202 555 0100")


def label(fields: dict[str, str]) -> str:
    return LABEL.format(**fields)


def facts_of(event: str) -> dict[str, Any]:
    return {
        "delayed": {
            "previous": (NOW + timedelta(minutes=20)).isoformat(),
            "new": (NOW + timedelta(minutes=45)).isoformat(),
            "reason": "kitchen busy",
        },
        "edited": {"added": [{"name": "Tiramisu", "quantity": "1"}], "removed": []},
        "refund": {"amount_minor": 500, "reason": ""},
        "tracking": {"number": "JD014600003", "carrier": "DHL", "url": "https://t.example/JD0146"},
    }.get(event, {})


def typical(event: str, language: str, *, part: bool = False) -> dict[str, Any]:
    """An ordinary order of an ordinary brand at the moment of `event`."""
    status = event if event in Status.values else "preparing"
    order = Order(
        display_number="#1024", status=status, fulfilment_type="pickup", currency="USD",
        total_minor=4350, contact_given_name="Ada", refunds={"r": {"amount_minor": 500}},
    )  # fmt: skip
    lines = [
        OrderLine(line_id="1", name="Margherita", quantity=Decimal(2)),
        OrderLine(line_id="2", name="Cola", quantity=Decimal(1)),
    ]
    first = FulfilmentGroup(
        key="one", status=status, method="pickup", ready_at=NOW + timedelta(minutes=45),
        lines={"1": "2"} if part else {}, courier="Jo",
    )  # fmt: skip
    second = FulfilmentGroup(key="two", status="preparing", method="pickup", lines={"2": "1"})
    is_status = event in Status.values
    change = StatusChange(
        fact="status" if is_status else event, status=event if is_status else "",
        part=part, group_key="one", data=facts_of(event), occurred_at=NOW,
    )  # fmt: skip
    return build(
        order=order, group=first, change=change, lines=lines,
        store=Store(name="Centro", time_zone="America/New_York", phone="+12025550100"),
        brand=BRAND, groups=[first, second] if part else [first],
        language=language, now=NOW, links={"tracking": LINK},
    )  # fmt: skip


def minimal(language: str) -> dict[str, Any]:
    """The least that a source may say."""
    return build(
        order=Order(external_id="7", status="placed"), group=None, change=None, store=None,
        brand=Brand(name="B"), lines=[], groups=[], language=language, now=NOW, links={},
    )  # fmt: skip


def text_of(fields: dict[str, str], variables: dict[str, Any]) -> str:
    row = MessageTemplate(pk=1, **fields)
    return render(row, variables, family=fields["family"], brand=BRAND).text


def one(event: str, family: str, language: str, name: str = "customer") -> dict[str, str]:
    key = (name, event, family, language)
    return next(
        fields
        for fields in DEFAULTS
        if (fields["name"], fields["event"], fields["family"], fields["language"]) == key
    )


# --- Complete ---------------------------------------------------------------------
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event", EVENTS)
def test_every_event_has_words_for_every_family(event, language):
    families = {
        (fields["name"], fields["family"])
        for fields in DEFAULTS
        if (fields["event"], fields["language"]) == (event, language)
    }
    customer = {("customer", family) for family in ("sms", "email", "chat", "push", "webhook")}
    assert customer | {("staff", "team")} <= families


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event", REPLIES)
def test_every_reply_has_words(event, language):
    for family in ("sms", "chat", "email"):
        assert one(event, family, language)["body"]


def test_both_languages_label_everything():
    for words in LANGUAGES.values():
        assert set(words.statuses) == set(Status.values)
        assert set(words.statuses) | set(words.facts) == set(EVENTS)
        assert len(words.months) == 12


# --- Right ------------------------------------------------------------------------
OCCASIONS = sorted({(fields["event"], fields["language"]) for fields in DEFAULTS})
WRONG = ("{{", "{%", "None", "()", " .", "  ", ": .")


def of(event: str, language: str) -> list[dict[str, str]]:
    return [one for one in DEFAULTS if (one["event"], one["language"]) == (event, language)]


@pytest.mark.parametrize(("event", "language"), OCCASIONS)
def test_each_default_template_checks_clean(event, language):
    for fields in of(event, language):
        assert check(fields["body"], allowed()) == [], label(fields)
        assert check(fields["subject"], allowed()) == [], label(fields)
        MessageTemplate(brand_id=1, **fields).clean()


@pytest.mark.parametrize(("event", "language"), OCCASIONS)
def test_each_default_template_reads_well_with_much_and_with_little(event, language):
    for fields in of(event, language):
        for variables in (example(language), minimal(language), typical(event, language)):
            row = MessageTemplate(pk=1, **fields)
            found = render(row, variables, family=fields["family"], brand=BRAND)
            for text in (found.text, found.subject):
                assert not [wrong for wrong in WRONG if wrong in text], (label(fields), text)
                assert text == text.strip()
            if fields["family"] == "email":
                assert found.subject, label(fields)


@pytest.mark.parametrize("fields", [f for f in DEFAULTS if f["family"] == "sms"], ids=label)
def test_an_sms_names_the_brand_and_fits_one_segment(fields):
    text = text_of(fields, typical(fields["event"], fields["language"]))
    found = segments(text)
    assert (found.count, found.forced_by) == (1, ""), text
    if fields["name"] == "customer":
        assert text.startswith("Bella Napoli: ")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event", EVENTS)
def test_an_sms_about_a_part_fits_too(event, language):
    text = text_of(one(event, "sms", language), typical(event, language, part=True))
    assert segments(text).count == 1, text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "event",
    ["confirmed", "preparing", "ready", "out_for_delivery", "delivered", "picked_up", "cancelled"],
)
def test_news_of_a_part_names_the_part_and_its_items(event, language):
    said = text_of(one(event, "sms", language), typical(event, language, part=True))
    whole = text_of(one(event, "sms", language), typical(event, language))
    named = {"en": "Part 1 of 2 of your order #1024 (2 x Margherita)",
             "es": "La parte 1 de 2 de tu pedido #1024 (2 x Margherita)"}  # fmt: skip
    assert named[language] in said
    assert "1 of 2" not in whole
    assert "1 de 2" not in whole


def test_the_exact_words_of_a_few():
    assert text_of(one("ready", "sms", "en"), typical("ready", "en")) == (
        "Bella Napoli: Your order #1024 is ready to pick up at Centro."
    )
    assert text_of(one("ready", "sms", "es"), typical("ready", "es")) == (
        "Bella Napoli: Tu pedido #1024 ya se puede recoger en Centro."
    )
    assert text_of(one("delayed", "chat", "en"), typical("delayed", "en")) == (
        f"Your order #1024 is running late, sorry. New time: 18:45.\nFollow your order: {LINK}"
    )
    assert text_of(one("refund", "sms", "es"), typical("refund", "es")) == (
        "Bella Napoli: Te hemos reembolsado $5.00 de tu pedido #1024."
    )
    assert text_of(one("delayed", "team", "en", "staff"), typical("delayed", "en")) == (
        "#1024 · DELAYED by 25 min, now 18:45 (kitchen busy)"
    )


def test_a_delivery_that_is_ready_is_not_to_be_picked_up():
    variables = typical("ready", "en")
    variables["part"]["method"] = "delivery"
    said = text_of(one("ready", "email", "en"), variables)
    assert "waiting for the courier" in said
    assert "pick up" not in said


def test_the_answer_to_stop_confirms_and_sells_nothing():
    for language, (start, again) in {
        "en": ("unsubscribed", "START"),
        "es": ("de baja", "START"),
    }.items():
        said = text_of(
            one("stop", "sms", language), minimal(language) | {"brand": example()["brand"]}
        )
        assert start in said
        assert again in said
        assert "http" not in said
        assert segments(said).count == 1


def test_the_answer_to_help_says_who_and_how_to_reach_them_even_to_a_stranger():
    nobody = build(
        order=None, group=None, change=None, store=None, brand=BRAND, lines=[], groups=[],
        language="en", now=NOW, links={},
    )  # fmt: skip
    said = text_of(one("help", "sms", "en"), nobody)
    assert said.startswith("Bella Napoli: ")
    assert "+1 202 555 0100" in said
    assert "STOP" in said


def test_the_answer_to_where_tells_each_part_truthfully():
    variables = typical("ready", "en", part=True)
    variables["parts"][1]["is_late"] = True
    variables["parts"][1]["eta"] = "19:10"
    assert text_of(one("where", "chat", "en"), variables) == (
        "Bella Napoli: Order #1024: part 1 of 2 (2 × Margherita): ready;"
        " part 2 of 2 (1 × Cola): being prepared, late, expected 19:10."
    )
    assert text_of(one("where", "sms", "es"), typical("ready", "es")) == (
        "Bella Napoli: Pedido #1024: listo."
    )


# --- Installing -------------------------------------------------------------------
@pytest.mark.django_db
def test_a_new_brand_gets_every_template_and_rule_once(django_assert_max_num_queries):
    brand = BrandFactory()
    with django_assert_max_num_queries(40):
        install(brand)
    install(brand)
    assert MessageTemplate.objects.filter(brand=brand).count() == len(DEFAULTS)
    assert Rule.objects.filter(brand=brand).count() == len(RULES)
    for rule in Rule.objects.filter(brand=brand):
        rule.full_clean()


@pytest.mark.django_db
def test_what_the_shop_changed_stays_as_it_is():
    brand = BrandFactory()
    mine = TemplateFactory(brand=brand, event="ready", family="sms", body="Come and get it.")
    install(brand)
    Rule.objects.filter(brand=brand, slug="customer-updates").update(active=False, events=["ready"])
    install(brand)
    mine.refresh_from_db()
    assert mine.body == "Come and get it."
    rule = Rule.objects.get(brand=brand, slug="customer-updates")
    assert (rule.active, rule.events) == (False, ["ready"])


@pytest.mark.django_db
def test_the_rules_say_who_hears_what():
    brand = BrandFactory()
    install(brand)
    rules = {rule.slug: rule for rule in Rule.objects.filter(brand=brand)}
    updates, critical = rules["customer-updates"], rules["customer-critical"]
    assert (updates.hold_seconds, updates.strategy, updates.purpose) == (8, "preferred", "order")
    assert critical.purpose == Purpose.CRITICAL
    assert not rules["customer-quiet-updates"].active
    for slug in ("staff-new-orders", "staff-problems"):
        staff = rules[slug]
        assert (staff.audience, staff.purpose, staff.template) == ("staff", "staff", "staff")
        assert staff.families == ["team"]


def test_no_change_is_told_to_a_customer_by_two_rules():
    told = [event for rule in RULES if rule.get("audience") is None for event in rule["events"]]
    assert len(told) == len(set(told))
    assert set(told) <= set(EVENTS)
    assert set(EVENTS) - set(told) == {"returned"}


@pytest.mark.django_db
def test_every_rule_finds_its_words_in_every_language():
    brand = BrandFactory()
    install(brand)
    rows = list(MessageTemplate.objects.filter(brand=brand))
    for rule in Rule.objects.filter(brand=brand):
        for family in rule.families or ["sms", "email", "chat", "push"]:
            for event in rule.events:
                for language in LANGUAGES:
                    found = choose(
                        rows, name=rule.template, event=event, family=family,
                        language=language, store_id=None,
                    )  # fmt: skip
                    assert found is not None
                    assert found.language == language
