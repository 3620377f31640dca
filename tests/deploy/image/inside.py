"""Checks the content of the image and its metadata.

Usage: inside.py RESULTS ROOT SOURCES     ROOT.json is the image's configuration
"""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

RESULTS, ROOT, SOURCES = (pathlib.Path(one) for one in sys.argv[1:])
CARGO = (SOURCES / "Cargo.toml").read_text()
VERSION = re.search(r'^version = "(.*)"', CARGO, re.MULTILINE)[1]
USER = 65532
LIMIT = 25_000_000
FILES = [
    "etc/group", "etc/nsswitch.conf", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "jwtd",
    "usr/share/doc/jwtd/LICENSE-APACHE", "usr/share/doc/jwtd/LICENSE-MIT", "usr/share/doc/jwtd/licences.txt",
]  # fmt: skip


def row(what, fault, note=""):
    with RESULTS.open("a") as rows:
        rows.write("\t".join(["image", VERSION, ROOT.name, what, "FAILED" if fault else "passed", fault or note]) + "\n")


def control(what, fault):
    row(f"control: {what}", "" if fault else "nothing was noticed", f"it fails: {fault}")


def everything(root):
    return [path for path in sorted(root.rglob("*")) if not path.is_symlink()]


def files(root):
    found = [str(path.relative_to(root)) for path in everything(root) if path.is_file()]
    odd = sorted(set(found) ^ set(FILES))
    return f"more or less than it should be: {odd}" if odd else ""


def rights(root):
    for path in [root, *everything(root)]:
        seen, name = path.stat(), "/" + str(path.relative_to(root))
        if name == "/tmp":
            if stat.S_IMODE(seen.st_mode) != 0o1777:
                return f"/tmp has the rights {seen.st_mode:o}"
        elif seen.st_uid or seen.st_gid or seen.st_mode & 0o6022:
            return f"{name} is of {seen.st_uid}:{seen.st_gid} with the rights {seen.st_mode:o}"
    return ""


def size(root):
    return sum(path.stat().st_size for path in everything(root) if path.is_file())


def static(root):
    text = subprocess.run(["readelf", "--wide", "--program-headers", root / "jwtd"], capture_output=True, text=True).stdout
    return "it asks for a loader" if "INTERP" in text or "LOAD" not in text else ""


def machine(root, architecture):
    text = subprocess.run(["readelf", "--file-header", root / "jwtd"], capture_output=True, text=True).stdout
    want = {"amd64": "X86-64", "arm64": "AArch64"}[architecture]
    return "" if want in text else f"the binary is not for {want}"


def paths(root):
    """Names of this machine inside the binary."""
    blob = (root / "jwtd").read_bytes()
    found = [one for one in (str(SOURCES), os.path.expanduser("~/.cargo"), os.path.expanduser("~/.rustup")) if one.encode() in blob]
    return f"the binary holds {found}" if found else ""


def configuration(image):
    config = image["config"]
    want = {
        "User": f"{USER}:{USER}",
        "Entrypoint": ["/jwtd"],
        "Cmd": ["serve", "--config", "/etc/jwtd/jwtd.yaml"],
        "StopSignal": "SIGTERM",
        "ExposedPorts": {"7519/tcp": {}, "7520/tcp": {}},
    }
    wrong = {name: config.get(name) for name, value in want.items() if config.get(name) != value}
    return f"{wrong}" if wrong else ""


def labels(image):
    found = image["config"].get("Labels", {})
    commit = subprocess.run(["git", "-C", SOURCES, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    want = {
        "version": re.escape(VERSION),
        "revision": f"{commit}(-changed)?",
        "licenses": re.escape(re.search(r'^license = "(.*)"', CARGO, re.MULTILINE)[1]),
        "description": re.escape(re.search(r'^description = "(.*)"', CARGO, re.MULTILINE)[1]),
        "title": "jwtd",
        "source": ".+",
        "created": r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    }
    for name, pattern in want.items():
        value = found.get(f"org.opencontainers.image.{name}", "")
        if not re.fullmatch(pattern, value):
            return f"{name} is {value!r}"
    default = re.search(r"^ARG VERSION=(.*)$", (SOURCES / "deploy/docker/Dockerfile").read_text(), re.MULTILINE)[1]
    return "" if default == VERSION else f"the Dockerfile's default version is {default}"


def licences(root):
    """Each crate of the binary is named, and the texts are there."""
    text = (root / "usr/share/doc/jwtd/licences.txt").read_text()
    for name in ("ring", "aws-lc-sys", "rustls", "tokio", "libmimalloc-sys"):
        if not re.search(rf"^{name} \d", text, re.MULTILINE) or f"\n{name} " not in text.split("Their texts:")[1]:
            return f"{name} is not named, or has no text"
    return ""


def main():
    image = json.loads(ROOT.with_name(ROOT.name + ".json").read_text())
    row("less than 25 MB", "" if size(ROOT) < LIMIT else f"{size(ROOT)} bytes", f"{size(ROOT) / 1e6:.1f} MB")
    row("only what is needed: no shell, no library", files(ROOT))
    row("nothing that its user may write but /tmp, nothing setuid", rights(ROOT))
    row("the binary is static", static(ROOT))
    row("the binary is for the machine that the image names", machine(ROOT, image["architecture"]))
    row("no path of the machine that made it", paths(ROOT))
    row("user, command, signal and ports", configuration(image))
    row("labels, by Cargo.toml and the commit", labels(image))
    row("the licences of the crates", licences(ROOT))

    broken = ROOT.with_name("broken")
    shutil.copytree(ROOT, broken, symlinks=True)
    (broken / "bin").mkdir()
    shutil.copy("/bin/sh", broken / "bin/sh")
    control("a shell is in it", files(broken))
    (broken / "etc").chmod(0o777)
    control("a folder is open to all", rights(broken))
    shutil.copy("/bin/sh", broken / "jwtd")
    control("the binary is not static", static(broken))
    shutil.rmtree(broken)
    image["config"]["User"] = "root"
    image["config"]["Labels"]["org.opencontainers.image.version"] = "0.0.9"
    control("it runs as root", configuration(image))
    control("its label names another version", labels(image))


main()
