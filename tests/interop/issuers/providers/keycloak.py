"""Keycloak: each realm publishes a key for encryption beside the one that signs, and
signs refresh tokens with a secret that it keeps."""

from __future__ import annotations

import os
import uuid

import jwt

from scene import Scene
from shapes import NOW, Json, Key, Provider, Token, b64

BASE = "https://keycloak.example.com"
CLIENT = "orders-web"
API = "orders-api"
ENCRYPTION = b64(os.urandom(32))
ENCRYPTION_KEY = Key("RS256", ENCRYPTION)


def jwk(key: Key, use: str, alg: str) -> Json:
    return {
        "kid": key.kid,
        "kty": "RSA",
        "alg": alg,
        "use": use,
        "x5c": key.x5c,
        "x5t": key.x5t,
        **key.public,
    }


def provider(base: str = BASE) -> Provider:
    key = Key("RS256", b64(os.urandom(32)))
    issuer = f"{base}/realms/shop"
    session = str(uuid.uuid4())
    common = {
        "exp": NOW + 300,
        "iat": NOW,
        "auth_time": NOW - 60,
        "jti": f"onrtac:{uuid.uuid4()}",
        "iss": issuer,
        "sub": str(uuid.uuid4()),
        "azp": CLIENT,
        "sid": session,
        "acr": "1",
        "email_verified": True,
        "preferred_username": "jsmith",
    }
    access = {
        **common,
        # An Audience mapper of the client adds the API.
        "aud": [API, "account"],
        "typ": "Bearer",
        "allowed-origins": ["https://shop.example.com"],
        "realm_access": {"roles": ["default-roles-shop", "offline_access", "uma_authorization"]},
        "resource_access": {"account": {"roles": ["manage-account", "view-profile"]}},
        "scope": "openid email profile",
    }
    identity = {**common, "aud": CLIENT, "typ": "ID", "at_hash": b64(os.urandom(16))}
    header = {"typ": "JWT", "kid": key.kid}
    scopes = ["openid", "email", "profile"]
    return Provider(
        name="keycloak",
        base=base,
        issuer=issuer,
        jwks_uri=f"{issuer}/protocol/openid-connect/certs",
        keys=[jwk(ENCRYPTION_KEY, "enc", "RSA-OAEP"), jwk(key, "sig", "RS256")],
        tokens=[
            Token("access", key, header, access, scopes),
            # With the client's setting `Use "at+jwt" as access token header type`.
            Token("access, RFC 9068", key, {**header, "typ": "at+jwt"}, access, scopes),
            Token("ID", key, header, identity, [], "id"),
        ],
        document={
            "token_endpoint": f"{issuer}/protocol/openid-connect/token",
            "response_types_supported": ["code", "none", "id_token", "token"],
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported": ["PS384", "RS384", "EdDSA", "ES384", "HS256", "RS256"],
        },
        # Before version 17 there was `/auth` in front.
        strangers=[f"{base}/auth/realms/shop", f"{base}/realms/master", f"{issuer}/"],
    )


def encryption_key(scene: Scene) -> str:
    """The holder of the decryption key cannot sign in the realm's name."""
    token = scene.provider.tokens[0].sign({"kid": ENCRYPTION}, ENCRYPTION_KEY)
    assert scene.running.reason(token) == "KEY_UNKNOWN"
    return "KEY_UNKNOWN"


def refresh_token(scene: Scene) -> str:
    claims = {**scene.provider.tokens[0].claims, "typ": "Refresh", "aud": scene.provider.issuer}
    headers = {"kid": str(uuid.uuid4())}
    token = jwt.encode(claims, os.urandom(64), algorithm="HS512", headers=headers)
    assert scene.running.reason(token) == "ALGORITHM_NOT_ALLOWED"
    return "ALGORITHM_NOT_ALLOWED"


def without_mapper(scene: Scene) -> str:
    """Tokens that every client of the realm gets."""
    assert scene.running.reason(scene.provider.tokens[0].sign(aud="account")) == "AUDIENCE_MISMATCH"
    return "AUDIENCE_MISMATCH"


SPECIALS = [("access token for `account`", without_mapper), ("signed with the encryption key", encryption_key), ("refresh token", refresh_token)]
