"""The answer to a button: back to its page, or, without leaving it, a refresh and a sentence."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme


def back(request: HttpRequest, otherwise: str) -> HttpResponse:
    """To the form's `next` when it is a page of ours, else to the page called `otherwise`."""
    if request.headers.get("HX-Request"):
        return _in_place(request)
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
        return HttpResponseRedirect(target)
    return HttpResponseRedirect(resolve_url(otherwise))


def _in_place(request: HttpRequest) -> HttpResponse:
    """The sentences, and a call to refresh unless something went wrong."""
    said = list(messages.get_messages(request))
    context = {"messages": said, "swap": True}
    response = render(request, "notifications/parts/toasts.html", context)
    if not any(message.level >= messages.ERROR for message in said):
        response["HX-Trigger"] = "refresh"
    return response
