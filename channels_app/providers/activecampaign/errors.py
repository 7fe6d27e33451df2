"""What ActiveCampaign's errors mean. They have no single shape."""

from collections.abc import Mapping
from typing import Any

from channels_app.contract import Response
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.reading import part, text_of

# The answer to removing a tag that is not there any more: what was wanted has come about.
GONE = "subscribertag"
CONFIG_HINTS: Mapping[int, str] = {
    401: "ActiveCampaign does not know the API key. Copy it again from Settings > Developer.",
    402: "The ActiveCampaign account is not paid, or its plan does not include this.",
    403: "ActiveCampaign does not know the API key. Copy it again from Settings > Developer.",
}


def answer_of(response: Response) -> dict[str, Any]:
    """The answer's JSON object; raises SendError for a refusal."""
    if not response.ok:
        raise failure(response)
    return part(response.json())


def is_gone(response: Response) -> bool:
    """Whether it says that the tag to remove was not there."""
    return response.status == 404 and GONE in said(response)


def failure(response: Response) -> SendError:
    """What a refusal means. Its words may quote the person, so they are not kept."""
    status, words = response.status, said(response)
    if status in CONFIG_HINTS:
        return SendError(FailureKind.MISCONFIGURED, str(status), CONFIG_HINTS[status])
    if status == 404:
        return missing(words)
    if status == 422:
        return invalid(words)
    kind = kind_of_status(status)
    return SendError(kind, code_of(response) or str(status), "", response.retry_after)


def missing(words: str) -> SendError:
    """A 404: the contact, the tag, or the whole account."""
    if "contact not found" in words or "for subscriber with id" in words:
        hint = "The contact was removed meanwhile. It is made again."
        return SendError(FailureKind.TRANSIENT, "contact", hint)
    if "tag" in words:
        hint = (
            "ActiveCampaign has no tag with this id. Correct the list of tags, or the destination."
        )
        return SendError(FailureKind.CONTENT_REJECTED, "tag", hint)
    hint = "There is no such account or call at ActiveCampaign. Check the API URL."
    return SendError(FailureKind.MISCONFIGURED, "404", hint)


def invalid(words: str) -> SendError:
    """A 422: the customer's address, or a value for a field."""
    if "email" in words:
        hint = "ActiveCampaign refuses the customer's email address. Correct it."
        return SendError(FailureKind.CONTENT_REJECTED, "bad_contact", hint)
    if "phone" in words:
        hint = "ActiveCampaign refuses the customer's phone number. Correct it."
        return SendError(FailureKind.CONTENT_REJECTED, "bad_contact", hint)
    hint = "ActiveCampaign refuses a value. Check the ids of the fields, and that they are texts."
    return SendError(FailureKind.CONTENT_REJECTED, "422", hint)


def errors_in(response: Response) -> list[dict[str, Any]]:
    """The errors of an answer, or none."""
    try:
        answer = part(response.json())
    except (SendError, RecursionError):
        return []
    errors = answer.get("errors")
    found = [part(one) for one in errors[:20]] if isinstance(errors, list) else []
    return [*found, {"title": answer.get("message")}]


def code_of(response: Response) -> str:
    """ActiveCampaign's own code, where it gives one."""
    return next((code for one in errors_in(response) if (code := text_of(one.get("code"), 60))), "")


def said(response: Response) -> str:
    """All that an answer says, in lower case, to look for words in."""
    words = []
    for one in errors_in(response):
        words += [text_of(one.get(name), 300) for name in ("title", "detail", "code")]
        words.append(text_of(part(one.get("source")).get("pointer"), 200))
    return " ".join(words).lower()
