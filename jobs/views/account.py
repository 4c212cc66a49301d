from allauth.account.models import EmailAddress
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from jobs import preferences
from jobs.account_forms import ProfileForm
from jobs.auth.requests import MemberRequest
from jobs.models import Account
from jobs.services import accounts, storage_use
from jobs.views.members import member


def shown(request: MemberRequest, form: ProfileForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "site_zone": preferences.site_zone(),
        "use": storage_use.of(request.user),
        "is_confirmed": EmailAddress.objects.filter(user=request.user, primary=True, verified=True).exists(),
        "is_last_operator": accounts.is_last_operator(request.user),
    }
    return render(request, "me/profile.html", context, status=status)


@member
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: MemberRequest) -> HttpResponse:
    """Who one is here, how pages look and write times, and the way to all that one owns."""
    if request.method != "POST":
        return shown(request, ProfileForm(instance=request.user))
    account = Account.objects.get(pk=request.user.pk)  # a form that is refused leaves its values in it
    form = ProfileForm(request.POST, instance=account)
    if not form.is_valid():
        return shown(request, form, status=422)
    account.save(update_fields=list(form.fields))
    messages.success(request, "Your profile has been saved.")
    return redirect("account")
