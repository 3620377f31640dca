"""Runs one pod on this machine, as far as processes can: a network of its own with an address of its own, root
folders that are read-only, volumes, users. It starts what is jwtd in it, asks its probes, calls it from the other
containers, and stops it. Prints a JSON object: the settings in force, and what went wrong.

Usage: unshare --mount --net python3 pod.py < POD      as root; main.py says what a POD is
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ADDRESS = "10.64.0.7"
LIBC = ctypes.CDLL(None, use_errno=True)
BIND, REMOUNT, READ_ONLY = 4096, 32, 1

faults = []


def mount(source, target, kind=None, flags=0, data=None):
    words = [None if one is None else str(one).encode() for one in (source, target, kind)]
    if LIBC.mount(*words, ctypes.c_ulong(flags), data and data.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mount {source} at {target}")


def bind(source, target, read_only):
    Path(target).mkdir(parents=True, exist_ok=True) if Path(source).is_dir() else Path(target).touch()
    mount(source, target, flags=BIND)
    if read_only:
        mount(None, target, flags=BIND | REMOUNT | READ_ONLY)


def write_volume(folder, files, group):
    """Writes the files as the kubelet does, behind a link that can be swapped."""
    data = folder / "..2026_01_01"
    data.mkdir(parents=True)
    for name, text in files.items():
        (data / name).write_text(text)
        # A pod with `fsGroup` owns its secrets through the group.
        os.chown(data / name, 0, group)
        (data / name).chmod(0o440 if group else 0o644)
        (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data").symlink_to(data.name)


def make_volumes(pod, at):
    group = pod["spec"].get("securityContext", {}).get("fsGroup", 0)
    for volume in pod["spec"].get("volumes", []):
        folder = at / volume["name"]
        if "emptyDir" in volume:
            folder.mkdir()
            os.chown(folder, 0, group)
            folder.chmod(0o2777 if group else 0o777)
            continue
        files = pod["volumes"].get(volume["name"], {})
        folder.mkdir()
        if files:
            write_volume(folder, files, group)


def make_root(pod, container, at, volumes):
    """The folder that a container sees as `/`: the image, and what is mounted into it."""
    root = at / f"root-{container['name']}"
    root.mkdir()
    mount("tmpfs", root, "tmpfs")
    for folder in ("usr", "lib", "lib64", "bin"):
        if Path("/", folder).is_symlink():
            (root / folder).symlink_to(os.readlink(f"/{folder}"))
        elif Path("/", folder).exists():
            bind(f"/{folder}", root / folder, True)
    for folder in ("etc", "proc", "dev"):
        (root / folder).mkdir()
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} {' '.join(pod['hosts'])}\n")
    bind(os.environ["JWTD_BIN"], root / "jwtd", True)
    for one in container.get("volumeMounts", []):
        target = root / one["mountPath"].lstrip("/")
        bind(volumes / one["name"], target, one.get("readOnly", False))
    if container.get("securityContext", {}).get("readOnlyRootFilesystem"):
        mount(None, root, flags=REMOUNT | READ_ONLY)
    return root


def start(pod, container, root, arguments, **more):
    context = {**pod["spec"].get("securityContext", {}), **container.get("securityContext", {})}
    user = context.get("runAsUser", 65532)
    group = context.get("runAsGroup", user)

    groups = [context["fsGroup"]] if "fsGroup" in context else []
    environment = {one["name"]: one["value"] for one in container.get("env", [])}

    def become():
        os.chroot(root)
        os.chdir("/")
        os.setgroups(groups)
        os.setgid(group)
        os.setuid(user)
    return subprocess.Popen(["/jwtd", *arguments], env=environment, preexec_fn=become, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


def finish(process, seconds):
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        said = f"still running after {seconds} s: {process.communicate()[0]}"
    return process.returncode, said.strip()


def ask(port, path):
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}:{port}{path}", timeout=2) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return str(error)


def probe(pod, container):
    """Each probe must be answered with 200 within seconds."""
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    asked = [(name, container[name]["httpGet"]) for name in ("startupProbe", "readinessProbe", "livenessProbe")
             if name in container]
    asked += [("scrape", {"port": "jwtd-admin", "path": path}) for path in pod["scraped"]]
    for name, at in asked:
        port, answer = ports.get(at["port"], at["port"]), None
        end = time.monotonic() + 5
        while time.monotonic() < end and answer != 200:
            answer = ask(port, at["path"])
            time.sleep(0.02)
        if answer != 200:
            faults.append(f"{name} {at['path']} at port {port}: {answer}")


def call_from(pod, container, root):
    """Each container that knows the endpoint calls over it as its own user, and cannot change the socket's folder."""
    arguments = container["args"] if pod["ours"][container["name"]] else ["health"]
    code, said = finish(start(pod, container, root, arguments), 10)
    if code != 0:
        faults.append(f"container {container['name']}, {' '.join(arguments)}: {said}")
    for one in container.get("volumeMounts", []):
        if one["name"] == "jwtd-socket":
            try:
                (root / one["mountPath"].lstrip("/") / "mine").touch()
                faults.append(f"container {container['name']} can write to the socket's folder")
            except OSError:
                pass


def main():
    pod = json.load(sys.stdin)
    mount("none", "/", flags=0x44000)  # private, all the way down
    at = Path(pod["at"])
    mount("tmpfs", at, "tmpfs")
    for words in (["link", "set", "lo", "up"], ["addr", "add", f"{ADDRESS}/32", "dev", "lo"]):
        subprocess.run(["ip", *words], check=True)
    volumes = at / "volumes"
    volumes.mkdir()
    make_volumes(pod, volumes)
    roots = {one["name"]: make_root(pod, one, at, volumes) for one in pod["containers"]}
    ours = next(one for one in pod["containers"] if one["name"] == pod["jwtd"])
    config = ours["args"][ours["args"].index("--config") + 1] if "--config" in ours["args"] else ours["args"][-1]

    # The very configuration of the manifest, with the files that it names in their places.
    code, said = finish(start(pod, ours, roots["jwtd"], ["config", "check", "--config", config]), 10)
    if code != 0:
        faults.append(f"config check: {said}")
    _, said = finish(start(pod, ours, roots["jwtd"], ["config", "print", "--config", config, "--output", "json"]), 10)
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    settings = {one["setting"]: one["value"] for one in lines}

    # No issuer can be reached from here: the same one, with its keys at hand.
    volume = next(one for one in ours["volumeMounts"] if config.startswith(one["mountPath"]))
    behind = volumes / volume["name"] / "..data" / os.path.basename(config)
    behind.write_text(pod["local"])

    daemon = start(pod, ours, roots["jwtd"], ours["args"])
    probe(pod, ours)
    for one in ours.get("ports", []):
        try:
            socket.create_connection((ADDRESS, one["containerPort"]), timeout=2).close()
        except OSError as error:
            faults.append(f"port {one['containerPort']}: {error}")
    state = settings.get("state_dir")
    if state and not (roots["jwtd"] / state.lstrip("/")).is_dir():
        faults.append(f"{state} was not made")
    for one in pod["containers"]:
        if any(variable["name"] == "JWTD_ENDPOINT" for variable in one.get("env", [])):
            call_from(pod, one, roots[one["name"]])
    daemon.send_signal(signal.SIGTERM)
    began = time.monotonic()
    code, said = finish(daemon, pod["spec"].get("terminationGracePeriodSeconds", 30))
    if code != 0:
        faults.append(f"ended with {code}: {said[-600:]}")
    print(json.dumps({"settings": settings, "faults": faults, "stopped": round(time.monotonic() - began, 2)}))


if __name__ == "__main__":
    main()
