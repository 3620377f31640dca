"""Envoy in front of a server, with a listener for each way to verify a token."""

import functools
import json
import pathlib
import re
import socket
import subprocess
import sys

from rows import Row
from scene import AUDIENCE, ISSUER

REPOSITORY = pathlib.Path(__file__).parents[3]
INTEROP = REPOSITORY / "tests" / "interop" / "envoy"
sys.path.append(str(INTEROP))
from parts import blocks, free_port, indented  # noqa: E402 - its folder is known only now

BINARY = INTEROP / ".venv" / "envoy"
LOAD = pathlib.Path(__file__).parent / "load.py"
ALGORITHMS = ["RS256", "ES256"]

JWT_AUTHN = """\
  - name: envoy.filters.http.jwt_authn
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
      providers:
        peers:
          issuer: {issuer}
          audiences: [{audience}]
          claim_to_headers: [{{ claim_name: sub, header_name: x-jwt-sub }}]
          {cache}
          local_jwks: {{ inline_string: {jwks} }}
      rules: [{{ match: {{ prefix: / }}, requires: {{ provider_name: peers }} }}]
"""
LISTENER = """\
    - name: {name}
      address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: {name}
                route_config:
                  virtual_hosts: [{{ name: all, domains: ["*"], routes: [{{ match: {{ prefix: / }}, {action} }}] }}]
{filters}
"""
SERVER = """
name: server
type: STATIC
load_assignment:
  cluster_name: server
  endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }} }}] }}]
"""


def reachable(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Proxy:
    def __init__(self, scene):
        self.scene = scene

    @functools.cached_property
    def version(self):
        said = subprocess.run([BINARY, "--version"], check=True, capture_output=True, text=True).stdout
        return re.search(r"/(\d+\.\d+\.\d+)/", said)[1]

    @functools.cached_property
    def running(self):
        """Starts Envoy; returns the process, and the port of each way."""
        server = free_port()
        answer = "direct_response: { status: 200 }"
        self.serve("server", self.listener("server", server, self.router, answer), "", server)
        filters = dict(self.filters())
        ports = {way: free_port() for way in filters}
        listeners = "".join(
            self.listener("-".join(map(str, way)), ports[way], text, "route: { cluster: server }")
            for way, text in filters.items()
        )
        clusters = [SERVER.format(port=server), *map(self.cluster, ALGORITHMS * 2, [False, False, True, True])]
        clusters = "".join("    -\n" + indented(text, 6) for text in clusters)
        return self.serve("proxy", listeners, clusters, list(ports.values())[-1]), ports

    def serve(self, name, listeners, clusters, port):
        config = self.scene.folder / f"{name}.yaml"
        config.write_text(f"static_resources:\n  listeners:\n{listeners}\n  clusters:\n{clusters}")
        command = [BINARY, "-c", config, "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
        return self.scene.processes.serve(command, self.scene.folder / f"{name}.log", lambda: reachable(port))

    @staticmethod
    def listener(name, port, filters, action):
        return LISTENER.format(name=name, port=port, action=action, filters=indented(filters, 16))

    @functools.cached_property
    def page(self):
        """The filters and the cluster, as the page has them."""
        return blocks()[1:3]

    @property
    def router(self):
        filters = self.page[0]
        return "http_filters:\n" + filters[filters.index("  - name: envoy.filters.http.router"):]

    def filters(self):
        """Ways, and the filters of each."""
        for algorithm in ALGORITHMS:
            yield ("no filter", algorithm, None), self.router
            for cached in (False, True):
                yield ("jwt_authn", algorithm, cached), self.jwt_authn(algorithm, cached)
                asking = re.sub(r"(name: )jwtd\b", rf"\1{self.cluster_name(algorithm, cached)}", self.page[0])
                yield ("ext_authz", algorithm, cached), asking

    def jwt_authn(self, algorithm, cached):
        jwks = json.dumps({"keys": [json.loads(self.scene.tokens(algorithm).jwk.read_text())]})
        cache = "jwt_cache_config: { jwt_cache_size: 1000 }" if cached else ""
        text = JWT_AUTHN.format(issuer=ISSUER, audience=AUDIENCE, cache=cache, jwks=json.dumps(jwks))
        return self.router.replace("http_filters:\n", "http_filters:\n" + text)

    @staticmethod
    def cluster_name(algorithm, cached):
        return f"jwtd-{algorithm}-{'cached' if cached else 'cold'}"

    def cluster(self, algorithm, cached):
        _, path = self.scene.serving(algorithm, cached)
        text = self.page[1].replace("/run/jwtd/jwtd.sock", str(path))
        return re.sub(r"(name: )jwtd\b", rf"\1{self.cluster_name(algorithm, cached)}", text)

    def rows(self):
        for algorithm in ALGORITHMS:
            yield self.row("no filter", algorithm, None)
            for way in ("jwt_authn", "ext_authz"):
                for cached in (False, True):
                    yield self.row(way, algorithm, cached)

    def row(self, way, algorithm, cached):
        def run(seconds):
            envoy, ports = self.running
            asked = [self.scene.serving(algorithm, cached)[0]] if way == "ext_authz" else []
            port = ports[way, algorithm, cached]
            command = [sys.executable, LOAD, self.scene.tokens(algorithm).file, port, seconds]
            result = self.scene.processes.measure(command, [envoy, *asked], seconds, self.scene.folder / "peer.log")
            return {**result, "library": "envoy", "version": self.version}

        return Row("envoy", "proxy", algorithm, way, cached, run)
