"""English."""

from notifications.words.vocabulary import EventWords, Language, Reply, with_parts

# "Your order #1024", or "Part 1 of 2 of your order #1024 (2 x Margherita)".
WHAT = (
    "{% if part.is_part %}Part {{ part.number }} of {{ part.of }} of your order"
    " {{ order.number }} ({{ items_text | truncate: 50 }})"
    "{% else %}Your order {{ order.number }}{% endif %}"
)
MANY = (
    "Parts {{ part.number }} of {{ part.of }} of your order {{ order.number }}"
    " ({{ items_text | truncate: 50 }}): {{ change.label | downcase }}."
)
AT_STORE = "{% if store.name != '' and store.name != brand.name %} at {{ store.name }}{% endif %}"
# A customer is never told an earlier time as if the later one had not been said.
EARLIER = "{% if delay.earlier %} (earlier than we said){% endif %}"
ABOUT = "{% if eta != '' %} Expected: {{ eta }}" + EARLIER + ".{% endif %}"
WHY = "{% if delay.reason != '' %}Reason: {{ delay.reason }}.{% endif %}"
CONTACT = (
    "{% if store.phone != '' %}Questions? Call us on {{ store.phone }}."
    "{% elsif brand.contact_line != '' %}Questions? {{ brand.contact_line }}{% endif %}"
)
MONEY_BACK = "Depending on your bank, the money can take a few days to show up."

ITEMS = "{% if items_text != '' %}: {{ items_text }}{% endif %}"

EVENTS = {
    "placed": EventWords(
        "We have your order {{ order.number }}",
        "We have received your order {{ order.number }}. Thank you!" + ABOUT,
        staff="New order{% if order.total != '' %}, {{ order.total }}{% endif %}" + ITEMS,
    ),
    "confirmed": EventWords(
        "Your order {{ order.number }} is confirmed",
        WHAT + " is confirmed." + ABOUT,
        staff="Confirmed{% if eta != '' %} for {{ eta }}{% endif %}" + ITEMS,
    ),
    "preparing": EventWords(
        "We are preparing your order {{ order.number }}",
        WHAT + " is being prepared." + ABOUT,
    ),
    "ready": EventWords(
        "Your order {{ order.number }} is ready",
        WHAT
        + "{% if part.method == 'delivery' or part.method == 'shipping' %}"
        + " is ready and waiting for the courier."
        + "{% else %} is ready to pick up"
        + AT_STORE
        + ".{% endif %}",
        "{% if part.method != 'delivery' and part.method != 'shipping' and store.address != '' %}"
        "You find us here: {{ store.address }}{% endif %}",
        link=False,
    ),
    "out_for_delivery": EventWords(
        "Your order {{ order.number }} is on its way",
        WHAT + " is on its way to you." + ABOUT,
        "{% if part.courier != '' %}{{ part.courier }} brings it.{% endif %}",
    ),
    "delivered": EventWords(
        "Your order {{ order.number }} was delivered",
        WHAT + " was delivered. Enjoy!",
        link=False,
    ),
    "picked_up": EventWords(
        "Your order {{ order.number }} was picked up",
        WHAT + " was picked up. Thank you!",
        link=False,
    ),
    "cancelled": EventWords(
        "Your order {{ order.number }} was cancelled",
        WHAT + " was cancelled{% if order.cancel_reason != '' %}: {{ order.cancel_reason }}"
        "{% endif %}. We are sorry."
        "{% if store.phone != '' %} Questions: {{ store.phone }}{% endif %}",
        "If you have paid and see no refund within a few days, please tell us.",
        link=False,
        staff="CANCELLED{% if change.reason != '' %} ({{ change.reason }}){% endif %}"
        + ITEMS
        + ". Stop preparing it.",
    ),
    "refunded": EventWords(
        "Your order {{ order.number }} was refunded",
        "Your order {{ order.number }} was refunded"
        "{% if refund.total != '' %}: {{ refund.total }}{% endif %}.",
        MONEY_BACK,
        link=False,
    ),
    "eta": EventWords(
        "New time for your order {{ order.number }}",
        WHAT + " has a new time{% if eta != '' %}: {{ eta }}" + EARLIER + "{% endif %}.",
    ),
    "delayed": EventWords(
        "Your order {{ order.number }} is late",
        WHAT
        + " is running late, sorry.{% if eta != '' %} New time: {{ eta }}"
        + EARLIER
        + ".{% endif %}",
        WHY,
        staff="DELAYED{% if delay.minutes > 0 %} by {{ delay.minutes }} min{% endif %}"
        "{% if delay.new != '' %}, now {{ delay.new }}{% endif %}"
        "{% if delay.reason != '' %} ({{ delay.reason }}){% endif %}",
    ),
    "tracking": EventWords(
        "Tracking for your order {{ order.number }}",
        WHAT + " has a tracking number"
        "{% if change.tracking.number != '' %}: {{ change.tracking.carrier }}"
        " {{ change.tracking.number }}{% endif %}.",
        "{% if change.tracking.url != '' %}Follow the parcel: {{ change.tracking.url }}{% endif %}",
    ),
    "edited": EventWords(
        "Your order {{ order.number }} was changed",
        "Your order {{ order.number }} was changed."
        "{% if change.added_text != '' %} Added: {{ change.added_text | truncate: 40 }}.{% endif %}"
        "{% if change.removed_text != '' %} Removed: {{ change.removed_text | truncate: 40 }}."
        "{% endif %}",
        "{% if order.total != '' %}The total is now {{ order.total }}.{% endif %}",
        staff="Changed.{% if change.added_text != '' %} Added: {{ change.added_text }}.{% endif %}"
        "{% if change.removed_text != '' %} Removed: {{ change.removed_text }}.{% endif %}",
    ),
    "split": EventWords(
        "Your order {{ order.number }} comes in parts",
        "Your order {{ order.number }} comes in "
        "{% if progress.parts > 1 %}{{ progress.parts }}{% else %}several{% endif %} parts.",
        staff="Split into {{ progress.parts }} parts",
    ),
    "refund": EventWords(
        "A refund for your order {{ order.number }}",
        "We have refunded {% if refund.amount != '' %}{{ refund.amount }} of {% else %}part of"
        " {% endif %}your order {{ order.number }}.",
        MONEY_BACK,
        link=False,
    ),
    "attempted": EventWords(
        "We could not hand over your order {{ order.number }}",
        WHAT + " could not be handed over at your door."
        "{% if store.phone != '' %} Please call {{ store.phone }}.{% endif %}",
        link=False,
        staff="Delivery attempted without success",
    ),
    "failed": EventWords(
        "Your order {{ order.number }} could not be delivered",
        WHAT + " could not be delivered, sorry."
        "{% if store.phone != '' %} Please call {{ store.phone }}.{% endif %}",
        link=False,
        staff="DELIVERY FAILED{% if change.reason != '' %} ({{ change.reason }}){% endif %}"
        + ITEMS
        + ". Please take care of it.",
    ),
    "correction": EventWords(
        "A correction about your order {{ order.number }}",
        "{% if correction.claim == '' %}Our last message about your order {{ order.number }} was"
        " wrong, sorry."
        "{% else %}We told you"
        "{% if correction.told_at != '' %} at {{ correction.told_at }}{% endif %}"
        " that {% if part.is_part %}part {{ part.number }} of {{ part.of }} of {% endif %}"
        "your order {{ order.number }} is {{ correction.claim | downcase }}. That was wrong, sorry."
        "{% if part.status != '' %} It is {{ part.status | downcase }}.{% endif %}{% endif %}",
        link=False,
        staff="CORRECTION: not {{ correction.claim | downcase | default: 'true' }}"
        "{% if part.status != '' %}, but {{ part.status | downcase }}{% endif %}",
    ),
    "returned": EventWords(
        "Your order {{ order.number }} came back to us",
        WHAT + " came back to us."
        "{% if store.phone != '' %} Please call {{ store.phone }}.{% endif %}",
        link=False,
        staff="RETURNED" + ITEMS,
    ),
}

