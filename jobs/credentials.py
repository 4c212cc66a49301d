"""Whether somebody is known, asked outside of a request and before its body is taken in."""

import dataclasses
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.db import connections
from django.http import HttpRequest

from jobs.models import Token


@dataclasses.dataclass(frozen=True)
class Credentials:
    """What a request brings: the key of a session, and the secret of a bearer token, which then counts alone."""

    session_key: str
    secret: str

    def __bool__(self) -> bool:
        return bool(self.session_key or self.secret)

    def are_good(self) -> bool:
        """For a thread outside of Django's: leaves no connection to the database open."""
        try:
            return Token.find(self.secret) is not None if self.secret else self._is_signed_in()
        finally:
            connections.close_all()

    def _is_signed_in(self) -> bool:
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(self.session_key)
        return get_user(request).is_authenticated
