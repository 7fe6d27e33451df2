"""The staff screens, the tracking page, log-in and log-out."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from django.views.i18n import set_language

from notifications.views import (
    board,
    channels,
    connecting,
    connection_acts,
    connections,
    correcting,
    delaying,
    deliveries,
    home,
    inbox,
    incidents,
    joining,
    mapping,
    order,
    phones,
    providers,
    tracking,
)

urlpatterns = [
    path("", home.root, name="root"),
    path("dashboard/", home.home, name="home"),
    path("dashboard/choose/", home.choose, name="choose"),
    path("dashboard/board/", board.board, name="board"),
    path("dashboard/orders/", order.orders, name="orders"),
    path("dashboard/orders/<int:pk>/", order.order, name="order"),
    path("dashboard/orders/<int:pk>/move/", board.move, name="move"),
    path("dashboard/orders/<int:pk>/wrong/", correcting.wrong, name="wrong"),
    path("dashboard/orders/<int:pk>/correct/", correcting.correct, name="correct"),
    path("dashboard/delay/", delaying.delay, name="delay"),
    path("dashboard/delay/<int:pk>/", delaying.delay_one, name="delay_one"),
    path("dashboard/delay/<int:pk>/confirm/", delaying.delay_confirm, name="delay_confirm"),
    path("dashboard/delay/<int:pk>/undo/", delaying.delay_undo, name="delay_undo"),
    path("dashboard/deliveries/", deliveries.deliveries, name="deliveries"),
    path("dashboard/incidents/", incidents.incidents, name="incidents"),
    path("dashboard/incidents/<int:pk>/", incidents.incident, name="incident"),
    path("dashboard/incidents/<int:pk>/act/", incidents.act, name="incident_act"),
    path("a/<token>/", incidents.alert, name="alert"),
    path("dashboard/channels/", channels.channels, name="channels"),
    path("dashboard/channels/<int:pk>/again/", channels.use_again, name="channel_use_again"),
    path("dashboard/channels/<int:pk>/check/", channels.check, name="channel_check"),
    path("dashboard/providers/", providers.providers, name="providers"),
    path("dashboard/providers/<slug:slug>/", providers.provider, name="provider"),
    path("dashboard/connections/", connections.connections, name="connections"),
    path("dashboard/connections/new/", connecting.choose, name="connect"),
    path("dashboard/connections/new/<slug:slug>/", connecting.describe, name="connect_source"),
    path("dashboard/connections/<int:pk>/", connections.connection, name="connection"),
    path("dashboard/connections/<int:pk>/setup/", connecting.setup, name="connecting"),
    path(
        "dashboard/connections/<int:pk>/change/", connection_acts.change, name="connection_change"
    ),
    path("dashboard/connections/<int:pk>/ask/", connection_acts.question, name="connection_ask"),
    path(
        "dashboard/connections/<int:pk>/secret/", connection_acts.secret, name="connection_secret"
    ),
    path(
        "dashboard/connections/<int:pk>/credentials/",
        connection_acts.credentials,
        name="connection_credentials",
    ),
    path(
        "dashboard/connections/<int:pk>/replay/", connection_acts.replay, name="connection_replay"
    ),
    path("dashboard/inbox/", inbox.inbox, name="inbox"),
    path("dashboard/inbox/replay/", inbox.replay, name="replay"),
    path("dashboard/inbox/<int:pk>/", inbox.inbox_event, name="inbox_event"),
    path("dashboard/connections/<int:pk>/mapping/", mapping.page, name="mapping"),
    path("dashboard/connections/<int:pk>/mapping/try/", mapping.attempt, name="mapping_try"),
    path("dashboard/connections/<int:pk>/mapping/save/", mapping.save, name="mapping_save"),
    path("dashboard/connections/<int:pk>/mapping/back/", mapping.back_to, name="mapping_back"),
    path("dashboard/connections/<int:pk>/mapping/words/", mapping.words, name="mapping_words"),
    path("dashboard/connections/<int:pk>/mapping/replay/", mapping.replay, name="mapping_replay"),
    path("dashboard/phones/", phones.phones, name="phones"),
    path("dashboard/phones/answer/", phones.answer, name="answer"),
    path("dashboard/phones/press/", phones.press, name="press"),
    path("t/<token>/", tracking.tracking, name="tracking"),
    path("t/<token>/seen/", tracking.seen, name="seen"),
    path("t/<token>/push/", joining.push, name="push"),
    path("push-worker.js", joining.worker, name="push_worker"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("language/", set_language, name="set_language"),
]
