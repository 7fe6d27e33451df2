"""STOP, START, HELP and STATUS by SMS and Telegram: what they do, say and leave behind."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.contract import CallbackRequest
from channels_app.models import Channel
from channels_app.sandbox.contract import Account
from channels_app.sandbox.server import demo_credentials, ends
from consents.models import ConsentEvent, ContactPoint
from notifications.models import CustomerMessage, Decision, Delivery, Notification
from orders.models import Order, StatusChange
from orders.timeline import set_status
from tests.factories import MembershipFactory
from tests.journeys.shop import PHONE, Shop, shopify_order

pytestmark = pytest.mark.django_db(transaction=True)
CHAT = "700100"
WAYS = ["twilio", "telegram"]
FAMILY = {"twilio": "sms", "telegram": "chat"}
LANGUAGES = ["en", "es"]
SAID = {
    "en": {"stop": "You are unsubscribed", "start": "updates about your orders again",
           "help": "We send updates about your orders", "told": "ready", "where": "ready"},
    "es": {"stop": "Te has dado de baja", "start": "Vuelves a recibir avisos",
           "help": "Mandamos avisos de tus pedidos", "told": "recoger", "where": "list"},
}  # fmt: skip
WRITTEN = {
    "en": {"stop": "Stop texting me please", "start": "START", "help": "help",
           "status": "Where is my order?"},
    "es": {"stop": "Darme de baja", "start": "Alta", "help": "¡Ayuda!",
           "status": "¿Dónde está mi pedido?"},
}  # fmt: skip


@dataclass
class Talk:
    """A customer with an order, who is told by one way first and writes by it."""

    shop: Shop
    order: Order
    way: str
    since: int = 0  # the ledger's last row before they began to write

    @property
    def sender(self) -> str:
        return PHONE if self.way == "twilio" else CHAT

    def call(self, text: str) -> CallbackRequest:
        """The provider's signed call that brings `text`."""
        channel = self.shop.channels[self.way]
        account = Account(channel.callback_url, channel.credentials)
        call = ends()[self.way].inbound(self.sender, text, account)
        assert call is not None
        return call

    def write(self, text: str) -> CustomerMessage:
        """The customer writes, everything that follows is done; what we made of it."""
        assert post(self.call(text)).status_code == 200
        self.shop.pump()
        return CustomerMessage.objects.latest("id")

    def heard(self) -> list[str]:
        """What arrived on the way that they write by."""
        return self.shop.texts(self.way, self.sender)

    def move(self, status: str) -> StatusChange:
        """Staff move the order; everything that follows is done."""
        self.order.refresh_from_db()
        (change,) = set_status(self.order, "main", status, actor="kim", now=timezone.now())
        self.shop.pump()
        return change

    def ledger(self) -> list[tuple[str, str, str]]:
        """What they said about the way that they write by."""
        rows = ConsentEvent.objects.filter(method="keyword", pk__gt=self.since).order_by("id")
        return list(rows.values_list("action", "channel", "method"))


def post(call: CallbackRequest) -> Any:
    headers = dict(call.headers)
    kind = headers.pop("content-type")
    path = urlsplit(call.url).path
    return Client().generic("POST", path, call.body, content_type=kind, headers=headers)


def talk_by(shop: Shop, way: str, language: str = "en") -> Talk:
    """An order in `language`, a Telegram chat that was joined, and `way` preferred."""
    telegram = Channel.objects.create(
        brand_id=shop.brand.pk, slug="telegram", name="Telegram", provider="telegram",
        credentials=demo_credentials("telegram"),
    )  # fmt: skip
    shop.sandbox.add_account("telegram", telegram.callback_url, telegram.credentials)
    shop.channels["telegram"] = telegram
    others = [family for family in ("sms", "chat") if family != FAMILY[way]]
    shop.brand.channel_order = [FAMILY[way], "email", *others]
    shop.brand.save()
    shop.post(shopify_order(customer_locale=language), "orders/create")
    shop.pump()
    talk = Talk(shop, Order.objects.get(), "telegram")
    talk.write(f"/start {talk.order.token}")
    return Talk(shop, talk.order, way, ConsentEvent.objects.latest("id").pk)


