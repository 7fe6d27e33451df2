"""What a customer's answer means: stop, start, help, status; or unclear, for a person to read.

The union of the words that providers, carriers and regulators name, in English and Spanish,
with the phrases that mean the same. Wrongly stopping costs an update; wrongly going on breaks
the law: so what may mean "stop" and is not sure is `unclear`, never ignored.
"""

import re
import unicodedata
from dataclasses import dataclass

STOP, START, HELP, STATUS = "stop", "start", "help", "status"
NONE, UNCLEAR = "none", "unclear"
_LONGEST = 1000  # characters that are looked at


@dataclass(frozen=True, slots=True)
class Understood:
    """`kind` is stop, start, help, status, none or unclear.

    `certain` is False where the word alone does not tell: YES means start only to somebody who
    had stopped, and "I need help with my order" is for a person, not for the standard answer.
    """

    kind: str
    certain: bool = True


def _words(text: str) -> frozenset[str]:
    return frozenset(line.strip() for line in text.split(",") if line.strip())


_STOP_ALWAYS = _words(
    "stop, stopall, stop all, stopp, unsubscribe, unsubscribe all, unsub, opt out, optout,"
    "revoke, stop it, desuscribir, desuscribirme, desuscribirse, dar de baja, baja, darme de baja,"
    "dame de baja, denme de baja, parar, paren, pare, para ya, detener, detengan, detener todo,"
    "basta, no mas, ya no mas, no more, abmelden, stopper, desabonner, 🛑"
)
# Keywords when they are the whole message; inside a sentence they are ordinary words.
_STOP_ALONE = _words(
    "cancel, cancel all, end, quit, remove, remove me, td, arret, alto, cancelar, cancela, salir,"
    "fin, cease, enough, cancel sms, unsuscribe, delete me, stoped, stop stop, stop stop stop"
)
_START = _words(
    "start, unstop, subscribe, resubscribe, resume, restart, opt in, optin, opt back in, begin,"
    "iniciar, inicio, comenzar, empezar, reanudar, alta, darme de alta, suscribir, suscribirme,"
    "activar, reactivar"
)
_YES = _words("yes, y, yep, yeah, yes please, si, si claro, si por favor, claro, continue")
_HELP = _words("help, info, information, ayuda, informacion, help me, hlp, ayudame, soporte, aide")
_STATUS = _words(
    "status, estado, order status, my order, order, track, tracking, eta, where, donde, pedido,"
    "mi pedido, update, rastrear, seguimiento, estatus, track order"
)
# Typos are looked for from these; and these real words are near to one and mean something else.
_TYPO_TARGETS = (
    "unsubscribe",
    "unsubscribed",
    "stopall",
    "optout",
    "revoke",
    "cancel",
    "cancelar",
    "detener",
)
_NOT_TYPOS = _words("cancels, canceled, cancelled, evoke, subscribe, resubscribe, cancer, chancel")
_STOP_TYPOS = _words(
    "stpo, sotp, tsop, sto, stp, sttop, stoop, sstop, dtop, stip, stopo, stob, stok"
)
_POLITE = re.compile(
    r"\b(please|pls|plz|thanks|thank you|thx|ty|hi|hello|hey|ok|okay|now|immediately|just|guys|sir|"
    r"por favor|porfa|porfavor|gracias|hola|ya|ahora|señores|senores|buenas|tardes|dias)\b"
)

