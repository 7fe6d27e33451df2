"""The admin: every page opens, secrets stay hidden, brands stay apart, ledgers stay unwritten."""

from datetime import time, timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels_app.models import (
    Channel,
    ChannelAccess,
    ChannelCheck,
    ChannelDay,
    ChannelEvent,
    ChannelHealth,
    ChannelMinute,
)
from consents import addresses
from consents.models import ConsentEvent, ConsentState, ContactPoint, Preference
from notifications.models import (
    Attempt,
    BulkDelay,
    CustomerMessage,
    Decision,
    Delivery,
    Destination,
    EscalationPolicy,
    EscalationStep,
    Expectation,
    Heartbeat,
    Incident,
    IncidentEvent,
    Notification,
    PageView,
    PhaseTime,
    Promise,
    Pulse,
    ReceiptRecord,
    Restoration,
    Rule,
    Shift,
)
from orders import rotation, tokens
from orders.admin_base import MOST_COUNTED, BoundedPaginator
from orders.models import (
    ApiToken,
    CustomerIdentity,
    IdempotentCall,
    InboundEvent,
    Order,
    OrderAlias,
    OrderLine,
    SourceConnection,
    StatusChange,
)
from tests import factories

pytestmark = pytest.mark.django_db
OURS = ("orders", "channels_app", "consents", "notifications")
MODELS = [model for app in OURS for model in apps.get_app_config(app).get_models()]
LEDGERS = [ConsentEvent, Decision, Attempt, ReceiptRecord, StatusChange, InboundEvent]
TOKEN = "live-auth-token-7f3a91c2"
CREDENTIALS = {
    "account_sid": "AC" + "0" * 32,
    "auth_token": TOKEN,
    "from_number": "+12025550100",
}


