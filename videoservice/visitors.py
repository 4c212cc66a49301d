"""Who counts as one visitor, where things are counted for each of them."""

import ipaddress

NETWORK_BITS = 64
"""What one visitor has of IPv6."""


def plain(address: str) -> str:
    """The address; an IPv4 one also where it came over an IPv6 socket (::ffff:192.0.2.7)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(getattr(parsed, "ipv4_mapped", None) or address)


def visitor(address: str) -> str:
    """The address, or the network of an IPv6 one."""
    address = plain(address)
    try:
        if ipaddress.ip_address(address).version == 4:
            return address
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{address.partition('%')[0]}/{NETWORK_BITS}", strict=False))
