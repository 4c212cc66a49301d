"""How often one address may come with credentials that do not fit."""

import ipaddress

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest

MOST = 60
SECONDS = 60
NETWORK = "/64"
"""What one visitor has of IPv6."""


def too_many(request: HttpRequest) -> bool:
    """Count this request; whether its address has made more than its share of them within a minute."""
    key = f"attempts:{visitor(get_adapter().get_client_ip(request))}"
    cache.add(key, 0, SECONDS)
    try:
        return int(cache.incr(key)) > MOST
    except ValueError:  # the minute ended in between
        return False


def visitor(address: str) -> str:
    """The address, or the network of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{address}{NETWORK}", strict=False)) if parsed.version == 6 else address
