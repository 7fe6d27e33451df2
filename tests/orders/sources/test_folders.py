"""What every source must have: a folder that explains itself and a reader that never falls over."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.conf import settings

from orders import registry
from orders.contract import BadSignature, Malformed, OrderSource, Raw, Unmappable
from orders.statuses import Status

# What a source must be told before it can read any body.
TOLD: dict[str, dict[str, object]] = {"olo": {"members": {"order": "id"}}}


# Sources that read nothing into a body of this shape; their own tests have theirs.
OTHER_SHAPES = frozenset({"deliverect", "otter", "toast"})
OWN_BODIES = {
    "doordash_drive": b'{"external_delivery_id": "1", "event_name": "GOLD",'
    b' "created_at": "2026-11-21T18:00:00Z"}'
}


@pytest.fixture(params=[slug for slug in registry.slugs() if slug not in OTHER_SHAPES])
def plain(request: pytest.FixtureRequest) -> OrderSource:
    """A source that reads a plain order, or its own body below."""
    return registry.source(request.param)


@pytest.fixture(params=registry.slugs())
def source(request: pytest.FixtureRequest) -> OrderSource:
    return registry.source(request.param)


def folder(source: OrderSource) -> Path:
    return Path(settings.BASE_DIR) / "orders" / "sources" / source.slug


def test_it_has_a_guide_that_names_all_its_settings(source: OrderSource) -> None:
    guide = (folder(source) / "guide.md").read_text()
    assert guide.startswith("# ")
    assert [name for name in source.SETTINGS if f"`{name}`" not in guide] == []


def test_it_has_a_logo_of_our_own(source: OrderSource) -> None:
    logo = Path(settings.BASE_DIR) / "static" / "img" / "sources" / f"{source.slug}.svg"
    assert ElementTree.parse(logo).getroot().tag.endswith("svg")


def test_its_settings_are_explained_and_its_statuses_are_ours(source: OrderSource) -> None:
    assert all(help_text.endswith(".") for _default, help_text in source.SETTINGS.values())
    assert set(source.STATUSES.values()) <= set(Status.values)
    assert source.mapper_version.startswith(f"{source.slug}/")


def test_it_takes_nothing_that_is_not_signed(source: OrderSource) -> None:
    for secrets in ([], [""], ["secret"]):
        with pytest.raises(BadSignature):
            source.authenticate(Raw({}, b"{}"), secrets)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 5000, b'{"a":"\\u0000"}', b'{"a":NaN}'])
def test_a_hostile_body_is_refused_before_it_is_stored(source: OrderSource, body: bytes) -> None:
    headers = {"x-shopify-topic": "orders/create", "x-wc-webhook-topic": "order.updated"}
    with pytest.raises(Malformed):
        source.identify(Raw(headers, body))


def test_the_same_body_gives_the_same_events(plain: OrderSource) -> None:
    source = plain
    body = b'{"id": 1, "status": "processing", "total": "1.00", "currency": "USD"}'
    body = OWN_BODIES.get(source.slug, body)
    topic = {"shopify": "orders/create", "woocommerce": "order.updated"}.get(source.slug, "api")
    settings_ = {"status_map": {"processing": "preparing"}, **TOLD.get(source.slug, {})}
    assert source.map(topic, {}, body, settings_) == source.map(topic, {}, body, settings_)


def test_a_status_map_of_the_wrong_kind_is_no_map(plain: OrderSource) -> None:
    source = plain
    body = b'{"id": 1, "status": "gold", "total": "1.00", "currency": "USD"}'
    body = OWN_BODIES.get(source.slug, body)
    topic = {"shopify": "orders/create", "woocommerce": "order.updated"}.get(source.slug, "api")
    for wrong in ("x", ["gold"], {"gold": 5}, {"gold": None}, None):
        try:
            (event,) = source.map(
                topic, {}, body, {"status_map": wrong, **TOLD.get(source.slug, {})}
            )
        except Unmappable:
            pytest.fail("a wrong setting stood in the way of an order")
        assert event.status in ("", "placed")
