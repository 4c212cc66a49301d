"""How often one visitor may try what strangers should not try for long."""

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest

from videoservice.visitors import visitor


def too_many(request: HttpRequest, what: str = "credentials", *, most: int = 60, seconds: int = 60) -> bool:
    """Count this request (by default for its credentials that do not fit); whether its visitor has made more than
    `most` of them within so many seconds."""
    key = f"attempts:{what}:{visitor(get_adapter().get_client_ip(request))}"
    cache.add(key, 0, seconds)
    try:
        return int(cache.incr(key)) > most
    except ValueError:  # the time ended in between
        return False
