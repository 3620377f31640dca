"""deploy/compose: by the schema of compose, with what it mounts there, and its two services
of ours run as containers of the image, in a network of its own.

Usage: compose.py RESULTS WORK SOURCES
"""

import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import ruamel.yaml

RESULTS, WORK, SOURCES = (pathlib.Path(one) for one in sys.argv[1:])
FOLDER = SOURCES / "deploy" / "compose"
VERSION = re.search(r'^version = "(.*)"', (SOURCES / "Cargo.toml").read_text(), re.MULTILINE)[1]
COMPOSE = json.loads(json.dumps(ruamel.yaml.YAML(typ="safe").load(FOLDER / "compose.yaml")))
# The place of the volume of that name.
KEYS = WORK / "keys"


def row(what, fault, note=""):
    with RESULTS.open("a") as rows:
        rows.write("\t".join(["image", VERSION, "compose", what, "FAILED" if fault else "passed", (fault or note).replace("\n", " ")]) + "\n")


def schema(compose):
    file = WORK / "compose.json"
    file.write_text(json.dumps(compose))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file]
    ended = subprocess.run(command, capture_output=True, text=True)
    return "" if ended.returncode == 0 else (ended.stdout + ended.stderr)[-200:]


def mounts(compose):
    """Each as a pair of what is here and what is there."""
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source, target = volume.split(":")[:2]
            yield source, target, service


def missing(compose):
    files = [source for source, _, _ in mounts(compose) if source.startswith(".")]
    files += [service["build"]["dockerfile"] if "build" in service else "" for service in compose["services"].values()]
    gone = [one for one in files if one and not ((FOLDER / one).exists() or (SOURCES / one).exists())]
    unnamed = [source for source, _, _ in mounts(compose) if not source.startswith(".") and source not in compose["volumes"]]
    return f"not there: {gone + unnamed}" if gone + unnamed else ""


def open_ports(compose):
    """The ports that are open to other machines."""
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    wide = [port for port in ports if not port.startswith("127.0.0.1:")]
    return f"{wide}" if wide or not ports else ""


def container(name, *command):
    """The arguments that start one of jwtd's services, as in compose.yaml."""
    service = COMPOSE["services"][name]
    more = []
    for volume in service["volumes"]:
        source, target, *how = volume.split(":")
        place = KEYS if source == "keys" else (FOLDER / source).resolve()
        more += ["-v" if how == ["ro"] else "-w", f"{place}:{target}"]
    script = pathlib.Path(__file__).with_name("container")
    environment = {**os.environ, "CONTAINER_USER": service.get("user", "65532:65532")}
    return [script, WORK / "amd64", *more, "/jwtd", *(command or service["command"])], environment


def run(name, *command, text=None):
    arguments, environment = container(name, *command)
    return subprocess.run(arguments, env=environment, input=text, capture_output=True, text=True, timeout=60)


def works():
    """The key is made, the daemon is healthy, and the tokens of the page's command are judged."""
    KEYS.mkdir()
    made = run("keys")
    if made.returncode:
        return f"keys: {made.stderr}"
    arguments, environment = container("jwtd", "serve", "--config", "/etc/jwtd/jwtd.yaml")
    daemon = subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        probe = COMPOSE["services"]["jwtd"]["healthcheck"]["test"][2:]
        for _ in range(100):
            if run("jwtd", *probe).returncode == 0:
                break
            time.sleep(0.05)
        sign = re.search(r"run --rm -T keys (sign .*?)\|", (FOLDER / "compose.yaml").read_text(), re.DOTALL)[1]
        sign = re.sub(r"\\\n#", " ", sign).replace("1000", "20").split()
        good, old = run("keys", *sign), run("keys", *sign, "--exp", "-1h")
        seen = run("jwtd", "verify", text=good.stdout), run("jwtd", "verify", text=old.stdout)
        permits, expired = seen[0].stdout.count(" permit "), seen[1].stdout.count(" EXPIRED ")
        return "" if (permits, expired) == (20, 20) else f"{permits} good, {expired} expired: {seen[0].stderr}{good.stderr}"
    finally:
        daemon.terminate()
        daemon.wait(20)


row("the schema of compose", schema(COMPOSE))
row("what it mounts is there", missing(COMPOSE))
row("open to this machine alone", open_ports(COMPOSE))
broken = copy.deepcopy(COMPOSE)
broken["services"]["jwtd"]["readonly"] = True
broken["services"]["jwtd"]["volumes"].append("./nowhere.yaml:/nowhere.yaml:ro")
broken["services"]["jwtd"]["ports"].append("7519:7519")
for what, fault, word in (
    ("a word that compose does not know", schema(broken), "readonly"),
    ("a file that is not there", missing(broken), "./nowhere.yaml"),
    ("a port for everybody", open_ports(broken), "'7519:7519'"),
):
    row(f"control: {what}", "" if word in fault else f"not noticed: {fault}", f"it fails: {fault}")
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
row("the key is made, the daemon is healthy, good and expired tokens are told apart", works())