def test_starting_the_bot_with_an_orders_token_joins_its_customer(shop: Shop) -> None:
    talk = talk_by(shop, "telegram")
    point = ContactPoint.objects.get(kind="telegram")
    assert (point.address, point.customer) == (CHAT, talk.order.customer)
    assert point.verified_at is not None
    assert ConsentEvent.objects.filter(address_kind="telegram", method="join").count() == 1
    talk.move("ready")
    assert "ready" in talk.heard()[-1].lower()


def test_joining_by_a_link_is_one_grant_in_the_ledger(shop: Shop) -> None:
    talk_by(shop, "telegram")
    grants = ConsentEvent.objects.filter(address_kind="telegram")
    assert list(grants.values_list("action", "channel", "method")) == [("grant", "chat", "join")]
    row = CustomerMessage.objects.get()
    assert (row.understood_as, row.reply is not None) == ("start", True)
    assert grants.get().source_event_id == f"{row.channel_id}:{row.provider_message_id}"


def test_joining_again_by_a_link_takes_a_stop_back(shop: Shop) -> None:
    talk = talk_by(shop, "telegram")
    talk.write("STOP")
    talk.write(f"/start {talk.order.token}")
    talk.move("ready")
    assert "ready" in talk.heard()[-1].lower()


def test_a_link_that_leads_to_no_order_is_a_start_only_for_who_had_stopped(shop: Shop) -> None:
    talk = talk_by(shop, "telegram")
    count = len(talk.heard())
    row = talk.write("/start nobody-has-this-token")
    assert (row.understood_as, row.reply) == ("none", None)
    assert (talk.ledger(), len(talk.heard())) == ([], count)
    talk.write("STOP")
    assert talk.write("/start nobody-has-this-token").understood_as == "start"
    assert [action for action, _channel, _method in talk.ledger()] == ["withdraw", "grant"]


def test_a_machine_that_answers_our_answers_is_answered_five_times_and_still_obeyed(
    shop: Shop, travel: Any
) -> None:
    talk = talk_by(shop, "twilio")
    count = len(talk.heard())
    rows = [talk.write("help") for _again in range(7)]
    assert [row.reply is not None for row in rows] == [True] * 5 + [False] * 2
    assert {row.understood_as for row in rows} == {"help"}
    assert len(talk.heard()) == count + 5
    stop = talk.write("STOP")
    assert (stop.understood_as, stop.reply) == ("stop", None)
    assert talk.ledger() == [("withdraw", "sms", "keyword")]
    travel(timezone.now() + timedelta(minutes=11))
    assert talk.write("help").reply is not None
    assert len(talk.heard()) == count + 6


