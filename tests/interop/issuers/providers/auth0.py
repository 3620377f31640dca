"""Auth0: `iss` ends with a slash; access tokens name the API and `/userinfo` in `aud`."""

from __future__ import annotations

from shapes import HOUR, NOW, Key, Provider, Token, hexes

BASE = "https://example.eu.auth0.com"
API = "https://api.example.com"
CLIENT = "my0iZ8cBx2hQ5rT9vW3yLk1NpOaDfGeS"
SPECIALS: list = []


def provider(base: str = BASE) -> Provider:
    keys = [Key("RS256", hexes(40)) for _ in range(2)]
    key = keys[0]
    issuer = f"{base}/"
    # The order of members is Auth0's.
    jwks = [
        {
            "kty": "RSA",
            "use": "sig",
            **one.public,
            "kid": one.kid,
            "x5t": one.x5t,
            "x5c": one.x5c,
            "alg": "RS256",
        }
        for one in keys
    ]
    user = {
        "iss": issuer,
        "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
        "aud": [API, f"{base}/userinfo"],
        "iat": NOW,
        "exp": NOW + 24 * HOUR,
        "scope": "openid profile read:orders",
        "azp": CLIENT,
        "permissions": ["read:orders", "create:orders"],
    }
    machine = {
        "iss": issuer,
        "sub": f"{CLIENT}@clients",
        "aud": API,
        "iat": NOW,
        "exp": NOW + 24 * HOUR,
        "scope": "read:orders",
        "gty": "client-credentials",
        "azp": CLIENT,
    }
    identity = {
        "nickname": "jsmith",
        "name": "jsmith@example.com",
        "picture": "https://s.gravatar.com/avatar/photo.png",
        "updated_at": "2026-11-20T08:07:14.000Z",
        "email": "jsmith@example.com",
        "email_verified": True,
        "iss": issuer,
        "aud": CLIENT,
        "sub": user["sub"],
        "iat": NOW,
        "exp": NOW + 10 * HOUR,
        "sid": hexes(32),
        "nonce": "n-0S6_WzA2Mj",
    }
    header = {"typ": "JWT", "kid": key.kid}
    rfc9068 = {**user, "jti": hexes(32), "client_id": CLIENT}
    scopes = ["openid", "profile", "read:orders"]
    return Provider(
        name="auth0",
        base=base,
        issuer=issuer,
        jwks_uri=f"{base}/.well-known/jwks.json",
        keys=jwks,
        tokens=[
            Token("access", key, header, user, scopes),
            Token("access, machine", key, header, machine, ["read:orders"]),
            Token("access, RFC 9068", key, {"typ": "at+jwt", "kid": key.kid}, rfc9068, scopes),
            Token("ID", key, header, identity, [], "id"),
        ],
        document={
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/oauth/token",
            "response_types_supported": ["code", "token", "id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["HS256", "RS256", "PS256"],
        },
        strangers=[base, "https://example.us.auth0.com/"],
    )
