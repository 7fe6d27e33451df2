"""Where Microsoft's flows take calls, those of Power Automate and the workflows of Teams alike."""

import re
from collections.abc import Mapping

from channels_app.failures import FailureKind

# A leading dot means every host below it. The second is the older kind of address; national
# clouds have other hosts, of which none is confirmed.
HOSTS = frozenset({".environment.api.powerplatform.com", ".logic.azure.com"})
# Office 365 connectors: Microsoft has switched them off.
RETIRED_HOSTS = frozenset(
    {".webhook.office.com", "webhook.office.com", "outlook.office.com", "outlook.office365.com"}
)
# Of a flow's HTTP trigger.
PATH = re.compile(
    r"(?:/powerautomate/automations/direct)?/workflows/[0-9a-f]{32}/triggers/[^/]+/paths/invoke\Z"
)
# A flow's own words, where they say more than the status.
KINDS: Mapping[str, FailureKind] = {
    "DirectApiAuthorizationRequired": FailureKind.MISCONFIGURED,
    "WorkflowTriggerIsNotEnabled": FailureKind.MISCONFIGURED,
    "TriggerInputSchemaMismatch": FailureKind.CONTENT_REJECTED,
    "NoResponse": FailureKind.TRANSIENT,
}
