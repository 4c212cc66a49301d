"""The forms of the account's pages."""

from datetime import timedelta

from django import forms
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from jobs.models import Scope

SCOPES = {
    Scope.READ: "Read: look at everything, and download it",
    Scope.WORK: "Work: also upload, start, cancel and try again",
    Scope.ALL: "Everything: also delete, and change the account, its tokens and webhooks",
}
ENDS = {"7": "In 7 days", "30": "In 30 days", "90": "In 90 days", "365": "In a year", "": "Never"}


class TokenForm(forms.Form):
    """A new token. By its `key` a form makes one only, also when it is sent twice, as by loading its answer again."""

    name = forms.CharField(label="What it is for", max_length=100, help_text="Such as “Nightly export”.")
    scope = forms.ChoiceField(
        label="What it may do", choices=list(SCOPES.items()), initial=Scope.WORK, widget=forms.RadioSelect
    )
    ends = forms.ChoiceField(label="When it ends", choices=list(ENDS.items()), initial="90", required=False)
    key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)

    @property
    def expires_at(self) -> Combinable | None:
        """By the database's clock."""
        days = self.cleaned_data["ends"]
        return Now() + timedelta(days=int(days)) if days else None
