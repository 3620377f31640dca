"""Amazon Cognito user pools: access tokens have a `client_id` and no `aud`."""

from __future__ import annotations

import base64
import os
import uuid

from scene import Scene
from shapes import HOUR, NOW, Key, Provider, Token, b64

BASE = "https://cognito-idp.eu-west-1.amazonaws.com"
POOL = "eu-west-1_EXAMPLE01"
CLIENT = "57cbishk4j24pabc1234567890"


def provider(base: str = BASE) -> Provider:
    # Plain base64, padding and all: nobody may take a `kid` for base64url.
    ids = [base64.b64encode(b"\xfb\xef" + os.urandom(30)).decode() for _ in range(2)]
    for_identity, for_access = [Key("RS256", kid) for kid in ids]
    issuer = f"{base}/{POOL}"
    common = {
        "sub": str(uuid.uuid4()),
        "cognito:groups": ["orders-admins"],
        "iss": issuer,
        "origin_jti": str(uuid.uuid4()),
        "event_id": str(uuid.uuid4()),
        "auth_time": NOW,
        "exp": NOW + HOUR,
        "iat": NOW,
        "jti": str(uuid.uuid4()),
    }
    access = {
        **common,
        "version": 2,
        "client_id": CLIENT,
        "token_use": "access",
        "scope": "aws.cognito.signin.user.admin openid",
        "username": "jsmith",
    }
    identity = {
        **common,
        "at_hash": b64(os.urandom(16)),
        "email_verified": True,
        "cognito:username": "jsmith",
        "aud": CLIENT,
        "token_use": "id",
        "email": "jsmith@example.com",
    }
    scopes = ["aws.cognito.signin.user.admin", "openid"]
    return Provider(
        name="cognito",
        base=base,
        issuer=issuer,
        jwks_uri=f"{issuer}/.well-known/jwks.json",
        keys=[
            {"alg": "RS256", **key.public, "kid": key.kid, "use": "sig"} for key in (for_identity, for_access)
        ],
        tokens=[
            Token("access", for_access, {"kid": for_access.kid}, access, scopes),
            Token("ID", for_identity, {"kid": for_identity.kid}, identity, [], "id"),
        ],
        document={
            "authorization_endpoint": "https://shop.auth.eu-west-1.amazoncognito.com/oauth2/authorize",
            "response_types_supported": ["code", "token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        },
        strangers=[f"{base}/eu-west-1_EXAMPLE02", f"{issuer}/"],
    )


def profiles_tell_kinds_apart(scene: Scene) -> str:
    access, identity = scene.provider.tokens
    assert scene.running.reason(access.sign(), "id") == "AUDIENCE_MISSING"
    assert scene.running.reason(identity.sign()) == "CLAIM_NOT_ALLOWED"
    return "AUDIENCE_MISSING, CLAIM_NOT_ALLOWED"


def other_client(scene: Scene) -> str:
    token = scene.provider.tokens[0].sign(client_id="1example23456789")
    assert scene.running.reason(token) == "CLAIM_NOT_ALLOWED"
    return "CLAIM_NOT_ALLOWED"


SPECIALS = [
    ("a kind in the other's profile", profiles_tell_kinds_apart),
    ("access token of another client", other_client),
]
