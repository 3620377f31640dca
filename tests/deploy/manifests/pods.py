"""References between the manifests of one rendering, and to the pods in them."""

import re

import yaml

WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job", "Pod"}
# Objects that a cluster has anyway.
GIVEN = {("ConfigMap", "kube-root-ca.crt")}
UNITS = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


class Pod:
    """A pod that a manifest makes."""

    def __init__(self, manifest, manifests):
        self.manifest = manifest
        self.kind, self.name = manifest["kind"], manifest["metadata"]["name"]
        self.namespace = manifest["metadata"].get("namespace", "")
        template = manifest if self.kind == "Pod" else manifest["spec"]["template"]
        self.labels = template["metadata"].get("labels", {})
        self.spec = template["spec"]
        self.initial = self.spec.get("initContainers", [])
        self.containers = self.initial + self.spec["containers"]
        serving = [one for one in self.containers if one.get("args", [""])[0] == "serve"]
        self.jwtd = serving[0] if serving else None
        self.sidecar = self.jwtd in self.initial
        if self.jwtd:
            volume = next(one for one in self.spec["volumes"] if one["name"] == "jwtd-config")
            source = volume["configMap"]["name"]
            maps = [one for one in manifests if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", source)]
            self.config = maps[0]["data"]["jwtd.yaml"] if maps else ""

    def __str__(self):
        return f"{self.kind} {self.name}"

    def ports(self):
        """Names and numbers of the ports that the containers show."""
        shown = [port for one in self.containers for port in one.get("ports", [])]
        return {port["name"]: port["containerPort"] for port in shown}


def pods(manifests):
    return [Pod(one, manifests) for one in manifests if one["kind"] in WORKLOADS]


def matches(selector, labels):
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for one in selector.get("matchExpressions") or []:
        if one["operator"] != "Exists":
            raise ValueError(f"an operator that is not known here: {one['operator']}")
        if one["key"] not in labels:
            return False
    return True


def of_kind(manifests, kind):
    return [one for one in manifests if one["kind"] == kind]


def meant(manifest, selector, all_pods):
    """The pods that a selector of the manifest means."""
    namespace = manifest["metadata"].get("namespace", "")
    return [pod for pod in all_pods if pod.namespace == namespace and matches(selector, pod.labels)]


def selectors(manifests):
    """Selectors that mean no pod, and references to what is not there."""
    found, everyone = [], pods(manifests)
    for pod in everyone:
        if pod.kind in ("Deployment", "StatefulSet", "DaemonSet"):
            if not matches(pod.manifest["spec"]["selector"], pod.labels):
                found.append(f"{pod} does not select its own pods")
        for spread in pod.spec.get("topologySpreadConstraints", []):
            if not matches(spread["labelSelector"], pod.labels):
                found.append(f"{pod}: a topology spread constraint does not mean its own pods")
    for one in manifests:
        kind, spec, name = one["kind"], one.get("spec", {}), f"{one['kind']} {one['metadata']['name']}"
        # deploy/prometheus/rules.yaml tells the daemons that are down by their job, which is named after the monitor.
        if kind in ("PodMonitor", "ServiceMonitor") and "jwtd" not in one["metadata"]["name"]:
            found.append(f"{name}: the alerts want `jwtd` in its name")
        if kind == "Service":
            found += service(name, one, everyone)
        elif kind in ("NetworkPolicy", "PodDisruptionBudget", "PodMonitor"):
            selected = meant(one, spec.get("podSelector", spec.get("selector")), everyone)
            if not selected:
                found.append(f"{name} means no pod")
            for end in spec.get("podMetricsEndpoints", []):
                found += [f"{name}: {pod} has no port {end['port']}" for pod in selected if end["port"] not in pod.ports()]
        elif kind == "ServiceMonitor":
            found += service_monitor(name, one, manifests)
        elif kind == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]
            scaled = [pod for pod in everyone if (pod.kind, pod.name) == (target["kind"], target["name"])]
            if not scaled:
                found.append(f"{name} scales what is not there")
            elif "replicas" in scaled[0].manifest["spec"]:
                found.append(f"{name}: `replicas` of {scaled[0]} would undo it at each apply")
        found += references(name, one, manifests)
    return found


def service(name, one, everyone):
    selected = meant(one, {"matchLabels": one["spec"]["selector"]}, everyone)
    if not selected:
        return [f"{name} means no pod"]
    ports = [port.get("targetPort", port["port"]) for port in one["spec"]["ports"]]
    wanted = [(pod, port) for pod in selected for port in ports]
    return [f"{name}: {pod} has no port {port}" for pod, port in wanted
            if port not in pod.ports() and port not in pod.ports().values()]


def service_monitor(name, one, manifests):
    services = [other for other in of_kind(manifests, "Service")
                if matches(one["spec"]["selector"], other["metadata"].get("labels", {}))]
    ends = [end["port"] for end in one["spec"]["endpoints"]]
    shown = [port["name"] for other in services for port in other["spec"]["ports"]]
    if len(services) != 1:
        return [f"{name} means {len(services)} Services"]
    return [f"{name}: no Service has a port {end}" for end in ends if end not in shown]


