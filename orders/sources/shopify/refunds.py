"""Money given back: `refunds[]` of an order, and the body of refunds/create."""

from collections.abc import Mapping
from typing import Any

from orders.contract import Refund
from orders.parsing import currency_code, dig, minor_or_none, objects, text, timestamp
from orders.sources.shopify.naming import exact_id


def read_refund(body: Mapping[str, Any], currency: str = "") -> Refund | None:
    """The refund in `body`; None when no money went back (yet), or none that we can read."""
    code = currency or shop_currency(body)
    refund_id = exact_id(body, "refund id")
    amount = _from_transactions(body, code)
    if amount is None:
        amount = _from_lines(body, code)
    if not refund_id or amount <= 0:
        return None
    at = timestamp(body.get("processed_at")) or timestamp(body.get("created_at"))
    return Refund(refund_id, amount, text(body.get("note"), 200), at)


def shop_currency(body: Mapping[str, Any]) -> str:
    """The currency of a refund, which does not name it in one fixed place."""
    lines = objects(body.get("refund_line_items"))
    found = [
        dig(body, "total_duties_set", "shop_money", "currency_code"),
        *(dig(line, "subtotal_set", "shop_money", "currency_code") for line in lines),
        *(one.get("currency") for one in objects(body.get("transactions"))),
    ]
    return next((code for one in found if (code := currency_code(one))), "")


def is_test(body: Mapping[str, Any]) -> bool:
    """Whether every transaction of the refund was made with test money."""
    transactions = objects(body.get("transactions"))
    return bool(transactions) and all(one.get("test") is True for one in transactions)


def _from_transactions(body: Mapping[str, Any], currency: str) -> int | None:
    """The sum that really went back; None when the transactions cannot say."""
    returns = [one for one in objects(body.get("transactions")) if one.get("kind") == "refund"]
    if not returns or any(_foreign(one, currency) for one in returns):
        return None
    paid = [one for one in returns if one.get("status") == "success"]
    return sum(abs(minor_or_none(one.get("amount"), currency) or 0) for one in paid)


def _foreign(transaction: Mapping[str, Any], currency: str) -> bool:
    """Paid in the customer's currency while the order counts in the shop's."""
    return currency_code(transaction.get("currency")) not in ("", currency)


def _from_lines(body: Mapping[str, Any], currency: str) -> int:
    parts = [
        (line, name)
        for line in objects(body.get("refund_line_items"))
        for name in ("subtotal", "total_tax")
    ]
    return sum(_line_amount(line, name, currency) for line, name in parts)


def _line_amount(line: Mapping[str, Any], name: str, currency: str) -> int:
    exact = dig(line, f"{name}_set", "shop_money", "amount")
    return minor_or_none(exact if exact is not None else line.get(name), currency) or 0
