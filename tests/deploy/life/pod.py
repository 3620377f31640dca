"""A pod on this machine: volumes, the daemon as a sidecar, what the kubelet does to it, and
the application beside it."""

import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import grpc
import verify  # examples/clients/python
from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1.verifier_pb2_grpc import VerifierServiceStub

DAEMON = os.environ["JWTD_BIN"]
USER = 65532
# The pod's `fsGroup`, which its containers share.
GROUP = 3000
ISS, AUDIENCE = "https://login.example.com", "orders-api"


def until(what, seconds=15):
    """The time until `what` held; None if it never did."""
    begin = time.monotonic()
    while time.monotonic() < begin + seconds:
        if what():
            return time.monotonic() - begin
        time.sleep(0.01)
    return None


def jwtd(*arguments, text=None):
    return subprocess.run([DAEMON, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Volume:
    """A ConfigMap or a Secret, written as the kubelet writes it: a folder for each version,
    a link `..data` that is replaced in one step, and links to the files through it."""

    def __init__(self, folder):
        self.folder, self.version = folder, 0
        folder.mkdir(parents=True)

    def put(self, files):
        old = (self.folder / "..data").resolve() if self.version else None
        self.version += 1
        new = self.folder / f"..2026_11_26_{self.version:09}"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text)
        (self.folder / "..data_tmp").symlink_to(new.name)
        (self.folder / "..data_tmp").rename(self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        if old:
            shutil.rmtree(old)


class Issuer:
    """Serves the keys; `up` and `delay` say how."""

    def __init__(self, jwks):
        issuer = self
        self.up, self.delay, self.fetches = True, 0.0, 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.fetches += 1
                time.sleep(issuer.delay)
                body = jwks.encode() if issuer.up else b"down"
                self.send_response(200 if issuer.up else 503)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"


class Pod:
    """`config` is the text of jwtd.yaml, less `admin` and the first socket."""

    def __init__(self, work, name, config, files=None, socket_of=None):
        self.folder = work / name
        self.config, self.secret = Volume(self.folder / "etc"), Volume(self.folder / "tls")
        self.run, self.state = self.folder / "run", self.folder / "state"
        for folder in (self.run, self.state):
            # An `emptyDir` in a pod with `fsGroup`: it belongs to root, and all may write.
            folder.mkdir()
            os.chown(folder, 0, GROUP)
            folder.chmod(0o2777)
        self.socket = socket_of.socket if socket_of else self.run / "jwtd.sock"
        self.port, self.process, self.group, self.files = free_port(), None, None, files or {}
        self.write(config)

    def write(self, config):
        head = f"listen: [{{ unix: {self.socket} }}]\nadmin: 127.0.0.1:{self.port}\n"
        self.config.put({"jwtd.yaml": (config if "listen:" in config else head + config), **self.files})

    def start(self):
        """Starts the daemon like the image's container: with its user and no capabilities."""
        command = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--groups", str(GROUP), "--no-new-privs",
                   DAEMON, "serve", "--config", self.folder / "etc" / "jwtd.yaml"]  # fmt: skip
        log = open(self.folder / "log", "ab")
        into = (lambda: (self.group / "cgroup.procs").write_text(str(os.getpid()))) if self.group else None
        self.process = subprocess.Popen(command, stderr=log, stdout=log, preexec_fn=into)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def get(self, path):
        """Sends a probe; returns the status and the body, None if nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return None, ""
        finally:
            connection.close()

    def probes(self):
        return tuple(self.get(path)[0] for path in ("/livez", "/startupz", "/readyz"))

    def started(self):
        return until(lambda: self.get("/startupz")[0] == 200)

    def metric(self, line):
        found = [one.split()[-1] for one in self.get("/metrics")[1].splitlines() if one.startswith(line)]
        return float(found[0]) if found else None

    def health(self):
        return jwtd("health", "--endpoint", f"unix://{self.socket}").returncode

    def end(self, how=signal.SIGTERM, within=20):
        """The exit status, and the seconds until then."""
        begin = time.monotonic()
        self.process.send_signal(how)
        status = self.process.wait(within)
        return status, time.monotonic() - begin


def stub(target, patient=True, credentials=None):
    """The application's channel: with the configuration of our example, or without any."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    if patient:
        options.append(("grpc.service_config", json.dumps({"methodConfig": [verify.METHOD]})))
    if credentials:
        return VerifierServiceStub(grpc.secure_channel(target, credentials, options))
    return VerifierServiceStub(grpc.insecure_channel(target, options))


def ask(client, tokens, timeout=5):
    """The reasons of the verdicts, or the status of the failed call."""
    try:
        answer = client.VerifyBatch(pb.VerifyBatchRequest(tokens=tokens), timeout=timeout)
        return [pb.Reason.Name(one.reason).removeprefix("REASON_") for one in answer.verdicts]
    except grpc.RpcError as error:
        return error.code().name


class Load:
    """Calls without a pause, by several threads; `calls` holds when each began and ended, and what came."""

    def __init__(self, client, tokens, threads=4):
        self.client, self.tokens, self.calls, self.stop = client, tokens, [], threading.Event()
        self.threads = [threading.Thread(target=self.go) for _ in range(threads)]

    def go(self):
        while not self.stop.is_set():
            begin = time.monotonic()
            came = ask(self.client, self.tokens)
            self.calls.append((begin, time.monotonic(), came))
            if isinstance(came, str):
                time.sleep(0.01)

    def __enter__(self):
        for one in self.threads:
            one.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for one in self.threads:
            one.join()

    def lost(self):
        """The failures among the calls: everything but good verdicts."""
        bad = [came for _, _, came in self.calls if isinstance(came, str) or set(came) != {"OK"}]
        if len(self.calls) < 20:
            return f"only {len(self.calls)} calls"
        return f"{len(bad)} of {len(self.calls)} calls: {bad[0]}" if bad else ""