WHERE = (
    "{% if parts.size > 1 %}Order {{ order.number }}:"
    "{% for one in parts %} part {{ one.number }} of {{ one.of }}"
    " ({{ one.items_text | truncate: 30 }}): {{ one.status | downcase }}"
    "{% if one.is_late %}, late{% endif %}{% if one.eta != '' %}, expected {{ one.eta }}{% endif %}"
    "{% unless forloop.last %};{% else %}.{% endunless %}{% endfor %}"
    "{% else %}Order {{ order.number }}: {{ order.status | downcase | default: 'received' }}"
    "{% if eta != '' %}, expected {{ eta }}" + EARLIER + "{% endif %}."
    "{% if delay.is_late %} It is running late, sorry.{% endif %}{% endif %}"
)

REPLIES = {
    "stop": Reply(
        "You are unsubscribed",
        "{{ brand.name }}: You are unsubscribed and will get no more messages here."
        " Reply START to get them again.",
    ),
    "start": Reply(
        "You will get order updates again",
        "{{ brand.name }}: You will get updates about your orders again."
        " Msg frequency varies, msg & data rates may apply."
        " Reply HELP for help, STOP to end.",
    ),
    "help": Reply(
        "Help",
        "{{ brand.name }}: We send updates about your orders."
        "{% if brand.contact_line != '' %} Contact: {{ brand.contact_line }}.{% endif %}"
        " Reply STOP to end. Msg & data rates may apply.",
    ),
    "where": Reply("Your order {{ order.number }}", "{{ brand.name }}: " + WHERE),
    "where_unknown": Reply(
        "About your order",
        "{{ brand.name }}: We find no open order for you here."
        "{% if brand.contact_line != '' %} Please contact us: {{ brand.contact_line }}{% endif %}",
    ),
}

LANGUAGE = Language(
    code="en",
    statuses={
        "placed": "Placed",
        "confirmed": "Confirmed",
        "preparing": "Being prepared",
        "ready": "Ready",
        "out_for_delivery": "On its way",
        "delivered": "Delivered",
        "picked_up": "Picked up",
        "cancelled": "Cancelled",
        "refunded": "Refunded",
    },
    facts={
        "eta": "New time",
        "delayed": "Delayed",
        "tracking": "Tracking number",
        "edited": "Changed",
        "split": "Split into parts",
        "refund": "Part refunded",
        "attempted": "Delivery attempted",
        "failed": "Delivery failed",
        "returned": "Returned",
        "correction": "Correction",
    },
    methods={
        "pickup": "pickup",
        "curbside": "curbside pickup",
        "delivery": "delivery",
        "shipping": "shipping",
        "dine_in": "dine in",
        "digital": "digital",
    },
    cancel_reasons={
        "customer": "as you asked",
        "inventory": "something is sold out",
        "out_of_stock": "something is sold out",
        "out_of_items": "something is sold out",
        "store_closed": "the store is closed",
        "too_busy": "the kitchen is too busy",
        "kitchen_busy": "the kitchen is too busy",
    },
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    month_first=True,
    decimal_point=".",
    thousands=",",
    symbol_first=True,
    events=with_parts(EVENTS, MANY),
    replies=REPLIES,
    greeting="Hello{% if customer.first_name != '' %} {{ customer.first_name }}{% endif %},",
    track="Follow your order",
    contact=CONTACT,
)
