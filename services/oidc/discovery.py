"""The provider's own description, checked. Knows nothing of tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

from services.oidc.errors import ProviderMisconfiguredError

BASIC, POST = "client_secret_basic", "client_secret_post"
Authentication = Literal["client_secret_basic", "client_secret_post"]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What we use of it. `names_issuer`: its answers say who gives them (RFC 9207)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None
    authentication: Authentication
    names_issuer: bool


def address_of(issuer: str) -> str:
    """Where an issuer describes itself."""
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def metadata_of(document: Mapping[str, Any], issuer: str) -> Metadata:
    """Raises ProviderMisconfiguredError for a description of somebody else, or one that leads where it must not."""
    if document.get("issuer") != issuer:
        said = str(document.get("issuer"))[:200]
        raise ProviderMisconfiguredError(f"FOOTNOTE_OIDC_ISSUER is {issuer}, but the provider calls itself {said}.")
    end_session = document.get("end_session_endpoint")
    return Metadata(
        authorization_endpoint=_endpoint(document, "authorization_endpoint", issuer),
        token_endpoint=_endpoint(document, "token_endpoint", issuer),
        jwks_uri=_endpoint(document, "jwks_uri", issuer),
        end_session_endpoint=_endpoint(document, "end_session_endpoint", issuer) if end_session else None,
        authentication=_authentication(document),
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def is_safe(url: str) -> bool:
    """Whether an address is https, or never leaves this machine."""
    try:
        address = urlsplit(url)
        host = address.hostname or ""
    except ValueError:
        return False
    if not host or address.username is not None or address.fragment:
        return False
    return address.scheme == "https" or (address.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether this names the machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _endpoint(document: Mapping[str, Any], name: str, issuer: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or not is_safe(url):
        raise ProviderMisconfiguredError(f"The sign-in provider names no https address as its {name}.")
    if is_loopback(urlsplit(url).hostname or "") and not is_loopback(urlsplit(issuer).hostname or ""):
        raise ProviderMisconfiguredError(f"The sign-in provider's {name} is an address of this machine.")
    return url


def _authentication(document: Mapping[str, Any]) -> Authentication:
    known = document.get("token_endpoint_auth_methods_supported") or [BASIC]
    if BASIC in known:
        return "client_secret_basic"
    if POST in known:
        return "client_secret_post"
    if "none" in known:  # for clients without a secret, who authenticate by neither
        return "client_secret_post"
    raise ProviderMisconfiguredError("The sign-in provider takes a client's secret in no way that we know.")
