"""Google: ID tokens of Sign in with Google. `iss` is a URL or, from older endpoints,
a bare host; the keys lie on another host than the discovery document."""

from __future__ import annotations

import os

from shapes import HOUR, NOW, Key, Provider, Token, b64, hexes

BASE = "https://accounts.google.com"
KEYS_BASE = "https://www.googleapis.com"
CLIENT = "407408718192-8f3k2q.apps.googleusercontent.com"
SPECIALS: list = []


def provider(base: str = BASE, keys_base: str = KEYS_BASE) -> Provider:
    keys = [Key("RS256", hexes(40)) for _ in range(2)]
    claims = {
        "iss": base,
        "azp": CLIENT,
        "aud": CLIENT,
        "sub": "110169484474386276334",
        "hd": "example.com",
        "email": "jsmith@example.com",
        "email_verified": True,
        "at_hash": b64(os.urandom(16)),
        "nonce": "0394852-3190485-2490358",
        "name": "J. Smith",
        "picture": "https://lh3.googleusercontent.com/a/photo=s96-c",
        "given_name": "J.",
        "family_name": "Smith",
        "iat": NOW,
        "exp": NOW + HOUR,
    }
    # Sign in with Google: no access token, hence no `at_hash`.
    button = {name: value for name, value in claims.items() if name != "at_hash"}
    button.update(nbf=NOW - 300, jti=hexes(40))
    return Provider(
        name="google",
        base=base,
        issuer=base,
        jwks_uri=f"{keys_base}/oauth2/v3/certs",
        keys=[{**key.public, "kid": key.kid, "alg": "RS256", "use": "sig"} for key in keys],
        tokens=[
            Token("ID", keys[0], {"kid": keys[0].kid, "typ": "JWT"}, claims),
            Token("ID, button", keys[1], {"kid": keys[1].kid, "typ": "JWT"}, button),
            Token(
                "ID, `iss` a host", keys[1], {"kid": keys[1].kid}, {**claims, "iss": "accounts.google.com"}
            ),
        ],
        document={
            "authorization_endpoint": f"{base}/o/oauth2/v2/auth",
            "response_types_supported": ["code", "token", "id_token", "code token", "none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        },
        strangers=[f"{base}/", "https://securetoken.google.com/demo"],
    )
