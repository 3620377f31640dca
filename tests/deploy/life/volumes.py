"""Mounted volumes: ConfigMaps and Secrets that are swapped, state, and their owners."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import time

import grpc
from pod import AUDIENCE, DAEMON, GROUP, USER, Issuer, Load, Volume, ask, free_port, stub, until
from scene import FILE, JWKS, TOKEN, WORK, expect, fetched, pod, row, sign, target


def kubelet():
    volume = Volume(WORK / "kubelet")
    volume.put({"a": "1"})
    volume.put({"a": "2"})
    links = sorted(path.name for path in volume.folder.iterdir() if path.is_symlink())
    expect("volumes here look as the kubelet's do", ((volume.folder / "a").read_text(), links, len(list(volume.folder.iterdir()))), ("2", ["..data", "a"], 3))


def config_map():
    billing = sign("--aud", "billing-api")
    with pod() as one:
        one.start()
        one.started()
        client = stub(target(one))
        with Load(client, TOKEN) as load:
            before = ask(client, billing)
            one.write(FILE.replace(AUDIENCE, f"{AUDIENCE}, billing-api"))
            took = until(lambda: ask(client, billing) == ["OK"])
            row("a ConfigMap is swapped: in force", "" if before == ["AUDIENCE_MISMATCH"] and took else f"{before}: {one.log()[-300:]}", f"after {took or 0:.2f} s")
            one.write(FILE.replace("audiences", "audience"))
            noticed = until(lambda: one.metric("jwtd_config_last_reload_successful") == 0)
            kept = ask(client, billing)
            named = until(lambda: "did you mean `audiences`" in one.log())
            row("a broken one: nothing changes, the metric and the log tell", "" if noticed and kept == ["OK"] and named else f"{noticed} {kept} {one.log()[-300:]}", f"after {noticed or 0:.2f} s")
            one.write(FILE)
            took = until(lambda: ask(client, billing) == ["AUDIENCE_MISMATCH"])
            good = one.metric("jwtd_config_last_reload_successful")
            row("a good one after that: in force", "" if took and good == 1 else f"{took} {good}", f"after {took or 0:.2f} s")
        row("no call was lost meanwhile", load.lost(), f"{len(load.calls)} calls")


def authority(name):
    """Its certificate, and what issues a certificate for localhost with a number of its own."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run = lambda *args: subprocess.run(["openssl", *args], cwd=WORK, check=True, capture_output=True)  # noqa: E731
    run("req", "-x509", *curve, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    (WORK / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:false\n")

    def issue(number):
        run("req", *curve, "-subj", "/CN=jwtd", "-keyout", "leaf.key", "-out", "leaf.csr")
        run("x509", "-req", "-in", "leaf.csr", "-CA", f"{name}.crt", "-CAkey", f"{name}.key", "-set_serial", str(number),
            "-out", "leaf.crt", "-extfile", "names")  # fmt: skip
        return {"tls.crt": (WORK / "leaf.crt").read_text(), "tls.key": (WORK / "leaf.key").read_text()}

    return (WORK / f"{name}.crt").read_bytes(), issue


def certificate():
    root, issue = authority("ca")
    port = free_port()
    listen = f"listen: [{{ tcp: 127.0.0.1:{port}, tls: {{ cert_file: ../tls/tls.crt, key_file: ../tls/tls.key }} }}]\n"
    with pod() as one:
        one.secret.put(issue(7))
        one.write(f"{listen}admin: 127.0.0.1:{one.port}\n{FILE}")
        one.start()
        one.started()

        def shown():
            return shown_serial(port, root)

        first = shown()
        with Load(stub(f"127.0.0.1:{port}", credentials=grpc.ssl_channel_credentials(root)), TOKEN) as load:
            accepted = one.metric("jwtd_connections_accepted_total")
            one.secret.put(issue(8))
            took = until(lambda: shown() == 8)
            row("a Secret with a certificate is swapped: new connections see it", "" if first == 7 and took else f"{first}, {shown()}", f"after {took or 0:.2f} s")
            one.secret.put({**issue(9), "tls.key": "none"})
            time.sleep(1)
            expect("one whose key does not fit: the last good one is shown", shown(), 8)
        row("no call was lost on the old connection", load.lost() or ("" if accepted else "no connection"), f"{len(load.calls)} calls")


def shown_serial(port, root):
    context = ssl.create_default_context(cadata=root.decode())
    with socket.create_connection(("127.0.0.1", port), 2) as plain, context.wrap_socket(plain, server_hostname="localhost") as secure:
        return int(secure.getpeercert()["serialNumber"], 16)


@contextlib.contextmanager
def mounted(folder, options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{options},gid={GROUP},mode=2777", "state", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def state_volume():
    issuer = Issuer(JWKS)
    with pod() as one, mounted(one.state, "size=64k"):
        one.write(fetched(issuer.url, f"state_dir: {one.state}/keys\n"))
        (one.state / "keys").mkdir()
        shutil.chown(one.state / "keys", USER, USER)
        fill(one.state / "filler")
        one.start()
        one.started()
        told = until(lambda: "keys cannot be saved in `state_dir`" in one.log(), 3)
        seen = (ask(stub(target(one)), TOKEN), bool(told))
        expect("the state volume is full: it serves, and the log tells", seen, (["OK"], True))
    with pod() as one, mounted(one.state, "size=64k,ro"):
        one.write(fetched(issuer.url, f"state_dir: {one.state}/keys\n"))
        one.start()
        status = one.process.wait(5)
        said = one.log().strip().splitlines()[-1]
        row("the state volume is read-only: it does not start, and says why", "" if status == 1 and "the file system is read-only" in one.log() else f"{status}: {said}", f"ends with {status}")


def fill(path):
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def volumes():
    """Owners: an `emptyDir` belongs to root, and the application has its own user."""
    issuer = Issuer(JWKS)
    with pod() as one:
        one.write(fetched(issuer.url, f"state_dir: {one.state}\n"))
        one.start()
        status = one.process.wait(5)
        row("state_dir must be a folder in the volume, not the volume", "" if status == 1 and "belongs to user 0" in one.log() else one.log()[-300:], one.log().strip().splitlines()[0][-120:])
    with pod() as one:
        one.start()
        one.started()

        def probe(*who):
            command = ["setpriv", "--reuid", "1000", "--regid", "1000", *who, DAEMON, "health", "--endpoint", target(one)]
            return subprocess.run(command, capture_output=True).returncode

        expect("an application of another user gets in by the pod's fsGroup", probe("--groups", str(GROUP)), 0)
        expect("control: one outside of that group", probe("--clear-groups"), 3, "it fails: ends with 3")
