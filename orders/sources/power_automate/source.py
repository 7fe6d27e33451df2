"""The Power Automate source: the recommended JSON from a flow's HTTP action."""

from orders.automation import AutomationSource


class PowerAutomate(AutomationSource):
    """Flows that post an order's state; each run has an id, which names its repeats."""

    slug = "power_automate"
    name = "Power Automate"
    mapper_version = "power_automate/template-1/1"
    # Both are the run's own; a retry of the same action carries them again.
    RUN_HEADERS = ("x-ms-client-tracking-id", "x-ms-workflow-run-id")


SOURCE = PowerAutomate()
