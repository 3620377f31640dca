"""Applies every rendering to the API server. Usage: main.py RESULTS WORK"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import yaml

import pods
import render
import schemas
from server import ISSUER, Refused, Server, free_port



def row(results, name, what, faults, result=None):
    for one in faults:
        print(f"{name}, {what}: {one}", file=sys.stderr)
    note = " ".join(str(faults[0]).split())[:160] if faults else ""
    with open(results, "a") as file:
        print("cluster", "-", name, what, result or ("FAILED" if faults else "passed"), note, sep="\t", file=file)


def spaced(manifest, namespace):
    """The manifest in the namespace that `kubectl --namespace` would give it."""
    if manifest["kind"] in ("Namespace", "GatewayClass", "ClusterRole", "ClusterRoleBinding"):
        return manifest
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "namespace": metadata.get("namespace", namespace)}}


def applied(server, manifests):
    """Stores each of them; returns the server's refusals."""
    found = []
    for one in sorted(manifests, key=lambda one: one["kind"] != "Namespace"):
        name = f"{one['kind']} {one['metadata']['name']}"
        if one["kind"] == "Namespace":
            server.namespace(one["metadata"]["name"])
        try:
            server.apply(one)
        except Refused as said:
            found.append(f"{name}: {said}")
    return found


def admitted(server, manifests):
    """Creates each pod that their workloads would make; returns the refusals of admission."""
    found = []
    for one in pods.pods(manifests):
        template = one.manifest if one.kind == "Pod" else one.manifest["spec"]["template"]
        space = one.manifest["metadata"]["namespace"]
        metadata = {**template["metadata"], "namespace": space, "generateName": f"{one.name}-"}
        metadata.pop("name", None)
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        if one.kind == "Job":
            pod["spec"].setdefault("restartPolicy", "Never")
        try:
            server.kubectl("create", "--validate=strict", "-f", "-", stdin=pod)
        except Refused as said:
            found.append(f"{one}: {said}")
    return found


def removed(server, manifests):
    """Deletes them again, because other renderings use the same names."""
    for one in manifests:
        if one["kind"] != "Namespace":
            server.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=one)


def control(server):
    """A pod that must not be admitted; otherwise the row above would prove nothing."""
    spec = {"hostNetwork": True, "containers": [{"name": "a", "image": "a"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "jwtd"}, "spec": spec}
    try:
        server.kubectl("create", "-f", "-", stdin=pod)
    except Refused as said:
        return [] if "violates PodSecurity" in str(said) else [str(said)]
    return ["it was admitted"]


def recipe(server, folder):
    """The configuration of docs/issuers.md for this server."""
    page = (render.ROOT / "docs/issuers.md").read_text()
    block = re.search(r"(?ms)^```yaml\n(issuers:\n  kubernetes:.*?)^```$", page)[1]
    made = yaml.safe_load(block)
    made["issuers"]["kubernetes"]["keys"] = {
        "jwks_uri": f"https://127.0.0.1:{server.port}/openid/v1/jwks",
        "ca_file": str(server.certificate),
        "bearer_file": str(folder / "token"),
    }
    made |= {"listen": [{"unix": str(folder / "jwtd.sock")}], "admin": f"127.0.0.1:{free_port()}"}
    return made


def judged(server, work):
    """Tokens that this server signs, by a daemon with the recipe of the documentation."""
    folder = Path(work) / "judged"
    folder.mkdir()
    server.namespace("shop")
    for name in ("orders", "other"):
        server.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "shop"}})

    def token(name, audience):
        return server.kubectl("create", "token", name, "--namespace", "shop", "--audience", audience).strip()

    (folder / "token").write_text(token("orders", ISSUER))
    config = recipe(server, folder)
    (folder / "jwtd.yaml").write_text(yaml.safe_dump(config))
    binary, found = os.environ["JWTD_BIN"], []
    with open(folder / "log", "wb") as log:
        daemon = subprocess.Popen([binary, "serve", "--config", folder / "jwtd.yaml"], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        asked = ["--endpoint", f"unix://{folder}/jwtd.sock"]
        while subprocess.run([binary, "health", *asked], capture_output=True).returncode != 0:
            if time.monotonic() > end or daemon.poll() is not None:
                return [f"the daemon is not ready: {(folder / 'log').read_text()[-500:]}"]
            time.sleep(0.2)
        for name, audience, permit in (("orders", "orders-api", True), ("other", "orders-api", False), ("orders", "other-api", False)):
            done = subprocess.run([binary, "verify", *asked], input=token(name, audience), capture_output=True, text=True)
            if (done.returncode == 0) != permit:
                found.append(f"{name} for {audience}: {done.stdout} {done.stderr}")
    finally:
        daemon.terminate()
        daemon.wait(20)
    return found


def definitions():
    """The definitions of custom resources, whole."""
    folder = schemas.module(schemas.OPERATOR) / "example/prometheus-operator-crd"
    texts = [file.read_text() for file in sorted(folder.glob("*.yaml"))]
    texts.append((schemas.module(schemas.ISTIO) / "kubernetes/customresourcedefinitions.gen.yaml").read_text())
    chart = str(schemas.module(schemas.ENVOY_GATEWAY) / "charts/gateway-crds-helm")
    both = ["--set", "crds.gatewayAPI.enabled=true,crds.gatewayAPI.channel=standard,crds.envoyGateway.enabled=true"]
    texts.append(render.run(render.HELM, "template", "crds", chart, *both))
    all_of_them = render.documents("\n---\n".join(texts))
    return [one for one in all_of_them if one["kind"] == "CustomResourceDefinition"]


def main():
    results, work = sys.argv[1:]
    rendered = render.everything(work)
    wanted = {(one["apiVersion"].split("/")[0], one["kind"]) for all_of_it in rendered.values() for one in all_of_it}
    with Server(Path(work) / "cluster") as server:
        customs = []
        for one in definitions():
            if (one["spec"]["group"], one["spec"]["names"]["kind"]) in wanted:
                server.apply(one)
                customs.append(one["metadata"]["name"])
        for name in customs:
            server.kubectl("wait", "--for=condition=Established", "--timeout=60s", f"crd/{name}")
        for name in ("jwtd", "orders", "default"):
            server.namespace(name)
        for name, manifests in rendered.items():
            space = "jwtd" if name.startswith(("helm ", "kustomize node", "kustomize shared")) else "default"
            manifests = [spaced(one, space) for one in manifests]
            row(results, name, "applied to a real API server", applied(server, manifests))
            row(results, name, "pods admitted under restricted Pod Security", admitted(server, manifests))
            removed(server, manifests)
        row(results, "all", "control: a pod in the network of its node is refused", control(server))
        row(results, "docs/issuers.md", "tokens of service accounts, with this server's keys", judged(server, work))


if __name__ == "__main__":
    main()
