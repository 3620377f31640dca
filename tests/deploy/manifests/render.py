"""Renders the manifests as a user would, with kustomize and helm."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
CASES = Path(__file__).resolve().parent / "cases"
HELM = os.environ["HELM"]


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A lone `=`, as in the operators of a schema, is a text.
LOADER.add_constructor("tag:yaml.org,2002:value", LOADER.construct_scalar)


class Refused(Exception):
    """A tool refused its input; the text is its message."""


def run(*command, stdin=None, **more):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise Refused((done.stderr + done.stdout).strip())
    return done.stdout


def documents(text):
    return [one for one in yaml.load_all(text, LOADER) if one]


def kustomize(folder):
    return documents(run(*os.environ["KUSTOMIZE"].split(), str(folder)))


def helm(chart, *arguments, name="jwtd"):
    words = ["template", name, str(chart), "--namespace", "jwtd", *arguments]
    # Without a cluster helm believes itself to be on an old one.
    return documents(run(HELM, *words, "--kube-version", "1.37.0"))


def packaged(work):
    """The chart as `deploy/helm/package` makes it, for those who install it."""
    return run(str(ROOT / "deploy/helm/package"), str(work)).strip()


def example_chart(work):
    """The example of a chart with the sidecar, with its dependency fetched as its user would."""
    copy = Path(work) / "example-chart"
    shutil.copytree(ROOT / "deploy", copy, dirs_exist_ok=True)
    chart = copy / "examples/helm-sidecar"
    run(HELM, "dependency", "update", str(chart))
    return chart


def from_docs(work):
    """The kustomization that docs/kubernetes.md tells users to write, beside a Deployment of theirs."""
    text = (ROOT / "docs/kubernetes.md").read_text()
    blocks = dict(re.findall(r"```yaml\n# ([a-z]+\.yaml)\n(.*?)```", text, re.S))
    folder = Path(work) / "from-docs"
    folder.mkdir(exist_ok=True)
    local = os.path.relpath(ROOT / "deploy/kustomize/sidecar", folder)
    remote = r"https://github\.com/\S+?//deploy/kustomize/sidecar\?ref=v[\w.]+"
    for name in ("kustomization.yaml", "jwtd.yaml"):
        given = re.sub(remote, local, blocks[name])
        (folder / name).write_text(given)
    if local not in (folder / "kustomization.yaml").read_text():
        raise Refused("the kustomization of docs/kubernetes.md does not name the component's address")
    shutil.copy(CASES / "every-kind/workloads.yaml", folder / "deployment.yaml")
    return folder


def everything(work):
    """Every rendering, by a name that tells where it comes from."""
    found = {}
    for overlay in ("sidecar", "job", "node", "shared"):
        found[f"kustomize {overlay}"] = kustomize(ROOT / "deploy/kustomize/overlays" / overlay)
    found["kustomize, every kind"] = kustomize(CASES / "every-kind")
    found["kustomize of the docs"] = kustomize(from_docs(work))
    for example in ("istio", "envoy-gateway"):
        found[f"example {example}"] = kustomize(ROOT / "deploy/examples" / example)
    chart = ROOT / "deploy/helm/jwtd"
    package = packaged(work)
    for values in sorted((chart / "ci").glob("*-values.yaml")):
        name = values.name.removesuffix("-values.yaml")
        found[f"helm {name}"] = helm(package, "--values", str(values))
    found["example helm-sidecar"] = helm(example_chart(work), name="orders")
    return found
