"""Spanish."""

from notifications.words.vocabulary import EventWords, Language, Reply, with_parts

# "Tu pedido #1024", or "La parte 1 de 2 de tu pedido #1024 (2 x Margherita)".
WHAT = (
    "{% if part.is_part %}La parte {{ part.number }} de {{ part.of }} de tu pedido"
    " {{ order.number }} ({{ items_text | truncate: 50 }})"
    "{% else %}Tu pedido {{ order.number }}{% endif %}"
)
O_A = "{% if part.is_part %}a{% else %}o{% endif %}"
MANY = (
    "Las partes {{ part.number }} de {{ part.of }} de tu pedido {{ order.number }}"
    " ({{ items_text | truncate: 50 }}): {{ change.label | downcase }}."
)
AT_STORE = "{% if store.name != '' and store.name != brand.name %} en {{ store.name }}{% endif %}"
EARLIER = "{% if delay.earlier %} (antes de lo que dijimos){% endif %}"
ABOUT = "{% if eta != '' %} Hora prevista: {{ eta }}" + EARLIER + ".{% endif %}"
WHY = "{% if delay.reason != '' %}Motivo: {{ delay.reason }}.{% endif %}"
CONTACT = (
    "{% if store.phone != '' %}¿Preguntas? Llama al {{ store.phone }}."
    "{% elsif brand.contact_line != '' %}¿Preguntas? {{ brand.contact_line }}{% endif %}"
)
MONEY_BACK = "Según tu banco, el dinero puede tardar unos días en aparecer."

ITEMS = "{% if items_text != '' %}: {{ items_text }}{% endif %}"

