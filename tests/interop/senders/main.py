"""Requests of clients of others through a real Envoy, and a row for each.

Usage: main.py RESULTS WORK ENVOY NAME VERSION COMMAND...
"""

import json
import subprocess
import sys
import time

from doors import Senders

RESULTS, WORK, ENVOY, NAME, VERSION, *COMMAND = sys.argv[1:]
ALGORITHMS = ["ES256", "RS256", "PS256", *(["Ed25519"] if NAME == "oauth4webapi" else ["ES384"])]


def row(what, fault):
    with open(RESULTS, "a") as rows:
        rows.write("\t".join([NAME, VERSION, "envoy", what, "FAILED" if fault else "passed", fault]) + "\n")


class Client:
    """The client of others, in a process of its own."""

    def __init__(self):
        self.process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        if "error" in said:
            raise RuntimeError(said["error"])
        return said


def refused(seen, reason, challenge):
    status, body, headers = seen
    found = (status, json.loads(body).get("reason"), headers.get("www-authenticate", ""))
    wanted = found[:2] == (401, reason) and all(part in found[2] for part in challenge)
    return "" if wanted else f"got {found}"


def passed(seen):
    status, body = seen[:2]
    if status != 200:
        return f"got {status}: {body}"
    arrived = json.loads(body)["headers"]
    return f"arrived {arrived}" if {"dpop", "authorization"} & set(arrived) else ""


def checks(scene, client, alg):
    """The checks, each with its name and its failure, which is empty on success."""
    jkt = client.ask(ask="key", alg=alg)["jkt"]
    token = scene.sign("--claims", json.dumps({"cnf": {"jkt": jkt}}))
    url = scene.url("/plain/orders?page=2")

    def sent(path="/plain/orders"):
        said = client.ask(ask="request", alg=alg, token=token, method="GET", url=scene.url(path))
        return said["status"], said["body"]

    def proof(path="/plain/orders", method="GET", token=token, nonce=None, url=None):
        url = url or scene.url(path)
        return client.ask(ask="proof", alg=alg, token=token, method=method, url=url, nonce=nonce)["proof"]

    def with_proof(proof, **more):
        return {"authorization": f"DPoP {token}", "dpop": proof, **more}

    yield "a request of the library", passed(sent())
    yield "a request of the library to where binding is required", passed(sent("/bound/orders"))
    yield "the library answers the challenge for a nonce", passed(sent("/nonce/orders"))
    yield "and knows the nonce the next time", passed(sent("/nonce/orders"))

    # The query is no part of `htu`.
    one = with_proof(proof(url=url))
    yield "a proof for a URL with a query", passed(scene.ask("asked", "/plain/orders?page=3", one))
    again = scene.ask("asked", "/plain/orders?page=3", one)
    yield "the same proof again", refused(again, "REPLAYED", ['DPoP realm="orders"', 'error="invalid_dpop_proof"', "algs="])

    invalid = ['error="invalid_dpop_proof"']
    for name, headers in [
        ("a proof for another path", with_proof(proof("/plain/other"))),
        ("a proof for another method", with_proof(proof(method="POST"))),
        ("a proof for another token", with_proof(proof(token=scene.sign("--claims", json.dumps({"cnf": {"jkt": jkt}}))))),
        ("two proofs", with_proof([proof(), proof()])),
        ("a proof for a forged host", with_proof(proof(url="http://thief.example/plain/orders"), host="thief.example")),
    ]:
        yield name, refused(scene.ask("asked", "/plain/orders", headers), "PROOF_INVALID", invalid)
    forged = with_proof(proof(), host=f"127.0.0.1:{scene.ports['asked']}")
    forged["x-forwarded-host"] = "thief.example"
    yield "a header that forges the host is nothing", passed(scene.ask("asked", "/plain/orders", forged))

    both = ['Bearer realm="orders"', 'error="invalid_token"', 'DPoP realm="orders", algs="']
    seen = scene.ask("asked", "/plain/orders", {"authorization": f"Bearer {token}"})
    yield "the stolen token as a bearer token", refused(seen, "BINDING_REQUIRED", both)
    seen = scene.ask("asked", "/plain/orders", {"authorization": f"Bearer {token}", "dpop": proof()})
    yield "as a bearer token with a proof", refused(seen, "BINDING_REQUIRED", both)
    seen = scene.ask("asked", "/plain/orders", {"authorization": f"DPoP {token}"})
    yield "without a proof", refused(seen, "BINDING_REQUIRED", ["DPoP realm=", 'error="invalid_token"'])
    seen = scene.ask("asked", "/nonce/orders", with_proof(proof("/nonce/orders")))
    told = "" if len(seen[2].get("dpop-nonce", "")) == 32 else "no nonce"
    yield "a challenge for a nonce", refused(seen, "NONCE_REQUIRED", ['error="use_dpop_nonce"']) or told
    good = with_proof(proof("/nonce/orders", nonce=seen[2].get("dpop-nonce")))
    seen = scene.ask("asked", "/nonce/orders", good)
    yield "its answer, which brings the next one", passed(seen) or ("" if "dpop-nonce" in seen[2] else "no nonce")
    bare = scene.sign()
    yield "an unbound token", passed(scene.ask("asked", "/plain/orders", {"authorization": f"Bearer {bare}"}))
    seen = scene.ask("asked", "/plain/orders", {"authorization": f"DPoP {bare}", "dpop": proof(token=bare)})
    yield "an unbound token as a bound one", refused(seen, "TOKEN_NOT_BOUND", ['error="invalid_token"'])
    seen = scene.ask("asked", "/bound/orders", {"authorization": f"Bearer {bare}"})
    yield "an unbound token where binding is required", refused(seen, "TOKEN_NOT_BOUND", both)
    status, _, headers = scene.ask("asked", "/plain/orders", {})
    challenge = headers.get("www-authenticate", "")
    fault = "" if status == 401 and "Bearer" in challenge and "DPoP" in challenge else f"got {status}, {challenge}"
    yield "no token: both schemes are offered", fault


