"""Parts of pages that refresh themselves: the same HTML, or 204 when nothing changed."""

import re
from hashlib import blake2b
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

# Masked anew for each answer, so it must not count as a change.
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"')


def live(
    request: HttpRequest, page: str, part: str, context: dict[str, Any], every: str = "2s"
) -> HttpResponse:
    """Render `page`, whose live part is `part`; a poll (`?live=<digest>`) gets only the part."""
    body = render_to_string(part, context, request)
    digest = _digest(body)
    seen = request.GET.get("live")
    query = request.GET.copy()
    query.pop("live", None)
    frame = {
        "live_body": body,
        "live_digest": digest,
        "live_every": every,
        "live_query": query.urlencode(),
    }
    if seen is None:
        return render(request, page, {**context, **frame})
    if seen == digest:
        return HttpResponse(status=204)
    return render(request, "notifications/parts/live.html", frame)


def _digest(body: str) -> str:
    return blake2b(_CSRF.sub("", body).encode(), digest_size=8).hexdigest()
