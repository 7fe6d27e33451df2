"""How sources look."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from orders import registry

register = template.Library()


@register.simple_tag
def source_logo(slug: str) -> SafeString:
    """A source's own picture, beside its name; the bell's for one whose folder is gone."""
    known = slug in registry.slugs()
    path = f"img/sources/{slug}.svg" if known else "img/favicon.svg"
    picture = '<img class="source-logo" src="{}" alt="" width="28" height="28">'
    return format_html(picture, static(path))
