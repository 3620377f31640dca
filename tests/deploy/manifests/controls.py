"""Breaks copies of good manifests, one thing at a time, and tells whether the checks notice it."""

import concurrent.futures
import copy
import json
import os
import subprocess
from pathlib import Path

import main
import pods
import render


def mesh_faults(config, rendered):
    """What is wrong with a mesh configuration, on its own and beside the policy and the Service."""
    done = subprocess.run([os.environ["MESHCONFIG"]], input=json.dumps(config), capture_output=True, text=True)
    if done.returncode != 0:
        return [done.stderr.strip()]
    found = []
    providers = {one["name"]: one["envoyExtAuthzGrpc"] for one in config["extensionProviders"]}
    for policy in pods.of_kind(rendered, "AuthorizationPolicy"):
        provider = providers.get(policy["spec"]["provider"]["name"])
        if provider is None:
            found.append(f"no provider is named {policy['spec']['provider']['name']}")
            continue
        services = {f"{one['metadata']['name']}.{one['metadata']['namespace']}.svc.cluster.local": one["spec"]["ports"]
                    for one in pods.of_kind(rendered, "Service")}
        if provider["port"] not in [port["port"] for port in services.get(provider["service"], [])]:
            found.append(f"{provider['service']} has no port {provider['port']}")
    return found


def broken(manifests, kind, change):
    """A copy in which the first manifest of the kind was changed."""
    made = copy.deepcopy(manifests)
    change(pods.of_kind(made, kind)[0])
    return made


def jwtd_of(manifest):
    spec = manifest["spec"]["template"]["spec"]
    return next(one for one in spec.get("initContainers", []) + spec["containers"] if one["name"] == "jwtd")


def reads(rendered, customs):
    """Faults that reading shows."""
    def seen(manifests, what):
        return bool(dict(main.judge(manifests, customs))[what])

    shared, every = rendered["kustomize shared"], rendered["kustomize, every kind"]
    schema, security = "schemas, unknown fields refused", "restricted Pod Security"
    selectors, wiring = "selectors and references", "mounts, probes' ports, variables"

    def probes(one): jwtd_of(one)["livenessProbes"] = {}
    yield "an unknown field of a container", seen(broken(shared, "Deployment", probes), schema)
    def monitor(one): one["spec"]["podMetricsEndpoints"][0]["pth"] = "/metrics"
    yield "an unknown field of a PodMonitor", seen(broken(every, "PodMonitor", monitor), schema)
    def gateway(one): one["spec"]["extAuth"]["fail_open"] = True
    yield "an unknown field of a SecurityPolicy", seen(broken(rendered["example envoy-gateway"], "SecurityPolicy", gateway), schema)
    def root(one): jwtd_of(one)["securityContext"]["runAsUser"] = 0
    yield "a container that runs as root", seen(broken(shared, "Deployment", root), security)
    def host(one): one["spec"]["template"]["spec"]["volumes"].append({"name": "host", "hostPath": {"path": "/run"}})
    yield "a hostPath", seen(broken(rendered["kustomize node"], "DaemonSet", host), security)
    def label(one): one["spec"]["selector"]["matchLabels"] = {"app.kubernetes.io/name": "jwt"}
    yield "a PodDisruptionBudget that means no pod", seen(broken(shared, "PodDisruptionBudget", label), selectors)
    def target(one): one["spec"]["ports"][0]["targetPort"] = "http"
    yield "a Service to a port that is not there", seen(broken(shared, "Service", target), selectors)
    def grant(one): one["spec"]["extAuth"]["grpc"]["backendRefs"][0]["port"] = 7520
    yield "a SecurityPolicy that asks at the wrong port", seen(broken(rendered["example envoy-gateway"], "SecurityPolicy", grant), selectors)
    def variable(one): jwtd_of(one)["env"][0]["name"] = "JWTD_WORKER"
    yield "a variable that the daemon does not know", seen(broken(shared, "Deployment", variable), wiring)
    def volume(one): jwtd_of(one)["volumeMounts"][0]["name"] = "config"
    yield "a mount of a volume that is not there", seen(broken(shared, "Deployment", volume), wiring)


