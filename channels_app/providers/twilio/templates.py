"""Content templates: texts kept at Twilio, with numbered gaps."""

import json
import re
from collections.abc import Sequence
from typing import Any

from channels_app.contract import ProviderTemplate
from channels_app.failures import FailureKind, SendError

LONGEST = 1600
_SID = re.compile(r"HX[0-9a-fA-F]{32}")


def fields(template: ProviderTemplate) -> dict[str, str]:
    """The fields that take the place of Body; raises SendError for what Twilio cannot know."""
    if wrong := problems(template):
        raise SendError(FailureKind.CONTENT_REJECTED, "template", wrong[0])
    found = {"ContentSid": template.id}
    if template.parameters:
        found["ContentVariables"] = json.dumps(variables(template), ensure_ascii=False)
    return found


def variables(template: ProviderTemplate) -> dict[str, str]:
    """Gap -> text on one line, as Twilio asks. It numbers its gaps: other names count by place."""
    found = {name: " ".join(text.split()) for name, text in template.parameters.items()}
    if all(name.isdigit() for name in found):
        return found
    return {str(place): text for place, text in enumerate(found.values(), 1)}


def problems(template: ProviderTemplate) -> Sequence[str]:
    """What can be seen without asking Twilio. One template is one language there."""
    wrong = []
    if not _SID.fullmatch(template.id):
        wrong.append("A Content SID starts with HX and has 34 characters.")
    names = list(variables(template))
    if names != [str(place) for place in range(1, len(names) + 1)]:
        wrong.append("The parameters must be numbered 1, 2, 3, without a gap.")
    empty = [name for name, text in template.parameters.items() if not text.strip()]
    if empty:
        wrong.append(f"Parameter {empty[0][:40]} is empty, and Twilio takes none that is.")
    long = [name for name, text in template.parameters.items() if len(text) > LONGEST]
    if long:
        wrong.append(f"Parameter {long[0][:40]} is over {LONGEST:,} characters.")
    return wrong


def may_be(template: ProviderTemplate, body: Any) -> bool:
    """Whether `body` can be this template filled in: it holds everything that fills it in.

    Without parameters nobody can say, so SendError.
    """
    if not template.parameters:
        raise SendError(
            FailureKind.UNKNOWN, "", "The list holds messages, but not which template they are."
        )
    text = " ".join(body.split()) if isinstance(body, str) else ""
    return all(value in text for value in variables(template).values())
