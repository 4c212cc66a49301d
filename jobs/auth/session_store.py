"""Django's sessions, whose row is found by a statement that is written once."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db import models
from django.utils import timezone

from jobs.prepared_row import Given, PreparedRow

ALIVE = PreparedRow(
    lambda: Session.objects.filter(
        session_key=Given("key", models.CharField()), expire_date__gt=Given("now", models.DateTimeField())
    )
)


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Any:
        found = ALIVE.find(key=self.session_key, now=timezone.now())
        if found is None:
            self._session_key = None  # as Django's: who brings a key that is none gets another one
        return found
