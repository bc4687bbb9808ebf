"""Signing in at the company's own provider, where one is configured."""

from datetime import timedelta

from services.db.provider_sessions import ProviderSessions
from services.oidc.person import Rules
from services.oidc.provider import Client, Provider
from services.oidc.transport import Transport
from services.single_sign_on import SingleSignOn
from services.wiring.core import Core, revealed

CALLBACK = "/v1/sessions/oidc/callback"


def single_sign_on(core: Core) -> SingleSignOn | None:
    """None where FOOTNOTE_OIDC_ISSUER is not set. The provider is asked when the first person signs in."""
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
    rules = Rules(
        groups_claim=settings.oidc_groups_claim,
        groups_prefix=settings.oidc_groups_prefix,
        admin_group=settings.oidc_admin_group,
        domains=settings.sign_in_domains,
        link=settings.oidc_link_accounts,
    )
    sessions = ProviderSessions(core.database, holds=timedelta(minutes=settings.oidc_refresh_minutes))
    return SingleSignOn(Provider(client, Transport()), sessions, rules, name=settings.oidc_name)
