"""Whom the claims of a token name, by the operator's rules. Knows nothing of tokens or accounts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from retrieval.access import GRANT
from retrieval.storable import storable
from services.oidc.errors import SignInRefusedError

EMAIL = re.compile(r"[^\s@:,\x00]+@[^\s@:,\x00]+")
MAX_EMAIL = 190  # of what a grant `user:<email>` may name
MAX_NAME = 200
# Anybody may open an account there with an address of your company, and keep it when they leave: what says that the
# company itself has the account is the claim hd.
GOOGLE = "https://accounts.google.com"
_UNFIT = re.compile(r"[\s:,]+")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator says of the claims. `admin_group` is the provider's name, the prefix is ours."""

    groups_claim: str
    groups_prefix: str
    admin_group: str
    domains: frozenset[str]
    link: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What somebody may be by a token, whoever they are. `groups` are ours by name."""

    groups: frozenset[str]
    is_admin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(Standing):
    """Somebody whom the provider knows. `email_verified` None: it does not say."""

    issuer: str
    subject: str
    email: str
    email_verified: bool | None
    name: str


def person_of(claims: Mapping[str, Any], rules: Rules) -> Person:
    """Raises as `email_of`. What is left out of their groups is logged."""
    email, verified = email_of(claims, rules)
    name = next((str(claims[key]) for key in ("name", "preferred_username") if claims.get(key)), email)
    standing = standing_of(claims, rules)
    _log_what_is_left_out(claims, rules)
    return Person(
        issuer=str(claims["iss"]),
        subject=str(claims["sub"]),
        email=email,
        email_verified=verified,
        name=" ".join(storable(name).split())[:MAX_NAME] or email,
        groups=standing.groups,
        is_admin=standing.is_admin,
    )


def email_of(claims: Mapping[str, Any], rules: Rules) -> tuple[str, bool | None]:
    """The address, and whether it is verified. Raises SignInRefusedError where it is none that may sign in here:
    `oidc_no_email`, `oidc_email_unverified`, `oidc_domain`.
    """
    email = storable(str(claims.get("email") or "")).strip().casefold()
    if not EMAIL.fullmatch(email) or len(email) > MAX_EMAIL:
        raise SignInRefusedError("The sign-in provider names no e-mail address.", code="oidc_no_email")
    verified = _verified(claims.get("email_verified"))
    if verified is False:
        raise SignInRefusedError(
            "The sign-in provider has not verified this e-mail address.", code="oidc_email_unverified"
        )
    _check_domain(claims, email, rules.domains)
    return email, verified


def standing_of(claims: Mapping[str, Any], rules: Rules) -> Standing:
    """The groups that claims name, as far as grants can carry them, and whether that of administrators is one."""
    theirs = _theirs(claims, rules.groups_claim)
    return Standing(
        groups=frozenset(filter(None, (_ours(group, rules.groups_prefix) for group in theirs))),
        is_admin=bool(rules.admin_group) and rules.admin_group.casefold() in {group.casefold() for group in theirs},
    )


def _verified(said: object) -> bool | None:
    """Some providers write it as a text."""
    if said is None:
        return None
    return said is True or said == "true"


def _check_domain(claims: Mapping[str, Any], email: str, domains: frozenset[str]) -> None:
    domain = str(claims.get("hd") or "").casefold() if claims["iss"] == GOOGLE else email.rpartition("@")[2]
    if domains and domain not in domains:
        raise SignInRefusedError("People of this domain may not sign in here.", code="oidc_domain")


def _theirs(claims: Mapping[str, Any], claim: str) -> list[str]:
    said = claims.get(claim)
    listed = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    return [group for group in listed if isinstance(group, str)]


def _ours(group: str, prefix: str) -> str | None:
    """A group's name as grants can carry it; None where there is none."""
    name = prefix + _UNFIT.sub("-", storable(group).strip().strip("/"))
    fits = {".", "..", ""}.isdisjoint(name.split("/")) and GRANT.fullmatch(f"group:{name.casefold()}")
    return name.casefold() if fits else None


def _log_what_is_left_out(claims: Mapping[str, Any], rules: Rules) -> None:
    """At a sign-in, not at each request with a token."""
    elsewhere = claims.get("_claim_names")
    if claims.get(rules.groups_claim) is None and isinstance(elsewhere, dict) and rules.groups_claim in elsewhere:
        # Entra ID names no groups where there are too many: then nobody is in any.
        _log.warning("oidc_groups_not_named", subject=claims["sub"], next="assign fewer groups to the application")
    for group in _theirs(claims, rules.groups_claim):
        if _ours(group, rules.groups_prefix) is None:
            _log.warning("oidc_group_left_out", group=group[:200])
