from typing import Any

from allauth.account.forms import SignupForm
from allauth.core import context

from jobs.auth import invited
from jobs.auth.entrance_forms import Plain


class InvitedSignupForm(Plain, SignupForm):
    """The form of signing up. Who was invited cannot choose another address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if invitation := invited.accepted(context.request):
            self.fields["email"].disabled = True  # what is sent for it does not count then
            self.initial["email"] = invitation.email
