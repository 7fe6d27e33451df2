"""How bodies are understood: tried on a sample, saved, taken back, replayed; and who may do it."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifications.config_file import ConfigError, apply
from notifications.views import mapping_shown
from orders import mapping, mapping_preview
from orders.contract import Raw
from orders.intake import receive
from orders.models import InboundEvent, Order, SourceConnection
from orders.normalising import normalise
from tests.factories import ConnectionFactory, MembershipFactory
from tests.notifications.views.rows import make_event

pytestmark = pytest.mark.django_db
BODY = {"data": {"uuid": "u-1", "state": "baking", "who": "<Ada>"}}
FIELDS = {"field-id": "data.uuid", "field-status": "data.state"}
HX = {"HX-Request": "true"}


@pytest.fixture
def event(connection: SourceConnection) -> InboundEvent:
    return make_event(connection, body=json.dumps(BODY).encode(), state="failed")


def page(client: Client, connection: SourceConnection, **query: Any) -> str:
    answer = client.get(reverse("mapping", args=[connection.pk]), query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def post(client: Client, name: str, connection: SourceConnection, **data: Any) -> Any:
    return client.post(reverse(name, args=[connection.pk]), data, follow=True)


def save(client: Client, connection: SourceConnection, base: int = 0, **fields: Any) -> Any:
    data = {**FIELDS, "base": base, "sample": json.dumps(BODY), **fields}
    return post(client, "mapping_save", connection, **data)


def settings_of(connection: SourceConnection) -> dict[str, Any]:
    connection.refresh_from_db()
    return connection.settings


# --- Looking and trying -----------------------------------------------------------


def test_it_shows_the_newest_body_and_what_nothing_uses(
    staff: Client, connection: SourceConnection, event: InboundEvent
):
    old = make_event(connection, body=b'{"old": 5.10}')
    newest = make_event(connection, body=json.dumps(BODY).encode())
    save(staff, connection)
    shown = page(staff, connection)
    assert "&quot;uuid&quot;: &quot;u-1&quot;" in shown
    assert '<span class="mono">baking</span>' in shown
    assert "has no meaning yet" in shown
    assert "<code>data.who</code>" in shown
    assert "<code>data.uuid</code>" not in shown
    assert f'<option value="{newest.pk}"' in shown
    chosen = page(staff, connection, event=old.pk)
    assert "{&quot;old&quot;: 5.10}" in chosen  # as it was written: 5.10 is not 5.1
    assert "nothing is at data.uuid here" in chosen


def test_nobody_else_can_write_into_the_page(
    staff: Client, connection: SourceConnection, event: InboundEvent
):
    nasty = {"a": {"</textarea><script>x": "<b>"}}
    make_event(connection, body=json.dumps(nasty).encode())
    shown = page(staff, connection)
    assert "<script>x" not in shown
    assert "<b>" not in shown


def test_typing_gets_the_results_and_keeps_nothing(
    staff: Client, connection: SourceConnection, event: InboundEvent
):
    data = {**FIELDS, "field-number": "data.[", "sample": json.dumps(BODY)}
    answer = staff.post(reverse("mapping_try", args=[connection.pk]), data, headers=HX)
    shown = answer.content.decode()
    assert "<html" not in shown
    assert 'id="got-field-status" hx-swap-oob="true"><span class="mono">baking' in shown
    assert "number: it ends too early" in shown
    assert settings_of(connection) == {}
    whole = staff.post(reverse("mapping_try", args=[connection.pk]), data).content.decode()
    assert "<html" in whole
    assert 'value="data.["' in whole


@pytest.mark.parametrize(
    ("sample", "sentence"),
    [
        ("{", "not valid JSON"),
        ("", "Paste a body"),
        ("9" * 300_000, "characters at most"),
        ('{"data": {}}', "nothing is at data.uuid"),
        ('"\\ud800"', "surrogate"),
    ],
)
def test_a_sample_that_cannot_be_used_is_said(
    staff: Client, connection: SourceConnection, sample: str, sentence: str
):
    data = {**FIELDS, "sample": sample}
    answer = staff.post(reverse("mapping_try", args=[connection.pk]), data, headers=HX)
    assert answer.status_code == 200
    assert sentence in answer.content.decode()


def test_a_refusal_of_the_reader_stands_beside_its_field(
    staff: Client, connection: SourceConnection
):
    data = {"field-id": "id", "field-ready_at": "at", "sample": '{"id": 1, "at": "soon"}'}
    answer = staff.post(reverse("mapping_try", args=[connection.pk]), data, headers=HX)
    beside = answer.content.decode().partition('id="got-field-ready_at"')[2].partition("</span>")[0]
    assert "must be a time with its zone" in beside


def test_an_event_id_that_is_the_orders_is_warned_of(staff: Client, connection: SourceConnection):
    for n in range(3):
        make_event(connection, body=json.dumps({"id": "o-1", "n": n}).encode())
    save(staff, connection, **{"field-id": "id", "field-status": "", "field-event_id": "n"})
    assert "the id of another one" not in page(staff, connection)
    save(staff, connection, 1, **{"field-id": "id", "field-event_id": "id"})
    assert "2 of the last bodies have the id of another one" in page(staff, connection)


# --- Saving and going back ----------------------------------------------------------


def test_saving_makes_versions_and_says_what_changed(
    staff: Client, connection: SourceConnection, event: InboundEvent
):
    first = save(staff, connection).content.decode()
    assert "Version 1 is in use. Added: id, status." in first
    second = save(staff, connection, 1, **{"field-status": "data.st", "field-note": "data.who"})
    assert "Version 2 is in use. Added: note. Changed: status." in second.content.decode()
    kept = settings_of(connection)
    assert kept["mapping"]["fields"] == {"id": "data.uuid", "status": "data.st", "note": "data.who"}
    assert [one["version"] for one in kept["mapping_history"]] == [1]
    assert kept["mapping"]["by"]
    again = save(staff, connection, 2, **{"field-status": "data.st", "field-note": "data.who"})
    assert "Nothing was changed" in again.content.decode()
    assert settings_of(connection) == kept


def test_back_to_an_earlier_version_is_a_new_one(staff: Client, connection: SourceConnection):
    save(staff, connection)
    save(staff, connection, 1, **{"field-note": "data.who"})
    assert "+note" in page(staff, connection)
    said = post(staff, "mapping_back", connection, version=1, base=2).content.decode()
    assert "Version 3 is in use. Removed: note." in said
    kept = settings_of(connection)
    assert kept["mapping"]["fields"] == {"id": "data.uuid", "status": "data.state"}
    assert kept["mapping"]["version"] == 3
    for version, sentence in ((9, "not kept any more"), ("x", "not kept any more")):
        said = post(staff, "mapping_back", connection, version=version, base=3).content.decode()
        assert sentence in said
    assert "Look again" in post(staff, "mapping_back", connection, version=1).content.decode()
    assert settings_of(connection) == kept


def test_ten_earlier_versions_are_kept(staff: Client, connection: SourceConnection):
    for n in range(14):
        assert save(staff, connection, n, **{"field-note": f"data.n{n}"}).status_code == 200
    versions = [one["version"] for one in settings_of(connection)["mapping_history"]]
    assert versions == list(range(4, 14))


def test_all_boxes_empty_is_our_own_format_again(staff: Client, connection: SourceConnection):
    save(staff, connection)
    said = save(staff, connection, 1, **{"field-id": "", "field-status": ""}).content.decode()
    assert "Version 2 is in use. Removed: id, status." in said
    assert "in our own format" in said
    assert settings_of(connection)["mapping"]["version"] == 2


def test_what_is_wrong_is_refused_and_what_was_typed_stays(
    staff: Client, connection: SourceConnection
):
    answer = save(staff, connection, **{"field-id": "", "field-note": "avg(data)"})
    assert answer.status_code == 400
    shown = answer.content.decode()
    assert "id: is needed" in shown
    assert "there is no function avg()" in shown
    assert 'value="avg(data)"' in shown
    assert settings_of(connection) == {}


def test_nobody_overwrites_unseen_what_somebody_else_saved(
    staff: Client, connection: SourceConnection
):
    save(staff, connection)
    answer = save(staff, connection, 0, **{"field-note": "data.mine"})
    assert answer.status_code == 409
    shown = answer.content.decode()
    assert "Somebody saved version 1 meanwhile" in shown
    assert 'value="data.mine"' in shown
    assert 'name="base" value="1"' in shown
    assert "note" not in settings_of(connection)["mapping"]["fields"]


def test_other_settings_stay(staff: Client, connection: SourceConnection):
    connection.settings = {"auth": "token", "status_map": {"x": "ready"}}
    connection.save()
    save(staff, connection)
    kept = settings_of(connection)
    assert kept["auth"] == "token"
    assert kept["status_map"] == {"x": "ready"}


# --- Words ---------------------------------------------------------------------------


def test_words_without_a_meaning_get_one(
    staff: Client, connection: SourceConnection, event: InboundEvent
):
    save(staff, connection)
    shown = page(staff, connection)
    assert "“baking” <span" in shown
    assert "in 1 of the last bodies" in shown
    more = {"new_word": " gone ", "new_meaning": "ignore"}
    said = post(
        staff, "mapping_words", connection, word=["baking"], meaning=["preparing"], **more
    ).content.decode()
    assert "Added: baking, gone." in said
    assert settings_of(connection)["status_map"] == {"baking": "preparing", "gone": "ignore"}
    assert "of the last bodies" not in page(staff, connection)
    post(staff, "mapping_words", connection, word=["baking", "gone"], meaning=["", "ignore"])
    assert settings_of(connection)["status_map"] == {"gone": "ignore"}


def test_a_meaning_that_is_none_is_refused(staff: Client, connection: SourceConnection):
    said = post(staff, "mapping_words", connection, word=["x"], meaning=["rocket"])
    assert "is no status of ours" in said.content.decode()
    said = post(staff, "mapping_words", connection, word=["x" * 121], meaning=["ready"])
    assert "120 characters at most" in said.content.decode()
    assert settings_of(connection) == {}


def test_every_source_has_words_and_only_the_generic_one_expressions(staff: Client, brand: Any):
    other = ConnectionFactory(brand=brand, source="woocommerce")
    body = b'{"id": 1, "status": "at-the-window", "total": "1.00", "currency": "USD"}'
    make_event(other, topic="order.updated", body=body)
    shown = page(staff, other)
    assert "“at-the-window”" in shown
    assert 'id="sample"' not in shown
    answer = post(staff, "mapping_save", other, **FIELDS, base=0)
    assert answer.status_code == 400
    post(staff, "mapping_words", other, word=["at-the-window"], meaning=["ready"])
    assert settings_of(other) == {"status_map": {"at-the-window": "ready"}}


def test_settings_of_the_wrong_kind_do_not_break_the_page(
    staff: Client, connection: SourceConnection, event: InboundEvent
):
    for wrong in (
        {"mapping": 5, "mapping_history": 7, "status_map": ["x"]},
        {"mapping": {"fields": [1], "version": "x", "saved_at": 5}, "mapping_history": [3, {}]},
        {"mapping": {"fields": {"id": 5, "zzz": "a"}}, "status_map": {"a": 5}},
    ):
        connection.settings = wrong
        connection.save()
        page(staff, connection)


# --- Replaying ------------------------------------------------------------------------


def test_what_was_not_understood_is_understood_with_the_new_mapping(
    staff: Client, connection: SourceConnection
):
    raw = Raw({"authorization": "Bearer test_secret"}, json.dumps(BODY).encode())
    receive(connection, raw, timezone.now())
    normalise(10, timezone.now())
    assert InboundEvent.objects.get().state == "failed"
    save(staff, connection)
    post(staff, "mapping_words", connection, word=["baking"], meaning=["preparing"])
    assert "(1)" in page(staff, connection)
    said = post(staff, "mapping_replay", connection).content.decode()
    assert "1 event is read again" in said
    normalise(10, timezone.now())
    row = InboundEvent.objects.get()
    assert (row.state, row.mode) == ("processed", "replay")
    order = Order.objects.get()
    assert (order.external_id, order.status) == ("u-1", "preparing")
    assert {change.silent_why for change in order.changes.all()} == {"replay"}


def test_only_failed_rows_of_this_connection_are_replayed(
    staff: Client, connection: SourceConnection, brand: Any
):
    other = make_event(ConnectionFactory(brand=brand), state="failed")
    fine = make_event(connection, state="processed")
    failed = make_event(connection, state="failed")
    post(staff, "mapping_replay", connection)
    states = dict(InboundEvent.objects.values_list("pk", "state"))
    assert states == {other.pk: "failed", fine.pk: "processed", failed.pk: "received"}


# --- Who may, and from where ------------------------------------------------------------

ACTS = ["mapping_try", "mapping_save", "mapping_back", "mapping_words", "mapping_replay"]


def test_only_those_who_keep_the_whole_brand_may(
    staff: Client, storekeeper: Client, stranger: Client, connection: SourceConnection
):
    where = reverse("mapping", args=[connection.pk])
    assert Client().get(where).status_code == 302
    agent, integrator = Client(), Client()
    for client, role in ((agent, "agent"), (integrator, "integrator")):
        member = MembershipFactory(brand=connection.brand, role=role, user__is_staff=False)
        client.force_login(member.user)
    assert integrator.get(where).status_code == 200
    for client in (storekeeper, stranger, agent):
        assert client.get(where).status_code == 404
        for name in ACTS:
            assert client.post(reverse(name, args=[connection.pk]), FIELDS).status_code == 404
    for name in ACTS:
        assert staff.get(reverse(name, args=[connection.pk])).status_code == 405
    assert settings_of(connection) == {}


def test_the_inbox_and_the_admin_lead_to_it(
    staff: Client, storekeeper: Client, store: Any, event: InboundEvent
):
    connection = event.connection
    where = reverse("mapping", args=[connection.pk])
    shown = staff.get(reverse("inbox_event", args=[event.pk])).content.decode()
    assert f"{where}?event={event.pk}" in shown
    SourceConnection.objects.update(store=store)
    theirs = storekeeper.get(reverse("inbox_event", args=[event.pk]))
    assert theirs.status_code == 200
    assert where not in theirs.content.decode()
    owner = MembershipFactory(
        brand=connection.brand, user__is_staff=True, user__is_superuser=True
    ).user
    admin = Client()
    admin.force_login(owner)
    change = reverse("admin:orders_sourceconnection_change", args=[connection.pk])
    assert where in admin.get(change).content.decode()


def test_the_page_asks_a_bounded_number_of_questions(
    staff: Client, connection: SourceConnection, django_assert_max_num_queries: Any
):
    for n in range(30):
        make_event(connection, body=json.dumps({"id": n, "status": f"w{n}"}).encode())
    with django_assert_max_num_queries(16):
        page(staff, connection)


def test_results_are_short():
    assert len(mapping_shown.short(["x" * 1000])) <= 240
    assert mapping_shown.readable(b'{"a":1.50}') == '{"a":1.50}'
    assert mapping_shown.readable(b'{"a":1.5}') == '{\n  "a": 1.5\n}'
    assert mapping_shown.readable(b"\xff{") == "\N{REPLACEMENT CHARACTER}{"


def test_a_file_sets_a_mapping_and_is_refused_by_the_fields_name(connection: SourceConnection):
    document = """brands: [{{slug: {slug}, name: Bella, connections: [
        {{name: {name}, source: generic, settings: {{mapping: {{fields: {{id: "{id}"}}}}}}}}]}}]"""
    names = {"slug": connection.brand.slug, "name": connection.name}
    apply(document.format(**names, id="data.uuid"), "shop.yaml", {})
    assert settings_of(connection) == {"mapping": {"fields": {"id": "data.uuid"}}}
    with pytest.raises(ConfigError, match="id: it ends too early"):
        apply(document.format(**names, id="data."), "shop.yaml", {})


def test_a_mapping_that_takes_long_does_not_hold_up_the_page(
    connection: SourceConnection, monkeypatch: pytest.MonkeyPatch
):
    for n in range(12):
        make_event(connection, body=json.dumps({"id": n, "status": f"w{n}"}).encode())
    assert len(mapping_preview.words_without_meaning(connection)) == 12
    monkeypatch.setattr(mapping_preview, "LONGEST_LOOK", -1)
    assert mapping_preview.words_without_meaning(connection) == []


def test_two_who_save_at_once_do_not_both_win(connection: SourceConnection):
    now = timezone.now()
    mapping.save_fields(connection.pk, {"id": "a"}, 0, "Ann", now)
    with pytest.raises(mapping.Overtaken):
        mapping.save_fields(connection.pk, {"id": "b"}, 0, "Bob", now)
