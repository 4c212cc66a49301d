"""Addresses of letters: who has one may do what it is for, so the log gets them without their end."""

import logging
import re

SECRET = re.compile(r"(/invitations/|/accounts/password/reset/key/|/accounts/confirm-email/)[^/\s]+")
"""As `deploy/nginx/nginx.conf.template` has it for its own log."""


class Cut(logging.Filter):
    """Of what is logged of a request that failed."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and any(isinstance(one, str) and SECRET.search(one) for one in record.args):
            record.args = tuple(cut(one) if isinstance(one, str) else one for one in record.args)
        return True


def cut(text: str) -> str:
    return SECRET.sub(r"\1-", text)
