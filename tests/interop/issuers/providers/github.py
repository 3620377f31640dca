"""GitHub Actions: ID tokens of workflow runs, signed by one RSA key at a time."""

from __future__ import annotations

import uuid

from shapes import NOW, Key, Provider, Token

BASE = "https://token.actions.githubusercontent.com"
REPOSITORY = "octo-org/octo-repo"
SHA = "c9ed89cf4dacf01feb527c42a26e0a8920d14c61"
SPECIALS: list = []


def provider(base: str = BASE) -> Provider:
    keys = [Key("RS256", str(uuid.uuid4()).upper()), Key("RS256")]
    workflow = f"{REPOSITORY}/.github/workflows/deploy.yml@refs/heads/main"
    claims = {
        "jti": str(uuid.uuid4()),
        "sub": f"repo:{REPOSITORY}:ref:refs/heads/main",
        "aud": "https://github.com/octo-org",
        "ref": "refs/heads/main",
        "sha": SHA,
        "repository": REPOSITORY,
        "repository_owner": "octo-org",
        "repository_owner_id": "65",
        "run_id": "22259804324",
        "run_number": "10",
        "run_attempt": "2",
        "repository_visibility": "private",
        "repository_id": "74",
        "actor_id": "12",
        "actor": "octocat",
        "workflow": "deploy",
        "head_ref": "",
        "base_ref": "",
        "event_name": "workflow_dispatch",
        "ref_protected": "true",
        "ref_type": "branch",
        "workflow_ref": workflow,
        "workflow_sha": SHA,
        "job_workflow_ref": workflow,
        "job_workflow_sha": SHA,
        "runner_environment": "github-hosted",
        "iss": base,
        "nbf": NOW - 600,
        "exp": NOW + 300,
        "iat": NOW,
    }
    deployment = {**claims, "sub": f"repo:{REPOSITORY}:environment:production", "environment": "production"}
    jwks = [
        {**key.public, "kid": key.kid, "alg": "RS256", "use": "sig", "x5c": key.x5c, "x5t": key.x5t}
        for key in keys
    ]
    return Provider(
        name="github-actions",
        base=base,
        issuer=base,
        jwks_uri=f"{base}/.well-known/jwks",
        keys=jwks,
        tokens=[
            Token(kind, key, {"typ": "JWT", "x5t": key.x5t, "kid": key.kid}, one)
            for kind, key, one in [("ID", keys[0], claims), ("ID, environment", keys[1], deployment)]
        ],
        document={
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "claims_supported": sorted(claims),
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
        },
        # An enterprise can have an `iss` with its name at the end.
        strangers=[f"{base}/octo-enterprise", f"{base}/"],
    )
