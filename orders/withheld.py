"""What the attributes of an order hold for staff only: how to reach somebody by a masked number.

A platform lends a number and a PIN for as long as an order runs. They are shown on the order's
page and nowhere else; some hours after its end they go (`OrderSource.contact_hours`).
"""

from collections.abc import Mapping
from typing import Any

PHONE_PIN = "phone_pin"
PURGED_AT = "masked_contact_purged_at"  # from then on neither is taken again
WITHHELD = frozenset({PHONE_PIN, PURGED_AT})


def shown(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that others than staff may see."""
    return {name: value for name, value in attributes.items() if name not in WITHHELD}