def certificates(scene):
    token = scene.sign("--claims", json.dumps({"cnf": {"x5t#S256": scene.thumbprint("client")}}))
    bearer = {"authorization": f"Bearer {token}"}
    path = "/certificate/orders"
    import hashlib

    element = "Hash=" + hashlib.sha256(scene.der("client")).hexdigest()
    yield "the certificate of the client", passed(scene.ask("tls", path, bearer, certificate="client"))
    seen = scene.ask("tls", path, bearer, certificate="thief")
    yield "the certificate of a thief", refused(seen, "BINDING_MISMATCH", [])
    yield "no certificate", refused(scene.ask("tls", path, bearer), "BINDING_REQUIRED", [])
    yield "no TLS", refused(scene.ask("asked", path, bearer), "BINDING_REQUIRED", [])
    for port, certificate in [("tls", "thief"), ("tls", None), ("asked", None), ("front", None)]:
        seen = scene.ask(port, path, {**bearer, "x-forwarded-client-cert": element}, certificate=certificate)
        reason = "BINDING_MISMATCH" if certificate else "BINDING_REQUIRED"
        yield f"a forged x-forwarded-client-cert, {port}, certificate {certificate}", refused(seen, reason, [])
    scene.stop("jwtd")
    scene.forwarded = "true"
    scene.write_daemon()
    scene.start_daemon()
    scene.wait(lambda: scene.ask("asked", "/plain/orders", {"authorization": f"Bearer {scene.sign()}"})[0] == 200, "jwtd")
    front = {**bearer, "x-forwarded-client-cert": f'By=spiffe://front;{element};Subject="CN=client, with a comma"'}
    yield "where it is configured, the header of the front", passed(scene.ask("front", path, front))
    for name, value in [
        ("two elements", f"{element},{element}"),
        ("two headers", [element, element]),
        ("no hash", 'By=spiffe://front;Subject="CN=client"'),
    ]:
        seen = scene.ask("front", path, {**bearer, "x-forwarded-client-cert": value})
        yield f"where it is configured, {name}", refused(seen, "BINDING_REQUIRED", [])
    # Envoy removes it where it does not trust the client.
    yield "where it is configured, a forged one", refused(scene.ask("asked", path, front), "BINDING_REQUIRED", [])
    seen = scene.ask("tls", path, bearer, certificate="client")
    yield "where it is configured, the connection does not count", refused(seen, "BINDING_REQUIRED", [])


scene = Senders(WORK, ENVOY)
try:
    scene.start_daemon()
    scene.start_envoy()
    # What was made in the second of the start needs a nonce.
    time.sleep(1.1)
    for alg in ALGORITHMS:
        client = Client()
        for what, fault in checks(scene, client, alg):
            row(f"{alg}: {what}", fault)
        client.process.stdin.close()
    if NAME == "oauth4webapi":
        for what, fault in certificates(scene):
            row(what, fault)
finally:
    scene.close()
