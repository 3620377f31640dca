"""Health, reflection, metrics by promtool, a clean stop, faults of configuration."""
import os
import pathlib
import shutil
import subprocess
import threading
import time

from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1 import verifier_pb2_grpc as rpc

from batches import channel


def test_health(daemon, transport):
    daemon.start()
    health = health_pb2_grpc.HealthStub(channel(daemon, transport))
    for service in ("", "jwtd.v1.VerifierService"):
        status = health.Check(health_pb2.HealthCheckRequest(service=service)).status
        assert status == health_pb2.HealthCheckResponse.SERVING
    watch = health.Watch(health_pb2.HealthCheckRequest(service=""))
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    seen = []
    reading = threading.Thread(target=lambda: seen.extend(answer.status for answer in watch))
    reading.start()
    begin = time.time()
    assert daemon.stop() == 0
    reading.join()
    assert seen == [health_pb2.HealthCheckResponse.NOT_SERVING]
    assert time.time() - begin < 5, "whoever watches the health does not delay the end"


test_health.transports = ("unix", "tcp")


def test_reflection_shows_the_published_contract(daemon):
    daemon.start()
    database = ProtoReflectionDescriptorDatabase(channel(daemon, "unix"))
    assert "jwtd.v1.VerifierService" in database.get_services()
    file = database.FindFileContainingSymbol("jwtd.v1.VerifyBatchRequest")
    message = next(message for message in file.message_type if message.name == "VerifyBatchRequest")
    assert message.field[0].name == "tokens" and message.field[0].type == FieldDescriptorProto.TYPE_STRING


def test_promtool_likes_the_metrics(daemon):
    if not shutil.which("promtool"):
        return "skipped: promtool is not here and could not be installed"
    daemon.start()
    rpc.VerifierServiceStub(channel(daemon, "unix")).VerifyBatch(pb.VerifyBatchRequest(tokens=["x", "a.b.c"]))
    checked = subprocess.run(["promtool", "check", "metrics"], input=daemon.get("/metrics"), text=True, capture_output=True)
    assert checked.returncode == 0 and not checked.stdout + checked.stderr, checked.stdout + checked.stderr


def test_stop(daemon):
    daemon.start()
    assert daemon.unix.exists() and oct(daemon.unix.stat().st_mode & 0o777) == "0o600"
    assert daemon.stop() == 0
    assert not daemon.unix.exists()
    log = pathlib.Path(daemon.log.name).read_text()
    assert "pq" in log and "broken" in log, "skipped keys are named"


FAULTY = """\
listen: [{ tcp: 127.0.0.1:7519 }]
admn: 127.0.0.1:1
issuers:
  a:
    issuer: https://a.example
    clock_skew: 1 minit
    keys: { jwks_file: missing.json }
  b:
    issuer: https://a.example
    audiences: [x]
    keys: { jwks_file: corp.json }
profiles:
  p: { issuers: [c] }
"""


def test_all_faults_of_a_configuration_at_once(daemon):
    file = pathlib.Path(daemon.folder.name) / "faulty.yaml"
    file.write_text(FAULTY)
    run = subprocess.run([os.environ["JWTD_BIN"], "serve", "--config", str(file)], capture_output=True, text=True, timeout=20)
    assert run.returncode == 78
    for line, what in [(2, "unknown key `admn`"), (5, "`audiences` is missing"), (6, "`1 minit` is not a duration"),
                       (7, "cannot be read"), (9, "is the `iss` of `a` already"), (13, "there is no issuer `c`")]:
        assert any(f":{line}:" in row and what in row for row in run.stderr.splitlines()), (line, what, run.stderr)
