"""Only the customers' pages, as the product mounts them."""

from django.urls import include, path

urlpatterns = [path("", include("consents.urls"))]
