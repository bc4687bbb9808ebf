"""Signing in at the company's own provider, and showing its access tokens, where one is configured."""

from datetime import timedelta

from services.access_tokens import AccessTokens
from services.db.provider_sessions import ProviderSessions
from services.db.token_holders import TokenHolders
from services.oidc.person import Rules
from services.oidc.provider import Client, Provider
from services.oidc.transport import Transport
from services.settings import Settings
from services.single_sign_on import SingleSignOn
from services.wiring.core import Core, revealed

CALLBACK = "/v1/sessions/oidc/callback"


def sign_in_provider(core: Core) -> Provider | None:
    """None where FOOTNOTE_OIDC_ISSUER is not set. It is asked when the first person signs in."""
    settings = core.settings
    if not settings.oidc_issuer:
        return None
    client = Client(
        issuer=settings.oidc_issuer,
        id=settings.oidc_client_id,
        secret=revealed(settings.oidc_client_secret),
        scopes=settings.oidc_scopes,
        redirect_uri=f"{settings.public_url}{CALLBACK}",
    )
    return Provider(client, Transport())


def single_sign_on(core: Core, provider: Provider | None) -> SingleSignOn | None:
    """None where there is no provider."""
    if provider is None:
        return None
    settings = core.settings
    sessions = ProviderSessions(core.database, holds=timedelta(minutes=settings.oidc_refresh_minutes))
    return SingleSignOn(provider, sessions, _rules(settings), name=settings.oidc_name)


def access_tokens(core: Core, provider: Provider | None) -> AccessTokens | None:
    """None where there is no provider, or FOOTNOTE_OIDC_AUDIENCE is not set."""
    audience = core.settings.oidc_audience
    if provider is None or not audience:
        return None
    return AccessTokens(provider, TokenHolders(core.database), _rules(core.settings), audience=audience)


def _rules(settings: Settings) -> Rules:
    return Rules(
        groups_claim=settings.oidc_groups_claim,
        groups_prefix=settings.oidc_groups_prefix,
        admin_group=settings.oidc_admin_group,
        domains=settings.sign_in_domains,
        link=settings.oidc_link_accounts,
    )
