"""The image at work, in a network of its own: a demo, a daemon with its probes, and keys
from issuers that are found by the file of hosts and by DNS.

Usage: running.py RESULTS WORK SOURCES     WORK/amd64 is the image, WORK/amd64.json says how to run it
"""

import http.client
import http.server
import json
import pathlib
import re
import ssl
import subprocess
import sys
import threading
import time

RESULTS, WORK, SOURCES = (pathlib.Path(one) for one in sys.argv[1:])
ROOT = WORK / "amd64"
IMAGE = json.loads((WORK / "amd64.json").read_text())["config"]
VERSION = re.search(r'^version = "(.*)"', (SOURCES / "Cargo.toml").read_text(), re.MULTILINE)[1]
CONTAINER = str(pathlib.Path(__file__).with_name("container"))
FILED, ASKED = "issuer.filed.test", "issuer.asked.test"


def row(what, fault, note=""):
    with RESULTS.open("a") as rows:
        rows.write("\t".join(["image", VERSION, "running", what, "FAILED" if fault else "passed", (fault or note).replace("\n", " ")]) + "\n")


def shell(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def jwtd(*arguments, mounts=()):
    """Runs another container until it exits; returns its exit status and output."""
    ended = subprocess.run([CONTAINER, ROOT, *mounts, "/jwtd", *arguments], capture_output=True, text=True, timeout=60)
    return ended.returncode, ended.stdout + ended.stderr


def get(path):
    connection = http.client.HTTPConnection("127.0.0.1", 7520, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if what():
                return True
        except OSError:
            pass
        time.sleep(0.02)
    return False


class Issuer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (WORK / "jwks.json").read_bytes()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def open_issuer():
    """Over TLS, under two names, by an authority of our own."""
    extension = WORK / "names"
    extension.write_text(f"subjectAltName=DNS:{FILED},DNS:{ASKED}\nbasicConstraints=CA:false\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test"]
    shell("openssl", "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", cwd=WORK)
    shell("openssl", "req", *curve, "-keyout", "tls.key", "-out", "tls.csr", cwd=WORK)
    shell("openssl", "x509", "-req", "-in", "tls.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
          "-out", "tls.crt", "-extfile", extension, cwd=WORK)  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(WORK / "tls.crt", WORK / "tls.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Issuer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def commands():
    status, said = jwtd("demo")
    row("demo runs inside", "" if status == 0 and said.count(" permit ") == 7 and "CPU for each" in said else said[-300:])
    status, said = jwtd("--version")
    row("--version is that of Cargo.toml and of the label", "" if said.strip() == f"jwtd {VERSION}" else said)


def names():
    """From `/etc/hosts`, by DNS, and what happens without."""
    (WORK / "hosts").write_text(f"127.0.0.1 localhost\n127.0.0.1 {FILED}\n")
    (WORK / "resolv.conf").write_text("nameserver 127.0.0.1\nsearch cluster.test\noptions ndots:5\n")
    hosts, asked = ("-v", f"{WORK}/hosts:/etc/hosts"), ("-v", f"{WORK}/resolv.conf:/etc/resolv.conf")
    # The system's own file is replaced by one of ours.
    trusted = ("-v", f"{WORK}/ca.crt:/etc/ssl/certs/ca-certificates.crt")
    filed_url, asked_url = f"https://{FILED}/jwks.json", f"https://{ASKED}/jwks.json"

    def fetch(url, *mounts):
        return jwtd("jwks", "fetch", "--url", url, mounts=sum(mounts, ()))

    def good(what, *arguments):
        status, said = fetch(*arguments)
        row(what, "" if status == 0 and '"keys"' in said else said)

    def bad(what, word, *arguments):
        status, said = fetch(*arguments)
        row(f"control: {what}", "" if status == 1 and word in said else said, f"it fails: {said.strip()[:150]}")

    good("keys of an issuer that /etc/hosts names, by the authorities of the image's file", filed_url, hosts, trusted)
    server = subprocess.Popen(
        ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file",
         "--listen-address=127.0.0.1", "--bind-interfaces", f"--address=/{ASKED}/127.0.0.1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    until(lambda: fetch(asked_url, asked, trusted)[0] == 0)
    good("keys of an issuer that DNS names", asked_url, asked, trusted)
    bad("the image's own authorities do not know the issuer", "", filed_url, hosts)
    server.terminate()
    server.wait()
    bad("the DNS server is gone", "", asked_url, asked, trusted)
    bad("nothing names the host", "", filed_url, asked, trusted)
    empty = WORK / "empty.crt"
    empty.touch()
    bad("no authorities in the file", "the system has no certificate authorities", filed_url, hosts,
        ("-v", f"{empty}:/etc/ssl/certs/ca-certificates.crt"))  # fmt: skip


def service():
    """As a pod runs it: entrypoint and command of the image, volumes for socket and state."""
    (WORK / "jwtd.yaml").write_text(
        "listen: [{ unix: /run/jwtd/jwtd.sock }, { tcp: 127.0.0.1:7519 }]\nstate_dir: /var/lib/jwtd\n"
        "issuers: { corp: { issuer: https://i.example.com, audiences: [orders-api], keys: { jwks_file: jwks.json } } }\n"
    )
    mounts = ["-v", f"{WORK}/jwtd.yaml:/etc/jwtd/jwtd.yaml", "-v", f"{WORK}/jwks.json:/etc/jwtd/jwks.json"]
    for folder, target in (("socket", "/run/jwtd"), ("state", "/var/lib/jwtd")):
        shell("install", "-d", "-o", "65532", "-g", "65532", WORK / folder)
        mounts += ["-w", f"{WORK / folder}:{target}"]
    health = ("health", "--endpoint", "unix:///run/jwtd/jwtd.sock")
    status, said = jwtd(*health, mounts=mounts)
    row("the health command as a probe: 3 before it runs", "" if status == 3 else f"{status}: {said}", said.strip())

    daemon = subprocess.Popen([CONTAINER, ROOT, *mounts, *IMAGE["Entrypoint"], *IMAGE["Cmd"]], stderr=open(WORK / "daemon.log", "w"))
    try:
        ready = until(lambda: get("/readyz")[0] == 200)
        row("it serves with a read-only root, by the image's own command", "" if ready else (WORK / "daemon.log").read_text()[-400:])
        status, said = jwtd(*health, mounts=mounts)
        row("the health command as a probe: 0 while it serves", "" if status == 0 else f"{status}: {said}", said.strip())
        row("build_info names the version", "" if f'jwtd_build_info{{version="{VERSION}"}} 1' in get("/metrics")[1] else "it does not")
        seen = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{daemon.pid}/status").read_text().splitlines() if ":\t" in line)
        mine = (seen["Uid"].split()[1], seen["Gid"].split()[1], int(seen["CapEff"], 16), seen["NoNewPrivs"])
        row("it runs as 65532 without capabilities", "" if mine == ("65532", "65532", 0, "1") else f"{mine}")
        written = [line for line in pathlib.Path(f"/proc/{daemon.pid}/mountinfo").read_text().splitlines() if line.split()[4] == "/"]
        row("its root is read-only", "" if written and "ro" in written[0].split()[5].split(",") else f"{written}")
        token = shell(ROOT / "jwtd", "sign", "--key", WORK / "key.json", "--iss", "https://i.example.com", "--aud", "orders-api")
        judged = subprocess.run([CONTAINER, ROOT, *mounts, "/jwtd", "verify", "--endpoint", "unix:///run/jwtd/jwtd.sock"],
                                input=token, capture_output=True, text=True)  # fmt: skip
        row("a token through the socket of the volume", "" if judged.returncode == 0 else judged.stdout + judged.stderr)
    finally:
        daemon.terminate()
        ended = daemon.wait(20)
    row("SIGTERM ends it with 0", "" if ended == 0 else f"ended with {ended}")


shell("ip", "link", "set", "lo", "up")
(WORK / "jwks.json").write_text(shell(ROOT / "jwtd", "keygen", "--private", WORK / "key.json"))
open_issuer()
commands()
names()
service()
