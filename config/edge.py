"""The short way in for machines: what they call needs no session, language or cookie."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from orders.api.problems import problem_response

PREFIXES = ("/hooks/", "/receipts/")  # SECURE_REDIRECT_EXEMPT names them too
USE_HTTPS = "Use https: send this to the address that begins with https://."


class MachineEdge:
    """Answers the two inbound addresses before the middleware that only pages need.

    Half of a webhook's time went there (measured). The views check the signature
    themselves and take their own address from `PUBLIC_BASE_URL`, never from `Host`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._https_only = settings.SECURE_SSL_REDIRECT

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The view's answer, or what the rest of the middleware makes of the request."""
        if not request.path_info.startswith(PREFIXES):
            return self._get_response(request)
        # A redirect would pass for success with some senders, and the event would be lost.
        if self._https_only and not request.is_secure():
            return problem_response(403, USE_HTTPS)
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self._get_response(request)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        render = getattr(response, "render", None)
        return render() if callable(render) else response
