"""Each provider by the name that it has in docs/issuers.md: a module with its URL
`BASE`, with `provider(base)`, which makes one under any URL, and with `SPECIALS`, the
checks that only it needs. `KEYS_BASE`, where there is one, is the other host on which
the keys lie, and the second argument of `provider`."""

from __future__ import annotations

from types import ModuleType

from providers import auth0, cognito, entra_v1, entra_v2, github, google, keycloak, kubernetes, okta, spiffe

ALL: dict[str, ModuleType] = {
    "google": google,
    "entra": entra_v2,
    "entra-v1": entra_v1,
    "auth0": auth0,
    "keycloak": keycloak,
    "okta": okta,
    "github-actions": github,
    "cognito": cognito,
    "kubernetes": kubernetes,
    "spire": spiffe,
}
