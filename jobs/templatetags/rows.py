"""A row of a live page, drawn or as it was drawn before."""

from django import template
from django.utils.safestring import SafeString

from jobs.live import drawing
from jobs.live.listed import Row

register = template.Library()


@register.simple_tag
def drawn(row: Row) -> SafeString:
    return drawing.draw(row)
