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


def row(transport, what, fault):
    result = "FAILED" if fault else "passed"
    with open(RESULTS, "a") as rows:
        rows.write("\t".join(["envoy", VERSION, transport, what, result, fault]) + "\n")


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def checks(scene):
    """Each a name, and what is wrong; nothing if all is well."""
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
    both = refused(query, cookie, 400, 'error="invalid_request"', None)
    yield "two tokens are refused", both
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


def errors(scene):
    _, text, _ = scene.get("admin", "/stats?filter=http.asked.ext_authz.error&format=json")
    return sum(one["value"] for one in json.loads(text)["stats"] if "value" in one)


scene = Scene(WORK, ENVOY)
try:
    scene.start_daemon()
    scene.start_envoy()
    for what, fault in checks(scene):
        row("unix", what, fault)
finally:
    scene.close()
