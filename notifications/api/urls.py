"""Addresses of provider callbacks, of the notifications part of the API, and of health."""

from django.urls import path, re_path

from notifications.api import health
from notifications.api.callbacks import ReceiptView
from notifications.api.consents import ConsentList
from notifications.api.customers import CustomerAddresses, CustomerList, CustomerOne
from notifications.api.deliveries import DeliveryList
from notifications.api.timeline import OrderTimeline

urlpatterns = [
    # With and without the slash: a redirect would lose a POST, and change what was signed.
    re_path(r"^receipts/(?P<key>[0-9A-Za-z]{1,64})/?$", ReceiptView.as_view(), name="receipts"),
    path("api/v1/orders/<int:pk>/timeline/", OrderTimeline.as_view(), name="api-timeline"),
    path("api/v1/deliveries/", DeliveryList.as_view(), name="api-deliveries"),
    path("api/v1/customers/", CustomerList.as_view(), name="api-customers"),
    path("api/v1/customers/<int:pk>/", CustomerOne.as_view(), name="api-customer"),
    path(
        "api/v1/customers/<int:pk>/addresses/",
        CustomerAddresses.as_view(),
        name="api-customer-addresses",
    ),
    path("api/v1/consents/", ConsentList.as_view(), name="api-consents"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
