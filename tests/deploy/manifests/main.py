"""Renders every manifest and checks it against the schemas, restricted Pod Security, itself, and the daemon.

Usage: main.py RESULTS WORK      run says what it wants in the environment
"""

import concurrent.futures
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

import live
import pods
import render
import schemas

CHART = render.ROOT / "deploy/helm/jwtd"
BOTH = f"{schemas.OLDEST}, {schemas.NEWEST}"


class Rows:
    """The table of results; as `row` in lib.sh."""

    def __init__(self, path):
        self.file = open(path, "a")

    def add(self, name, what, faults, version="-"):
        """A row that passes if there are no faults; the first is its note."""
        for one in faults:
            print(f"{name}, {what}: {one}", file=sys.stderr)
        note = " ".join(str(faults[0]).split())[:160] if faults else ""
        self.put(name, what, "FAILED" if faults else "passed", note, version)

    def put(self, name, what, result, note="", version="-"):
        print("manifests", version, name, what, result, note, sep="\t", file=self.file, flush=True)


def restricted(manifests):
    """The pods that the API server's evaluator would refuse, by the oldest version and by its newest rules."""
    command = [os.environ["PODSECURITY"], f"v{schemas.OLDEST}", "latest"]
    done = subprocess.run(command, input=json.dumps(manifests), capture_output=True, text=True)
    if "0 pods" == done.stderr.strip():
        return ["no pod was judged"]
    return done.stdout.splitlines() or ([done.stderr] if done.returncode else [])


def variables(command):
    """The environment variables that a command of the daemon knows."""
    said = render.run(os.environ["JWTD_BIN"], command, "--help")
    return set(re.findall(r"\[env: (JWTD_\w+)=", said))


def frugal(pod):
    """Users that no machine has, and bounds on what is written, as common checks of clusters demand."""
    found = []
    for one in pod.containers:
        # Cases stand for the pods of others, which say nothing of this.
        if "resources" not in one:
            continue
        user = {**pod.spec.get("securityContext", {}), **one.get("securityContext", {})}.get("runAsUser", 0)
        if user <= 10000:
            found.append(f"{pod}: {one['name']} runs as user {user}")
        for bound in ("requests", "limits"):
            if "ephemeral-storage" not in one.get("resources", {}).get(bound, {}):
                found.append(f"{pod}: {one['name']} has no ephemeral-storage in {bound}")
    return found


def environment(pod):
    """Variables JWTD_... that no command reads."""
    found = []
    for one in pod.containers:
        ours = one is pod.jwtd or one.get("args") == ["health"]
        known = variables("serve" if one is pod.jwtd else "health")
        for variable in one.get("env", []):
            name = variable["name"]
            if name.startswith("JWTD_") and name not in known:
                found.append(f"{pod}: {'jwtd' if ours else 'the application'} knows no {name}")
    return found


def judge(manifests, customs):
    """Static checks of a rendering: their names and the faults."""
    yield "schemas, unknown fields refused", [fault for one in manifests for fault in schemas.faults(one, customs)]
    everyone = pods.pods(manifests)
    if everyone:
        yield "restricted Pod Security", restricted(manifests)
    yield "selectors and references", pods.selectors(manifests)
    if everyone:
        wired = [fault for pod in everyone for fault in pods.wiring(pod, manifests) + environment(pod)]
        yield "mounts, probes' ports, variables", wired
        yield "high users, bounds on storage", [fault for pod in everyone for fault in frugal(pod)]


def runs(manifests, tls, jwks):
    """Checks that run the pods of a rendering: their names and the faults."""
    faults, bounds, openings = [], [], []
    for pod in [one for one in pods.pods(manifests) if one.jwtd]:
        settings, wrong = live.run(pod, manifests, tls, jwks)
        faults += [f"{pod}: {one}" for one in wrong]
        if settings:
            bounds += pods.bounds(pod, settings)
            openings += pods.openings(pod, settings, manifests)
        else:
            bounds.append(f"{pod}: no settings")
    return {
        "runs: config check, probes, ports, callers, SIGTERM": faults,
        "memory limit and time to stop": bounds,
        "ports of Services and network policies": openings,
    }


