"""Microsoft Entra ID, access tokens of version 1.0: another `iss`, another `aud`."""

from __future__ import annotations

from providers.entra_v2 import CLIENT, TENANT
from shapes import HOUR, NOW, Key, Provider, Token

BASE = "https://sts.windows.net"
KEYS_BASE = "https://login.microsoftonline.com"
API = "api://00001111-aaaa-2222-bbbb-3333cccc4444"
SPECIALS: list = []


def provider(base: str = BASE, keys_base: str = KEYS_BASE) -> Provider:
    keys = [Key("RS256"), Key("RS256")]
    issuer = f"{base}/{TENANT}/"
    common = {
        "aud": API,
        "iss": issuer,
        "iat": NOW - 300,
        "nbf": NOW - 300,
        "exp": NOW + HOUR,
        "appid": CLIENT,
        "oid": "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb",
        "rh": "0.AAAAq7u7qgAAzMwRERERERERER0AAAA.",
        "sub": "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA",
        "tid": TENANT,
        "uti": "fqiBqXLPj0eQa82S-IYFAA",
        "ver": "1.0",
    }
    user = {
        **common,
        "acr": "1",
        "aio": "AXQAi/8TAAAAFm+E/QTG+gFnVxLjWdw8K+61AGrSOuMMF6ebaMj7XO3I",
        "amr": ["pwd", "mfa"],
        "appidacr": "0",
        "family_name": "Smith",
        "given_name": "J.",
        "ipaddr": "203.0.113.7",
        "name": "J. Smith",
        "scp": "user_impersonation",
        "unique_name": "jsmith@example.com",
        "upn": "jsmith@example.com",
    }
    idp = {"appidacr": "1", "idp": issuer, "roles": ["Orders.Read.All"]}
    return Provider(
        name="entra-v1",
        base=base,
        issuer=issuer,
        jwks_uri=f"{keys_base}/common/discovery/keys",
        keys=[
            {"kty": "RSA", "use": "sig", "kid": key.kid, "x5t": key.x5t, **key.public, "x5c": key.x5c}
            for key in keys
        ],
        tokens=[
            Token(kind, key, {"typ": "JWT", "x5t": key.x5t, "kid": key.kid}, claims, scopes, profile)
            for kind, key, claims, scopes, profile in [
                ("access", keys[0], user, ["user_impersonation"], ""),
                ("access, application", keys[1], {**common, **idp}, [], "applications"),
            ]
        ],
        document={
            "token_endpoint": f"{keys_base}/{TENANT}/oauth2/token",
            "response_types_supported": ["code", "id_token", "token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        },
        strangers=[f"{base}/{TENANT}", f"https://login.microsoftonline.com/{TENANT}/v2.0"],
    )
