"""ActiveCampaign's API: sync the contact, put on the event's tag, take off the one before.

Every step leaves the same behind when it is done twice: a sync overwrites, and a tag that is
there already is neither added again nor noticed by an automation.
"""

from collections.abc import Mapping
from typing import Any

from channels_app.contract import (
    Accepted,
    AddressKind,
    Capabilities,
    Family,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.activecampaign.errors import answer_of, is_gone
from channels_app.providers.activecampaign.settings import (
    API,
    ActiveCampaignCredentials,
    api_of,
    field_ids,
    tags_of,
)
from channels_app.wire.reading import id_of, part, text_of

# What a destination may say, besides "tag:<id>".
STATUS, CONTACT_ONLY, ONE_TAG = "status", "fields", "tag:"
LONGEST_VALUE = 2000


class ActiveCampaign(Provider):
    """One account. `Message.to`: "status", "fields", or "tag:" and the id of one tag."""

    slug = "activecampaign"
    name = "ActiveCampaign"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    capabilities = Capabilities(personal=True, hands_off=True)
    Credentials = ActiveCampaignCredentials
    base_url = ""  # every account has a host of its own
    in_flight = 1  # five requests a second and account, and a message takes up to four

    def request(self, message: Message) -> Request:
        """First step: the contact, by email, with the order in its fields."""
        contact = self._contact(message)
        if not self._wanted(message) and not contact["fieldValues"] and not self._listed(message):
            raise SendError(
                FailureKind.CONTENT_REJECTED,
                "nothing_to_do",
                "The event has no tag, and no field is set. Add one to the channel's settings.",
            )
        return self._post("/contact/sync", {"contact": contact})

    def following(self, message: Message, response: Response) -> Request | None:
        """By what the last answer holds: a contact, a tag that was put on, or those that are."""
        if is_gone(response):
            return None
        answer = answer_of(response)
        if "contactTags" in answer:
            return self._take_off(message, answer["contactTags"])
        if "contactTag" in answer:
            return self._look(message, id_of(part(answer, "contactTag").get("contact")))
        if "contact" in answer:
            return self._put_on(message, id_of(part(answer, "contact").get("id")))
        return None

    def accepted(self, response: Response) -> Accepted:
        """The last answer. What the operator's automations do is not told."""
        if not is_gone(response):
            answer_of(response)
        return Accepted(handed_off=True)

    def verification(self) -> Request:
        """Whose key it is."""
        return Request.get(f"{self._api()}/users/me", None, self._key())

    def verified(self, response: Response) -> str:
        """The account; who the key belongs to is their own affair."""
        if not part(answer_of(response)).get("user"):
            raise SendError(FailureKind.UNKNOWN, "200", "The answer names no user.")
        host = self.credentials["account_url"].split("//", 1)[-1].split("/", 1)[0]
        return f"ActiveCampaign knows the API key of the account at {host}."

    def _put_on(self, message: Message, contact: str) -> Request | None:
        """The event's tag; it is what starts an automation."""
        check_contact(contact)
        tag = self._wanted(message)
        if tag:
            return self._post("/contactTags", {"contactTag": {"contact": contact, "tag": tag}})
        return self._look(message, contact)

    def _look(self, message: Message, contact: str) -> Request | None:
        """Which tags the contact has, where one of them may have to go."""
        check_contact(contact)
        if not self._listed(message) - {self._wanted(message)}:
            return None
        return Request.get(f"{self._api()}/contacts/{contact}/contactTags", None, self._key())

    def _take_off(self, message: Message, given: Any) -> Request | None:
        """The tag of the state before. There is one, as each message takes one off."""
        stale = self._listed(message) - {self._wanted(message)}
        for one in map(part, given if isinstance(given, list) else ()):
            link = id_of(one.get("id"), 20)
            if id_of(one.get("tag")) in stale and link.isdecimal():
                return Request("DELETE", f"{self._api()}/contactTags/{link}", self._key())
        return None

    def _wanted(self, message: Message) -> str:
        """The id of the tag to put on; empty for none."""
        if message.to.startswith(ONE_TAG):
            return message.to.removeprefix(ONE_TAG).strip()
        if message.to != STATUS:
            return ""
        tags = tags_of(self.credentials.get("tags", ""))
        event = text_of(message.data.get("event"), 60)
        status = text_of(part(message.data.get("order")).get("status"), 60)
        return tags.get(event) or tags.get(status) or ""

    def _listed(self, message: Message) -> frozenset[str]:
        """The tags of which a contact has one at a time."""
        tags = tags_of(self.credentials.get("tags", "")) if message.to == STATUS else {}
        return frozenset(tags.values())

    def _contact(self, message: Message) -> dict[str, Any]:
        """The person as ActiveCampaign keeps them; it knows people by their email."""
        check_destination(message.to)
        customer = part(message.data.get("customer"))
        email = text_of(customer.get("email"), 254).strip()
        if not email:
            hint = "The customer has no email address to find an ActiveCampaign contact by."
            raise SendError(FailureKind.CONTENT_REJECTED, "no_contact", hint)
        found = {
            "email": email,
            "firstName": text_of(customer.get("given_name"), 120),
            "phone": text_of(customer.get("phone"), 40),
        }
        values = [
            {"field": field, "value": value}
            for name, field in field_ids(self.credentials).items()
            if (value := told(message)[name])
        ]
        return {**{name: value for name, value in found.items() if value}, "fieldValues": values}

    def _api(self) -> str:
        """The account's API, or the same at the stand-in."""
        return f"{self.base}{API}" if self.stand_in else api_of(self.credentials["account_url"])

    def _key(self) -> dict[str, str]:
        return {"Api-Token": self.credentials["api_token"], "Accept": "application/json"}

    def _post(self, path: str, body: Mapping[str, Any]) -> Request:
        return Request.json(f"{self._api()}{path}", body, self._key())


def check_destination(to: str) -> None:
    """Refuse a destination that says nothing that we understand."""
    tag = to.removeprefix(ONE_TAG).strip()
    if to in (STATUS, CONTACT_ONLY):
        return
    if not (to.startswith(ONE_TAG) and tag.isascii() and tag.isdecimal() and len(tag) <= 12):
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "destination",
            'The destination must be "status", "fields", or "tag:" and the id of a tag.',
        )


def check_contact(contact: str) -> None:
    """Refuse an id from outside that is not one: it becomes part of a path."""
    if not (contact.isascii() and contact.isdecimal()):
        raise SendError(FailureKind.UNKNOWN, "200", "ActiveCampaign's answer names no contact.")


def told(message: Message) -> dict[str, str]:
    """Setting of a field -> what goes into it."""
    order = part(message.data.get("order"))
    return {
        "number_field": id_of(order.get("number")),
        "status_field": text_of(order.get("status"), 60),
        "text_field": text_of(message.text, LONGEST_VALUE),
        "link_field": message.url or text_of(order.get("tracking_url"), LONGEST_VALUE),
    }


PROVIDER = ActiveCampaign