def chart_is_fresh(chart, work):
    """The changes that `deploy/helm/refresh` would make to the chart."""
    copy = Path(work) / "fresh"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(chart, copy)
    render.run(str(render.ROOT / "deploy/helm/refresh"), str(copy))
    found = []
    for file in ("values.schema.json", "README.md"):
        old, new = ((folder / file).read_text().splitlines() for folder in (chart, copy))
        if old != new:
            found.append(f"{file} is not what deploy/helm/refresh makes: " + "".join(list(difflib.unified_diff(old, new, n=0))[2:6])[:200])
    return found


def lint(work):
    found, package = [], render.packaged(work)
    for values in sorted((CHART / "ci").glob("*.yaml")):
        try:
            render.run(render.HELM, "lint", "--strict", "--quiet", package, "--values", str(values))
        except render.Refused as said:
            found.append(f"{values.name}: {said}")
    return found


def same_container(rendered):
    """The chart's containers must equal those of the kustomizations in everything that is not a value."""
    found = []
    for ours, theirs in (("kustomize sidecar", "example helm-sidecar"), ("kustomize shared", "helm deployment"), ("kustomize node", "helm daemonset")):
        pair = [next(one for one in pods.pods(rendered[name]) if one.jwtd) for name in (ours, theirs)]
        plain = []
        for pod in pair:
            context = {**pod.spec.get("securityContext", {}), **pod.jwtd["securityContext"]}
            context = {key: value for key, value in context.items() if pod.jwtd in pod.spec["containers"] or key != "fsGroup"}
            env = [one for one in pod.jwtd["env"] if one["name"] != "JWTD_LOG"]
            # The overlay `node` also shows the cluster's own issuer.
            mounts = sorted((one for one in pod.jwtd["volumeMounts"] if one["name"] != "jwtd-token"), key=lambda one: one["name"])
            facts = {**pod.jwtd, "env": env, "volumeMounts": mounts, "securityContext": context}
            facts.pop("imagePullPolicy", None)
            plain.append(yaml.safe_dump({"container": facts, "labels": pod.labels.get("jwtd/form")}).splitlines())
        if plain[0] != plain[1]:
            found.append(f"{ours} and {theirs}: " + " ".join(list(difflib.unified_diff(*plain, n=0))[2:]))
    return found


def monitoring(rendered):
    """The rules and the dashboard come through the package and the templates as they are."""
    made = rendered["helm everything"]
    rules = yaml.safe_load((render.ROOT / "deploy/prometheus/rules.yaml").read_text())
    dashboard = json.loads((render.ROOT / "deploy/grafana/jwtd.json").read_text())
    found = []
    if [one["spec"] for one in pods.of_kind(made, "PrometheusRule")] != [rules]:
        found.append("the PrometheusRule is not deploy/prometheus/rules.yaml")
    shown = [one["data"].get("jwtd.json") for one in pods.of_kind(made, "ConfigMap")]
    if dashboard not in [json.loads(one) for one in shown if one]:
        found.append("no ConfigMap has deploy/grafana/jwtd.json")
    return found


def found_without_operator(rendered):
    """deploy/prometheus/kubernetes.yaml keeps every pod that has jwtd in it, by container and port."""
    job = yaml.safe_load((render.ROOT / "deploy/prometheus/kubernetes.yaml").read_text())["scrape_configs"][0]
    kept = next(one["regex"] for one in job["relabel_configs"] if one["action"] == "keep")
    found = []
    for name, manifests in rendered.items():
        for pod in [one for one in pods.pods(manifests) if one.jwtd and name != "helm everything"]:
            shown = [f"{pod.jwtd['name']};{port['containerPort']}" for port in pod.jwtd["ports"]]
            if not any(re.fullmatch(kept, one) for one in shown):
                found.append(f"{name}: {pod}: {shown} is not {kept}")
    return found


def restarts():
    """Pods are replaced for the settings that wait for a restart, and for no others."""
    def annotation(*more):
        made = render.helm(CHART, "--values", str(CHART / "ci/daemonset-values.yaml"), *more)
        return next(one for one in pods.pods(made) if one.jwtd).manifest["spec"]["template"]["metadata"]["annotations"]
    first = annotation()
    found = []
    kept = ["--set", "config.state_dir=/var/lib/kept/state", "--set", "volumes[0].name=kept,volumes[0].hostPath.path=/kept",
            "--set", "volumeMounts[0].name=kept,volumeMounts[0].mountPath=/var/lib/kept", "--set"]
    revoking = [annotation(*kept, f"config.revocation.{one}") for one in ("max_entries=7", "max_entries=8", "max_entries=7,config.revocation.callers[0].user=1")]
    if revoking[0] == revoking[1] or revoking[0] != revoking[2]:
        found.append("config.revocation: pods are not replaced for max_entries, or are for callers")
    for change, same in (("config.issuers.corp.clock_skew=5s", True), ("config.limits.token_bytes=8KiB", True),
                         ("config.limits.connections=7", False), ("config.cache.max_bytes=0", False), ("config.drain_timeout=5s", False)):
        if (annotation("--set", change) == first) != same:
            found.append(f"{change}: pods are {'' if same else 'not '}replaced")
    return found


