"""What alerts say around an incident's own words, by language.

No letter here is outside the alphabet of plain text messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertWords:
    """One language. What stands in braces is filled in."""

    since: str
    since_at: str  # with the store's name
    unanswered: str  # a later step
    put_off: str  # after a snooze
    act: str
    answer: str  # before the link
    over: Mapping[str, str]  # by the state that ended it
    many: str  # one message in place of many
    nobody: str  # who, when there is no first name
    untold: str
    unsure: str  # it may have been sent
    held: str  # nobody knows whether it was sent, and a person decides
    held_detail: str
    held_act: str
    no_access: str
    no_access_act: str
    restored: str
    restored_detail: str
    restored_act: str
    phases: Mapping[str, str]  # what a customer was not told, by event
    acts: Mapping[str, str]


EN = AlertWords(
    since="Since {time}.",
    since_at="{store}, since {time}.",
    unanswered="Nobody has answered for {minutes} min.",
    put_off="It was put off until now.",
    act="To do: {act}.",
    answer="Answer here: {url}",
    over={
        "resolved": "Resolved: {title}. {why}",
        "acknowledged": "{actor} is on it: {title}.",
    },
    many="{brand}: many alerts at once, such as: {title}\nSee all of them: {url}",
    nobody="The customer",
    untold="{who} was not told that order {order} {phase}",
    unsure="{who} may not know that order {order} {phase}",
    held="Was {who} told about order {order} by {channel}?",
    held_detail="The provider's answer was lost. The message waits for you.",
    held_act="Look it up at the provider, then send it again or let it be",
    no_access="{source} refuses our credentials",
    no_access_act="Renew the credentials of the connection; what came in meanwhile waits",
    restored="The database was restored: {count} messages wait for you",
    restored_detail="They may have been sent before the restore. What comes in now is sent as "
    "always.",
    restored_act="Decide whether they are sent",
    phases={
        "ready": "is ready",
        "out_for_delivery": "is on its way",
        "delayed": "is delayed",
        "cancelled": "was cancelled",
        "attempted": "could not be handed over",
        "failed": "could not be delivered",
    },
    acts={
        "call": "Call {who}",
        "call_nobody": "Call the customer",
        "driver": "Ask the driver",
        "counter": "Keep it at the counter",
        "source": "Write to them where the order came from",
    },
)
ES = AlertWords(
    since="Desde las {time}.",
    since_at="{store}, desde las {time}.",
    unanswered="Nadie ha respondido en {minutes} min.",
    put_off="Estaba pospuesto hasta ahora.",
    act="Hay que hacer: {act}.",
    answer="Responde aqui: {url}",
    over={
        "resolved": "Resuelto: {title}. {why}",
        "acknowledged": "{actor} se encarga: {title}.",
    },
    many="{brand}: muchos avisos a la vez, como este: {title}\nMira todos: {url}",
    nobody="El cliente",
    untold="{who} no sabe que el pedido {order} {phase}",
    unsure="{who} tal vez no sabe que el pedido {order} {phase}",
    held="¿Se avisó a {who} del pedido {order} por {channel}?",
    held_detail="Se perdió la respuesta del proveedor. El mensaje espera tu decisión.",
    held_act="Compruébalo en el proveedor y decide si se envía otra vez",
    no_access="{source} rechaza nuestras credenciales",
    no_access_act="Renueva las credenciales de la conexión; lo que llegó mientras tanto espera",
    restored="Se restauró la base de datos: {count} mensajes esperan tu decisión",
    restored_detail="Quizá se enviaron antes de la restauración. Lo que llega ahora se envía como "
    "siempre.",
    restored_act="Decide si se envían",
    phases={
        "ready": "ya se puede recoger",
        "out_for_delivery": "ya va de camino",
        "delayed": "se retrasa",
        "cancelled": "fue cancelado",
        "attempted": "no se pudo entregar a nadie",
        "failed": "no se pudo entregar",
    },
    acts={
        "call": "Llama a {who}",
        "call_nobody": "Llama al cliente",
        "driver": "Pregunta al repartidor",
        "counter": "Guarda el pedido en el mostrador",
        "source": "Escribe por donde vino el pedido",
    },
)


def alert_words(code: str) -> AlertWords:
    """The words for `code` ("es", "es-MX"); English when there are none."""
    return ES if code[:2].lower() == "es" else EN
