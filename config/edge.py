"""The short way in for machines: what they call needs no session, language or cookie."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

PREFIXES = ("/hooks/", "/receipts/")


class MachineEdge:
    """Answers the two inbound addresses before the middleware that only pages need.

    Half of a webhook's time went there (measured). The views check the signature
    themselves and take their own address from `PUBLIC_BASE_URL`, never from `Host`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The view's answer, or what the rest of the middleware makes of the request."""
        if not request.path_info.startswith(PREFIXES):
            return self._get_response(request)
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self._get_response(request)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        render = getattr(response, "render", None)
        return render() if callable(render) else response