EVENTS = {
    "placed": EventWords(
        "Hemos recibido tu pedido {{ order.number }}",
        "Hemos recibido tu pedido {{ order.number }}. ¡Gracias!" + ABOUT,
        staff="Pedido nuevo{% if order.total != '' %}, {{ order.total }}{% endif %}" + ITEMS,
    ),
    "confirmed": EventWords(
        "Tu pedido {{ order.number }} queda confirmado",
        WHAT + " queda confirmad" + O_A + "." + ABOUT,
        staff="Confirmado{% if eta != '' %} para {{ eta }}{% endif %}" + ITEMS,
    ),
    "preparing": EventWords(
        "Estamos preparando tu pedido {{ order.number }}",
        WHAT + " ya se prepara." + ABOUT,
    ),
    "ready": EventWords(
        "Tu pedido {{ order.number }} ya espera por ti",
        WHAT
        + "{% if part.method == 'delivery' or part.method == 'shipping' %}"
        + " ya espera al repartidor."
        + "{% else %} ya se puede recoger"
        + AT_STORE
        + ".{% endif %}",
        "{% if part.method != 'delivery' and part.method != 'shipping' and store.address != '' %}"
        "Nos encuentras en: {{ store.address }}{% endif %}",
        link=False,
    ),
    "out_for_delivery": EventWords(
        "Tu pedido {{ order.number }} va en camino",
        WHAT + " va en camino." + ABOUT,
        "{% if part.courier != '' %}Lo lleva {{ part.courier }}.{% endif %}",
    ),
    "delivered": EventWords(
        "Tu pedido {{ order.number }} fue entregado",
        WHAT + " fue entregad" + O_A + ". ¡Que lo disfrutes!",
        link=False,
    ),
    "picked_up": EventWords(
        "Tu pedido {{ order.number }} fue recogido",
        WHAT + " fue recogid" + O_A + ". ¡Gracias!",
        link=False,
    ),
    "cancelled": EventWords(
        "Tu pedido {{ order.number }} fue cancelado",
        WHAT + " fue cancelad" + O_A + "{% if order.cancel_reason != '' %}:"
        " {{ order.cancel_reason }}{% endif %}. Lo sentimos."
        "{% if store.phone != '' %} Preguntas: {{ store.phone }}{% endif %}",
        "Si ya has pagado y no ves el reembolso en unos días, avísanos.",
        link=False,
        staff="CANCELADO{% if change.reason != '' %} ({{ change.reason }}){% endif %}"
        + ITEMS
        + ". No lo preparen.",
    ),
    "refunded": EventWords(
        "Reembolso de tu pedido {{ order.number }}",
        "Hemos reembolsado tu pedido {{ order.number }}"
        "{% if refund.total != '' %}: {{ refund.total }}{% endif %}.",
        MONEY_BACK,
        link=False,
    ),
    "eta": EventWords(
        "Nueva hora para tu pedido {{ order.number }}",
        WHAT + " tiene nueva hora{% if eta != '' %}: {{ eta }}" + EARLIER + "{% endif %}.",
    ),
    "delayed": EventWords(
        "Tu pedido {{ order.number }} se retrasa",
        WHAT
        + " se retrasa, lo sentimos.{% if eta != '' %} Nueva hora: {{ eta }}"
        + EARLIER
        + ".{% endif %}",
        WHY,
        staff="RETRASO{% if delay.minutes > 0 %} de {{ delay.minutes }} min{% endif %}"
        "{% if delay.new != '' %}, ahora {{ delay.new }}{% endif %}"
        "{% if delay.reason != '' %} ({{ delay.reason }}){% endif %}",
    ),
    "tracking": EventWords(
        "Seguimiento de tu pedido {{ order.number }}",
        WHAT + " ya tiene seguimiento"
        "{% if change.tracking.number != '' %}: {{ change.tracking.carrier }}"
        " {{ change.tracking.number }}{% endif %}.",
        "{% if change.tracking.url != '' %}Sigue el paquete: {{ change.tracking.url }}{% endif %}",
    ),
    "edited": EventWords(
        "Tu pedido {{ order.number }} ha cambiado",
        "Tu pedido {{ order.number }} ha cambiado."
        "{% if change.added_text != '' %} Entra: {{ change.added_text | truncate: 40 }}.{% endif %}"
        "{% if change.removed_text != '' %} Sale: {{ change.removed_text | truncate: 40 }}."
        "{% endif %}",
        "{% if order.total != '' %}El total es ahora {{ order.total }}.{% endif %}",
        staff="Cambiado.{% if change.added_text != '' %} Entra: {{ change.added_text }}.{% endif %}"
        "{% if change.removed_text != '' %} Sale: {{ change.removed_text }}.{% endif %}",
    ),
    "split": EventWords(
        "Tu pedido {{ order.number }} llega en partes",
        "Tu pedido {{ order.number }} llega en "
        "{% if progress.parts > 1 %}{{ progress.parts }}{% else %}varias{% endif %} partes.",
        staff="Dividido en {{ progress.parts }} partes",
    ),
    "refund": EventWords(
        "Un reembolso de tu pedido {{ order.number }}",
        "Te hemos reembolsado {% if refund.amount != '' %}{{ refund.amount }}{% else %}una parte"
        "{% endif %} de tu pedido {{ order.number }}.",
        MONEY_BACK,
        link=False,
    ),
    "attempted": EventWords(
        "No pudimos entregarte el pedido {{ order.number }}",
        WHAT + " no se pudo entregar en tu puerta."
        "{% if store.phone != '' %} Llama al {{ store.phone }}.{% endif %}",
        link=False,
        staff="Intento de entrega sin resultado",
    ),
    "failed": EventWords(
        "Tu pedido {{ order.number }} no se pudo entregar",
        WHAT + " no se pudo entregar, lo sentimos."
        "{% if store.phone != '' %} Llama al {{ store.phone }}.{% endif %}",
        link=False,
        staff="ENTREGA FALLIDA{% if change.reason != '' %} ({{ change.reason }}){% endif %}"
        + ITEMS
        + ". Hay que ocuparse.",
    ),
    "correction": EventWords(
        "Sobre tu pedido {{ order.number }}: nos equivocamos",
        "{% if correction.claim == '' %}Nuestro mensaje anterior sobre tu pedido"
        " {{ order.number }} era un error, lo sentimos."
        "{% else %}Te dijimos{% if correction.told_at != '' %} a las {{ correction.told_at }}"
        "{% endif %} sobre {% if part.is_part %}la parte {{ part.number }} de {{ part.of }} de"
        ' {% endif %}tu pedido {{ order.number }}: "{{ correction.claim }}". Fue un error, lo'
        " sentimos.{% if part.status != '' %} Ahora: {{ part.status | downcase }}.{% endif %}"
        "{% endif %}",
        link=False,
        staff="ERROR NUESTRO: no {{ correction.claim | downcase | default: 'cierto' }}"
        "{% if part.status != '' %}, sino {{ part.status | downcase }}{% endif %}",
    ),
    "returned": EventWords(
        "Tu pedido {{ order.number }} ha vuelto a la tienda",
        WHAT + " ha vuelto a la tienda."
        "{% if store.phone != '' %} Llama al {{ store.phone }}.{% endif %}",
        link=False,
        staff="DEVUELTO" + ITEMS,
    ),
}

