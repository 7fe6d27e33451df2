"""HubSpot's API: one record, and the search for those that changed."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from orders.automation import retry_seconds
from orders.automation_members import written
from orders.contract import (
    Api,
    Ask,
    Item,
    Malformed,
    NoAccess,
    Page,
    SourceError,
    Told,
    TryLater,
    Unmappable,
)
from orders.parsing import dig, objects, parse_json, text
from orders.sources.hubspot.events import kind, properties
from orders.sources.hubspot.statuses import RECORD_NAMES

PAGE = 100
SHORT_WAIT, DAILY_WAIT = 10.0, 3600.0  # the two budgets: of ten seconds, and of a day
_ID = re.compile(r"[0-9]{1,30}")
_VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}")


def record_ask(value: Mapping[str, Any], api: Api) -> Ask | None:
    """The request for a record; None without a token."""
    record = text(value.get("objectId"), 40)
    if not _ID.fullmatch(record):
        raise Unmappable("objectId is no id of HubSpot.")
    if not _token(api):
        return None
    names = ",".join(properties(kind(value), api.settings))
    query = urlencode({"properties": names, "associations": "contacts"}, safe=",")
    return Ask("GET", f"{_objects(api, kind(value))}/{record}?{query}", _headers(api))


def list_ask(since: datetime, cursor: str, api: Api) -> Ask | None:
    """The search for records of the chosen object that changed since, the oldest first."""
    wanted = text(api.settings.get("object"), 20) or "orders"
    if wanted not in RECORD_NAMES:
        raise SourceError("The setting object must be orders or deals.")
    if not _token(api):
        return None
    moment = str(int(since.timestamp() * 1000))
    changed = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": moment}
    asked: dict[str, Any] = {
        "filterGroups": [{"filters": [changed]}],
        "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}],
        "properties": properties(wanted, api.settings),
        "limit": PAGE,
        **({"after": cursor} if cursor else {}),
    }
    headers = {**_headers(api), "content-type": "application/json"}
    return Ask("POST", f"{_objects(api, wanted)}/search", headers, json.dumps(asked).encode())


def record(told: Told) -> dict[str, Any]:
    """The record in an answer."""
    _refuse(told)
    value = parse_json(told.body)
    if not isinstance(value, dict) or "properties" not in value:
        raise SourceError("HubSpot's answer holds no record.")
    return value


def listed(told: Told) -> Page:
    """The records that a search found, each as if it had been asked for."""
    _refuse(told)
    value = parse_json(told.body)
    if not isinstance(value, dict) or not isinstance(value.get("results"), list):
        raise Malformed("HubSpot's answer holds no results.")
    items = [_item(one) for one in objects(value["results"])]
    return Page(items, text(dig(value, "paging", "next", "after"), 200))


def _item(record: Mapping[str, Any]) -> Item:
    said = record.get("properties")
    told = said if isinstance(said, dict) else {}
    wanted = "deals" if "dealstage" in told else "orders"
    changed = text(told.get("hs_lastmodifieddate") or record.get("updatedAt"), 40)
    key = f"{wanted}:{text(record.get('id'), 40)}:{changed}"
    return Item(key, f"{wanted}.listed", written({"object": wanted, "record": record}))


def _refuse(told: Told) -> None:
    """Raise for an answer that holds nothing to read."""
    status = told.status
    if status in (401, 403):
        raise NoAccess("HubSpot refuses the access_token: it is wrong, or may not read these.")
    if status == 404:
        raise TryLater("HubSpot does not show the record yet.")
    if status == 429:
        raise TryLater("HubSpot asks for patience.", retry_seconds(told.headers) or _wait(told))
    if status in (423, 477) or status >= 500:
        raise TryLater("HubSpot cannot answer now.", retry_seconds(told.headers))
    if status != 200:
        raise SourceError(f"HubSpot answered {status}.")


def _wait(told: Told) -> float:
    """How long to wait when only the name of the spent budget is told."""
    return DAILY_WAIT if b"DAILY" in told.body.upper() else SHORT_WAIT


def _objects(api: Api, wanted: str) -> str:
    version = text(api.settings.get("api_version"), 20) or "2026-09"
    if not _VERSION.fullmatch(version):
        raise SourceError("The setting api_version must look like 2026-09.")
    return f"{api.base}/crm/objects/{version}/{wanted}"


def _token(api: Api) -> str:
    return api.credentials.get("access_token", "").strip()


def _headers(api: Api) -> dict[str, str]:
    return {"authorization": f"Bearer {_token(api)}", "accept": "application/json"}
