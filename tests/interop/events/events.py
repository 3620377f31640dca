"""Lists the events that a library must sign, and checks the daemon's answers to them.

Usage: events.py spec FOLDER
       events.py check FOLDER ANSWERS     prints a line for each case: name, result, note (tabs)

`@` in the claims stands for the algorithm, so that no two events are the same. `check` starts a daemon
with the keys of the library, sends it each event twice, and asks about an access token before and after.
JWTD_BIN is the daemon."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

JWTD = os.environ["JWTD_BIN"]
ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"]
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
SECEVENT = "https://schemas.openid.net/secevent/"
SETTINGS = """
listen: [{ unix: d.sock }]
issuers:
  corp:
    issuer: https://i
    audiences: [a]
    algorithms: [RS256, PS256, ES256, ES384, EdDSA]
    keys: { jwks_file: jwks.json }
state_dir: state
revocation:
  feeds:
    logouts: { issuers: [corp], logout: { issuer: corp, client_ids: [me], path: /logout } }
    events: { issuers: [corp], ssf: { issuer: corp, audiences: [me], push: /events } }
"""


def spec() -> list[dict[str, object]]:
    """Name, kind, `typ`, claims of the event and of the access token, and what is answered."""
    now = int(time.time())
    cases: list[dict[str, object]] = []

    def add(name: str, kind: str, typ: str | None, claims: dict[str, object], status: int) -> None:
        place = len(cases)
        event = {"iss": "https://i", "aud": "me", "iat": now, "jti": f"{place}@", **claims}
        event = json.loads(json.dumps(event).replace("#", str(place)))
        access = {"iss": "https://i", "aud": "a", "iat": now - 5, "exp": now + 600, "sub": f"u{place}@", "sid": f"s{place}@"}
        cases.append({"name": name, "kind": kind, "typ": typ, "claims": event, "access": access, "status": status})

    def logout(name: str, claims: dict[str, object], status: int = 200, typ: str | None = "logout+jwt") -> None:
        add(f"logout {name}", "logout", typ, {"events": {LOGOUT: {}}, **claims}, status)

    def event(name: str, uri: str, claims: dict[str, object], status: int = 202, typ: str = "secevent+jwt") -> None:
        add(f"event {name}", "event", typ, {"events": {SECEVENT + uri: {"event_timestamp": now}}, **claims}, status)

    user = {"format": "iss_sub", "iss": "https://i", "sub": "u#@"}
    session = {"format": "opaque", "id": "s#@"}
    logout("by sid", {"sid": "s#@"})
    logout("by sub", {"sub": "u#@"})
    logout("by both, with exp", {"sub": "u#@", "sid": "s#@", "exp": now + 120})
    logout("without typ", {"sub": "u#@"}, typ=None)
    logout("as access token", {"sub": "u#@"}, 400, "at+jwt")
    logout("with nonce", {"sub": "u#@", "nonce": "n"}, 400)
    logout("for another client", {"sub": "u#@", "aud": ["you"]}, 400)
    logout("of yesterday", {"sub": "u#@", "iat": now - 86400}, 400)
    event("session-revoked", "caep/event-type/session-revoked", {"sub_id": user})
    event("of a session", "caep/event-type/session-revoked", {"sub_id": {"format": "complex", "user": user, "session": session}})
    event("credential-change", "caep/event-type/credential-change", {"sub_id": user})
    event("account-disabled", "risc/event-type/account-disabled", {"sub_id": user})
    event("account-purged", "risc/event-type/account-purged", {"sub_id": user})
    event("without typ", "caep/event-type/session-revoked", {"sub_id": user}, 400, "JWT")
    event("with sub", "caep/event-type/session-revoked", {"sub_id": user, "sub": "u#@"}, 400)
    event("of another issuer", "caep/event-type/session-revoked", {"sub_id": user, "iss": "https://o"}, 400)
    return cases


def post(folder: Path, kind: str, token: str) -> int:
    body = f"logout_token={token}" if kind == "logout" else token
    path, content = ("/logout", "application/x-www-form-urlencoded") if kind == "logout" else ("/events", "application/secevent+jwt")
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(30)
        stream.connect(str(folder / "d.sock"))
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {content}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        stream.sendall((head + body).encode())
        answer = b""
        while piece := stream.recv(4096):
            answer += piece
    return int(answer.split(b" ")[1])


def verdict(folder: Path, token: str) -> str:
    command = [JWTD, "verify", "--endpoint", f"unix://{folder}/d.sock"]
    ended = subprocess.run(command, input=token, text=True, capture_output=True)
    return "REVOKED" if "REVOKED" in ended.stdout else "OK" if ended.returncode == 0 else ended.stdout + ended.stderr


def changed(token: str) -> str:
    head, _, signature = token.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def check(folder: Path, answers: dict[str, object]) -> None:
    for case in answers["cases"]:
        name, wrong = f"{case['name']} {case['alg']}", []
        kind, token, status = case["kind"], case["token"], case["status"]
        if verdict(folder, case["access"]) != "OK":
            wrong.append("the access token was refused before")
        if post(folder, kind, changed(token)) != 400:
            wrong.append("one with a changed signature was taken")
        got = [post(folder, kind, token), post(folder, kind, token)]
        if got != [status, status]:
            wrong.append(f"answered {got}, and not {status}")
        expected = "REVOKED" if status < 300 else "OK"
        after = verdict(folder, case["access"])
        if after != expected:
            wrong.append(f"the access token is {after} after it, and not {expected}")
        print(name, "FAILED" if wrong else "passed", "; ".join(wrong).replace("\n", " "), sep="\t")


def serve(folder: Path, answers: dict[str, object]) -> None:
    (folder / "jwks.json").write_text(json.dumps(answers["jwks"]))
    (folder / "jwtd.yaml").write_text(SETTINGS)
    with (folder / "log").open("w") as log:
        daemon = subprocess.Popen([JWTD, "serve", "--config", "jwtd.yaml"], cwd=folder, stdout=log, stderr=log)
    try:
        for _ in range(100):
            if (folder / "d.sock").exists():
                break
            time.sleep(0.1)
        check(folder, answers)
    finally:
        daemon.terminate()
        daemon.wait()


if __name__ == "__main__":
    _, command, folder, *rest = sys.argv
    if command == "spec":
        (Path(folder) / "spec.json").write_text(json.dumps({"algorithms": ALGORITHMS, "cases": spec()}))
    else:
        own = Path(folder) / Path(rest[0]).stem
        own.mkdir()
        serve(own, json.loads(Path(rest[0]).read_text()))
