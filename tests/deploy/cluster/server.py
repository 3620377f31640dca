"""A real Kubernetes API server with its etcd, on loopback: `with Server(folder) as server`."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

BIN = Path(os.environ["BIN"])
ISSUER = "https://kubernetes.default.svc.cluster.local"


class Refused(Exception):
    """The server refused; the text is its message."""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir()
        self.port, self.processes = free_port(), []

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name, *arguments):
        log = open(self.folder / f"{name}.log", "wb")
        self.processes.append(subprocess.Popen([BIN / name, *map(str, arguments)], stdout=log, stderr=log, cwd=self.folder))

    def begin(self):
        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

        openssl("genrsa", "-out", "accounts.key", "2048")
        openssl("rsa", "-in", "accounts.key", "-pubout", "-out", "accounts.pub")
        (self.folder / "tokens.csv").write_text('admin,admin,1,"system:masters"\n')
        store = free_port()
        self.start("etcd", self.folder / "etcd", store, free_port())
        self.start(
            "apiserver",
            f"--etcd-servers=http://127.0.0.1:{store}",
            f"--service-account-issuer={ISSUER}",
            "--service-account-signing-key-file=accounts.key",
            "--service-account-key-file=accounts.pub",
            f"--api-audiences={ISSUER}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--cert-dir=certs",
            f"--secure-port={self.port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--authorization-mode=RBAC",
            "--token-auth-file=tokens.csv",
            "--enable-admission-plugins=PodSecurity",
        )
        cluster = {"server": f"https://127.0.0.1:{self.port}", "insecure-skip-tls-verify": True}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": "admin"}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
            "current-context": "here",
        }
        (self.folder / "kubeconfig").write_text(json.dumps(config))
        end = time.monotonic() + 180
        while True:
            try:
                self.kubectl("get", "--raw", "/readyz")
                return
            except Refused as said:
                if time.monotonic() > end or any(one.poll() is not None for one in self.processes):
                    log = (self.folder / "apiserver.log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"the API server is not ready: {said}\n{log}") from said
            time.sleep(0.5)

    def kubectl(self, *words, stdin=None):
        env = {**os.environ, "KUBECONFIG": str(self.folder / "kubeconfig"), "HOME": str(self.folder)}
        text = None if stdin is None else json.dumps(stdin)
        done = subprocess.run([BIN / "kubectl", *words], input=text, capture_output=True, text=True, env=env, timeout=180)
        if done.returncode != 0:
            raise Refused((done.stderr + done.stdout).strip())
        return done.stdout

    def namespace(self, name, enforced=True):
        """A namespace as a cluster has it, with the account that a controller would make."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"} if enforced else {}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}})

    def apply(self, manifest):
        self.kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-", stdin=manifest)

    @property
    def certificate(self):
        return self.folder / "certs/apiserver.crt"
