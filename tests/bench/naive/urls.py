from django.urls import path

from tests.bench.naive import views

urlpatterns = [
    path("bare/", views.bare),
    path("webhook/", views.OrderWebhook.as_view()),
    path("update/", views.OrderUpdate.as_view()),
]
