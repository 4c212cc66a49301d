"""Icons, drawn from one sprite that the browser fetches once."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str, look: str = "") -> SafeString:
    """The symbol of this name in static/icons.svg, for beside words that say the same; `look`: further classes."""
    classes = f"i {look}".rstrip()
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>', classes, static("icons.svg"), name
    )
