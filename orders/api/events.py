"""`POST /api/v1/events/`: order events from systems that speak to the API."""

from hashlib import sha256
from typing import ClassVar

from django.db import IntegrityError, transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders import intake, registry
from orders.api.authentication import principal
from orders.api.idempotency import Call, idempotent
from orders.api.problems import Problem
from orders.api.serializers import AcceptedEvent, EventSubmission, ProblemFields
from orders.contract import Item, Malformed, Unmappable
from orders.models import Brand, InboundEvent, SourceConnection
from orders.parsing import parse_json

TOPIC = "api"
CONNECTION_NAME = "API"
KEY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    required=True,
    description="A value of your own, new for each write; a repeat gets the first answer (72 h).",
)


class EventIntake(APIView):
    """Where integrators post events."""

    rights: ClassVar[dict[str, str]] = {"POST": "events"}

    @extend_schema(
        operation_id="events_create",
        parameters=[KEY_PARAMETER],
        request=EventSubmission,
        responses={
            202: AcceptedEvent,
            (400, "application/problem+json"): ProblemFields,
            (409, "application/problem+json"): ProblemFields,
            (422, "application/problem+json"): ProblemFields,
        },
    )
    @idempotent
    def post(self, request: Request, call: Call) -> Response:
        """Accept one normalised order event; it is understood within seconds."""
        connection = api_connection(principal(request).brand)
        _refuse_malformed(connection, call.body)
        item = Item(f"api:{sha256(f'{call.token.pk}:{call.key}'.encode()).hexdigest()}", TOPIC)
        headers = {"content-type": "application/json"}
        ids = intake.store(connection, [item], headers, call.body, call.now)
        known = None if ids else _earlier(connection, item, call)
        return Response({"id": known or ids[0], "duplicate": known is not None}, status=202)


def api_connection(brand: Brand) -> SourceConnection:
    """The brand's own connection for the API. It has no secret, so its hook URL proves nobody."""
    try:
        with transaction.atomic():
            connection, _made = SourceConnection.objects.get_or_create(
                brand=brand, name=CONNECTION_NAME, defaults={"source": "generic", "secrets": []}
            )
    except IntegrityError:  # made by another request at this moment
        connection = SourceConnection.objects.get(brand=brand, name=CONNECTION_NAME)
    if connection.source != "generic":
        raise Problem(
            409, f"The connection named {CONNECTION_NAME!r} is of another source. Rename it first."
        )
    return connection


def _refuse_malformed(connection: SourceConnection, body: bytes) -> None:
    """400 for what can never be an event; what only cannot be mapped is kept for the inbox."""
    headers = {"content-type": "application/json"}
    try:
        if not isinstance(parse_json(body), dict):
            raise Malformed("The body must be one event: a JSON object.")
        registry.source("generic").map(TOPIC, headers, body, connection.settings)
    except Malformed as problem:
        raise Problem(400, str(problem)) from None
    except Unmappable:
        return


def _earlier(connection: SourceConnection, item: Item, call: Call) -> int:
    """The row that this key made before its answer was forgotten; 422 when it said other things."""
    row = InboundEvent.objects.get(connection=connection, event_key=item.event_key)
    if bytes(row.body) != call.body:
        raise Problem(422, "This Idempotency-Key was used with another body. Use a new key.")
    return row.pk
