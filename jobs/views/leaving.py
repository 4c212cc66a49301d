"""Leaving for good: the account is deleted with all that it has."""

import logging

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jobs import wording
from jobs.auth.requests import MemberRequest
from jobs.errors import InputError, JobError
from jobs.models import Account, Job
from jobs.services import accounts, storage_use
from jobs.views.asking import ask
from jobs.views.members import member

log = logging.getLogger(__name__)


@member
@reauthentication_required(allow_get=True)
@require_http_methods(["GET", "POST"])
def delete(request: MemberRequest) -> HttpResponse:
    """Asks, then asks for the password unless that was just written, then deletes at once."""
    if request.method == "POST":
        return deleted(request)
    question = f"Delete the account {request.user.email}?"
    return ask(
        request,
        question,
        " ".join(what_goes(request.user)),
        verb="Delete everything",
        keep="Keep it",
        back=reverse("account"),
        stays=False,
    )


def what_goes(account: Account) -> list[str]:
    use = storage_use.of(account)
    active = Job.objects.of(account).filter(under_way=1).count()
    what = f"{use.count} recording{pluralize(use.count)}, all results and all chains, {wording.size(use.total)} in all,"
    stopped = f"{active} job{pluralize(active)} under way will be stopped." if active else ""
    asked = "You are asked for your password next." if account.has_usable_password() else ""
    return [sentence for sentence in (f"{what} go with it, and cannot be brought back.", stopped, asked) if sentence]


def deleted(request: MemberRequest) -> HttpResponse:
    account = Account.objects.get(pk=request.user.pk)
    try:
        accounts.condemn(account)
    except InputError as error:
        messages.error(request, error.message)
        return redirect("account")
    logout(request)
    email = account.email
    done = "has been deleted"
    try:
        accounts.delete(account)
    except (JobError, OSError) as error:  # it is switched off, and the reconciler does the rest
        log.warning("account %s is not deleted yet: %s", account.pk, error)
        done = "is being deleted"
    tell(request, email, done)
    messages.success(request, f"The account {email} {done}, with all that it had.")
    return redirect("account_login")


def tell(request: HttpRequest, email: str, done: str) -> None:
    """By a letter, should it have been somebody else."""
    if not settings.EMAIL_URL:
        return
    try:
        get_adapter(request).send_mail("account/email/account_deleted", email, {"done": done})
    except OSError as error:
        log.warning("%s was not told that the account is deleted: %s", email, error)
