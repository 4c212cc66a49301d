"""Inviting others, and coming by an invitation."""

import logging
from smtplib import SMTPException

from allauth.account.adapter import get_adapter
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from jobs.auth import attempts, invited
from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.models import Invitation
from jobs.services import invitations as service
from jobs.views.members import changes, member

log = logging.getLogger(__name__)


class InviteForm(forms.Form):
    email = forms.EmailField(label="Their email address", max_length=254)


@member
@never_cache
def invitations(request: MemberRequest) -> HttpResponse:
    """Whom one has invited, and inviting more."""
    if settings.SIGNUP != "invite":
        raise Http404
    form = InviteForm(request.POST or None)
    link = ""
    if request.method == "POST" and form.is_valid():
        try:
            link = _invite(request, form.cleaned_data["email"])
        except InputError as error:
            form.add_error(None, error.message)
        else:
            if not link:
                messages.success(request, f"The letter to {form.cleaned_data['email']} is on its way.")
                return redirect("invitations")
            form = InviteForm()
    context = {"form": form, "link": link, "sent": service.of(request.user), "days": service.LASTS.days}
    return render(request, "me/invitations.html", context, status=422 if form.errors else 200)


@changes("invitations")
def withdraw(request: MemberRequest, pk: int) -> HttpResponse:
    if not service.withdraw(request.user, Invitation.objects.filter(pk=pk)):
        raise Http404
    messages.success(request, "The invitation does not let anybody in any more.")
    return redirect("invitations")


@require_safe
@never_cache
def accept(request: HttpRequest, secret: str) -> HttpResponse:
    """Where the link of an invitation leads."""
    if request.user.is_authenticated:
        messages.info(request, "You have an account already. Sign out to make another one by the invitation.")
        return redirect("library")
    invitation = None if attempts.too_many(request, "invitation") else service.find(secret)
    if invitation is None or settings.SIGNUP != "invite" or (settings.COMPANY and settings.COMPANY.only):
        return render(request, "account/invitation_over.html", status=410)
    invited.accept(request, invitation)
    return redirect("account_signup")


def _invite(request: MemberRequest, email: str) -> str:
    """Send the letter, or return the link where no letters go out. Who has an account already gets another letter, and
    whoever invites is told the same. Raises InputError."""
    invitation, secret = service.invite(request.user, email, is_mailed=bool(settings.EMAIL_URL))
    link = request.build_absolute_uri(reverse("invitation", args=[secret]))
    if not settings.EMAIL_URL:
        return link
    try:
        if service.is_taken(invitation.email):
            get_adapter().send_account_already_exists_mail(invitation.email)
        else:
            context = {"link": link, "by": request.user, "days": service.LASTS.days, "request": request}
            get_adapter().send_mail("account/email/invitation", invitation.email, context)
    except (OSError, SMTPException) as error:
        log.warning("the letter of an invitation could not be sent: %s", error)
        service.withdraw(request.user, Invitation.objects.filter(pk=invitation.pk))
        raise InputError("The letter could not be sent just now. Try again in a few minutes.", code="mail") from error
    return ""
