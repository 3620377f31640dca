"""The daemon, Envoy and a server behind it, configured with the blocks of docs/envoy.md."""

import http.client
import http.server
import json
import os
import pathlib
import subprocess
import threading
import time

from parts import blocks, free_port, indented

DAEMON = os.environ["JWTD_BIN"]

ORDERS = """
typed_per_filter_config:
  envoy.filters.http.ext_authz:
    "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
    check_settings: { context_extensions: { profile: orders } }
"""


# Bodies are forwarded as raw bytes, and Envoy would ignore an error of the call.
BODIES = """failure_mode_allow: true
      with_request_body: { max_request_bytes: 16777216, allow_partial_message: true }"""


class Echo(http.server.BaseHTTPRequestHandler):
    """Echoes the request."""

    protocol_version = "HTTP/1.1"
    # Header and body in one piece, at once.
    wbufsize = 65536
    disable_nagle_algorithm = True

    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        seen = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_OPTIONS = do_GET

    def log_message(self, *_):
        pass


class Scene:
    """The whole scene on loopback; it stops everything that it starts."""

    def __init__(self, work, envoy):
        self.work, self.envoy_binary = pathlib.Path(work), envoy
        self.processes = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.ports = {name: free_port() for name in ("asked", "bodies", "admin", "probes")}
        # Two keys: one is configured, the other signs forgeries.
        for name in ("key", "other"):
            files = ["--private", self.work / f"{name}.json", "--public", self.work / f"{name}.jwks"]
            subprocess.run([DAEMON, "keygen", "--alg", "ES256", "--kid", "k", *files], check=True,
                           stdout=subprocess.DEVNULL)
        (self.work / "jwks.json").write_bytes((self.work / "key.jwks").read_bytes())
        self.write_daemon()
        self.write_envoy()

    def write_daemon(self):
        extra = (
            f"listen: [{{ unix: {self.work}/jwtd.sock }}]\n"
            f"admin: 127.0.0.1:{self.ports['probes']}\n"
        )
        # One more issuer, whose keys are unavailable.
        lost = (
            "  lost:\n    issuer: https://lost.example.com\n    audiences: [orders-api]\n"
            "    required: false\n    keys: { jwks_uri: 'http://127.0.0.1:9/jwks' }\nprofiles:\n"
        )
        text = blocks()[0].replace("profiles:\n", lost).replace("[corp]", "[corp, lost]")
        # Envoy names no profile on most routes.
        text = text.replace("profiles:\n", "profiles:\n  default: { issuers: [corp] }\n", 1)
        text = text.replace("  realm: orders\n", "  realm: orders\n  bypass_cors_preflight: true\n")
        (self.work / "jwtd.yaml").write_text(extra + text)

    def write_envoy(self):
        filters, cluster = blocks()[1], blocks()[2]
        cluster = cluster.replace("/run/jwtd/jwtd.sock", f"{self.work}/jwtd.sock")
        text = f"""
admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {self.ports['admin']} }} }} }}
static_resources:
  listeners:
{self.listener("asked", filters)}
{self.listener("bodies", filters.replace("clear_route_cache: false", BODIES))}
  clusters:
    -
{indented(cluster, 6)}
    - name: echo
      type: STATIC
      load_assignment:
        cluster_name: echo
        endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {self.server.server_port} }} }} }} }}] }}]
"""
        (self.work / "envoy.yaml").write_text(text)

    def listener(self, name, filters):
        # The route says which profile judges; the metadata is shown to the client.
        per_route = indented(ORDERS, 26).rstrip()
        shown = '[{ header: { key: x-profile, value: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:profile)%" } }]'
        return f"""
    - name: {name}
      address: {{ socket_address: {{ address: 127.0.0.1, port_value: {self.ports[name]} }} }}
      per_connection_buffer_limit_bytes: 33554432
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: {name}
                normalize_path: true
                route_config:
                  response_headers_to_add: {shown}
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - match: {{ prefix: /orders }}
                          route: {{ cluster: echo }}
{per_route}
                        - match: {{ prefix: / }}
                          route: {{ cluster: echo }}
{indented(filters, 16)}
"""

    def start(self, name, command, ready):
        log = open(self.work / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)
        self.wait(ready, name)

    def wait(self, ready, name):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                if ready():
                    return
            except OSError:
                pass
            if self.processes[name].poll() is not None:
                break
            time.sleep(0.05)
        log = (self.work / f"{name}.log").read_text(errors="replace")
        raise RuntimeError(f"{name} is not ready:\n{log[-3000:]}")

    def start_daemon(self):
        command = [DAEMON, "serve", "--config", self.work / "jwtd.yaml"]
        self.start("jwtd", command, lambda: self.get("probes", "/readyz")[0] == 200)

    def start_envoy(self):
        command = [self.envoy_binary, "-c", self.work / "envoy.yaml", "--concurrency", "1",
                   "--disable-hot-restart", "-l", "warning"]
        self.start("envoy", command, lambda: self.get("admin", "/ready")[0] == 200)

    def stop(self, name):
        process = self.processes.pop(name)
        process.terminate()
        process.wait(20)

    def close(self):
        for name in list(self.processes):
            self.stop(name)
        self.server.shutdown()

    def get(self, port, path, headers=None, method="GET", body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=5)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict((k.lower(), v) for k, v in answer.getheaders())
        finally:
            connection.close()

    def sign(self, *options, key="key", iss="https://login.example.com"):
        command = [DAEMON, "sign", "--key", self.work / f"{key}.json", "--iss", iss, "--aud", "orders-api",
                   "--sub", "alice", *options]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
