"""Power Automate: the run of a flow names its repeats."""

from orders.contract import Raw
from orders.sources.power_automate.source import SOURCE
from tests.orders.sources.automation_bodies import template, written

RUN = {
    "content-type": "application/json; charset=utf-8",
    "x-ms-workflow-run-id": "08584",
    "x-ms-client-tracking-id": "08584",
}


def key(**headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    (item,) = SOURCE.identify(Raw({**RUN, **named}, written(template())))
    return item.event_key


def test_a_retried_action_of_one_run_counts_once_and_another_run_again() -> None:
    assert key() == key()
    assert key(x_ms_client_tracking_id="08585") != key()


def test_without_the_tracking_id_the_run_id_counts() -> None:
    assert key(x_ms_client_tracking_id="") == key(x_ms_client_tracking_id="")
    other = key(x_ms_client_tracking_id="", x_ms_workflow_run_id="08599")
    assert other != key(x_ms_client_tracking_id="")


def test_an_empty_dynamic_content_says_nothing() -> None:
    body = b'{"order_id": "7", "status": "preparing", "customer_email": null, "ready_at": ""}'
    (event,) = SOURCE.map("order.updated", {}, body, {})
    assert (event.status, event.contact, event.groups) == ("preparing", None, [])