def references(name, one, manifests):
    """Services and Gateways that are named by routes and policies."""
    def walk(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ("backendRefs", "parentRefs", "targetRefs"):
                    yield from ((key, ref) for ref in inner)
                yield from walk(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from walk(inner)
    found = []
    for key, ref in walk(one.get("spec", {})):
        kind = ref.get("kind", {"backendRefs": "Service", "parentRefs": "Gateway"}.get(key))
        space = ref.get("namespace", one["metadata"].get("namespace", ""))
        there = [other for other in of_kind(manifests, kind) if other["metadata"]["name"] == ref["name"]
                 and other["metadata"].get("namespace", "") == space]
        if not there:
            found.append(f"{name}: {kind} {space}/{ref['name']} is not there")
        elif "port" in ref and ref["port"] not in [port["port"] for port in there[0]["spec"]["ports"]]:
            found.append(f"{name}: Service {ref['name']} has no port {ref['port']}")
    return found


def wiring(pod, manifests):
    """Mounts, volumes, named ports of probes."""
    found, volumes = [], {one["name"]: one for one in pod.spec.get("volumes", [])}
    for one in pod.containers:
        for mount in one.get("volumeMounts", []):
            if mount["name"] not in volumes:
                found.append(f"{pod}: container {one['name']} mounts {mount['name']}, which is no volume")
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            port = one.get(probe, {}).get("httpGet", {}).get("port")
            if isinstance(port, str) and port not in [shown["name"] for shown in one.get("ports", [])]:
                found.append(f"{pod}: {probe} asks at {port}, which is no port")
    there = {(one["kind"], one["metadata"]["name"]) for one in manifests} | GIVEN
    for volume in volumes.values():
        sources = [volume, *volume.get("projected", {}).get("sources", [])]
        for source in sources:
            named = source.get("configMap", {}).get("name")
            if named and ("ConfigMap", named) not in there:
                found.append(f"{pod}: ConfigMap {named} is not there")
    return found


def size(text):
    number, unit = re.fullmatch(r"(\d+)([KMG]i?B?|)", str(text)).groups()
    return int(number) * UNITS[unit]


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]


def bounds(pod, settings):
    """The memory limit and the time to stop, against the settings in force."""
    found = []
    need = size(settings["cache.max_bytes"]) + size(settings["limits.in_flight_bytes"])
    need += (32 << 20) + int(settings["limits.connections"]) * (64 << 10)
    if yaml.safe_load(pod.config).get("audit"):
        need += size(settings["audit.buffer"])
    resources = pod.jwtd["resources"]
    limit = size(resources["limits"]["memory"])
    if not need <= limit <= 2 * need:
        found.append(f"{pod}: {limit >> 20} MiB of memory, and its bounds take {need >> 20}")
    if resources["requests"]["memory"] != resources["limits"]["memory"]:
        found.append(f"{pod}: requests less memory than it may take")
    stop = seconds(settings["drain_delay"]) + seconds(settings["drain_timeout"])
    grace = pod.spec.get("terminationGracePeriodSeconds", 30)
    if not stop < grace:
        found.append(f"{pod}: {grace} s to stop, and it may take {stop} s")
    return found


def openings(pod, settings, manifests):
    """The ports of the container, the Services and the network policies, against the configuration's own."""
    found = []
    heard = [value for key, value in settings.items() if re.fullmatch(r"listen\[\d+\]\.tcp", key)]
    calls = {int(value.rsplit(":", 1)[1]) for value in heard if not value.startswith("127.")}
    admin = int(settings["admin"].rsplit(":", 1)[1])
    shown = {port["containerPort"] for port in pod.jwtd.get("ports", [])}
    if shown != calls | {admin}:
        found.append(f"{pod} shows the ports {sorted(shown)}, and jwtd has {sorted(calls | {admin})}")
    for one in of_kind(manifests, "Service"):
        if pod in meant(one, {"matchLabels": one["spec"]["selector"]}, [pod]):
            numbers = {pod.ports().get(port["targetPort"]) for port in one["spec"]["ports"]}
            if not numbers <= calls | {admin}:
                found.append(f"Service {one['metadata']['name']} leads to {numbers}")
    for one in of_kind(manifests, "NetworkPolicy"):
        if meant(one, one["spec"]["podSelector"], [pod]):
            let_in = {port["port"] for rule in one["spec"]["ingress"] for port in rule["ports"]}
            missing = (calls | {admin}) - let_in
            # 15008 is the ambient mesh's own.
            needless = let_in - set(pod.ports().values()) - {15008}
            if missing or needless:
                found.append(f"NetworkPolicy {one['metadata']['name']}: does not let in {missing}, lets in {needless}")
            let_out = {port["port"] for rule in one["spec"]["egress"] for port in rule["ports"]}
            if not {53, 443} <= let_out:
                found.append(f"NetworkPolicy {one['metadata']['name']}: keys cannot be fetched")
    return found
