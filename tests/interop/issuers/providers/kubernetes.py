"""Kubernetes: projected service account tokens. The keys lie at the API server, whose
address is private."""

from __future__ import annotations

import os
import uuid

from fetching import DISCOVERY, assert_fails, assert_fetches, config_of, move, need_fetching, server
from scene import POD_TOKEN, Scene
from shapes import NOW, Json, Key, Provider, Token, b64

BASE = "https://kubernetes.default.svc.cluster.local"
KEYS_BASE = "https://10.96.0.1:443"


def account(uid: str) -> Json:
    return {
        "namespace": "shop",
        "node": {"name": "node-1", "uid": str(uuid.uuid4())},
        "pod": {"name": "orders-6c4d7f-x2b9k", "uid": str(uuid.uuid4())},
        "serviceaccount": {"name": "orders", "uid": uid},
        "warnafter": NOW + 3607,
    }


def provider(base: str = BASE, keys_base: str = KEYS_BASE) -> Provider:
    keys = [Key("RS256", b64(os.urandom(32))), Key("ES256", b64(os.urandom(32)))]
    claims = {
        "aud": ["orders-api"],
        "exp": NOW + 3607,
        "iat": NOW,
        "iss": base,
        "jti": str(uuid.uuid4()),
        "kubernetes.io": account(str(uuid.uuid4())),
        "nbf": NOW,
        "sub": "system:serviceaccount:shop:orders",
    }
    # The API server's own audience is extended to a year, for old clients.
    extended = {**claims, "aud": ["orders-api", base], "exp": NOW + 365 * 24 * 3600}
    return Provider(
        name="kubernetes",
        base=base,
        issuer=base,
        jwks_uri=f"{keys_base}/openid/v1/jwks",
        keys=[{"use": "sig", "kid": key.kid, "alg": key.alg, **key.public} for key in keys],
        tokens=[
            Token("RS256", keys[0], {"kid": keys[0].kid}, claims),
            Token("ES256", keys[1], {"kid": keys[1].kid}, claims),
            Token("extended", keys[0], {"kid": keys[0].kid}, extended),
        ],
        document={
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        },
        strangers=["https://kubernetes.default.svc", "kubernetes/serviceaccount", f"{base}/"],
    )


def endless(scene: Scene) -> str:
    """Tokens kept in Secrets have neither an end nor an audience."""
    token = scene.provider.tokens[0].sign(exp=None, aud=None, jti=None, nbf=None)
    assert scene.running.reason(token) == "EXPIRY_MISSING"
    return "EXPIRY_MISSING"


def token_of_the_pod(scene: Scene) -> str:
    """The API server shows its keys only to those who bring a token."""
    need_fetching()
    with server(POD_TOKEN) as (keys_base, documents):
        provider = move(scene, BASE, keys_base, documents)
        keys = f'{{ jwks_uri: "{provider.jwks_uri}", bearer_file: token }}'
        assert_fetches(scene, BASE, keys, provider)
    return ""


def private_address(scene: Scene) -> str:
    """The API server's document names its private address, which no document may."""
    need_fetching()
    with server() as (base, documents), server() as (keys_base, key_documents):
        provider = move(scene, base, keys_base, documents)
        key_documents.update(documents)
        config = config_of(scene, base, DISCOVERY)
        assert_fails(scene, config, provider.tokens[0].sign(), "blocked")
    return "blocked: write `jwks_uri`"


SPECIALS = [
    ("token without `exp`, as in a Secret", endless),
    ("keys with the pod's own token", token_of_the_pod),
    ("discovery, keys at a private address", private_address),
]
