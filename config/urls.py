"""Where every page and endpoint lives."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from orders.api.docs import docs
from orders.api.problems import NothingHere

urlpatterns = [
    path("", include("orders.api.urls")),
    path("", include("notifications.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", docs, name="docs"),
    re_path("^api/", NothingHere.as_view()),
    path("admin/", admin.site.urls),
    path("", include("consents.urls")),
    path("", include("notifications.views.urls")),
]
