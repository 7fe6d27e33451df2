"""Outbound messages: a SOAP envelope, read without ever looking at a document type or an entity."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

from orders.contract import Malformed
from orders.parsing import text

MOST_NOTIFICATIONS = 100
MOST_ELEMENTS = 100_000
DEEPEST = 12
ENVELOPES = frozenset(
    {"http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"}
)
OUTBOUND = "http://soap.sforce.com/2005/09/outbound"
XSI_TYPE = "http://www.w3.org/2001/XMLSchema-instance type"
ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    f'<notificationsResponse xmlns="{OUTBOUND}"><Ack>true</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)


@dataclass(slots=True)
class Element:
    """A piece of the envelope: its names without and with what they belong to."""

    name: str
    space: str
    kind: str = ""
    words: list[str] = field(default_factory=list)
    children: list["Element"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What is written in it, as one clean line."""
        return text("".join(self.words), 4000)

    def all(self, name: str) -> list["Element"]:
        """Its children called `name`."""
        return [one for one in self.children if one.name == name]

    def first(self, name: str) -> "Element":
        """Its first child called `name`, or one that holds nothing."""
        return next(iter(self.all(name)), Element(name, ""))


@dataclass(frozen=True, slots=True)
class Notification:
    """One record as it stood when the message was sent."""

    notification_id: str
    kind: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """Who sent it, and what of."""

    organization_id: str
    notifications: Sequence[Notification]


def is_soap(body: bytes) -> bool:
    """Whether a body is XML rather than JSON or a form."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def read(body: bytes) -> Message:
    """The message in an envelope. Raises Malformed, by name, for all that is none."""
    envelope = parse(body)
    if envelope.name != "Envelope" or envelope.space not in ENVELOPES:
        raise Malformed("The XML is no SOAP envelope.")
    message = envelope.first("Body").first("notifications")
    if message.space != OUTBOUND:
        raise Malformed("The envelope holds no outbound message of Salesforce.")
    found = message.all("Notification")
    if not 1 <= len(found) <= MOST_NOTIFICATIONS:
        raise Malformed(f"An outbound message holds 1 to {MOST_NOTIFICATIONS} notifications.")
    return Message(message.first("OrganizationId").text, [_notification(one) for one in found])


def _notification(element: Element) -> Notification:
    notification_id, record = element.first("Id").text, element.first("sObject")
    if not notification_id:
        raise Malformed("Notification.Id: is missing, so a repeat could not be recognised.")
    fields = {one.name: one.text for one in record.children if one.text}
    return Notification(notification_id, record.kind.rpartition(":")[2], fields)


# -- XML ----------------------------------------------------------------------------------------


def parse(body: bytes) -> Element:
    """The outermost element. A document type is refused, so no entity can ever be declared."""
    tree = _Tree()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.words
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        where = f" at line {error.lineno}" if isinstance(error, expat.ExpatError) else ""
        raise Malformed(f"The body is not valid XML{where}.") from None
    return tree.top


def _refuse(*_args: object) -> int:
    raise Malformed("The XML declares a document type or an entity. Send plain SOAP.")


class _Tree:
    """What the parser has met so far."""

    def __init__(self) -> None:
        self.top = Element("", "")
        self.path = [self.top]
        self.count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if len(self.path) > DEEPEST or self.count > MOST_ELEMENTS:
            raise Malformed("The XML is nested too deeply, or has too many elements.")
        space, _, bare = name.rpartition(" ")
        element = Element(bare, space, attributes.get(XSI_TYPE, ""))
        self.path[-1].children.append(element)
        if len(self.path) == 1:
            self.top = element
        self.path.append(element)

    def end(self, _name: str) -> None:
        self.path.pop()

    def words(self, written: str) -> None:
        self.path[-1].words.append(written)