def refuses():
    """Values that the chart must refuse, each with a word about it."""
    found = []
    for values, change, word in (
        ("deployment", "replica=2", "replica"),
        ("deployment", "mode=statefulset", "mode"),
        ("deployment", "config.issuers.corp.audience=x", "/config/issuers/corp"),
        ("deployment", "config.issuers=null", "/config"),
        ("deployment", "tls.secretName=", "tls.secretName: "),
        ("daemonset", "tls.clientCertificates=true", "tls.clientCertificates: "),
        ("daemonset", "config.issuers.corp.keys.preset=kubernetes", "config.issuers.corp.keys.preset: "),
        ("daemonset", "config.admin=127.0.0.1:7520", "config.admin: "),
        ("daemonset", "config.listen[0].tcp=127.0.0.1:7519", "config.listen: "),
        ("sidecar", "config.listen[0].tcp=127.0.0.1:7519", "config.listen: "),
        ("sidecar", "serviceMonitor.enabled=true", "serviceMonitor"),
        ("daemonset", "config.revocation.max_entries=7", "config.revocation: its entries"),
        ("sidecar", "config.revocation.max_entries=7", "config.revocation: its entries"),
        ("deployment", "config.revocation.max_entries=7,config.state_dir=/kept/state,volumes[0].name=kept,"
         "volumes[0].persistentVolumeClaim.claimName=kept,volumeMounts[0].name=kept,volumeMounts[0].mountPath=/kept", "replicas: 1"),
        ("deployment", "dashboard.enabled=true", "dashboard.enabled: "),
        ("deployment", "prometheusRule.enabled=true", "prometheusRule.enabled: "),
    ):
        try:
            render.helm(CHART, "--values", str(CHART / f"ci/{values}-values.yaml"), "--set", change)
        except render.Refused as said:
            if word not in str(said):
                found.append(f"{change}: refused without a word about {word}: {said}")
        else:
            found.append(f"{change} is accepted")
    return found


def mesh():
    """The values for istiod name the provider that the policy names, and a Service that is there."""
    folder = render.ROOT / "deploy/examples/istio"
    config = yaml.safe_load((folder / "mesh.yaml").read_text())["meshConfig"]
    done = subprocess.run([os.environ["MESHCONFIG"]], input=json.dumps(config), capture_output=True, text=True)
    if done.returncode != 0:
        return [done.stderr.strip()]
    found, rendered = [], render.kustomize(folder)
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


def main():
    results, work = sys.argv[1:]
    rows = Rows(results)
    rendered = render.everything(work)
    customs = schemas.custom_resources()
    for name, manifests in rendered.items():
        for what, faults in judge(manifests, customs):
            rows.add(name, what, faults, BOTH if what.startswith("schemas") else "-")

    rows.add("chart", "helm lint", lint(work))
    rows.add("chart", "refuses values that cannot be meant", refuses())
    rows.add("chart", "schema and README are fresh", chart_is_fresh(CHART, work))
    rows.add("chart", "the containers are those of the kustomizations", same_container(rendered))
    rows.add("chart", "rules and dashboard come through package and templates as they are", monitoring(rendered))
    rows.add("all", "found by Prometheus without its operator", found_without_operator(rendered))
    rows.add("chart", "restarts pods where it must, and nowhere else", restarts())
    rows.add("example istio", "the mesh configuration, by Istio's own type", mesh())

    why = live.why_not()
    if why:
        rows.put("all", "pods run on this machine", "skipped", why)
    else:
        tls = live.certificates(work)
        private = Path(work) / "key.json"
        jwks = json.loads(render.run(os.environ["JWTD_BIN"], "keygen", "--private", str(private)))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            done = {name: pool.submit(runs, manifests, tls, jwks) for name, manifests in rendered.items()}
        for name, one in done.items():
            for what, faults in one.result().items():
                rows.add(name, what, faults)


if __name__ == "__main__":
    main()
