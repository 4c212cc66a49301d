"""Sign-in by a company's own service (OpenID Connect), as the environment sets it up."""

import dataclasses
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.text import slugify

from videoservice import env

ON_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


@dataclasses.dataclass(frozen=True)
class Company:
    """The service: what it is called on the button, where it is, and what its answers mean here."""

    name: str
    issuer: str
    client_id: str
    secret: str = dataclasses.field(repr=False)
    only: bool
    """Nobody signs in or up any other way."""
    scope: tuple[str, ...]
    domains: tuple[str, ...]
    """Where it need not say that an address is verified: it alone gives addresses of these domains."""
    operator_group: str
    groups_claim: str

    @property
    def slug(self) -> str:
        """Names the service in addresses and rows. Another issuer has another one: who is 7 there is not our 7."""
        parts = urlsplit(self.issuer)
        return slugify(f"{parts.netloc}{parts.path}".replace(".", "-").replace("/", "-").replace(":", "-"))

    @property
    def providers(self) -> dict[str, Any]:
        """allauth's SOCIALACCOUNT_PROVIDERS."""
        app = {
            "provider_id": self.slug,
            "name": self.name,
            "client_id": self.client_id,
            "secret": self.secret,
            "settings": {
                "server_url": self.issuer,
                "oauth_pkce_enabled": True,
                "scope": list(self.scope),
                "verified_email": list(self.domains),
            },
        }
        return {"openid_connect": {"APPS": [app]}}


def read() -> Company | None:
    """None where none is set up. Raises ImproperlyConfigured with what is missing."""
    issuer = env.text("OIDC_ISSUER").rstrip("/")
    if not issuer:
        if env.flag("OIDC_ONLY"):
            raise ImproperlyConfigured("OIDC_ONLY is set, but OIDC_ISSUER is not: nobody could sign in.")
        return None
    parts = urlsplit(issuer)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ON_THIS_MACHINE):
        raise ImproperlyConfigured("OIDC_ISSUER has to begin with https: its answers decide who is who.")
    missing = [name for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET") if not env.text(name)]
    if missing:
        raise ImproperlyConfigured(f"OIDC_ISSUER is set, so {' and '.join(missing)} has to be set too.")
    return Company(
        name=env.text("OIDC_NAME", parts.hostname or issuer),
        issuer=issuer,
        client_id=env.text("OIDC_CLIENT_ID"),
        secret=env.text("OIDC_CLIENT_SECRET"),
        only=env.flag("OIDC_ONLY"),
        scope=tuple(env.text("OIDC_SCOPE", "openid profile email").split()),
        domains=tuple(env.words("OIDC_VERIFIED_DOMAINS")),
        operator_group=env.text("OIDC_OPERATOR_GROUP"),
        groups_claim=env.text("OIDC_GROUPS_CLAIM", "groups"),
    )
