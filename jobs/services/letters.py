"""Letters to owners: each as plain text, and as HTML for who likes that better."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

LONGEST_SUBJECT = 200


def written(
    name: str, subject: str, to: str, facts: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> EmailMultiAlternatives:
    """The letter of `mail/NAME.txt` and `.html`, which know `facts`, the subject and the site's address."""
    shown = {"subject": subject, "site": settings.SITE_URL, **facts}
    text = render_to_string(f"mail/{name}.txt", shown).strip() + "\n"
    line = " ".join(subject.split())[:LONGEST_SUBJECT]
    letter = EmailMultiAlternatives(line, text, None, [to], headers=dict(headers or {}))
    letter.attach_alternative(render_to_string(f"mail/{name}.html", shown), "text/html")
    return letter
