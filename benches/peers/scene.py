"""The keys, the tokens, and the daemons that know them."""

import dataclasses
import functools
import json
import pathlib
import subprocess

ISSUER, AUDIENCE = "https://issuer.example", "orders-api"
COUNT = 256
# The claims of a common provider's access token besides the registered ones.
CLAIMS = {
    "client_id": "orders-web",
    "tenant": "b7f1c1f0-5d3e-4c0e-9a51-0c4d7d1f7a10",
    "email": "alice@customer.example",
    "roles": ["user", "ops"],
}
CONFIG = """\
listen: [{{ unix: {socket} }}]
admin: off
drain_delay: 0s
issuers:
  peers: {{ issuer: {issuer}, audiences: [{audience}], algorithms: [{algorithm}], keys: {{ {keys} }} }}
ext_authz: {{ claims_to_headers: [{{ claim: sub, header: x-jwt-sub }}] }}
{cache}
"""


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Tokens of one algorithm, and the key that fits them."""

    algorithm: str
    file: pathlib.Path
    jwk: pathlib.Path
    keys: str
    mean_bytes: int


class Scene:
    def __init__(self, daemon, folder, processes):
        self.daemon, self.folder, self.processes = daemon, folder, processes

    @functools.cache
    def tokens(self, algorithm):
        def run(*command):
            return subprocess.run([self.daemon, *command], check=True, capture_output=True, text=True).stdout

        private = self.folder / f"{algorithm}.key"
        public = run("keygen", "--alg", algorithm, "--private", private)
        secret = algorithm.startswith("HS")
        jwks = self.folder / f"{algorithm}.jwks"
        jwks.write_text(private.read_text() if secret else public)
        jwk = self.folder / f"{algorithm}.jwk"
        jwk.write_text(json.dumps(json.loads(jwks.read_text())["keys"][0]))
        file = self.folder / f"{algorithm}.tokens"
        claims = ["--iss", ISSUER, "--aud", AUDIENCE, "--sub", "alice", "--scope", "orders.read", "--scope", "orders.write"]
        signed = run("sign", "--key", private, *claims, "--claims", json.dumps(CLAIMS), "--exp", "+4h", "--count", str(COUNT))
        file.write_text(signed)
        keys = f"secret_file: {jwks}, secret_format: jwks" if secret else f"jwks_file: {jwks}"
        return Tokens(algorithm, file, jwk, keys, len(signed) // COUNT - 1)

    @functools.cache
    def serving(self, algorithm, cached):
        """Starts a daemon; returns it and its socket. It runs until the end, because an idle one costs nothing."""
        name = f"{algorithm}-{'cached' if cached else 'cold'}"
        socket, config = self.folder / f"{name}.sock", self.folder / f"{name}.yaml"
        config.write_text(
            CONFIG.format(
                socket=socket,
                issuer=ISSUER,
                audience=AUDIENCE,
                algorithm=algorithm,
                keys=self.tokens(algorithm).keys,
                cache="" if cached else "cache: { max_bytes: 0 }",
            )
        )
        command = [self.daemon, "serve", "--config", config]
        health = [self.daemon, "health", "--endpoint", f"unix://{socket}"]
        process = self.processes.serve(
            command, self.folder / f"{name}.log", lambda: subprocess.run(health, capture_output=True).returncode == 0
        )
        return process, socket
