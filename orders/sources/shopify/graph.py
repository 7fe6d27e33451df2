"""What the Admin API shows of an order, written as its webhooks write it: one reader for both."""

from collections.abc import Mapping, Sequence
from typing import Any

from orders.parsing import dig, objects, text
from orders.sources.shopify.statuses import SHIPMENT, SHIPMENT_FACTS

FULFILMENT_STATUS: Mapping[str, str] = {
    "FULFILLED": "fulfilled",
    "PARTIALLY_FULFILLED": "partial",
    "RESTOCKED": "restocked",
}
OVER = frozenset({"CANCELLED", "CLOSED"})  # fulfilment orders with nothing left to do
DEAD = frozenset({"CANCELLED", "ERROR", "FAILURE"})  # fulfilments that nobody waits for
UNSEEN = "orderbell_unseen"  # the list shows less of this order than there is


def order_body(node: Mapping[str, Any]) -> dict[str, Any]:
    """An order as a webhook body. What the query did not ask for, or may not see, is left out."""
    body = {
        **_head(node),
        "customer": _customer(node.get("customer")),
        "shipping_address": _address(node.get("shippingAddress")),
        "billing_address": _address(node.get("billingAddress")),
        "shipping_lines": [_shipping_line(one) for one in nodes(node, "shippingLines")],
    }
    if _is_whole(node, "lineItems"):
        body["line_items"] = [_line(one) for one in nodes(node, "lineItems")]
    if "fulfillments" in node:
        closed = _links(node)
        body["fulfillments"] = [
            _fulfilment(one, closed.get(_gid(one), ())) for one in objects(node["fulfillments"])
        ]
    if "refunds" in node:
        body["refunds"] = [_refund(one) for one in objects(node["refunds"])]
    if not _shows_all(node):
        body[UNSEEN] = True
    return body


def _head(node: Mapping[str, Any]) -> dict[str, Any]:
    word = str(node.get("displayFulfillmentStatus") or "")
    return {
        "admin_graphql_api_id": node.get("id"),
        "name": node.get("name"),
        "test": node.get("test"),
        "confirmed": node.get("confirmed"),
        "created_at": node.get("createdAt"),
        "processed_at": node.get("processedAt"),
        "updated_at": node.get("updatedAt"),
        "cancelled_at": node.get("cancelledAt"),
        "cancel_reason": _lower(node.get("cancelReason")),
        "financial_status": _lower(node.get("displayFinancialStatus")),
        "fulfillment_status": FULFILMENT_STATUS.get(word),
        "currency": node.get("currencyCode"),
        "current_total_price_set": {"shop_money": _money(node.get("currentTotalPriceSet"))},
        "email": node.get("email"),
        "phone": node.get("phone"),
        "customer_locale": node.get("customerLocale"),
        "note": node.get("note"),
        "tags": ", ".join(text(tag, 60) for tag in _list(node.get("tags"))),
        "source_name": node.get("sourceName"),
        "order_status_url": node.get("statusPageUrl"),
    }


def _shows_all(node: Mapping[str, Any]) -> bool:
    """Whether nothing of the order is missing in `node` that a whole one has."""
    if "fulfillments" in node:
        return True
    parts = dig(node, "fulfillmentsCount", "count")
    money = text(dig(node, "totalRefundedSet", "shopMoney", "amount"), 30).strip("0.")
    return not parts and not money and _is_whole(node, "lineItems")


def _customer(node: Any) -> dict[str, Any] | None:
    if not isinstance(node, dict):
        return None
    return {
        "admin_graphql_api_id": node.get("id"),
        "first_name": node.get("firstName"),
        "last_name": node.get("lastName"),
        "phone": dig(node, "defaultPhoneNumber", "phoneNumber"),
    }


def _address(node: Any) -> dict[str, Any] | None:
    if not isinstance(node, dict):
        return None
    return {
        "name": node.get("name"),
        "first_name": node.get("firstName"),
        "last_name": node.get("lastName"),
        "phone": node.get("phone"),
        "country_code": node.get("countryCodeV2"),
    }