_THINGS = (
    r"(text|texts|texting|txt|txts|message|messages|messaging|msg|msgs|sms|email|emails|emailing|"
    r"mail|mails|mailing|notifications?|notifying|alerts?|updates?|contacting|bothering|spam|"
    r"spamming|sending|writing|pinging|annoying|harassing|subscription|push|whatsapps?|telegrams?)"
)
_COSAS = (
    r"(mensajes?|sms|textos?|correos?|emails?|mails?|notificaciones|avisos|alertas|whatsapps?|"
    r"nada|mas|actualizaciones|suscripcion)"
)
_STOP_PHRASES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(stop|quit|cease|end|cancel|kill|enough) (\w+ ){{0,3}}?{_THINGS}\b",
        r"\b(do not|dont|don t|never|stop) (ever |you )?(text|txt|message|msg|email|e mail|mail|"
        r"contact|write|notify|bother|spam|ping|sms)( to)? "
        r"(me|us|this|my|here|again|anymore|any)\b",
        r"\b(do not|dont|don t|never) send( me| us)?( \w+){0,3} (texts?|messages?|msgs?|emails?|"
        r"sms|notifications?|updates?|again|anymore|anything)\b",
        rf"\bno (more|further) (\w+ )?{_THINGS}\b",
        r"\b(take|remove|delete|drop|get) (me|us|my number|my phone|my phone number|my email|"
        r"this number)( \w+){0,2}? (off|from|out)\b",
        r"\b(remove|delete) (my|this) (phone |cell )?(number|email|contact)\b",
        r"\b(opt|opting|sign|signing|opted) (me |us |my number )?out\b",
        r"\bunsub(scribe)?\b",
        r"\b(do not|dont|don t|no longer|not) (want|wish|need|like|care)( to)?( \w+){0,4} "
        rf"({_THINGS}|contacted|messaged|notified|texted|emailed|contact)\b",
        r"\b(revoke|withdraw|withdrawing|revoking) (\w+ )?(consent|permission|authorization)\b",
        r"\b(leave me alone|lose my number|go away|fuck off|piss off|buzz off)\b",
        r"\bno (me|nos) (\w+ )?(escrib\w+|contact\w+|molest\w+|texte\w+|notifi\w+|spame\w+)",
        rf"\bno (me |nos )?(mand\w+|envi\w+|escrib\w+)( \w+)? {_COSAS}\b",
        rf"\bno (quiero|deseo|quisiera|necesito)( \w+){{0,3}} {_COSAS}\b",
        r"\b(deja|deje|dejen|dejad|dejar|para|pare|paren|parad) (ya )?de "
        r"(escrib|mand|envi|contact|molest|texte|notific|spam)\w*",
        rf"\b(no mas|basta de|cancel\w*|deten\w*|par\w+) (\w+ )?{_COSAS}\b",
        r"\b(da\w*|den\w*|dar\w*|deme|quiero) (\w+ )?(de )?baja\b",
        r"\b(quit|borr|elimin|sac|saqu)\w+ (\w+ ){0,2}?(de|numero|telefono|correo)( \w+)? "
        r"?(lista|numero|base|telefono|correo)?\b",
        r"\bdejenme en paz\b",
    )
)
# A "no" before it, somebody else's stop, a question about it: a person should look.
_DOUBT = re.compile(
    r"\b(do not|dont|don t|never|no|not|didnt|didn t|did not|wont|won t) (ever |mean to |want to |"
    r"want you to |you )?(stop|unsubscribe|quit|end|opt|pares|pare|paren|cancel\w*|deten\w+)\b"
    r"|\b(did|have|was|am|were) (i|you|we) (\w+ ){0,2}(unsub|opt)"
    r"|\b(bus|next|train|metro|tram) stop\b|\bstop (by|at|in|over|there|here|off)\b"
)
_STRONG = re.compile(
    r"\b(stop\w*|unsub\w*|desuscri\w*|opt ?out|revoke|cancel\w*|baja|parar|paren|detener|deten\w*|"
    r"basta|no mas|wrong (number|person)|numero equivocado|quit (it|now)|leave me)\b"
)
_STATUS_PHRASES = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(where is|where s|wheres|where are|where re|were is|wher is) "
        r"(my|the|our|it|you|that)\b",
        r"\b(what is|what s|whats|check|get|give me|tell me) (\w+ ){0,3}(status|eta)\b",
        r"\bstatus (of|on|for) (my|the|our|order)\b|\b(my|the|our) order status\b",
        r"\b(track|tracking|find|locate) (my|the|our) (order|package|parcel|food|delivery)\b",
        r"\b(when|what time) (will|is|does|can|do|are|should) (\w+ ){0,4}(order|food|delivery|"
        r"package|parcel|pizza|it|ready|arrive|driver|here|here)\b",
        r"\bhow (long|much longer|soon)\b|\bhow far\b",
        r"\b(is|has|did) (my|the|our) (\w+ )?(order|food|package|parcel|delivery|pizza|driver)\b",
        r"\b(is it|are they) (ready|done|on (its|the) way|coming|here|shipped)\b",
        r"\bany (update|news)s?\b|\border update\b",
        r"\bwo (ist|bleibt) (\w+ )?(mein|meine|die|das|der)?\b|\bwann kommt\b",
        r"\b(donde|por donde) (esta|va|viene|anda|queda|estan)\b",
        r"\b(estado|estatus|status) (de|del) (\w+ )?(pedido|orden|envio|paquete|entrega)\b",
        r"\b(cuando|a que hora) (llega|llegara|viene|estara|sale|va a llegar|esta)\b",
        r"\b(cuanto (falta|tarda|tiempo|demora|le falta)|ya (salio|viene|llega))\b",
        r"\b(esta|estan) (\w+ )?list[oa]s?\b",
        r"\bou est\b",
    )
)
_START_PHRASES = re.compile(
    r"\b(start|resume|begin) (texting|messaging|emailing|sending|messages|texts|updates|the "
    r"(messages|texts|updates))\b|\b(sign|opt) me (back )?(up|in)\b|\bsubscribe me\b"
    r"|\b(want|like) to (get|receive) (\w+ ){0,2}(messages|texts|updates|notifications)\b"
    r"|\bquiero (volver a )?recibir (\w+ )?(mensajes|avisos|sms|notificaciones|actualizaciones)\b"
    r"|\b(volver a|vuelvan a) (enviar|mandar|escribir|recibir)\w*\b|\bd(ar|en)me de alta\b"
)
_HELP_PHRASES = re.compile(
    r"\b(need|want) (some |your )?help\b|\bcan (you|someone|anyone) help\b|\bhelp (me )?with\b"
    r"|\bnecesito (su |una |tu )?(ayuda|informacion)\b|\bpueden? ayudar(me|nos)?\b"
    r"|\bhelp\b|\bayuda\b"
)
_COMMAND = re.compile(r"/(\w+)(?:@\w+)?(?:\s|$)")
_COMMANDS = {"stop": STOP, "unsubscribe": STOP, "start": START, "help": HELP, "status": STATUS}


