"""Pages for customers; no login."""

from django.urls import path

from consents import views

app_name = "consents"
urlpatterns = [
    path("p/<str:token>/", views.preferences, name="preferences"),
    path("u/<str:token>/", views.unsubscribe, name="unsubscribe"),
]
