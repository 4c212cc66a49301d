"""Who came by the link of an invitation."""

from django.http import HttpRequest

from jobs.models import Invitation

KEY = "invitation"
"""What the session keeps the id of the invitation under."""


def accept(request: HttpRequest, invitation: Invitation) -> None:
    request.session[KEY] = invitation.pk


def accepted(request: HttpRequest) -> Invitation | None:
    """The invitation by whose link this browser came, while it lets somebody in."""
    pk = request.session.get(KEY) if hasattr(request, "session") else None
    return Invitation.open().filter(pk=pk).first() if pk else None


def has_shown(request: HttpRequest, email: str) -> bool:
    """Whether this browser came by a link that was sent to this address alone."""
    if not (pk := request.session.get(KEY)):
        return False
    return Invitation.objects.filter(pk=pk, email=email.lower(), is_mailed=True, withdrawn_at=None).exists()
