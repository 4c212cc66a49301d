import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandParser
from django.core.validators import validate_email

from jobs.models import Account, Scope, Token


class Command(BaseCommand):
    help = "Print a new API token of an account. Nothing else goes to standard output."
    requires_system_checks: list[str] = []  # the web process runs them; here they would take half of the time

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the account's e-mail address")
        parser.add_argument("--create", action="store_true", help="make the account, without a password, if need be")
        parser.add_argument("--name", default="", help="what the token is for, as the account's page shows it")
        parser.add_argument(
            "--scope",
            default=Scope.ALL,
            choices=Scope.values,
            help="how much it may do; everything unless said otherwise",
        )

    def handle(self, *args: Any, email: str, create: bool, name: str, scope: str, **options: Any) -> None:
        account = Account.objects.filter(email__iexact=email).first()
        if account is None:
            account = (
                self.made(email)
                if create
                else self.refuse(
                    f"There is no account with the address {email}. Check it, or add --create to make one."
                )
            )
        if not account.is_active:
            self.refuse(f"The account {email} is switched off. Switch it on in the admin first.")
        self.stdout.write(Token.issue(account, name[:100], scope))

    def made(self, email: str) -> Account:
        try:
            validate_email(email)
        except ValidationError:
            self.refuse(f"{email} is not an e-mail address. Write one such as ann@example.org.")
        account = Account.objects.create_user(email)
        role = "an operator" if account.is_staff else "an account"
        self.stderr.write(
            f"Made {role} for {account.email}, without a password. To sign in on the page, set one with "
            f"“python manage.py changepassword {account.email}”."
        )
        return account

    def refuse(self, sentence: str) -> Any:
        self.stderr.write(sentence)
        sys.exit(1)
