"""The forms of the account's pages."""

import dataclasses
from datetime import time, timedelta
from typing import Any

from django import forms
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils.translation import get_language_info

from jobs import preferences
from jobs.models import Account, NoticeTimes, Scope
from jobs.services.events import Kind
from jobs.services.retention import Kept

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


class WebhookForm(forms.Form):
    """A webhook. By its `key` a form makes one only, as that of tokens."""

    url = forms.CharField(
        label="Address",
        max_length=2000,
        widget=forms.URLInput(attrs={"placeholder": "https://", "autocomplete": "off"}),
        help_text="Each event is sent there as a POST, signed.",
    )
    events = forms.MultipleChoiceField(
        label="What it is told",
        choices=[(kind.value, f"{kind.label} ({kind})") for kind in Kind],
        widget=forms.CheckboxSelectMultiple,
    )
    key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)


def zone_choices() -> list[tuple[str, str]]:
    site = preferences.site_zone()
    return [("", f"As the site ({site})"), *((name, name.replace("_", " ")) for name in preferences.zones())]


def date_choices() -> list[tuple[str, str]]:
    """Each language with today's date in it."""
    return [(code, f"{_language(code)}: {preferences.example(code)}") for code in preferences.DATES]


def _language(code: str) -> str:
    name = get_language_info(code)["name_local"] if code else "As the site"
    return f"{name[:1].upper()}{name[1:]}"


TIME = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


class NoticeTimesForm(forms.Form):
    """When an account is told. A time that is not sent stays as it was."""

    quiet = forms.BooleanField(required=False)
    quiet_from = forms.TimeField(label="From", required=False, widget=TIME)
    quiet_to = forms.TimeField(label="To", required=False, widget=TIME)
    daily = forms.BooleanField(required=False)

    def __init__(self, *args: Any, own: NoticeTimes, **kwargs: Any) -> None:
        self.own = own
        found: dict[str, Any] = {"quiet": own.is_quiet, "daily": own.is_daily}
        found |= {name: time(*divmod(getattr(own, name), 60)) for name in ("quiet_from", "quiet_to")}
        super().__init__(*args, **{**kwargs, "initial": found})

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = self.cleaned_data
        if not self.errors and values["quiet"] and self._minute("quiet_from") == self._minute("quiet_to"):
            self.add_error("quiet_to", "Quiet hours end at another time than they begin. Choose one of both anew.")
        return values

    def _minute(self, name: str) -> int:
        """After midnight."""
        chosen = self.cleaned_data.get(name)
        return chosen.hour * 60 + chosen.minute if chosen else int(getattr(self.own, name))

    @property
    def chosen(self) -> dict[str, Any]:
        return {
            "is_quiet": self.cleaned_data["quiet"],
            "quiet_from": self._minute("quiet_from"),
            "quiet_to": self._minute("quiet_to"),
            "is_daily": self.cleaned_data["daily"],
        }


KEEPS = (30, 90, 180, 365)
"""Days for which an account may keep what nobody uses, where the site keeps it for longer."""


class RetentionForm(forms.Form):
    """How long the account keeps what nobody uses: as the site does, or for shorter."""

    results = forms.TypedChoiceField(label="Results", coerce=int)
    originals = forms.TypedChoiceField(label="Recordings of which no results are left", coerce=int)
    caches = forms.TypedChoiceField(label="Previews and measurements", coerce=int)

    def __init__(self, *args: Any, site: Kept, own: Kept, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "initial": dataclasses.asdict(own)})
        for name, field in self.fields.items():
            days, chosen = getattr(site, name), getattr(own, name)
            shorter = sorted({*KEEPS, *([chosen] if chosen else [])})
            offered = [(each, f"For {each} days after their last use") for each in shorter if not days or each < days]
            field.choices = [(0, f"For {days} days, as all here" if days else "For good"), *offered]  # type: ignore[attr-defined]

    @property
    def kept(self) -> Kept:
        return Kept(**self.cleaned_data)


class ProfileForm(forms.ModelForm):
    time_zone = forms.ChoiceField(label="Time zone", choices=zone_choices, required=False)
    dates = forms.ChoiceField(label="Dates", choices=date_choices, required=False)
    theme = forms.ChoiceField(
        label="Light or dark", choices=Account.Theme.choices, required=False, widget=forms.RadioSelect
    )

    class Meta:
        model = Account
        fields = ("name", "time_zone", "dates", "theme")
