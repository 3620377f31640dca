"""Requests through a real Envoy, and a row for each.

Usage: main.py RESULTS WORK ENVOY
"""

import json
import re
import subprocess
import sys

from scene import Scene

RESULTS, WORK, ENVOY = sys.argv[1:]
VERSION = re.search(r"/(\d+\.\d+\.\d+)/", subprocess.run([ENVOY, "--version"], capture_output=True, text=True).stdout)[1]
GOOD = ["--scope", "orders.read", "--claims", '{"realm_access":{"roles":["user","ops"]}}']

OTHER = [*GOOD[:3], '{"realm_access":{"roles":["user","ops"]},"other":1}']


def row(transport, what, fault):
    result = "FAILED" if fault else "passed"
    with open(RESULTS, "a") as rows:
        rows.write("\t".join(["envoy", VERSION, transport, what, result, fault]) + "\n")


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def checks(scene):
    """The checks, each with its name and its failure, which is empty on success."""
    good = scene.sign(*GOOD)

    def refused(path, headers, status, challenge, reason, method="GET"):
        code, body, seen = scene.get("asked", path, headers, method)
        found = (code, json.loads(body)["reason"], seen.get("www-authenticate", ""))
        if found[:2] != (status, reason) or challenge not in found[2]:
            return f"got {found}"
        return "the body quotes the token" if good in body else ""

    def passed(path, headers, want, method="GET"):
        code, body, seen = scene.get("asked", path, headers, method)
        if code != 200:
            return f"got {code}: {body}"
        arrived = json.loads(body)
        return want(arrived["headers"], arrived["path"], seen)

    def carried(headers, path, seen):
        if headers.get("x-jwt-sub") != "alice" or headers.get("x-jwt-roles") != '["user","ops"]':
            return f"arrived {headers}"
        if "authorization" in headers:
            return "the token went on"
        return "" if seen.get("x-profile") == "orders" else f"metadata {seen}"

    yield "a good token goes on, its claims in headers", passed("/orders", bearer(good), carried)
    forged = {**bearer(good), "x-jwt-sub": "root", "x-jwt-tenant": "root", "X-JWT-Roles": '["root"]'}

    def clean(headers, path, seen):
        return f"arrived {headers}" if "root" in str(headers) else carried(headers, path, seen)

    yield "headers that the client forged are replaced or removed", passed("/orders", forged, clean)
    cookie = {"cookie": f"a=1; session={good}"}

    def without_cookie(headers, path, seen):
        return "" if headers.get("cookie") == "a=1" else f"arrived {headers}"

    yield "a token in a cookie", passed("/orders", cookie, without_cookie)

    def without_query(headers, path, seen):
        return "" if path == "/orders?x=1" else f"arrived {path}"

    query = f"/orders?access_token={good}&x=1"
    yield "a token in the query", passed(query, {}, without_query)
    yield "the same token in header and cookie is one, and goes from both", passed(
        "/orders", {**bearer(good), **cookie}, lambda *seen: carried(*seen) or without_cookie(*seen)
    )
    other = {"cookie": f"session={scene.sign(*OTHER)}"}
    both = refused(query, other, 400, 'error="invalid_request"', None)
    yield "two tokens are refused", both

    # Python sends each of these letters as one byte.
    raw = {**bearer(good), "cookie": "a=\xe9\xff; b=2"}

    def raw_cookie(headers, path, seen):
        return "" if headers.get("cookie") == raw["cookie"] else f"arrived {headers}"

    yield "a cookie that is no text keeps its bytes", passed("/orders", raw, raw_cookie)
    before = errors(scene)
    beside = refused("/orders", {"cookie": f"a=\xe9; session={good}"}, 400, 'error="invalid_request"', None)
    yield "a token beside a cookie that is no text is a denial and no error", beside or (
        "" if errors(scene) == before else "an error"
    )
    socket = {"sec-websocket-protocol": f"chat, access_token, {good}"}

    def protocols(headers, path, seen):
        left = headers.get("sec-websocket-protocol")
        return "" if left == "chat, access_token" else f"arrived {headers}"

    yield "a token among the protocols of a WebSocket", passed("/orders", socket, protocols)
    preflight = {"origin": "https://app.example", "access-control-request-method": "PUT", "x-jwt-sub": "root"}

    def no_claims(headers, path, seen):
        return f"arrived {headers}" if "x-jwt-sub" in headers else ""

    yield "a preflight request goes on without claims", passed("/orders", preflight, no_claims, "OPTIONS")
    yield "another request with OPTIONS does not", refused("/orders", {}, 401, "Bearer", None, "OPTIONS")

    before = errors(scene, "bodies")
    for size, token, status in ((1 << 20, good, 200), (1 << 20, "x", 401), (6 << 20, good, 400), (6 << 20, "x", 400)):
        code, said, _ = scene.get("bodies", "/orders", bearer(token), "POST", b"\xff" * size)
        fault = "" if code == status and errors(scene, "bodies") == before else f"got {code}: {said[:200]}"
        what = f"a body of {size >> 20} MiB goes along with {'a good' if token == good else 'a bad'} token: {status}"
        yield what, fault
    yield "no token: 401 and a challenge", refused("/orders", {}, 401, 'Bearer realm="orders"', None)
    invalid = 'error="invalid_token"'
    for name, token, reason in [
        ("an expired token", scene.sign(*GOOD, "--exp", "-2h"), "EXPIRED"),
        ("a forged token", scene.sign(*GOOD, key="other"), "SIGNATURE_INVALID"),
        ("no token at all", "x", "TOKEN_NOT_COMPACT"),
    ]:
        yield f"{name}: 401", refused("/orders", bearer(token), 401, invalid, reason)
    weak = bearer(scene.sign("--scope", "other"))
    scope = 'error="insufficient_scope"'
    yield "a scope is missing: 403", refused("/orders", weak, 403, scope, "SCOPE_MISSING")
    plain = bearer(scene.sign(*GOOD[:3], '{"realm_access":{"roles":["user"]}}'))
    denied = refused("/orders", plain, 403, "", "POLICY_DENIED", "POST")
    yield "a rule that sees the method: 403", denied or passed("/orders", plain, lambda *_: "")
    yield "another route has another profile", passed("/", weak, lambda *_: "")

    before = errors(scene)
    lost = bearer(scene.sign(*GOOD, key="other", iss="https://lost.example.com"))
    code, body, _ = scene.get("asked", "/orders", lost)
    fault = "" if code == 503 and errors(scene) == before else f"{code}, {errors(scene)} errors: {body}"
    yield "missing keys are a denial and no error: 503", fault

    scene.stop("jwtd")
    code, _, _ = scene.get("asked", "/orders", bearer(good))
    yield "jwtd is stopped: 503", "" if code == 503 else f"got {code}"
    scene.start_daemon()
    scene.wait(lambda: scene.get("asked", "/orders", bearer(good))[0] == 200, "jwtd")
    yield "jwtd is back", passed("/orders", bearer(good), carried)


def errors(scene, name="asked"):
    _, text, _ = scene.get("admin", f"/stats?filter=http.{name}.ext_authz.error&format=json")
    return sum(one["value"] for one in json.loads(text)["stats"] if "value" in one)


scene = Scene(WORK, ENVOY)
try:
    scene.start_daemon()
    scene.start_envoy()
    for what, fault in checks(scene):
        row("unix", what, fault)
finally:
    scene.close()
