"""How allauth makes our accounts."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from jobs.models import Account


class AccountAdapter(DefaultAccountAdapter):
    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Account:
        account = super().save_user(request, user, form, commit)
        assert isinstance(account, Account)
        if commit:
            account.claim_install()
        return account
