"""A row of a live page, drawn or as it was drawn before."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

from jobs.live import drawing
from jobs.live.listed import Row

register = template.Library()


@register.simple_tag(takes_context=True)
def drawn(context: Any, row: Row) -> SafeString:
    """With forms for who asks for the page."""
    return drawing.draw(row, str(context.get("csrf_token") or ""))
