"""From a template to the words that leave."""

import time
from html.parser import HTMLParser
from unittest import mock

import pytest
from django.core.exceptions import ValidationError

from notifications.liquid import FENCE, RenderFailed
from notifications.models import MessageTemplate
from notifications.rendering import choose, render
from notifications.variables import example
from orders.models import Brand
from tests.factories import BrandFactory, StoreFactory, TemplateFactory

BRAND = Brand(name="Bella <Napoli> & Co")
LINK = "https://orders.example.com/t/abc/"


def template(**fields) -> MessageTemplate:
    facts = {"pk": 7, "version": 3, "event": "ready", "family": "sms", "body": "Hi"}
    return MessageTemplate(**{**facts, **fields})


def said(body: str, family: str = "sms", subject: str = "", **values):
    data = {**example(), **values}
    row = template(body=body, subject=subject, family=family)
    return render(row, data, family=family, brand=BRAND)


# --- Choosing ---------------------------------------------------------------------
def pick(rows: list[MessageTemplate], language: str, store_id: int | None = None, **more):
    facts = {"name": "customer", "event": "ready", "family": "sms", **more}
    found = choose(rows, language=language, store_id=store_id, **facts)
    return found.pk if found else None


ROWS = [
    template(pk=1, language="en"),
    template(pk=2, language="es"),
    template(pk=3, language="es-MX"),
    template(pk=4, language="es", store_id=9),
    template(pk=5, language="fr"),
    template(pk=6, language="en", store_id=9),
    template(pk=7, language="de", active=False),
    template(pk=8, language="de", family="email"),
    template(pk=9, language="de", event="placed"),
    template(pk=10, language="de", name="staff"),
]


@pytest.mark.parametrize(
    ("language", "store_id", "brand_language", "expected"),
    [
        ("es", None, "en", 2),
        ("es-MX", None, "en", 3),
        ("es-AR", None, "en", 2),
        ("es_ar", None, "en", 2),
        ("es-MX", 9, "en", 4),  # the store's words, in a language that the reader knows
        ("es", 5, "en", 2),  # another store's words are not for this one
        ("de", None, "fr", 5),
        ("de", None, "en", 1),
        ("de", 9, "en", 6),
        ("de", 9, "fr", 5),
        ("ES", None, "en", 2),
    ],
)
def test_the_readers_language_comes_first_then_the_store(
    language, store_id, brand_language, expected
):
    assert pick(ROWS, language, store_id, brand_language=brand_language) == expected


def test_nothing_fitting_gives_none():
    assert pick(ROWS, "en", event="delivered") is None
    assert pick([], "en") is None
    assert pick([template(language="fr")], "de") is None


# --- The words --------------------------------------------------------------------
def test_an_sms_is_plain_text_in_cheap_typography():
    found = said("{{ brand.name }} – “{{ items_text }}”…")
    assert found.text == 'Bella Napoli - "2 x Margherita, 1 x Cola"...'
    assert (found.subject, found.html, found.version) == ("", "", "7:3")


def test_chat_and_push_keep_the_signs_as_written():
    assert said("{{ items_text }} <b>", "chat").text == "2 × Margherita, 1 × Cola <b>"
    push = said("Body", "push", "Order {{ order.number }}")
    assert (push.subject, push.text, push.html) == ("Order #1024", "Body", "")


def test_blank_lines_that_tags_leave_are_closed():
    body = "A\n\n{% if order.note == 'x' %}B{% endif %}\n\n\n\nC  \r\n"
    assert said(body, "email").text == "A\n\nC"


def test_an_empty_message_is_not_a_message():
    with pytest.raises(RenderFailed, match="empty message"):
        said("{% if order.number == 'x' %}never{% endif %}  ")


def test_a_subject_is_one_line_whatever_a_name_holds():
    # The registry cleans names; the subject does not rely on it.
    customer = {"first_name": "Ada\r\nBcc: all@example.com\u2028x\x00", "name": ""}
    found = said(
        "Hi", "email", "For {{ customer.first_name }}\n{{ order.number }}", customer=customer
    )
    assert found.subject == "For Ada Bcc: all@example.com x #1024"
    assert len(said("Hi", "email", "y" * 300).subject) == 200


def test_an_email_without_a_subject_borrows_its_first_words():
    assert said("Hello\nthere", "email").subject == "Hello there"


# --- HTML -------------------------------------------------------------------------
class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data):
        self.words.append(data)


def read(html: str) -> Links:
    parser = Links()
    parser.feed(html)
    return parser


def test_an_email_has_the_same_words_as_text_and_as_html():
    body = "Hello {{ customer.first_name }},\n\nLine one\nLine two"
    found = said(body, "email")
    assert found.text == "Hello Ada,\n\nLine one\nLine two"
    page = read(found.html)
    assert page.words == ["Bella <Napoli> & Co", "Hello Ada,", "Line one", "Line two"]
    assert page.tags.count("br") == 1