@pytest.mark.parametrize("token", ["nobody-has-this-token", ""])
def test_starting_the_bot_without_an_orders_token_joins_nobody(shop: Shop, token: str) -> None:
    talk = talk_by(shop, "telegram")
    stranger = ends()["telegram"].inbound(
        "700999", f"/start {token}",
        Account(shop.channels["telegram"].callback_url, shop.channels["telegram"].credentials),
    )  # fmt: skip
    assert stranger is not None
    assert post(stranger).status_code == 200
    shop.pump()
    talk.move("ready")
    point = ContactPoint.objects.get(address="700999")
    assert (point.customer, point.verified_at) == (None, None)
    assert not any("ready" in text for text in shop.texts("telegram", "700999"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", WAYS)
def test_stop_is_written_down_answered_and_obeyed_and_another_channel_takes_over(
    shop: Shop, way: str, language: str
) -> None:
    talk = talk_by(shop, way, language)
    row = talk.write(WRITTEN[language]["stop"])
    assert (row.understood_as, row.order) == ("stop", talk.order)
    assert talk.ledger() == [("withdraw", FAMILY[way], "keyword")]
    assert SAID[language]["stop"] in talk.heard()[-1]
    count = len(talk.heard())
    change = talk.move("ready")
    assert len(talk.heard()) == count
    assert SAID[language]["told"] in shop.texts("sendgrid")[-1].lower()
    told = Decision.objects.get(change=change, verdict="send", audience="customer")
    assert FAMILY[way] not in told.inputs["allowed"]
    why = " ".join(told.inputs["refused"])
    assert why.startswith("Ada opted out of "), why
    assert "on 21 November by " in why
    assert talk.sender not in why


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", WAYS)
def test_start_opens_the_way_again(shop: Shop, way: str, language: str) -> None:
    talk = talk_by(shop, way, language)
    talk.write(WRITTEN[language]["stop"])
    assert talk.write(WRITTEN[language]["start"]).understood_as == "start"
    acts = [action for action, _channel, _method in talk.ledger()]
    assert acts == ["withdraw", "grant"]
    assert SAID[language]["start"] in talk.heard()[-1]
    count = len(talk.heard())
    talk.move("ready")
    assert len(talk.heard()) == count + 1
    assert SAID[language]["told"] in talk.heard()[-1].lower()


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", WAYS)
def test_help_names_the_brand_and_a_contact_also_to_who_has_stopped(
    shop: Shop, way: str, language: str, stopped: bool
) -> None:
    talk = talk_by(shop, way, language)
    if stopped:
        talk.write(WRITTEN[language]["stop"])
    count = len(talk.heard())
    assert talk.write(WRITTEN[language]["help"]).understood_as == "help"
    (answer,) = talk.heard()[count:]
    assert answer.startswith("Trattoria: ")
    assert SAID[language]["help"] in answer
    assert "+1 202 555 0100" in answer


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", WAYS)
def test_where_is_it_is_answered_from_the_timeline_in_their_language(
    shop: Shop, way: str, language: str
) -> None:
    talk = talk_by(shop, way, language)
    talk.move("ready")
    count = len(talk.heard())
    row = talk.write(WRITTEN[language]["status"])
    (answer,) = talk.heard()[count:]
    assert (row.understood_as, row.order) == ("status", talk.order)
    assert "#1001" in answer
    assert SAID[language]["where"] in answer.lower()
    assert row.reply is not None
    assert (row.reply.event, row.reply.language) == ("where", language)


def test_who_has_stopped_may_still_ask_where_it_is(shop: Shop) -> None:
    talk = talk_by(shop, "twilio")
    talk.write("STOP")
    count = len(talk.heard())
    talk.write("status")
    assert "#1001" in talk.heard()[count]


def test_a_stranger_who_asks_is_told_that_nothing_is_known(shop: Shop) -> None:
    talk = talk_by(shop, "telegram")
    channel = shop.channels["twilio"]
    account = Account(channel.callback_url, channel.credentials)
    call = ends()["twilio"].inbound("+12025550188", "status", account)
    assert call is not None
    post(call)
    shop.pump()
    (answer,) = shop.texts("twilio", "+12025550188")
    assert "#1001" not in answer
    assert "We find no open order for you here" in answer
    assert talk.order.contact_phone == PHONE


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "text", ["Please don't stop the updates", "No olives on the second one, thanks", "yes"]
)
def test_what_is_not_clear_is_left_to_a_person(shop: Shop, way: str, text: str) -> None:
    talk = talk_by(shop, way)
    count = len(talk.heard())
    row = talk.write(text)
    assert row.understood_as in ("unclear", "none")
    assert (row.reply, len(talk.heard())) == (None, count)
    assert talk.ledger() == []
    client = Client()
    client.force_login(MembershipFactory(brand=shop.brand).user)
    assert text.split("'")[0] in client.get("/dashboard/").content.decode()
    page = client.get(f"/dashboard/orders/{talk.order.pk}/").content.decode()
    assert text.split("'")[0] in page


@pytest.mark.parametrize("word", ["stop", "start", "help", "status"])
@pytest.mark.parametrize("way", WAYS)
def test_the_same_call_again_has_no_second_effect(shop: Shop, way: str, word: str) -> None:
    talk = talk_by(shop, way)
    call = talk.call(WRITTEN["en"][word])
    counted = (CustomerMessage, ConsentEvent, Notification, Delivery)
    post(call)
    shop.pump()
    before = [model.objects.count() for model in counted]  # type: ignore[attr-defined]
    heard = talk.heard()
    assert [post(call).status_code for _try in range(2)] == [200, 200]
    shop.pump()
    assert [model.objects.count() for model in counted] == before  # type: ignore[attr-defined]
    assert talk.heard() == heard


def test_blocking_the_bot_is_a_stop_without_words(shop: Shop) -> None:
    talk = talk_by(shop, "telegram")
    assert talk.write("block:").understood_as == "left"
    count = len(talk.heard())
    talk.move("ready")
    assert len(talk.heard()) == count
    assert "ready" in shop.texts("sendgrid")[-1].lower()