def page(model, kind="changelist", *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


@pytest.fixture
def boss() -> Client:
    user = factories.UserFactory(is_superuser=True)
    client = Client()
    client.force_login(user)
    return client


def staff_of(*brands) -> Client:
    user = factories.UserFactory()
    user.user_permissions.set(Permission.objects.all())
    for brand in brands:
        factories.MembershipFactory(user=user, brand=brand)
    client = Client()
    client.force_login(user)
    return client


def one_of_each(brand) -> dict[type, object]:
    """A row of every model, all of one brand."""
    now = timezone.now()
    store = factories.StoreFactory(brand=brand)
    order = factories.OrderFactory(connection=factories.ConnectionFactory(brand=brand), store=store)
    channel = factories.ChannelFactory(brand_id=brand.pk, credentials=CREDENTIALS)
    event = InboundEvent.objects.create(
        connection=order.connection, event_key="e1", body=b'{"id": 1}', order=order
    )
    change = StatusChange.objects.create(
        order=order, brand=brand, status="ready", occurred_at=now, event=event
    )
    notification = Notification.objects.create(
        brand=brand, intent=f"i{brand.pk}", order=order, event="ready", audience="customer",
        purpose="order", useful_until=now,
    )  # fmt: skip
    delivery = Delivery.objects.create(
        brand=brand, notification=notification, order=order, channel=channel, address="+1",
        ref=f"ref{brand.pk}",
    )  # fmt: skip
    consent = ConsentEvent.objects.create(
        brand=brand, address_kind="phone", address_digest="d", action="grant", method="page",
        occurred_at=now, received_at=now, effective_at=now, row_hash="h",
    )  # fmt: skip
    token, _plain = tokens.issue(brand, "till", ["read"])
    rows = [
        brand, store, order, channel, event, change, notification, delivery, consent, token,
        order.connection, order.customer, factories.GroupFactory(order=order),
        factories.MembershipFactory(brand=brand), factories.RuleFactory(brand=brand),
        factories.TemplateFactory(brand=brand),
        factories.DestinationFactory(brand=brand, channel=channel),
        OrderAlias.objects.create(connection=order.connection, order=order, value="a"),
        OrderLine.objects.create(order=order, line_id="1", name="Pie", quantity=1),
        CustomerIdentity.objects.create(
            brand=brand, customer=order.customer, kind="phone", value="+12025550143"
        ),
        IdempotentCall.objects.create(token=token, scope="POST", key="k", fingerprint="f"),
        ChannelEvent.objects.create(channel=channel, kind="paused"),
        ContactPoint.objects.create(
            brand=brand, customer=order.customer, kind="phone", address="+12025550143",
            digest=addresses.digest("phone", "+12025550143"),
        ),
        ConsentState.objects.create(
            brand=brand, address_kind="phone", address_digest="d", channel="*", purpose="*",
            state="grant", effective_at=now, event=consent,
        ),
        Preference.objects.create(customer=order.customer),
        Attempt.objects.create(delivery=delivery, channel=channel, ending="accepted"),
        ReceiptRecord.objects.create(
            channel=channel, delivery=delivery, event_key="r", status="sent", at=now
        ),
        Heartbeat.objects.update_or_create(name="sweep", defaults={"at": now})[0],
        CustomerMessage.objects.create(channel=channel, brand=brand, provider_message_id="m"),
        Decision.objects.create(
            brand=brand, order=order, verdict="send", reason="told", sentence="Told."
        ),
        *engine_rows(brand, store, order, channel),
    ]  # fmt: skip
    return {type(row): row for row in rows}


def engine_rows(brand, store, order, channel) -> list[object]:
    """The rows of incidents, promises and channel health."""
    now = timezone.now()
    about = {"brand": brand, "channel": channel, "slug": "kim", "name": "Kim", "address": "C1"}
    kim = Destination.objects.create(**about)
    policy = EscalationPolicy.objects.create(brand=brand, slug="late", name="Late")
    incident = Incident.objects.create(
        brand=brand, kind="late", about="late:1", title="Late", token=f"t{brand.pk}", order=order
    )
    hours = {"weekday": 0, "starts": time(9), "ends": time(17)}
    return [
        policy,
        incident,
        EscalationStep.objects.create(policy=policy),
        Shift.objects.create(store=store, destination=kim, **hours),
        IncidentEvent.objects.create(incident=incident, kind="opened"),
        BulkDelay.objects.create(brand=brand, store=store, minutes=20),
        ChannelHealth.objects.create(channel=channel),
        ChannelCheck.objects.create(channel=channel, sentence="The account answers."),
        ChannelAccess.objects.create(
            channel=channel, value={"token": "test_secret_token"}, expires_at=now
        ),
        Restoration.objects.create(noticed_at=now, why="It went back."),
        ChannelMinute.objects.create(channel=channel, minute=now),
        ChannelDay.objects.create(channel=channel, day=now.date()),
        PhaseTime.objects.create(brand=brand, status="preparing", minutes=20),
        Promise.objects.create(order=order, promised_at=now),
        Expectation.objects.create(order=order, brand=brand, status="preparing", due_at=now),
        Pulse.objects.create(connection=order.connection, slot=now),
        PageView.objects.create(order=order, status="ready"),
    ]


def test_every_list_and_page_opens_and_shows_no_secret(boss) -> None:
    rows = one_of_each(factories.BrandFactory())
    assert set(rows) == set(MODELS)
    for model, row in rows.items():
        for url in (page(model), page(model, "change", row.pk), page(model) + "?q=zzz"):
            answer = boss.get(url)
            assert answer.status_code == 200, url
            for secret in (TOKEN, "test_secret"):
                assert secret not in answer.content.decode(), url


def test_lists_do_not_ask_more_of_the_database_when_they_grow(
    boss, django_assert_max_num_queries
) -> None:
    order = one_of_each(factories.BrandFactory())[Order]
    for number in range(20):
        StatusChange.objects.create(
            order=order, brand=order.brand, status="ready", occurrence=str(number + 2),
            occurred_at=timezone.now(),
        )  # fmt: skip
    with django_assert_max_num_queries(12):
        boss.get(page(StatusChange))


def test_staff_see_and_open_rows_of_their_brands_only() -> None:
    ours, theirs = factories.BrandFactory(), factories.BrandFactory(name="Rival")
    mine, others = one_of_each(ours), one_of_each(theirs)
    client = staff_of(ours)
    for model in MODELS:
        if model in (Heartbeat, Restoration):
            continue  # belongs to the installation
        listed = {row.pk for row in client.get(page(model)).context["cl"].result_list}
        assert mine[model].pk in listed, model
        assert others[model].pk not in listed, model
        # A row that one may not see does not exist: Django redirects to the index.
        assert client.get(page(model, "change", others[model].pk)).status_code == 302, model
        assert "Rival" not in client.get(page(model)).content.decode(), model


def test_a_member_of_one_store_sees_nothing_of_the_brand_in_the_admin() -> None:
    store = factories.StoreFactory()
    client = staff_of()
    user_id = client.session["_auth_user_id"]
    factories.MembershipFactory(user_id=user_id, user=None, brand=store.brand, store=store)
    assert list(client.get(page(type(store.brand))).context["cl"].result_list) == []


def test_a_row_of_another_brand_cannot_be_chosen() -> None:
    ours, theirs = factories.BrandFactory(), factories.BrandFactory()
    answer = staff_of(ours).post(
        page(factories.StoreFactory._meta.model, "add"),
        {"brand": theirs.pk, "slug": "s", "name": "S", "time_zone": "UTC", "currency": "USD",
         "hours": "{}", "external_refs": ""},
    )  # fmt: skip
    assert answer.status_code == 200
    assert "brand" in answer.context["adminform"].form.errors


@pytest.mark.parametrize("model", LEDGERS, ids=lambda m: m.__name__)
def test_a_ledger_takes_no_add_no_change_and_no_delete(boss, model) -> None:
    row = one_of_each(factories.BrandFactory())[model]
    assert boss.get(page(model, "add")).status_code == 403
    assert boss.post(page(model, "change", row.pk), {"state": "x"}).status_code == 403
    assert boss.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_a_channel_is_made_in_two_steps_and_keeps_secrets_that_are_left_empty(boss) -> None:
    brand = factories.BrandFactory()
    first = {"brand": brand.pk, "name": "SMS", "slug": "sms", "provider": "twilio",
             "mode": "sandbox", "enabled": "on", "position": 100, "weight": 100}  # fmt: skip
    answer = boss.post(page(Channel, "add"), first)
    channel = Channel.objects.get(slug="sms")
    assert answer.url == page(Channel, "change", channel.pk)
    assert channel.brand_id == brand.pk
    second = {**first, **{f"credential_{n}": v for n, v in CREDENTIALS.items()}}
    boss.post(answer.url, second)
    channel.refresh_from_db()
    assert channel.credentials == CREDENTIALS
    shown = boss.get(answer.url).content.decode()
    assert TOKEN not in shown and f"••••{TOKEN[-4:]}" in shown
    boss.post(answer.url, {**second, "credential_auth_token": "", "name": "Texts"})
    channel.refresh_from_db()
    assert (channel.name, channel.credentials) == ("Texts", CREDENTIALS)


def test_credentials_that_the_provider_refuses_are_not_saved(boss) -> None:
    channel = factories.ChannelFactory(credentials=CREDENTIALS)
    answer = boss.post(
        page(Channel, "change", channel.pk),
        {"name": "x", "slug": "x", "mode": "sandbox", "position": 1,
         "credential_account_sid": "nonsense", "credential_auth_token": ""},
    )  # fmt: skip
    assert "credential_account_sid" in answer.context["adminform"].form.errors
    channel.refresh_from_db()
    assert channel.credentials == CREDENTIALS


def test_a_rotated_secret_is_shown_once_and_the_old_one_is_good_for_a_day(boss) -> None:
    connection = factories.ConnectionFactory()
    answer = boss.post(
        page(SourceConnection),
        {"action": "rotate_secret", "_selected_action": [connection.pk]},
        follow=True,
    )
    connection.refresh_from_db()
    fresh, old = connection.valid_secrets(timezone.now())
    assert old == "test_secret"
    assert fresh in answer.content.decode()
    assert fresh not in boss.get(page(SourceConnection)).content.decode()
    assert connection.valid_secrets(timezone.now() + timedelta(hours=25)) == [fresh]


def test_rotating_twice_does_not_lengthen_the_life_of_the_first_secret() -> None:
    connection = factories.ConnectionFactory()
    now = timezone.now()
    second = rotation.rotate(connection, now)
    third = rotation.rotate(connection, now + timedelta(hours=20))
    assert connection.valid_secrets(now + timedelta(hours=23)) == [third, second, "test_secret"]
    assert connection.valid_secrets(now + timedelta(hours=25)) == [third, second]


def test_a_new_connection_shows_its_address_and_its_secret_once(boss) -> None:
    brand = factories.BrandFactory()
    form = {"brand": brand.pk, "source": "shopify", "name": "Shop", "mode": "live",
            "enabled": "on", "settings": "{}", "new_secret": ""}  # fmt: skip
    answer = boss.post(page(SourceConnection, "add"), form, follow=True)
    connection = SourceConnection.objects.get(name="Shop")
    (secret,) = connection.valid_secrets(timezone.now())
    assert secret in answer.content.decode()
    shown = boss.get(page(SourceConnection, "change", connection.pk)).content.decode()
    assert f"/hooks/{connection.key}/" in shown
    assert secret not in shown


def test_a_setting_that_the_source_does_not_know_is_refused(boss) -> None:
    form = {"brand": factories.BrandFactory().pk, "source": "shopify", "name": "Shop",
            "mode": "live", "settings": '{"colour": "red"}'}  # fmt: skip
    answer = boss.post(page(SourceConnection, "add"), form)
    assert "colour" in str(answer.context["adminform"].form.errors["settings"])


def test_a_token_is_shown_once_and_can_be_revoked(boss) -> None:
    brand = factories.BrandFactory()
    form = {"brand": brand.pk, "name": "till", "rights": ["events"]}
    answer = boss.post(page(ApiToken, "add"), form, follow=True)
    token = ApiToken.objects.get()
    shown = answer.content.decode()
    plain = shown[shown.index(token.prefix) :].split("<")[0]
    assert tokens.digest(plain) == token.digest
    assert plain not in boss.get(page(ApiToken)).content.decode()
    boss.post(page(ApiToken), {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_replay_puts_an_event_back_into_the_inbox(boss) -> None:
    event = one_of_each(factories.BrandFactory())[InboundEvent]
    InboundEvent.objects.update(state="failed", error="no")
    boss.post(page(InboundEvent), {"action": "replay", "_selected_action": [event.pk]})
    event.refresh_from_db()
    assert (event.state, event.mode, event.error) == ("received", "replay", "")


def test_an_order_is_found_by_its_whole_number_and_a_person_by_their_address(boss) -> None:
    rows = one_of_each(factories.BrandFactory())
    order = rows[Order]
    for model, words, expected in (
        (Order, order.display_number, [order]),
        (Order, order.display_number[:-1], []),
        (type(order.customer), "+12025550143", [order.customer]),
        (ContactPoint, "+1 202 555 0143", [rows[ContactPoint]]),
        (Delivery, rows[Delivery].ref, [rows[Delivery]]),
    ):
        found = boss.get(page(model), {"q": words}).context["cl"].result_list
        assert list(found) == expected, words


def test_a_rule_takes_only_events_that_exist(boss) -> None:
    rule = factories.RuleFactory()
    form = {"brand": rule.brand_id, "slug": rule.slug, "name": "R", "events": "ready, delayed",
            "families": "sms, email", "sources": "", "fulfilment_types": "", "part": "each",
            "audience": "customer", "purpose": "order", "template": "customer",
            "strategy": "ordered", "hold_seconds": 0, "position": 1,
            "eta_tolerance_minutes": 7}  # fmt: skip
    answer = boss.post(page(Rule, "change", rule.pk), form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    rule.refresh_from_db()
    assert (rule.events, rule.families) == (["ready", "delayed"], ["sms", "email"])
    wrong = boss.post(page(Rule, "change", rule.pk), {**form, "events": "redy"})
    assert "redy" in str(wrong.context["adminform"].form.errors["events"])


def test_a_rule_of_one_brand_cannot_name_a_store_of_another(boss) -> None:
    destination = factories.DestinationFactory(channel=factories.ChannelFactory())
    answer = boss.post(
        page(type(destination), "change", destination.pk),
        {"brand": destination.brand_id, "store": factories.StoreFactory().pk, "slug": "a",
         "name": "a", "audience": "staff", "channel": destination.channel_id, "address": "x"},
    )  # fmt: skip
    assert {"store", "channel"} <= set(answer.context["adminform"].form.errors)


def test_a_growing_table_is_counted_to_a_thousand_at_most(django_assert_num_queries) -> None:
    class Rows:
        def order_by(self):
            return self

        def __getitem__(self, part: slice):
            assert part.stop == MOST_COUNTED
            return self

        def count(self) -> int:
            return MOST_COUNTED

    assert BoundedPaginator(Rows(), 50).num_pages == 20
    for model, registered in admin.site._registry.items():
        if model in (Order, Delivery, Attempt, Decision, StatusChange, InboundEvent):
            assert registered.paginator is BoundedPaginator
            assert registered.show_full_result_count is False


def test_the_schedules_of_the_beat_open(boss) -> None:
    for name in ("periodictask", "crontabschedule", "intervalschedule", "clockedschedule"):
        for kind in ("changelist", "add"):
            url = reverse(f"admin:django_celery_beat_{name}_{kind}")
            assert boss.get(url).status_code == 200, url
