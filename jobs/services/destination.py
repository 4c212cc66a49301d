"""Where an address that somebody gave leads, and whether this server may ask there.

Whoever names an address has this server's place in the network for as long as it is asked: what lies behind a firewall,
on this machine, or in a cloud's metadata service is not theirs. So a name is resolved once, everything it stands for is
looked at, and connections go to the addresses that were looked at, not to the name: it may stand for others by then.
"""

import dataclasses
import ipaddress
import queue
import re
import socket
import threading
from collections.abc import Iterable
from urllib.parse import SplitResult, quote, urlsplit

from jobs.errors import InputError, JobError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST = 2000
PORTS = {"http": 80, "https": 443}
FIRST_FREE_PORT = 1024
"""Below are other services (mail, shells, files), which an HTTP request may be made to look like a word to."""
BAD_PORTS = {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6379, 6566, *range(6665, 6670), 6679, 6697}
BAD_PORTS |= {10080, 11211}
"""Those that browsers refuse (https://fetch.spec.whatwg.org/#port-blocking), and two stores that obey lines of text."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")
UNICAST6 = ipaddress.ip_network("2000::/3")
NEVER = [ipaddress.ip_network(text) for text in ("192.88.99.0/24", "2002::/16", "3fff::/20", "192.0.0.0/24")]
"""What `is_global` lets through: relays of 6to4 and what they carry, addresses for books, and those of protocols, of
which some versions of Python know a few only."""
CLOUDS = [
    ipaddress.ip_network(text)
    for text in (
        *("168.63.129.16/32", "192.0.0.192/32", "100.100.100.200/32"),  # Azure, Oracle, Alibaba
        *("fd00:ec2::/32", "fd20:ce::254/128", "fd00:c1::a9fe:a9fe/128"),  # AWS with its helpers, Google, Oracle
        *("fd00:100::100:200/128", "fd00:42::42/128", "fd00:a9fe:a9fe::1/128"),  # Alibaba, Scaleway, Linode
    )
]
"""Where clouds keep a machine's keys under an address that is no link's: one that looks public, or private."""


class AddressRefused(InputError):
    """This server does not ask there."""

    code = "address"


class Unreachable(JobError):
    """What is there could not be asked, or did not answer as it should; later it may."""

    code = "unreachable"


@dataclasses.dataclass(frozen=True)
class Destination:
    """An address taken apart. `host` is a name in ASCII or an address without brackets; `target` is what is asked for:
    path and query, percent-encoded."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def place(self) -> str:
        """Host and port as they are written in an address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.place}{self.target}"


def parse(url: str) -> Destination:
    """Take an http(s) address apart, without asking anybody. Raises AddressRefused."""
    url = url.strip()
    if not url:
        raise AddressRefused("Write an address that begins with https:// or http://.")
    _refuse_long(url)
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise AddressRefused("There is a space, a backslash or a control character in this address. Leave it out.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("This address cannot be read. Copy it anew.", detail=str(error)) from error
    if parts.scheme not in PORTS:
        raise AddressRefused("Only addresses that begin with https:// or http:// can be used.")
    if "@" in parts.netloc:
        raise AddressRefused("There is a user name or a password in this address. Give one that works without.")
    found = Destination(parts.scheme, _host(parts.hostname or ""), _port(parts.scheme, port), _target(parts))
    _refuse_long(found.url)  # a letter that has to be encoded takes up to twelve
    return found


def _refuse_long(url: str) -> None:
    if len(url) > LONGEST:
        raise AddressRefused(f"This address is longer than {LONGEST} characters. Give a shorter one.")


def _host(name: str) -> str:
    try:
        return ipaddress.ip_address(name).compressed
    except ValueError:
        pass
    try:
        host = name.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise AddressRefused("The name of the server in this address cannot be right. Copy it anew.") from error
    last = host.rstrip(".").rpartition(".")[2]
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):  # the system would read 127.1, 0177.0.0.1 or 2130706433 as an address
        raise AddressRefused("Write the number of the server as four numbers from 0 to 255 with points between them.")
    if not re.fullmatch(r"(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", host) or len(host) > 254:
        raise AddressRefused("The name of the server in this address cannot be right. Copy it anew.")
    return host


def _port(scheme: str, port: int | None) -> int:
    if port is None:
        return PORTS[scheme]
    if port not in PORTS.values() and (port < FIRST_FREE_PORT or port in BAD_PORTS):
        raise AddressRefused(f"Port {port} is not one of web servers. Use 80, 443 or one from {FIRST_FREE_PORT} on.")
    return port


def _target(parts: SplitResult) -> str:
    """Escapes that are there stay."""
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    return f"{path}?{quote(parts.query, safe='/%:@!$&()*+,;=~?')}" if parts.query else path


# Where it leads ------------------------------------------------------------------------------------------------------


def addresses(destination: Destination, *, private: bool, seconds: float) -> list[Address]:
    """All that its name stands for now. With `private`, this machine and private networks are allowed too.

    Raises AddressRefused when a single one is not allowed, and Unreachable when there is none within `seconds`.
    """
    found = [ipaddress.ip_address(text.partition("%")[0]) for text in _resolved(destination, seconds)]
    if not all(is_allowed(address, private=private) for address in found):
        raise AddressRefused(
            f"“{destination.place}” is not on the public internet, and this server does not ask anywhere else.",
            detail=", ".join(map(str, found)),
        )
    return found


def is_allowed(address: Address, *, private: bool) -> bool:
    """Whether requests may go there. Links, where clouds keep their keys, groups, and what means no machine never."""
    inner = _carried(address)
    if inner is not None:
        return is_allowed(inner, private=private)
    if address.is_multicast or address.is_link_local or address.is_unspecified or _is_among(address, NEVER + CLOUDS):
        return False
    if isinstance(address, ipaddress.IPv6Address):
        is_public = address.is_global and address in UNICAST6
        return is_public or (private and (address.is_loopback or address in ipaddress.ip_network("fc00::/7")))
    return address.is_global or (private and _is_among(address, OWN))


OWN = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")]
OWN.append(ipaddress.ip_network("100.64.0.0/10"))
"""Private networks, this machine, and what providers and overlays share."""


def _carried(address: Address) -> ipaddress.IPv4Address | None:
    """The address that a request to this one reaches in the end."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_among(address: Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address in network for network in networks)


def _resolved(destination: Destination, seconds: float) -> list[str]:
    """The system's resolver has no time limit of its own, so a thread waits for it."""
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(destination.host, destination.port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=max(0.0, seconds))
    except queue.Empty:
        answer = TimeoutError(f"no answer within {seconds:.0f} s")
    if isinstance(answer, OSError) or not answer:
        raise Unreachable(
            f"There is no server of the name {destination.host}. Check the address, then try again.",
            detail=str(answer),
        )
    return answer