def pods_run(rendered, pool, tls, jwks):
    """Faults that show when the pod is run; several at once, because they mostly wait."""
    def tried(manifests, part):
        faults = main.runs(manifests, tls, jwks)
        return bool(next(found for what, found in faults.items() if what.startswith(part)))

    def seen(name, kind, change, part):
        return pool.submit(tried, broken(rendered[name], kind, change), part)

    def flag(one): jwtd_of(one)["args"][1] = "--configuration"
    yield "a flag that the daemon does not know", seen("kustomize sidecar", "Deployment", flag, "runs")
    def path(one): jwtd_of(one)["startupProbe"]["httpGet"]["path"] = "/startup"
    yield "a probe at a path that is not there", seen("kustomize sidecar", "Deployment", path, "runs")
    def typo(one): one["data"]["jwtd.yaml"] += "admn: off\n"
    yield "a setting that is misspelt", seen("kustomize sidecar", "ConfigMap", typo, "runs")
    def loopback(one): one["data"]["jwtd.yaml"] = one["data"]["jwtd.yaml"].replace("admin: 0.0.0.0", "admin: 127.0.0.1")
    yield "probes at a port of loopback", seen("kustomize sidecar", "ConfigMap", loopback, "runs")
    def state(one): one["data"]["jwtd.yaml"] = one["data"]["jwtd.yaml"].replace("/var/lib/jwtd/keys", "/var/lib/jwtd")
    yield "state in a volume that others can write to", seen("kustomize sidecar", "ConfigMap", state, "runs")
    def socket(one): one["data"]["jwtd.yaml"] = one["data"]["jwtd.yaml"].replace('"0666"', '"0660"')
    yield "a socket that the application may not use", seen("kustomize sidecar", "ConfigMap", socket, "runs")
    def mount(one):
        mounts = one["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        next(mount for mount in mounts if mount["name"] == "jwtd-socket")["readOnly"] = False
    yield "a socket's folder that the application can write to", seen("kustomize sidecar", "Deployment", mount, "runs")
    def memory(one): jwtd_of(one)["resources"]["limits"]["memory"] = "64Mi"
    yield "less memory than the bounds take", seen("kustomize sidecar", "Deployment", memory, "memory")
    def grace(one): one["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 10
    yield "less time to stop than the drain may take", seen("kustomize sidecar", "Deployment", grace, "memory")
    def port(one): one["data"]["jwtd.yaml"] = one["data"]["jwtd.yaml"].replace(":7519", ":7518")
    yield "a configuration with another port", seen("kustomize node", "ConfigMap", port, "ports")
    def policy(one): one["spec"]["ingress"][1]["ports"][0]["port"] = 9090
    yield "a network policy that keeps Prometheus out", seen("kustomize node", "NetworkPolicy", policy, "ports")


def chart(work):
    """Values that must be refused, and a chart that is not fresh."""
    def refused(values, *more):
        try:
            render.helm(main.CHART, "--values", str(main.CHART / f"ci/{values}-values.yaml"), *more)
        except render.Refused as said:
            return True, str(said)
        return False, ""

    for what, values, sets, word in (
        ("values with an unknown key", "deployment", "replica=2", "replica"),
        ("values with an unknown mode", "deployment", "mode=statefulset", "mode"),
        ("values with a misspelt setting of jwtd", "deployment", "config.issuers.corp.audience=x", "audience"),
        ("values without issuers", "deployment", "config.issuers=null", "issuers"),
        ("values that send tokens unencrypted", "deployment", "tls.secretName=", "plaintext"),
        ("values with probes where nobody can reach them", "daemonset", "config.admin=127.0.0.1:7520", "admin"),
        ("values with a ServiceMonitor for sidecars", "sidecar", "serviceMonitor.enabled=true", "serviceMonitor"),
    ):
        done, said = refused(values, "--set", sets)
        yield what, done and word in said
    for file in ("files/rules.yaml", "files/jwtd.json", "README.md", "values.schema.json"):
        stale = Path(work) / "stale"
        render.run("rm", "-rf", str(stale))
        render.run("cp", "-r", str(main.CHART), str(stale))
        text = (stale / file).read_text()
        # Within the part of the schema that is made.
        changed = text.replace("probes and metrics", "probes") if file.endswith("schema.json") else text + " "
        (stale / file).write_text(changed)
        yield f"a chart whose {Path(file).name} is stale", bool(main.chart_is_fresh(stale, work))


def mesh(rendered):
    provider = {"name": "jwtd", "envoyExtAuthzGrpc": {"service": "jwtd.jwtd.svc.cluster.local", "port": 7519}}
    both = rendered["example istio"]
    good = not mesh_faults({"extensionProviders": [provider]}, both)
    misspelt = {"name": "jwtd", "envoyExtAuthzGrpc": {**provider["envoyExtAuthzGrpc"], "failopen": True}}
    yield "a mesh configuration with an unknown field", good and bool(mesh_faults({"extensionProviders": [misspelt]}, both))
    other = {**provider, "name": "other"}
    yield "a mesh configuration without the provider", good and bool(mesh_faults({"extensionProviders": [other]}, both))


def everything(rendered, customs, work, running):
    yield from reads(rendered, customs)
    if running:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            begun = list(pods_run(rendered, pool, *running))
        yield from ((what, one.result()) for what, one in begun)
    yield from chart(work)
    yield from mesh(rendered)
