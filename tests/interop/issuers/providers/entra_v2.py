"""Microsoft Entra ID, tokens of version 2.0. Keys have no `alg`, and are named by their
certificates; tenants share keys, so that only `iss` tells them apart."""

from __future__ import annotations

from fetching import DISCOVERY, assert_fails, config_of, move, need_fetching, server
from scene import Scene
from shapes import HOUR, NOW, Json, Key, Provider, Token, b64, hexes

BASE = "https://login.microsoftonline.com"
TENANT = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
API = "00001111-aaaa-2222-bbbb-3333cccc4444"
CLIENT = "11112222-bbbb-3333-cccc-4444dddd5555"
# Where personal accounts live. Its key is in the sets of other tenants too.
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
CONSUMERS_KEY = Key("RS256")


def jwk(key: Key, issuer: str) -> Json:
    return {
        "kty": "RSA",
        "use": "sig",
        "kid": key.kid,
        "x5t": key.x5t,
        **key.public,
        "x5c": key.x5c,
        "cloud_instance_name": "microsoftonline.com",
        "issuer": issuer,
    }


def provider(base: str = BASE) -> Provider:
    keys = [Key("RS256"), Key("RS256")]
    issuer = f"{base}/{TENANT}/v2.0"
    common = {
        "iss": issuer,
        "iat": NOW - 300,
        "nbf": NOW - 300,
        "exp": NOW + HOUR,
        "aio": b64(hexes(96).encode()),
        "oid": "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb",
        "rh": "0.AAAAq7u7qgAAzMwRERERERERER0AAAA.",
        "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        "tid": TENANT,
        "uti": "fqiBqXLPj0eQa82S-IYFAA",
        "ver": "2.0",
    }
    user = {
        **common,
        "aud": API,
        "azp": CLIENT,
        "azpacr": "0",
        "name": "J. Smith",
        "preferred_username": "jsmith@example.com",
        "roles": ["Orders.Approver"],
        "scp": "Orders.Read Orders.Write",
    }
    # An application by itself has roles, and no `scp`.
    application = {**common, "aud": API, "azp": CLIENT, "azpacr": "1", "roles": ["Orders.Read.All"]}
    identity = {
        **common,
        "aud": CLIENT,
        "name": "J. Smith",
        "nonce": "12345",
        "preferred_username": "jsmith@example.com",
    }
    header = {"typ": "JWT", "kid": keys[0].kid}
    return Provider(
        name="entra",
        base=base,
        issuer=issuer,
        jwks_uri=f"{base}/{TENANT}/discovery/v2.0/keys",
        keys=[
            *(jwk(key, f"{base}/{{tenantid}}/v2.0") for key in keys),
            jwk(CONSUMERS_KEY, f"{base}/{CONSUMERS}/v2.0"),
        ],
        tokens=[
            Token("access", keys[0], header, user, ["Orders.Read", "Orders.Write"]),
            Token("access, application", keys[1], {**header, "kid": keys[1].kid}, application, [], "applications"),
            Token("ID", keys[0], header, identity, [], "id"),
        ],
        document={
            "token_endpoint": f"{base}/{TENANT}/oauth2/v2.0/token",
            "response_types_supported": ["code", "id_token", "code id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
        },
        strangers=[f"{base}/{CONSUMERS}/v2.0", f"{base}/common/v2.0", f"https://sts.windows.net/{TENANT}/"],
    )


def template_is_no_issuer(scene: Scene) -> str:
    """The `common` document names a template; it is text like any other."""
    issuer = scene.provider.issuer
    config = scene.config.replace(issuer, issuer.replace(TENANT, "{tenantid}"))
    assert config != scene.config
    with scene.daemon(config) as daemon:
        assert daemon.reason(scene.provider.tokens[0].sign()) == "ISSUER_UNKNOWN"
    return "ISSUER_UNKNOWN: list the tenants' own values"


def template_is_not_discovered(scene: Scene) -> str:
    """The document under `common` does not speak of the issuer that was asked for."""
    need_fetching()
    with server() as (base, documents):
        provider = move(scene, base, base, documents)
        common = f"{base}/common/v2.0"
        document = {**provider.discovery(), "issuer": f"{base}/{{tenantid}}/v2.0"}
        documents["/common/v2.0/.well-known/openid-configuration"] = document
        config = config_of(scene, base, DISCOVERY).replace(provider.issuer, common)
        assert_fails(scene, config, provider.tokens[0].sign(iss=common), "{tenantid}")
    return "the log says that the metadata are another issuer's"


def key_of_another_tenant(scene: Scene) -> str:
    """Microsoft binds keys to tenants by a member of its own, which jwtd, like RFC 7517,
    does not know. It takes Microsoft's key all the same."""
    token = scene.provider.tokens[0].sign({"kid": CONSUMERS_KEY.kid}, CONSUMERS_KEY)
    assert scene.running.reason(token) == "OK"
    return "permitted: the member `issuer` of a key is not looked at"


SPECIALS = [
    ("issuer of the `common` document", template_is_no_issuer),
    ("discovery under `common`", template_is_not_discovered),
    ("key that Microsoft binds to another tenant", key_of_another_tenant),
]
