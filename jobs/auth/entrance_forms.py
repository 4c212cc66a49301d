"""allauth's forms without words inside of the fields: these say what their labels say, and go when one types.
Labels are written as all others of the site: “New password”."""

from typing import Any

from allauth.account import forms


class Plain:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # type: ignore[attr-defined] # of the form that it is mixed into
            field.widget.attrs.pop("placeholder", None)
            field.label = field.label and str(field.label).capitalize()


class LoginForm(Plain, forms.LoginForm): ...


class AddEmailForm(Plain, forms.AddEmailForm): ...


class ReauthenticateForm(Plain, forms.ReauthenticateForm): ...


class ChangePasswordForm(Plain, forms.ChangePasswordForm): ...


class SetPasswordForm(Plain, forms.SetPasswordForm): ...


class ResetPasswordForm(Plain, forms.ResetPasswordForm): ...


class ResetPasswordKeyForm(Plain, forms.ResetPasswordKeyForm): ...
