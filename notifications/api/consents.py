"""`/api/v1/consents/`: the ledger of what customers allowed, and where other systems report it."""

from hashlib import sha256
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from channels_app.contract import Family
from consents import addresses, recording
from consents.models import ConsentEvent, ContactPoint, Purpose
from orders.api import paging
from orders.api.authentication import principal
from orders.api.bodies import object_in
from orders.api.events import KEY_PARAMETER
from orders.api.idempotency import Call, idempotent
from orders.api.serializers import ProblemFields
from orders.models import Brand

METHOD = "api"
MOST_EVIDENCE = 8_000
KINDS = "phone, email, push, telegram, or the slug of a provider whose people have ids of its own"
ACTIONS = [ConsentEvent.Action.GRANT, ConsentEvent.Action.WITHDRAW]


class ConsentFields(serializers.ModelSerializer[ConsentEvent]):
    """One act about consent. Addresses are kept as keyed hashes only."""

    class Meta:
        model = ConsentEvent
        fields = [
            "id",
            "customer",
            "address_kind",
            "channel",
            "purpose",
            "action",
            "basis",
            "method",
            "evidence",
            "actor",
            "wording_version",
            "occurred_at",
            "received_at",
            "effective_at",
        ]
        read_only_fields = fields


class ConsentPage(serializers.Serializer[Any]):
    """One page of the ledger."""

    results = ConsentFields(many=True)
    next = serializers.URLField(allow_null=True)


class ConsentSubmission(serializers.Serializer[Any]):
    """What a customer allowed or took back somewhere else."""

    address_kind = serializers.CharField(max_length=12, help_text=KINDS)
    address = serializers.CharField(max_length=addresses.MAX_LENGTH)
    channel = serializers.ChoiceField(
        choices=["*", *map(str, Family)], default="*", help_text="A family, or * for all"
    )
    purpose = serializers.ChoiceField(
        choices=["*", *Purpose.values], default="*", help_text="A purpose, or * for all"
    )
    action = serializers.ChoiceField(choices=[str(action) for action in ACTIONS])
    basis = serializers.CharField(max_length=24, required=False, default="")
    evidence = serializers.DictField(
        required=False, help_text="How it can be shown: a form, a URL, a call's id"
    )
    wording_version = serializers.CharField(max_length=80, required=False, default="")
    occurred_at = serializers.DateTimeField(required=False, help_text="Now, if not said")

    def validate_address_kind(self, value: str) -> str:
        """A kind of address that people have."""
        if not addresses.is_personal(value):
            raise serializers.ValidationError(f"It is one of: {KINDS}.")
        return value

    def validate_evidence(self, value: dict[str, Any]) -> dict[str, Any]:
        """Evidence points at proof; it is no place for documents."""
        if len(str(value)) > MOST_EVIDENCE:
            raise serializers.ValidationError(f"At most {MOST_EVIDENCE:,} characters.")
        return value


FILTERS = [
    OpenApiParameter("address", description="Together with `kind`: only about this address."),
    OpenApiParameter("kind", description=f"{KINDS}."),
    OpenApiParameter("customer", OpenApiTypes.INT),
    *paging.PARAMETERS,
]


class ConsentList(APIView):
    """The brand's consent ledger."""

    rights: ClassVar[dict[str, str]] = {"GET": "read", "POST": "write"}

    @extend_schema(operation_id="consents_list", parameters=FILTERS, responses=ConsentPage)
    def get(self, request: Request) -> Response:
        """List acts about consent, newest first."""
        brand = principal(request).brand
        rows = ConsentEvent.objects.filter(brand=brand)
        if address := paging.text(request, "address"):
            kind = paging.text(request, "kind")
            if kind and not addresses.is_personal(kind):
                raise ValidationError({"kind": f"It is one of: {KINDS}."})
            if not kind:
                raise ValidationError({"kind": "Say what kind of address it is."})
            digest = addresses.digest(kind, address, brand.country)
            rows = rows.filter(address_kind=kind, address_digest=digest)
        if (customer := paging.whole_number(request, "customer")) is not None:
            rows = rows.filter(customer_id=customer)
        return paging.page(
            request, rows, lambda found: list(ConsentFields(list(found), many=True).data)
        )

    @extend_schema(
        operation_id="consents_create",
        parameters=[KEY_PARAMETER],
        request=ConsentSubmission,
        responses={
            201: ConsentFields,
            (400, "application/problem+json"): ProblemFields,
            (409, "application/problem+json"): ProblemFields,
            (422, "application/problem+json"): ProblemFields,
        },
    )
    @idempotent
    def post(self, request: Request, call: Call) -> Response:
        """Record that a customer granted or withdrew consent."""
        brand = principal(request).brand
        event = _record(brand, _submission(call.body, brand), call)
        return Response(ConsentFields(event).data, status=201)


def _submission(body: bytes, brand: Brand) -> dict[str, Any]:
    form = ConsentSubmission(data=object_in(body))
    form.is_valid(raise_exception=True)
    data: dict[str, Any] = form.validated_data
    known = addresses.normalise(data["address_kind"], data["address"], brand.country)
    if not known:
        kind = data["address_kind"]
        raise ValidationError({"address": f"This is not an address of kind {kind}."})
    return {**data, "address": known}


def _record(brand: Brand, data: dict[str, Any], call: Call) -> ConsentEvent:
    """Append to the ledger; what this key recorded before its answer was forgotten comes back."""
    kind = data["address_kind"]
    digest = addresses.digest(kind, data["address"])
    source_id = sha256(f"{call.token.pk}:{call.key}".encode()).hexdigest()
    points = ContactPoint.objects.filter(brand=brand, kind=kind, digest=digest)
    event = recording.record(
        brand_id=brand.pk,
        kind=kind,
        digest=digest,
        action=data["action"],
        channel=data["channel"],
        purpose=data["purpose"],
        method=METHOD,
        basis=data["basis"] or ("consent" if data["action"] == "grant" else ""),
        evidence=data.get("evidence"),
        actor=f"token {call.token.name}",
        source_event_id=source_id,
        customer_id=points.values_list("customer_id", flat=True).first(),
        occurred_at=data.get("occurred_at") or call.now,
        now=call.now,
        wording_version=data["wording_version"],
    )
    return event or ConsentEvent.objects.get(brand=brand, method=METHOD, source_event_id=source_id)
