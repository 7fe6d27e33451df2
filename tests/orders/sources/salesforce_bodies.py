"""Outbound messages as Salesforce sends them, of our own writing."""

ORGANIZATION = "00D5g00000AbCdEEAV"
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n <soapenv:Body>\n'
    '  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">\n'
)
_TAIL = "  </notifications>\n </soapenv:Body>\n</soapenv:Envelope>\n"
FIELDS = {
    "Id": "8015g00000AbCdEAAV",
    "OrderNumber": "00000100",
    "Status": "Activated",
    "LastModifiedDate": "2026-11-21T18:30:00.000Z",
    "TotalAmount": "21.5",
    "CurrencyIsoCode": "USD",
}


def notification(number: int = 1, kind: str = "Order", **more: str) -> str:
    """One record in an outbound message."""
    fields = "".join(f"<sf:{n}>{v}</sf:{n}>" for n, v in {**FIELDS, **more}.items())
    return (
        f"   <Notification>\n    <Id>04l5g00000000{number:03d}AAA</Id>\n"
        f'    <sObject xsi:type="sf:{kind}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">\n'
        f"     {fields}\n    </sObject>\n   </Notification>\n"
    )


def message(*notifications: str, organization: str = ORGANIZATION, head: str = _HEAD) -> bytes:
    """An outbound message."""
    named = (
        f"   <OrganizationId>{organization}</OrganizationId>\n"
        "   <ActionId>04k5g000000000AAAA</ActionId>\n   <SessionId xsi:nil='true'/>\n"
        "   <EnterpriseUrl>https://x.my.salesforce.com/services/Soap/c/67.0</EnterpriseUrl>\n"
    )
    return (head + named + "".join(notifications or (notification(),)) + _TAIL).encode()


def with_document_type(declared: str) -> bytes:
    """An outbound message that declares a document type first."""
    head, _, rest = _HEAD.partition("\n")
    return message(head=f"{head}\n<!DOCTYPE x [{declared}]>\n{rest}")
