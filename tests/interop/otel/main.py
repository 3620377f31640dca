"""A collector, a daemon that sends spans to it, and calls.

Usage: main.py RESULTS WORK
"""

import concurrent.futures
import importlib.metadata
import os
import pathlib
import subprocess
import sys
import time

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as otlp_grpc

from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1 import verifier_pb2_grpc as pb_grpc

RESULTS, WORK = sys.argv[1], pathlib.Path(sys.argv[2])
DAEMON = os.environ["JWTD_BIN"]
VERSION = importlib.metadata.version("opentelemetry-proto")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(otlp_grpc.TraceServiceServicer):
    """Keeps the spans that arrive."""

    def __init__(self):
        self.spans, self.resources = [], []

    def Export(self, request, context):
        for resource in request.resource_spans:
            self.resources.append(attributes(resource.resource))
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        return otlp.ExportTraceServiceResponse()


def attributes(of):
    return {one.key: one.value.string_value or one.value.int_value for one in of.attributes}


def row(what, fault, note=""):
    result = "FAILED" if fault else "passed"
    with open(RESULTS, "a") as rows:
        rows.write("\t".join(["otel", VERSION, "unix", what, result, fault or note]) + "\n")


def start(endpoint, more=""):
    """The daemon, and a channel to it."""
    (WORK / "jwtd.yaml").write_text(f"""
listen: [{{ unix: {WORK}/s }}]
admin: "off"
drain_delay: 0s
traces: {{ endpoint: {endpoint}{more} }}
issuers:
  corp:
    issuer: https://login.example.com
    audiences: [orders-api]
    keys: {{ jwks_file: jwks.json }}
""")
    log = open(WORK / "log", "ab")
    daemon = subprocess.Popen([DAEMON, "serve", "--config", WORK / "jwtd.yaml"], stdout=log, stderr=log)
    channel = grpc.insecure_channel(f"unix://{WORK}/s")
    grpc.channel_ready_future(channel).result(20)
    return daemon, pb_grpc.VerifierServiceStub(channel)


def stop(daemon):
    """Its last spans are sent before it ends."""
    begin = time.monotonic()
    daemon.terminate()
    code = daemon.wait(20)
    return code, time.monotonic() - begin


def sign(*options):
    command = [DAEMON, "sign", "--key", WORK / "key.json", "--iss", "https://login.example.com",
               "--aud", "orders-api", "--sub", "alice", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def checks(collector, endpoint):
    good, old = sign(), sign("--exp", "-2h")
    daemon, verifier = start(endpoint)
    sampled = [("traceparent", f"00-{TRACE}-{PARENT}-01")]
    batch = pb.VerifyBatchRequest(tokens=[good, old, "junk", good])
    verifier.VerifyBatch(batch, metadata=sampled, timeout=5)
    verifier.Verify(pb.VerifyRequest(token=good), timeout=5)
    verifier.Verify(pb.VerifyRequest(token=good), timeout=5, metadata=[("traceparent", f"00-{TRACE}-{PARENT}-00")])
    verifier.Verify(pb.VerifyRequest(token=good), timeout=5, metadata=[("traceparent", "nonsense")])
    messages = [pb.VerifyStreamRequest(id=n, tokens=[good, "junk"]) for n in range(3)]
    list(verifier.VerifyStream(iter(messages), timeout=5))
    try:
        verifier.VerifyBatch(pb.VerifyBatchRequest(), timeout=5)
    except grpc.RpcError:
        pass
    stop(daemon)
    spans = {}
    for span in collector.spans:
        spans.setdefault(span.name.rsplit("/", 1)[1], []).append(span)

    first = next((one for one in spans["VerifyBatch"] if one.trace_id.hex() == TRACE), None)
    fault = "" if first and first.parent_span_id.hex() == PARENT else f"got {collector.spans}"
    yield "a span goes on with the trace of the caller", fault
    seen = attributes(first)
    want = {"jwtd.tokens": 4, "jwtd.reasons.OK": 2, "jwtd.reasons.EXPIRED": 1,
            "jwtd.reasons.TOKEN_NOT_COMPACT": 1, "rpc.system": "grpc", "rpc.method": "VerifyBatch",
            "rpc.service": "jwtd.v1.VerifierService", "rpc.response.status_code": "OK"}
    yield "it counts the verdicts by reason", "" if seen == want else f"got {seen}"
    text = str(collector.spans)
    yield "it holds nothing of a token", "" if not any(part in text for part in [good, "alice", "junk"]) else text
    own = [one for one in spans["Verify"] if one.trace_id.hex() != TRACE and not one.parent_span_id]
    fault = "" if len(own) == 2 and len(spans["Verify"]) == 2 else f"{spans['Verify']}"
    yield "a call without a trace begins one; one that is not sampled is none", fault
    stream = attributes(spans["VerifyStream"][0])
    fault = "" if len(spans["VerifyStream"]) == 1 and stream["jwtd.tokens"] == 6 else f"{stream}"
    yield "a stream is one span", fault
    codes = {attributes(one)["rpc.response.status_code"] for one in spans["VerifyBatch"]}
    yield "a call that is refused says so", "" if "InvalidArgument" in codes else f"{codes}"
    named = collector.resources and collector.resources[0].get("service.name")
    yield "the service is named", "" if named == "jwtd" else f"{collector.resources}"

    before = len(collector.spans)
    daemon, verifier = start(endpoint, ", one_in: 1000000")
    for _ in range(50):
        verifier.Verify(pb.VerifyRequest(token=good), timeout=5)
    verifier.Verify(pb.VerifyRequest(token=good), timeout=5, metadata=sampled)
    stop(daemon)
    yield "of the others one in so many is traced", "" if len(collector.spans) == before + 1 else f"{len(collector.spans) - before}"

    daemon, verifier = start("http://127.0.0.1:9")
    answered = [verifier.Verify(pb.VerifyRequest(token=good), timeout=5).verdict.permit for _ in range(20)]
    code, took = stop(daemon)
    fault = "" if all(answered) and code == 0 and took < 8 else f"{code} after {took:.1f} s"
    yield "without a collector calls are answered, and the end is in time", fault


collector = Collector()
server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
otlp_grpc.add_TraceServiceServicer_to_server(collector, server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
subprocess.run([DAEMON, "keygen", "--alg", "ES256", "--private", WORK / "key.json", "--public", WORK / "jwks.json"],
               check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    for what, fault in checks(collector, f"http://127.0.0.1:{port}"):
        row(what, fault)
finally:
    server.stop(0)
