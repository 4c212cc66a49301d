"""Who counts as one visitor, where things are counted for each of them."""

import ipaddress

NETWORK_BITS = 64
"""What one visitor has of IPv6."""


def visitor(address: str) -> str:
    """The address, or the network of an IPv6 one."""
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return address
    if version == 4:
        return address
    return str(ipaddress.ip_network(f"{address.partition('%')[0]}/{NETWORK_BITS}", strict=False))
