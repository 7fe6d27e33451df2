"""The ledger, its chain and its projection; contact points in bulk."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consents import recording
from consents.addresses import digest
from consents.models import ConsentEvent, ConsentState, ContactPoint
from consents.recording import Wanted, ensure_contact_points
from orders.models import Brand
from tests.consents.acts import ACTIONS, CHANNELS, METHODS, PURPOSES
from tests.factories import BrandFactory, CustomerFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
PHONE = "+12025550143"


def point(brand: Brand | None = None, kind: str = "phone", address: str = PHONE) -> ContactPoint:
    customer = CustomerFactory(brand=brand or BrandFactory())
    found = ensure_contact_points([Wanted(customer.brand_id, customer.pk, kind, address)])
    return next(iter(found.values()))


def tell(brand: Brand, action: str = "withdraw", **more: Any) -> ConsentEvent | None:
    details = {"method": "keyword", "occurred_at": NOW, "now": NOW, "channel": "sms"}
    return recording.record(
        brand_id=brand.pk, kind="phone", address=PHONE, action=action, **{**details, **more}
    )


def states(brand: Brand) -> list[tuple[Any, ...]]:
    names = ("address_kind", "address_digest", "channel", "purpose", "state", "effective_at")
    rows = ConsentState.objects.filter(brand=brand).order_by(*names)
    return list(rows.values_list(*names, "event_id"))


# --- Contact points


def test_a_batch_of_known_addresses_costs_one_query_and_makes_no_rows() -> None:
    customer = CustomerFactory()
    wanted = [
        Wanted(customer.brand_id, customer.pk, "phone", f"+1202555{n:04}") for n in range(100, 200)
    ]
    first = ensure_contact_points(wanted)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        second = ensure_contact_points(wanted)

    assert len(queries) == 1
    assert {key: p.pk for key, p in first.items()} == {key: p.pk for key, p in second.items()}
    assert ContactPoint.objects.count() == 100


def test_one_address_written_in_three_ways_is_one_contact_point() -> None:
    customer = CustomerFactory()
    spellings = ["(202) 555-0143", "+1 202 555 0143", PHONE]

    found = ensure_contact_points(
        [Wanted(customer.brand_id, customer.pk, "phone", text) for text in spellings]
    )

    assert list(found) == [(customer.brand_id, "phone", PHONE)]
    assert ContactPoint.objects.get().address == PHONE


def test_two_brands_keep_the_same_address_apart() -> None:
    one, two = BrandFactory(), BrandFactory()

    found = ensure_contact_points(
        [Wanted(b.pk, None, "email", "Ada@Example.COM") for b in (one, two)]
    )

    assert set(found) == {(b.pk, "email", "ada@example.com") for b in (one, two)}


def test_a_point_without_a_customer_learns_its_customer_and_keeps_it() -> None:
    ada = CustomerFactory()
    other = CustomerFactory(brand=ada.brand)
    for customer_id in (None, ada.pk, other.pk):
        found = ensure_contact_points([Wanted(ada.brand_id, customer_id, "phone", PHONE)])

    assert ContactPoint.objects.get().customer_id == ada.pk
    assert next(iter(found.values())).customer_id == ada.pk


def test_a_number_that_turns_out_to_be_a_proxy_is_marked_and_stays_marked() -> None:
    brand = BrandFactory()
    for proxy in (False, True, False):
        ensure_contact_points([Wanted(brand.pk, None, "phone", PHONE, proxy=proxy)])

    assert ContactPoint.objects.get().proxy


def test_what_is_no_address_makes_no_contact_point() -> None:
    brand = BrandFactory()

    found = ensure_contact_points(
        [
            Wanted(brand.pk, None, "phone", "call the shop"),
            Wanted(brand.pk, None, "email", "ada at example"),
            Wanted(brand.pk, None, "telegram", "  "),
        ]
    )

    assert found == {}
    assert not ContactPoint.objects.exists()


# --- The ledger


def test_an_act_is_written_with_its_times_and_shows_in_the_projection() -> None:
    brand = BrandFactory()
    said = NOW - timedelta(hours=2)

    event = tell(brand, occurred_at=said, evidence={"text": "STOP"}, source_event_id="SM1")

    assert event is not None
    stored = ConsentEvent.objects.get()
    assert (stored.occurred_at, stored.received_at, stored.effective_at) == (said, NOW, said)
    assert stored.address_digest == digest("phone", PHONE)
    assert stored.evidence == {"text": "STOP"}
    row = ("phone", stored.address_digest, "sms", "*", "withdraw", said, stored.pk)
    assert states(brand) == [row]


@pytest.mark.parametrize("action", ["grant", "withdraw"])
def test_an_act_from_the_future_counts_from_its_receipt(action: str) -> None:
    event = tell(BrandFactory(), action, occurred_at=NOW + timedelta(days=400))

    assert event is not None
    assert event.effective_at == NOW


def test_the_same_source_event_is_recorded_once() -> None:
    brand = BrandFactory()

    assert tell(brand, source_event_id="SM1") is not None
    assert tell(brand, source_event_id="SM1") is None
    assert tell(BrandFactory(), source_event_id="SM1") is not None
    assert ConsentEvent.objects.filter(brand=brand).count() == 1


def test_a_very_long_source_event_id_is_still_recorded_once() -> None:
    brand = BrandFactory()

    assert tell(brand, source_event_id="x" * 900) is not None
    assert tell(brand, source_event_id="x" * 900) is None


def test_evidence_that_no_database_can_keep_is_cleaned() -> None:
    event = tell(BrandFactory(), evidence={"text": "st\0op \ud800", "deep": [[[[[[[1]]]]]]]})

    assert event is not None
    event.refresh_from_db()
    assert event.evidence["text"] == "stop ?"


def test_a_stop_from_a_sender_that_is_no_number_counts() -> None:
    brand = BrandFactory()
    event = recording.record(
        brand_id=brand.pk,
        kind="phone",
        address="ShortCode",
        action="withdraw",
        channel="sms",
        method="keyword",
        occurred_at=NOW,
        now=NOW,
    )

    assert event is not None
    assert event.address_digest == digest("phone", "shortcode")


def test_consent_about_nobody_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match="pass one of them"):
        recording.record(
            brand_id=BrandFactory().pk,
            kind="phone",
            action="withdraw",
            method="staff",
            occurred_at=NOW,
            now=NOW,
        )


def test_the_chain_is_whole_and_shows_a_changed_and_a_missing_row() -> None:
    brand = BrandFactory()
    for n in range(4):
        tell(brand, "grant" if n % 2 else "withdraw", occurred_at=NOW + timedelta(minutes=n))
    ids = list(ConsentEvent.objects.order_by("id").values_list("pk", flat=True))
    assert recording.verify_chain(brand.pk) == []

    ConsentEvent.objects.filter(pk=ids[1]).update(method="page")
    assert [b.event_id for b in recording.verify_chain(brand.pk)] == [ids[1]]

    ConsentState.objects.all().delete()
    ConsentEvent.objects.filter(pk=ids[1]).delete()
    broken = recording.verify_chain(brand.pk)
    assert [b.event_id for b in broken] == [ids[2]]
    assert "missing" in broken[0].why


def test_the_chains_of_two_brands_do_not_mix() -> None:
    one, two = BrandFactory(), BrandFactory()
    for brand in (one, two, one, two):
        tell(brand)

    assert recording.verify_chain(one.pk) == recording.verify_chain(two.pk) == []


def test_the_link_to_an_erased_customer_can_be_cleared_without_breaking_the_chain() -> None:
    found = point()
    recording.opt_out(found, method="page", now=NOW)
    customer = found.customer
    assert customer is not None

    customer.delete()

    assert ConsentEvent.objects.get().customer_id is None
    assert recording.verify_chain(found.brand_id) == []


TOLD = st.lists(
    st.tuples(
        st.sampled_from(ACTIONS),
        st.sampled_from(CHANNELS),
        st.sampled_from(PURPOSES),
        st.sampled_from(METHODS),
        st.integers(0, 5),
        st.sampled_from([PHONE, "+12025550144"]),
    ),
    max_size=6,
)


def record_all(brand: Brand, told: list[tuple[str, str, str, str, int, str]]) -> None:
    for arrival, (action, channel, purpose, method, minute, address) in enumerate(told):
        recording.record(
            brand_id=brand.pk,
            kind="phone",
            address=address,
            action=action,
            channel=channel,
            purpose=purpose,
            method=method,
            occurred_at=NOW + timedelta(minutes=minute),
            now=NOW + timedelta(hours=1, minutes=arrival),
        )


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(TOLD)
def test_a_rebuild_equals_what_grew_event_by_event(told: list[Any]) -> None:
    brand = BrandFactory()
    record_all(brand, told)
    grown = states(brand)

    assert recording.rebuild(brand.pk) == 0
    ConsentState.objects.filter(brand=brand).delete()
    assert recording.rebuild(brand.pk) == len(grown)
    assert states(brand) == grown


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(TOLD.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_rows_end_the_same_whatever_order_events_arrive_in(pair: tuple[list[Any], ...]) -> None:
    ends = []
    for told in pair:
        brand = BrandFactory()
        record_all(brand, told)
        ends.append([row[:-1] for row in states(brand)])

    assert ends[0] == ends[1]


def test_a_rebuild_mends_a_projection_that_was_tampered_with() -> None:
    brand = BrandFactory()
    tell(brand)
    right = states(brand)
    ConsentState.objects.update(state="grant")

    assert recording.rebuild(brand.pk) == 1
    assert states(brand) == right


# --- Everyday acts


def test_opting_out_on_a_phone_covers_texts_for_every_purpose() -> None:
    found = point()

    recording.opt_out(found, method="keyword", now=NOW)

    event = ConsentEvent.objects.get()
    assert (event.channel, event.purpose, event.action) == ("sms", "*", "withdraw")
    assert event.customer_id == found.customer_id


def test_an_address_that_bounced_is_marked_and_an_answer_from_it_clears_the_mark() -> None:
    found = point()
    recording.suppress_address(found, "landline", NOW)
    stored = ContactPoint.objects.get()
    assert (stored.invalid_at, stored.invalid_why) == (NOW, "landline")
    assert ConsentState.objects.get().state == "hard_bounce"

    recording.opt_in(stored, method="keyword", now=NOW + timedelta(minutes=1))

    stored.refresh_from_db()
    assert stored.invalid_at is None
    assert ConsentState.objects.get().state == "grant"


def test_an_api_call_does_not_make_a_dead_address_alive() -> None:
    found = point()
    recording.suppress_address(found, "landline", NOW)

    recording.opt_in(found, method="api", now=NOW + timedelta(minutes=1))

    assert ContactPoint.objects.get().invalid_at == NOW


def test_joining_makes_a_verified_chat_and_lifts_a_block() -> None:
    ada = CustomerFactory()
    chat = recording.join(ada.brand_id, ada.pk, "telegram", "77001", NOW)
    recording.provider_block(chat, NOW + timedelta(hours=1))
    assert ConsentState.objects.get().state == "provider_block"

    again = recording.join(ada.brand_id, ada.pk, "telegram", "77001", NOW + timedelta(hours=2))

    assert again.pk == chat.pk
    assert (again.customer_id, again.verified_at) == (ada.pk, NOW + timedelta(hours=2))
    assert ConsentState.objects.get().state == "grant"
    assert ConsentState.objects.get().channel == "chat"


def test_the_ledger_is_written_in_few_queries() -> None:
    found = point()
    with CaptureQueriesContext(connection) as queries:
        recording.opt_out(found, method="keyword", now=NOW, source_event_id="SM9")

    writes = [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert len(writes) == 2  # the event and its state
    assert len(queries) <= 10


def test_every_order_of_a_stop_and_a_start_keeps_the_later_word() -> None:
    moments = [("withdraw", 0), ("grant", 1), ("withdraw", 2)]
    for told in itertools.permutations(moments):
        brand = BrandFactory()
        for action, minute in told:
            tell(
                brand,
                action,
                occurred_at=NOW + timedelta(minutes=minute),
                now=NOW + timedelta(hours=1),
            )
        assert [row[4] for row in states(brand)] == ["withdraw"]
