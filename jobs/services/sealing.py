"""Secrets that have to be read again, kept so that a copy of the database alone tells none of them."""

import base64
import functools

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """It was sealed with another SECRET_KEY."""


def seal(secret: str) -> str:
    return _fernet(settings.SECRET_KEY).encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises Unreadable."""
    try:
        return _fernet(settings.SECRET_KEY).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable from error


@functools.lru_cache(maxsize=2)
def _fernet(key: str) -> Fernet:
    """A key of its own: what else SECRET_KEY is used for tells nothing about it."""
    derived = HKDF(SHA256(), length=32, salt=None, info=b"videoservice.sealing").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
