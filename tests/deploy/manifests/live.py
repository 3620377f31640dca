"""Hands pods to pod.py, each in namespaces of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from pods import of_kind, pods
from render import ROOT

HERE = Path(__file__).resolve().parent


def why_not():
    """The reason why pods cannot be run here, or None."""
    if os.geteuid() != 0:
        return "needs root, for users and mounts of their own"
    for tool in ("unshare", "ip"):
        if not shutil.which(tool):
            return f"there is no {tool}"
    tried = subprocess.run(["unshare", "--mount", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, text=True)
    return tried.stderr.strip() if tried.returncode != 0 else ""


def certificates(work):
    """The certificate that docs/kubernetes.md makes for a trial, and its authority."""
    lines = re.findall(r"^\$ ((?:openssl|echo) .*)$", (ROOT / "docs/kubernetes.md").read_text(), re.M)
    subprocess.run(["sh", "-ec", "\n".join(lines)], cwd=work, check=True, capture_output=True)
    return {name: (Path(work) / name).read_text() for name in ("tls.crt", "tls.key", "ca.crt")}


# The Services that pods are called by.
HOSTS = ["jwtd.jwtd.svc", "jwtd-headless.jwtd.svc"]


def with_keys_at_hand(config, jwks):
    """The configuration with a key set in it in place of one that would be fetched."""
    made = yaml.safe_load(config)
    for issuer in made["issuers"].values():
        if "secret_file" not in issuer.get("keys", {}):
            issuer["keys"] = {"jwks": jwks}
    return yaml.safe_dump(made)


def files_of(pod, manifests, tls):
    """The content of each volume."""
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(manifests, "ConfigMap")}
    found = {}
    for volume in pod.spec.get("volumes", []):
        if "configMap" in volume:
            found[volume["name"]] = maps.get(volume["configMap"]["name"], {})
        elif volume.get("secret", {}).get("secretName") == "jwtd-tls":
            # Where the configuration does without, there is no such Secret.
            found[volume["name"]] = tls if "jwtd-tls" in pod.config else {}
        elif "secret" in volume:
            found[volume["name"]] = {"secret": "0123456789abcdef0123456789abcdef"}
        elif "projected" in volume:
            found[volume["name"]] = {"token": "not-a-real-token", "ca.crt": tls["ca.crt"]}
    return found


def callers(pod, manifests):
    """Containers of other pods that call this one: those of `helm test`, or one like it."""
    tests = [one for one in pods(manifests) if one.kind == "Pod" and not one.jwtd]
    if pod.sidecar:
        return []
    if tests:
        context = tests[0].spec["securityContext"]
        return [{**one, "securityContext": {**context, **one["securityContext"]}} for one in tests[0].spec["containers"]]
    endpoint = ("tls" if "cert_file" in pod.config else "tcp") + "://jwtd.jwtd.svc:7519"
    variables = {"JWTD_ENDPOINT": endpoint, "JWTD_CA_FILE": "/etc/jwtd-tls/ca.crt"}
    mounts = [one for one in pod.jwtd["volumeMounts"] if one["name"] == "jwtd-tls"]
    env = [{"name": name, "value": value} for name, value in variables.items() if mounts or name == "JWTD_ENDPOINT"]
    if "cert_file" not in pod.config:
        env = env[:1]
    return [{"name": "caller", "args": ["health"], "env": env, "volumeMounts": mounts}]


def run(pod, manifests, tls, jwks):
    """Runs a pod; returns the settings in force and the faults."""
    others = callers(pod, manifests)
    scraped = [end.get("path", "/metrics") for kind in ("PodMonitor", "ServiceMonitor")
               for one in of_kind(manifests, kind) for end in one["spec"].get("podMetricsEndpoints", one["spec"].get("endpoints"))]
    with tempfile.TemporaryDirectory(prefix="jwtd-pod-") as at:
        facts = {
            "at": at,
            "spec": pod.spec,
            "containers": pod.containers + others,
            "jwtd": pod.jwtd["name"],
            # Containers of our own image run as they are.
            "ours": {one["name"]: one.get("image", "jwtd") == pod.jwtd["image"] for one in pod.containers + others},
            "volumes": files_of(pod, manifests, tls),
            "hosts": HOSTS,
            "scraped": scraped or ["/metrics"],
            "local": with_keys_at_hand(pod.config, jwks),
        }
        command = ["unshare", "--mount", "--net", sys.executable, str(HERE / "pod.py")]
        done = subprocess.run(command, input=json.dumps(facts), capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        return {}, [done.stderr.strip()[-1500:]]
    said = json.loads(done.stdout)
    return said["settings"], said["faults"]