def understand(text: str, language: str = "") -> Understood:
    """What `text` asks for. `language`, where known, only settles whether "si" is a yes."""
    command = _COMMAND.match(text.strip())
    if command:
        return Understood(_COMMANDS.get(command[1].casefold(), NONE))
    said = _plain(text)
    core = " ".join(_POLITE.sub(" ", said).replace("🛑", " ").split())
    for whole in dict.fromkeys((said, core, _closed_up(said))):
        exact = _exact(whole, language)
        if exact:
            return exact
    return _sentence(text, said)


def _exact(said: str, language: str) -> Understood | None:
    """The whole message is a keyword, or nearly one."""
    if said in _STOP_ALWAYS or said in _STOP_ALONE or _is_typo(said):
        return Understood(STOP)
    if said in _START:
        return Understood(START)
    if said in _HELP:
        return Understood(HELP)
    if said in _STATUS:
        return Understood(STATUS)
    if said in _YES and not (said == "si" and language[:2] == "fr"):
        return Understood(START, certain=False)
    return None


def _sentence(text: str, said: str) -> Understood:
    """A longer message: phrases, then words that leave a doubt."""
    doubt = _DOUBT.search(said) is not None
    if not doubt:
        parts = (_plain(part) for part in re.split(r"[.!?\n;,]+", text[:_LONGEST]))
        if any(part in _STOP_ALWAYS for part in parts):
            return Understood(STOP)
        if any(pattern.search(said) for pattern in _STOP_PHRASES):
            return Understood(STOP)
    if doubt or _STRONG.search(said) or _has_typo(said):
        return Understood(UNCLEAR, certain=False)
    if _START_PHRASES.search(said):
        return Understood(START)
    if any(pattern.search(said) for pattern in _STATUS_PHRASES):
        return Understood(STATUS)
    if _HELP_PHRASES.search(said):
        return Understood(HELP, certain=False)
    return Understood(NONE)


def _plain(text: str) -> str:
    """Lower case words: no accents, no punctuation, no hidden or full-width characters."""
    wide = unicodedata.normalize("NFKD", text[:_LONGEST].replace("\u2019", "'"))
    kept = "".join(c for c in wide if unicodedata.category(c) not in ("Mn", "Cf", "Me"))
    words = re.sub(r"[^\w🛑]+", " ", kept.casefold()).replace("_", " ")
    return " ".join(words.split())


def _closed_up(said: str) -> str:
    """`s t o p` as `stop`."""
    letters = said.split()
    return "".join(letters) if len(letters) > 2 and all(len(c) == 1 for c in letters) else said


def _is_typo(word: str) -> bool:
    """A single word that is nearly a keyword."""
    if " " in word or word in _NOT_TYPOS or not 3 <= len(word) <= 16:
        return False
    if word in _STOP_TYPOS or re.fullmatch(r"s+t+o+p+", word):
        return True
    return any(_near(word, target) for target in _TYPO_TARGETS)


def _has_typo(said: str) -> bool:
    """A word that is clearly a misspelt "unsubscribe" or "stop" inside a sentence."""
    words = said.split()[:60]
    return any(w in ("stpo", "sotp", "tsop") or _near(w, "unsubscribe") for w in words)


def _near(word: str, target: str) -> bool:
    """Within one slip of the finger of `target`; two, when it is long."""
    allowed = 2 if len(target) > 8 else 1
    if word in _NOT_TYPOS or abs(len(word) - len(target)) > allowed:
        return False
    return _distance(word, target) <= allowed


def _distance(a: str, b: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between `a` and `b`."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row = row, [i]
        for j, y in enumerate(b, 1):
            best = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before = previous
    return row[-1]
