"""The daemon and Envoy for clients that prove their keys or show certificates."""

import base64
import hashlib
import http.client
import pathlib
import ssl
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "envoy"))

from parts import blocks, free_port, indented  # noqa: E402
from scene import Scene  # noqa: E402

ROUTES = """
- match: {{ prefix: /{name} }}
  route: {{ cluster: echo }}
  typed_per_filter_config:
    envoy.filters.http.ext_authz:
      "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
      check_settings: {{ context_extensions: {{ profile: {name} }} }}
"""

PROFILES = {
    "plain": "{ issuers: [corp] }",
    "nonce": "{ issuers: [corp], dpop_nonce: true }",
    "bound": "{ issuers: [corp], binding: required, binding_kinds: [dpop] }",
    "certificate": "{ issuers: [corp], binding: required, binding_kinds: [certificate] }",
}


class Senders(Scene):
    """Envoy has three listeners: `asked` is plain; `tls` asks for certificates of clients; `front` stands for a proxy
    behind another, which forwards certificates in a header."""

    def __init__(self, work, envoy):
        self.more = {name: free_port() for name in ("tls", "front")}
        pathlib.Path(work, "certificates").mkdir()
        self.certificates = pathlib.Path(work, "certificates")
        for name in ("server", "client", "thief"):
            self.make(name)
        super().__init__(work, envoy)

    def make(self, name):
        file = self.certificates / name
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", f"/CN={name}, with a comma", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", f"{file}.key", "-out", f"{file}.pem"], check=True, capture_output=True)

    def der(self, name):
        return ssl.PEM_cert_to_DER_cert((self.certificates / f"{name}.pem").read_text())

    def thumbprint(self, name):
        return base64.urlsafe_b64encode(hashlib.sha256(self.der(name)).digest()).rstrip(b"=").decode()

    def url(self, path, port="asked"):
        scheme = "https" if port == "tls" else "http"
        return f"{scheme}://127.0.0.1:{self.ports[port]}{path}"

    def write_daemon(self):
        self.ports.update(self.more)
        origins = ", ".join(f"'{self.url('', port)}'" for port in ("asked", "tls", "front"))
        profiles = "".join(f"  {name}: {settings}\n" for name, settings in PROFILES.items())
        forwarded = getattr(self, "forwarded", "false")
        (self.work / "jwtd.yaml").write_text(
            f"listen: [{{ unix: {self.work}/jwtd.sock }}]\nadmin: 127.0.0.1:{self.ports['probes']}\n"
            "issuers:\n  corp:\n    issuer: https://login.example.com\n    audiences: [orders-api]\n"
            f"    keys: {{ jwks_file: jwks.json }}\nprofiles:\n{profiles}"
            # Without a skew, no proof of a later second needs a nonce.
            "dpop: { clock_skew: 0s }\n"
            f"ext_authz:\n  realm: orders\n  binding: {{ origins: [{origins}], forwarded_certificate: {forwarded} }}\n"
        )

    def write_envoy(self):
        filters, cluster = blocks()[1], blocks()[2].replace("/run/jwtd/jwtd.sock", f"{self.work}/jwtd.sock")
        filters = filters.replace("encode_raw_headers: true", "encode_raw_headers: true\n      include_peer_certificate: true")
        routes = indented("".join(ROUTES.format(name=name) for name in PROFILES), 24)
        echo = f"{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {self.server.server_port} }} }} }} }}"

        def listener(name, more="", socket=""):
            return f"""
    - name: {name}
      address: {{ socket_address: {{ address: 127.0.0.1, port_value: {self.ports[name]} }} }}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: {name}
{more}
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
{routes}
{indented(filters, 16)}
{socket}
"""

        file = self.certificates
        trusted = self.work / "trusted.pem"
        trusted.write_text((file / "client.pem").read_text() + (file / "thief.pem").read_text())
        socket = f"""
          transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
              common_tls_context:
                tls_certificates: [{{ certificate_chain: {{ filename: {file}/server.pem }}, private_key: {{ filename: {file}/server.key }} }}]
                validation_context: {{ trusted_ca: {{ filename: {trusted} }} }}
"""
        forward = "                forward_client_cert_details: ALWAYS_FORWARD_ONLY"
        (self.work / "envoy.yaml").write_text(f"""
admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {self.ports['admin']} }} }} }}
static_resources:
  listeners:
{listener("asked")}
{listener("tls", "", socket)}
{listener("front", forward)}
  clusters:
    -
{indented(cluster, 6)}
    - name: echo
      type: STATIC
      load_assignment: {{ cluster_name: echo, endpoints: [{{ lb_endpoints: [{echo}] }}] }}
""")

    def ask(self, port, path, headers, method="GET", certificate=None):
        """A request with these headers, which replace those that the library would send."""
        if port == "tls":
            context = ssl.create_default_context(cafile=self.certificates / "server.pem")
            if certificate:
                context.load_cert_chain(self.certificates / f"{certificate}.pem", self.certificates / f"{certificate}.key")
            connection = http.client.HTTPSConnection("127.0.0.1", self.ports[port], timeout=5, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=5)
        try:
            connection.putrequest(method, path, skip_host="host" in headers)
            for name, value in headers.items():
                for one in value if isinstance(value, list) else [value]:
                    connection.putheader(name, one)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), {k.lower(): v for k, v in answer.getheaders()}
        finally:
            connection.close()
