"""What the product says by itself, by language: labels, and the default templates.

Spanish lines for SMS use words without á, í, ó and ú: those letters are not in
the GSM-7 alphabet, and one of them more than doubles what a message costs.
"""

from notifications.words import en, es
from notifications.words.vocabulary import REPLIES, EventWords, Language, Reply

LANGUAGES: dict[str, Language] = {"en": en.LANGUAGE, "es": es.LANGUAGE}


def language(code: str) -> Language:
    """The words for `code` ("es", "es-MX"); English when there are none."""
    return LANGUAGES.get(code[:2].lower(), en.LANGUAGE)


__all__ = ["LANGUAGES", "REPLIES", "EventWords", "Language", "Reply", "language"]
