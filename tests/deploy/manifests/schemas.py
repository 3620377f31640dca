"""Manifests against the schemas of Kubernetes and of the custom resources, unknown fields refused."""

import functools
import json
import subprocess
from pathlib import Path

import jsonschema
import kubernetes_validate
from kubernetes_validate import utils

from render import HELM, documents, run

# Native sidecars are on by default since 1.29; the newest is what the package brings.
OLDEST = "1.29"
NEWEST = kubernetes_validate.latest_version().rsplit(".", 1)[0]

# The URLs of the custom resource definitions.
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
ISTIO = "istio.io/api@v1.32.0"
ENVOY_GATEWAY = "github.com/envoyproxy/gateway@v1.9.1"

# The same megabyte would be read for each manifest.
utils.schema_contents = functools.lru_cache(maxsize=None)(utils.schema_contents)


def module(name):
    # The folder must not be inside another module.
    said = subprocess.run(["go", "mod", "download", "-json", name], capture_output=True, text=True, cwd="/")
    facts = json.loads(said.stdout or "{}")
    if "Dir" not in facts:
        raise RuntimeError(f"{name}: {facts.get('Error') or said.stderr.strip()}")
    return Path(facts["Dir"])


def strict(schema):
    """The same schema, which refuses the fields that it does not name."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items() if key != "properties"}
    if "properties" in schema:
        made["properties"] = {name: strict(one) for name, one in schema["properties"].items()}
        open_to_all = schema.get("x-kubernetes-preserve-unknown-fields")
        if not open_to_all and schema.get("type") == "object":
            made.setdefault("additionalProperties", False)
    if schema.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def custom_resources():
    """The schema of each custom resource that may occur here, by apiVersion and kind."""
    text = []
    folder = module(OPERATOR) / "example/prometheus-operator-crd"
    text += [file.read_text() for file in sorted(folder.glob("*.yaml"))]
    text.append((module(ISTIO) / "kubernetes/customresourcedefinitions.gen.yaml").read_text())
    # A chart of Envoy Gateway has its own and those of the Gateway API that it serves.
    chart = str(module(ENVOY_GATEWAY) / "charts/gateway-crds-helm")
    both = ["--set", "crds.gatewayAPI.enabled=true,crds.gatewayAPI.channel=standard,crds.envoyGateway.enabled=true"]
    text.append(run(HELM, "template", "crds", chart, *both))
    found = {}
    for one in documents("\n---\n".join(text)):
        if one["kind"] != "CustomResourceDefinition":
            continue
        group, kind = one["spec"]["group"], one["spec"]["names"]["kind"]
        for version in one["spec"]["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}}
            found[f"{group}/{version['name']}", kind] = schema
    return found


def faults(manifest, customs):
    """The manifests that the API servers of the oldest and the newest version would refuse."""
    key = manifest["apiVersion"], manifest["kind"]
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    if key in customs:
        errors = jsonschema.Draft202012Validator(customs[key]).iter_errors(manifest)
        return [f"{name}: {one.json_path}: {one.message}"[:300] for one in errors]
    found = []
    for version in (OLDEST, NEWEST):
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except jsonschema.ValidationError as error:
            found.append(f"{name}, {version}: {error.json_path}: {error.message}"[:300])
        except kubernetes_validate.SchemaNotFoundError:
            found.append(f"{name}, {version}: there is no schema for {' '.join(key)}")
    return found
