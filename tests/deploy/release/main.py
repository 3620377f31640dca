"""Checks the content of a release, with a row for each check.

Usage: main.py RESULTS WORK SOURCES
"""

import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

RESULTS, WORK, SOURCES = (pathlib.Path(one) for one in sys.argv[1:])
DIST = SOURCES / "dist"
VERSION = re.search(r'^version = "(.*)"', (SOURCES / "Cargo.toml").read_text(), re.MULTILINE)[1]
MACHINE = platform.machine()
TARGET = f"{MACHINE}-unknown-linux-gnu"
NAME = f"jwtd-{VERSION}-{MACHINE}-linux"
# The required files, besides a page for each command.
WANTED = [
    "jwtd", "jwtd.cdx.json", "licences.txt", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md", "SECURITY.md",
    "completions/jwtd.bash", "completions/_jwtd", "completions/jwtd.fish", "man/man1/jwtd.1", "man/man1/jwtd-serve.1",
    "proto/jwtd/v1/verifier.proto", "docs/configuration.md",
]  # fmt: skip


def row(what, fault, note=""):
    with RESULTS.open("a") as rows:
        rows.write("\t".join(["release", VERSION, MACHINE, what, "FAILED" if fault else "passed", (fault or note).replace("\n", " ")]) + "\n")


def control(what, fault):
    row(f"control: {what}", "" if fault else "nothing was noticed", f"it fails: {fault}"[:150])


def run(*command):
    return subprocess.run([str(one) for one in command], cwd=SOURCES, check=True, capture_output=True, text=True).stdout


def checksums(folder):
    listed = dict(reversed(line.split()) for line in (folder / "SHA256SUMS").read_text().splitlines())
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != "SHA256SUMS"}
    return "" if listed == there else f"{sorted(listed.items() ^ there.items())}"


def contents(folder):
    missing = [name for name in WANTED if not (folder / name).is_file()]
    commands = re.findall(r"^## jwtd (.+)$", (SOURCES / "docs/commands.md").read_text(), re.MULTILINE)
    missing += [name for name in commands if not (folder / "man/man1" / f"jwtd-{name.replace(' ', '-')}.1").is_file()]
    return f"missing: {missing}" if missing else ""


def chart(package):
    """The chart has the rules and the dashboard in it, as they are, under the version of its own."""
    names = {"jwtd/files/rules.yaml": "deploy/prometheus/rules.yaml", "jwtd/files/jwtd.json": "deploy/grafana/jwtd.json",
             "jwtd/Chart.yaml": "deploy/helm/jwtd/Chart.yaml"}
    with tarfile.open(package) as archive:
        there = {one.name: archive.extractfile(one).read() for one in archive if one.isfile()}
    return " ".join(name for name, source in names.items() if there.get(name) != (SOURCES / source).read_bytes())


def owners(archive):
    odd = [one.name for one in archive.getmembers() if (one.uid, one.gid) != (0, 0) or one.mode & 0o6022 or one.name.split("/")[0] != NAME]
    return f"{odd[:3]}" if odd else ""


def versions(folder):
    said = run(folder / "jwtd", "--version").strip()
    page = (folder / "man/man1/jwtd.1").read_text()
    listed = json.loads((folder / "jwtd.cdx.json").read_text())["metadata"]["component"]["version"]
    # Unreleased changes may stand above it.
    news = re.findall(r"^## \[?v?(\d[^\s\]]*)", (folder / "CHANGELOG.md").read_text(), re.MULTILINE)
    if said != f"jwtd {VERSION}" or f"jwtd {VERSION}" not in page or listed != VERSION:
        return f"--version says {said}, the list {listed}"
    return "" if not news or news[0] == VERSION else f"the newest version in CHANGELOG.md is {news[0]}"


def crates():
    """The crates that cargo lists for the binary."""
    tree = run("cargo", "tree", "--locked", "--package", "jwtd", "-e", "no-dev,no-build", "--target", TARGET, "--prefix", "none", "-f", "{p}")
    return {tuple(line.replace(" v", " ").split()[:2]) for line in tree.splitlines()} - {("jwtd", VERSION)}


def listed(text):
    return {(one["name"], one["version"]) for one in json.loads(text)["components"]}


def schema(text):
    wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    return str(wrong)[:200] if wrong else ""


def complete(text):
    want, found = crates(), listed(text)
    return f"missing {sorted(want - found)[:5]}, too many {sorted(found - want)[:5]}" if want != found else ""


def paths(*files):
    """Names of this machine in published files."""
    names = [str(SOURCES), os.path.expanduser("~/.cargo"), os.path.expanduser("~/.rustup")]
    found = [(file.name, name) for file in files for name in names if name.encode() in file.read_bytes()]
    return f"{found}" if found else ""


def scale():
    pages = [SOURCES / "docs/scale.md", SOURCES / "docs/operations.md"]
    ended = subprocess.run([SOURCES / "deploy/scale/model", "--check", *pages], capture_output=True, text=True)
    return ended.stderr if ended.returncode else ""


def completions(folder):
    ended = subprocess.run(["bash", "-n", folder / "completions/jwtd.bash"], capture_output=True, text=True)
    return ended.stderr if ended.returncode else ""


def main():
    row("the checksums are those of the files", checksums(DIST))
    with tarfile.open(DIST / f"{NAME}.tar.gz") as archive:
        row("the files belong to root, and nobody else can write to them", owners(archive))
        archive.extractall(WORK, filter="data")
    folder = WORK / NAME
    row("binary, completions, a page for each command, licences, contract, manifests", contents(folder))
    row("the chart is packed, with rules and dashboard", chart(next(DIST.glob("*.tgz"))))
    row("the version is the same in Cargo.toml, --version, the pages, the list and the changelog", versions(folder))
    row("the completions are good bash", completions(folder))
    text = (DIST / f"{NAME}.cdx.json").read_text()
    row("the list is good CycloneDX 1.5", schema(text))
    row("it holds each crate of cargo tree, and no other", complete(text), f"{len(listed(text))} crates")
    row("no path of the machine that made it, in any file", paths(*(one for one in folder.rglob("*") if one.is_file()), DIST / f"{NAME}.cdx.json"))
    row("docs/scale.md and docs/operations.md hold what the model prints", scale())

    broken = WORK / "broken"
    shutil.copytree(DIST, broken)
    (broken / f"{NAME}.cdx.json").write_text(text + " ")
    control("a file that was changed", checksums(broken))
    bom = json.loads(text)
    gone = bom["components"].pop()
    control("a crate that is not listed", complete(json.dumps(bom)))
    bom["components"].append({**gone, "type": "nonsense"})
    control("a list that breaks the schema", schema(json.dumps(bom)))
    (folder / "man/man1/jwtd-serve.1").unlink()
    control("a page that is missing", contents(folder))
    (folder / "jwtd").write_bytes((folder / "jwtd").read_bytes() + str(SOURCES).encode())
    control("a path of this machine", paths(folder / "jwtd"))


main()