def test_markup_in_values_stays_text_in_html():
    items = [{"name": "<script>alert(1)</script><img src=x onerror=1>", "quantity": "1"}]
    found = said("{% for i in items %}{{ i.name }}{% endfor %}", "email", items=items)
    assert "<script" not in found.html
    assert "<img" not in found.html
    assert "".join(read(found.html).words).endswith(items[0]["name"])
    assert found.text == items[0]["name"]


def test_the_tracking_line_becomes_a_button_and_other_addresses_links():
    body = "Follow it: {{ tracking_url }}\n\nOr see https://bella.example/faq?a=1&b=2."
    found = said(body, "email", tracking_url=LINK)
    page = read(found.html)
    assert page.links == [LINK, "https://bella.example/faq?a=1&b=2"]
    assert "Follow it" in page.words
    assert LINK not in page.words
    assert LINK in found.text


def test_without_a_tracking_link_there_is_no_button():
    found = said("A {{ tracking_url }}", "email", tracking_url="")
    assert read(found.html).links == []


def test_an_address_cannot_break_out_of_its_attribute():
    found = said('See https://x.example/"onmouseover="alert(1)', "email")
    assert read(found.html).links == ["https://x.example/"]


# --- Caps and cost ----------------------------------------------------------------
def test_a_ceiling_is_a_sentence_for_staff():
    with pytest.raises(RenderFailed, match="longer than 20,000 bytes"):
        said("{{ order.note }}" * 200, order={"note": "n" * 200})


def test_a_version_is_parsed_once_however_often_it_is_sent():
    body = (
        "Parsed once in this test {{ order.number }} {% for i in items %}{{ i.name }}{% endfor %}"
    )
    with mock.patch.object(FENCE, "parse_fenced", wraps=FENCE.parse_fenced) as parse:
        for _ in range(30):
            said(body, "email", "Subject once in this test {{ order.number }}")
    assert parse.call_count == 2


def test_rendering_a_known_template_takes_well_under_a_millisecond():
    body = (
        "{{ brand.name }}: {% if eta != '' %}{{ eta }}{% endif %}"
        " {% for i in items %}{{ i.name }}{% endfor %}"
    )
    data = example()
    row = template(body=body)
    render(row, data, family="sms", brand=BRAND)
    best = min(_timed(row, data) for _ in range(20))
    assert best < 0.001


def _timed(row: MessageTemplate, data: dict) -> float:
    start = time.perf_counter()
    for _ in range(10):
        render(row, data, family="sms", brand=BRAND)
    return (time.perf_counter() - start) / 10


# --- Saving -----------------------------------------------------------------------
@pytest.mark.django_db
def test_an_unknown_variable_is_refused_at_save_with_line_and_column():
    row = TemplateFactory.build(
        brand=BrandFactory(), body="Hi\nOrder {{ order.nummer }}", subject="{{ ordr.number }}"
    )
    with pytest.raises(ValidationError) as refusal:
        row.full_clean()
    said_of = refusal.value.message_dict
    assert said_of["body"] == [
        "line 2, column 10: There is no variable “order.nummer”; did you mean “order.number”?"
    ]
    assert said_of["subject"][0].startswith("line 1, column 4: There is no variable “ordr”")


@pytest.mark.django_db
def test_an_unknown_event_or_family_is_refused_with_the_nearest():
    row = TemplateFactory.build(brand=BrandFactory(), event="redy", family="smss")
    with pytest.raises(ValidationError) as refusal:
        row.full_clean()
    assert refusal.value.message_dict["event"] == ["There is no “redy”; did you mean “ready”?"]
    assert refusal.value.message_dict["family"] == ["There is no “smss”; did you mean “sms”?"]


@pytest.mark.django_db
@pytest.mark.parametrize("event", ["ready", "delayed", "stop", "where_unknown"])
def test_events_and_replies_are_accepted(event):
    TemplateFactory.build(brand=BrandFactory(), event=event).full_clean()


@pytest.mark.django_db
def test_only_other_words_make_another_version():
    row = MessageTemplate.objects.get(pk=TemplateFactory().pk)
    row.active = False
    row.save()
    row.refresh_from_db()
    assert row.version == 1
    before = row.updated_at
    row.body = "Other words"
    row.save()
    row.save()
    row.refresh_from_db()
    assert row.version == 2
    assert row.updated_at > before


@pytest.mark.django_db
def test_the_version_is_written_also_when_only_the_body_is_saved():
    made = TemplateFactory()
    made.body = "Changed on the object that created it"
    made.save(update_fields=["body"])
    row = MessageTemplate.objects.get(pk=made.pk)
    assert (row.version, row.body) == (2, "Changed on the object that created it")


@pytest.mark.django_db
def test_a_stores_own_words_are_chosen_from_the_database():
    store = StoreFactory()
    brands = TemplateFactory(brand=store.brand)
    own = TemplateFactory(brand=store.brand, store=store, body="At the back door")
    rows = list(MessageTemplate.objects.all())
    assert pick(rows, "en", store.pk) == own.pk
    assert pick(rows, "en") == brands.pk