WHERE = (
    "{% if parts.size > 1 %}Pedido {{ order.number }}:"
    "{% for one in parts %} parte {{ one.number }} de {{ one.of }}"
    " ({{ one.items_text | truncate: 30 }}): {{ one.status | downcase }}"
    "{% if one.is_late %}, con retraso{% endif %}"
    "{% if one.eta != '' %}, hora prevista {{ one.eta }}{% endif %}"
    "{% unless forloop.last %};{% else %}.{% endunless %}{% endfor %}"
    "{% else %}Pedido {{ order.number }}: {{ order.status | downcase | default: 'recibido' }}"
    "{% if eta != '' %}, hora prevista {{ eta }}" + EARLIER + "{% endif %}."
    "{% if delay.is_late %} Lleva retraso, lo sentimos.{% endif %}{% endif %}"
)

REPLIES = {
    "stop": Reply(
        "Ya no recibirás mensajes",
        "{{ brand.name }}: Te has dado de baja y no te mandaremos mensajes por este medio."
        " Responde START para volver.",
    ),
    "start": Reply(
        "Volverás a recibir avisos",
        "{{ brand.name }}: Vuelves a recibir avisos de tus pedidos."
        " Frecuencia variable; tu operador puede cobrar."
        " Responde HELP para ayuda, STOP para la baja.",
    ),
    "help": Reply(
        "Ayuda",
        "{{ brand.name }}: Mandamos avisos de tus pedidos."
        "{% if brand.contact_line != '' %} Contacto: {{ brand.contact_line }}.{% endif %}"
        " Responde STOP para la baja. Tu operador puede cobrar.",
    ),
    "where": Reply("Tu pedido {{ order.number }}", "{{ brand.name }}: " + WHERE),
    "where_unknown": Reply(
        "Sobre tu pedido",
        "{{ brand.name }}: No encontramos un pedido abierto a tu nombre."
        "{% if brand.contact_line != '' %} Contacto: {{ brand.contact_line }}{% endif %}",
    ),
}

LANGUAGE = Language(
    code="es",
    statuses={
        "placed": "Recibido",
        "confirmed": "Confirmado",
        "preparing": "En marcha",
        "ready": "Listo",
        "out_for_delivery": "En camino",
        "delivered": "Entregado",
        "picked_up": "Recogido",
        "cancelled": "Cancelado",
        "refunded": "Reembolsado",
    },
    facts={
        "eta": "Nueva hora",
        "delayed": "Con retraso",
        "tracking": "Seguimiento",
        "edited": "Cambiado",
        "split": "Dividido en partes",
        "refund": "Reembolso parcial",
        "attempted": "Intento de entrega",
        "failed": "Entrega fallida",
        "returned": "Devuelto",
        "correction": "Rectificado",
    },
    methods={
        "pickup": "recogida",
        "curbside": "recogida en la acera",
        "delivery": "entrega a domicilio",
        "shipping": "envío",
        "dine_in": "en el local",
        "digital": "digital",
    },
    cancel_reasons={
        "customer": "como pediste",
        "inventory": "algo se ha agotado",
        "out_of_stock": "algo se ha agotado",
        "out_of_items": "algo se ha agotado",
        "store_closed": "la tienda ha cerrado",
        "too_busy": "hay demasiado trabajo en cocina",
        "kitchen_busy": "hay demasiado trabajo en cocina",
    },
    months=("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
    month_first=False,
    decimal_point=",",
    thousands=".",
    symbol_first=False,
    events=with_parts(EVENTS, MANY),
    replies=REPLIES,
    greeting="Hola{% if customer.first_name != '' %} {{ customer.first_name }}{% endif %}:",
    track="Sigue tu pedido",
    contact=CONTACT,
)