def _shipping_line(node: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": node.get("title"),
        "code": node.get("code"),
        "source": node.get("source"),
        "delivery_category": node.get("deliveryCategory"),
        "is_removed": node.get("isRemoved"),
    }


def _line(node: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "admin_graphql_api_id": node.get("id"),
        "name": node.get("name"),
        "title": node.get("title"),
        "sku": node.get("sku"),
        "quantity": node.get("quantity"),
        "current_quantity": node.get("currentQuantity"),
        "requires_shipping": node.get("requiresShipping"),
        "properties": [
            {"name": one.get("key"), "value": one.get("value")}
            for one in objects(node.get("customAttributes"))
        ],
    }


def _fulfilment(node: Mapping[str, Any], closed: Sequence[str]) -> dict[str, Any]:
    word = str(_lower(node.get("displayStatus")) or "")
    tracking = objects(node.get("trackingInfo"))
    body = {
        "admin_graphql_api_id": node.get("id"),
        "status": _lower(node.get("status")),
        "shipment_status": word if word in {*SHIPMENT, *SHIPMENT_FACTS} else None,
        "created_at": node.get("createdAt"),
        "updated_at": node.get("updatedAt"),
        "estimated_delivery_at": node.get("estimatedDeliveryAt"),
        "tracking_company": next((one.get("company") for one in tracking), None),
        "tracking_numbers": [one.get("number") for one in tracking if one.get("number")],
        "tracking_urls": [one.get("url") for one in tracking if one.get("url")],
        "fulfillment_orders": list(closed),
    }
    if _is_whole(node, "fulfillmentLineItems"):
        body["line_items"] = [
            {"admin_graphql_api_id": dig(one, "lineItem", "id"), "quantity": one.get("quantity")}
            for one in nodes(node, "fulfillmentLineItems")
        ]
    return body


def _refund(node: Mapping[str, Any]) -> dict[str, Any]:
    """With what went back in all as one transaction: the API has added it up already."""
    money = _money(node.get("totalRefundedSet"))
    paid = {"amount": money.get("amount"), "currency": money.get("currency_code")}
    return {
        "admin_graphql_api_id": node.get("id"),
        "note": node.get("note"),
        "created_at": node.get("createdAt"),
        "processed_at": node.get("processedAt"),
        "transactions": [{"kind": "refund", "status": "success", **paid}],
    }


def _links(node: Mapping[str, Any]) -> dict[str, list[str]]:
    """Fulfilment -> the fulfilment orders that ended with it.

    While one is open, what is left of it is a part of its own; the newest fulfilment takes its
    place once nothing is left.
    """
    closed = [
        _gid(one) for one in nodes(node, "fulfillmentOrders") if one.get("status") == "CLOSED"
    ]
    links: dict[str, list[str]] = {}
    for part in closed:
        made = [
            one
            for one in objects(node.get("fulfillments"))
            if one.get("status") not in DEAD
            and part in {_gid(of) for of in nodes(one, "fulfillmentOrders")}
        ]
        if made:
            newest = max(made, key=lambda one: (str(one.get("createdAt")), _gid(one)))
            links.setdefault(_gid(newest), []).append(part)
    return links


# -- steps through an answer --------------------------------------------------------------------


def nodes(node: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The things in the connection `name`."""
    return objects(dig(node.get(name), "nodes"))


def _is_whole(node: Mapping[str, Any], name: str) -> bool:
    """Whether the connection `name` was asked for, and shows all that is in it."""
    return isinstance(node.get(name), dict) and not dig(node[name], "pageInfo", "hasNextPage")


def _gid(node: Mapping[str, Any]) -> str:
    return text(node.get("id"), 120)


def _money(bag: Any) -> dict[str, Any]:
    money = dig(bag, "shopMoney")
    return {"amount": dig(money, "amount"), "currency_code": dig(money, "currencyCode")}


def _lower(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
