"""Secrets that have to be read again, kept so that a copy of the database alone tells none of them."""

import base64
import functools

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """It was sealed with another SECRET_KEY, or another key of its own."""


def seal(secret: str, key: str = "") -> str:
    """It opens with the same `key` only, which may be short: SECRET_KEY is needed as well."""
    return _fernet(settings.SECRET_KEY, key).encrypt(secret.encode()).decode()


def unseal(sealed: str, key: str = "") -> str:
    """Raises Unreadable."""
    try:
        return _fernet(settings.SECRET_KEY, key).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable from error


@functools.lru_cache(maxsize=16)
def _fernet(site: str, key: str) -> Fernet:
    """A key of its own: what else SECRET_KEY is used for tells nothing about it."""
    info = b"videoservice.sealing" + (b" " + key.encode() if key else b"")
    derived = HKDF(SHA256(), length=32, salt=None, info=info).derive(site.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
