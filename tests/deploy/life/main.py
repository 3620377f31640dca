"""What happens in the life of a pod, and a row for each.

Usage: main.py RESULTS WORK VERSION
"""

import contextlib
import inspect
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import traceback

import grpc
import page
from pod import AUDIENCE, DAEMON, GROUP, ISS, USER, Issuer, Load, Pod, Volume, ask, free_port, jwtd, stub, until

RESULTS, WORK, VERSION = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
FILE = f"issuers: {{ corp: {{ issuer: '{ISS}', audiences: [{AUDIENCE}], keys: {{ jwks_file: jwks.json }} }} }}\n"
# The kubelet's default, terminationGracePeriodSeconds.
GRACE = 30


def row(what, fault, note=""):
    text = (fault or note).replace("\n", " ").replace("\t", " ")
    with RESULTS.open("a") as rows:
        rows.write("\t".join(["life", VERSION, "pod", what, "FAILED" if fault else "passed", text]) + "\n")


def expect(what, seen, wanted, note=""):
    row(what, "" if seen == wanted else f"{seen} instead of {wanted}", note)


def fetched(url, more=""):
    return f"issuers: {{ corp: {{ issuer: '{ISS}', audiences: [{AUDIENCE}], keys: {{ jwks_uri: '{url}' }} }} }}\n{more}"


def sign(*more):
    return jwtd("sign", "--key", WORK / "key.json", "--iss", ISS, *more).stdout.split()


@contextlib.contextmanager
def pod(config=FILE, **more):
    """One that is ended, whatever happens."""
    one = Pod(WORK, inspect.stack()[2].function + str(len(list(WORK.iterdir()))), config, {"jwks.json": JWKS}, **more)
    try:
        yield one
    finally:
        if one.process and one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def target(one):
    return f"unix://{one.socket}"


def order_of_starting():
    """A native sidecar: the application's container is started after the startup probe."""
    issuer = Issuer(JWKS)
    issuer.delay = 1.0
    with pod(fetched(issuer.url)) as one:
        one.start()
        early = ask(stub(target(one), patient=False), TOKEN, 1)
        row("control: the application does not wait for the startup probe", "" if early != ["OK"] else "its first call is good", f"it fails: {early}")
        took = one.started()
        came = ask(stub(target(one), patient=False), TOKEN, 1)
        expect("started after the startup probe, the application's first call is answered", came, ["OK"], f"keys took 1 s, the probe passed {took:.1f} s later")
    with pod(fetched(issuer.url)) as one:
        one.start()
        came = ask(stub(target(one)), TOKEN, 5)
        came = ask(stub(target(one)), TOKEN, 5) if came != ["OK"] and one.started() else came
        expect("a patient application may start before it", came, ["OK"])


def probes():
    issuer = Issuer(JWKS)
    issuer.up = False
    with pod(fetched(issuer.url)) as one:
        one.start()
        until(lambda: issuer.fetches and one.probes()[0] == 200)
        seen = (*one.probes(), one.health())
        expect("the issuer is down: alive, not started, not ready; `jwtd health` ends with 1", seen, (200, 503, 503, 1))
        issuer.up = True
        took = one.started()
        seen = (*one.probes(), one.health())
        expect("it is back: all probes pass, without a restart", seen, (200, 200, 200, 0), f"after {took or 0:.1f} s")
        issuer.up = False
        time.sleep(0.5)
        expect("it is down again: the keys serve, and no probe restarts the pod", (*one.probes(), ask(stub(target(one)), TOKEN)), (200, 200, 200, ["OK"]))


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


def order_of_stopping():
    with pod() as one:
        one.start()
        one.started()
        with Load(stub(target(one)), TOKEN) as load:
            time.sleep(0.3)
        status, took = one.end()
        row("the application is stopped first, then SIGTERM: ends with 0, at once", load.lost() or ("" if status == 0 and took < 2 else f"{status} after {took:.1f} s"), f"{took:.2f} s")
        expect("its socket is gone", one.socket.exists(), False)
    many = sign("--aud", AUDIENCE, "--count", "400")
    with pod() as one:
        one.start()
        one.started()
        # No retries: what is lost is seen.
        with Load(stub(target(one), patient=False), many, threads=8) as load:
            time.sleep(0.5)
            asked = time.monotonic()
            one.process.terminate()
            until(lambda: one.get("/readyz")[0] == 503, 2)
            draining = one.get("/livez")[0]
            status = one.process.wait(GRACE)
            took = time.monotonic() - asked
            time.sleep(0.2)
        under_way = [came for begin, end, came in load.calls if begin <= asked <= end]
        lost = [came for came in under_way if isinstance(came, str) or set(came) != {"OK"}]
        row("SIGTERM with calls of 400 tokens under way: none of them is lost", f"{len(lost)}: {lost[0]}" if lost else "" if under_way else "no call was under way", f"{len(under_way)} calls")
        row("it ends with 0 within the grace of the pod", "" if status == 0 and took < 11 else f"{status} after {took:.1f} s", f"{took:.2f} s; not ready, and alive: {draining}")
        after = [came for begin, _, came in load.calls if begin > asked + took]
        row("control: calls after its end", "" if "UNAVAILABLE" in after else f"{after[:3]}", "they fail: UNAVAILABLE")


def killed():
    with pod() as one:
        one.start()
        one.started()
        with Load(stub(target(one)), TOKEN) as load:
            time.sleep(0.3)
            status, _ = one.end(signal.SIGKILL)
            left = one.socket.exists()
            one.start()
            took = one.started()
            time.sleep(0.3)
        expect("SIGKILL: the socket's file is left over", (status, left), (-9, True))
        row("restarted in the same volume: no patient call is lost", load.lost() or ("" if took else "it did not start"), f"{len(load.calls)} calls, ready after {took or 0:.2f} s")


def out_of_memory():
    """A control group with too little memory for its cache, and with enough."""
    base = pathlib.Path("/sys/fs/cgroup/memory")
    v1, group = base.is_dir(), (base if base.is_dir() else base.parent) / "jwtd-life"
    limit = group / ("memory.limit_in_bytes" if v1 else "memory.max")
    try:
        group.mkdir()
        limit.write_text(str(48 << 20))
    except OSError as error:
        with RESULTS.open("a") as rows:
            rows.write("\t".join(["life", VERSION, "pod", "killed for lack of memory", "skipped", f"no control group: {error}"]) + "\n")
        return
    try:
        tokens = sign("--aud", AUDIENCE, "--count", "60000", "--claims", '{"filler":"' + "x" * 600 + '"}')
        for cache, dies in (("64MiB", True), ("16MiB", False)):
            config = f"{FILE}cache: {{ max_bytes: {cache} }}\nlimits: {{ in_flight_bytes: 8MiB }}\n"
            with pod(config) as one:
                one.group = group
                one.start()
                one.started()
                client = stub(target(one), patient=False)
                for begin in range(0, len(tokens), 500):
                    ask(client, tokens[begin : begin + 500], 10)
                    if one.process.poll() is not None:
                        break
                if dies:
                    expect("control: a cache of 64 MiB in a limit of 48 MiB is killed", one.process.poll(), -9, "it fails: SIGKILL")
                    one.start()
                    took = one.started()
                    expect("and serves again after the restart", ask(stub(target(one)), TOKEN), ["OK"], f"ready after {took or 0:.2f} s")
                else:
                    resident = one.metric("process_resident_memory_bytes") / (1 << 20)
                    row("a cache of 16 MiB in a limit of 48 MiB, filled, is not", "" if one.process.poll() is None else "it is", f"{resident:.0f} MiB, {one.metric('jwtd_cache_entries'):.0f} entries")
    finally:
        until(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


def issuer_down():
    issuer = Issuer(JWKS)
    with pod() as one:
        state = f"state_dir: {one.state}/keys\n"
        one.write(fetched(issuer.url, state))
        one.start()
        one.started()
        until(lambda: list(one.state.glob("keys/*.json")))
        one.end(signal.SIGKILL)
        issuer.up = False
        one.start()
        took = one.started()
        expect("restarted while the issuer is down, with a state volume: the kept keys serve", ask(stub(target(one)), TOKEN), ["OK"], f"ready after {took or 0:.2f} s")
        one.end()
        shutil.rmtree(one.state / "keys")
        one.start()
        until(lambda: one.probes()[0] == 200)
        expect("without: alive, not started", one.probes(), (200, 503, 503))
        expect("and tokens are refused, to be tried again", ask(stub(target(one)), TOKEN), ["KEYS_UNAVAILABLE"])
        issuer.up = True
        took = one.started()
        expect("the issuer is back: it starts by itself", ask(stub(target(one)), TOKEN), ["OK"], f"after {took or 0:.1f} s")


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
        told = until(lambda: "keys cannot be kept in `state_dir`" in one.log(), 3)
        seen = (ask(stub(target(one)), TOKEN), bool(told))
        expect("the state volume is full: it serves, and the log tells", seen, (["OK"], True))
    with pod() as one, mounted(one.state, "size=64k,ro"):
        one.write(fetched(issuer.url, f"state_dir: {one.state}/keys\n"))
        one.start()
        status = one.process.wait(5)
        said = one.log().strip().splitlines()[-1]
        row("the state volume is read-only: it does not start, and says why", "" if status == 1 and "Read-only file system" in one.log() else f"{status}: {said}", f"ends with {status}")


def fill(path):
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def volumes():
    """Whose they are: an `emptyDir` belongs to root, and the application has a user of its own."""
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
        expect("control: one outside of that group", probe("--clear-groups"), 1, "it fails: ends with 1")


def node_socket():
    """A node's daemon is replaced, both at the socket of the host."""
    with pod() as old, pod(socket_of=None) as new:
        new.socket = old.socket
        new.write(FILE)
        old.start()
        old.started()
        with Load(stub(target(old)), TOKEN) as load:
            time.sleep(0.2)
            new.start()
            status = new.process.wait(10)
            row("maxSurge: a second daemon at the same socket does not take it away; it ends and says why", "" if status == 1 and "another process answers" in new.log() else f"{status}: {new.log()[-200:]}", f"ends with {status}")
            row("the first serves on", load.lost() if len(load.calls) >= 20 else "")
            old.end()
            new.start()
            took = new.started()
            time.sleep(0.3)
        row("maxUnavailable: the old one ends, the new one starts, no patient call is lost", load.lost() or ("" if took else new.log()[-200:]), f"{len(load.calls)} calls, ready after {took or 0:.2f} s")


def page_of_operations():
    fault, count = page.five_steps(WORK / "steps")
    row("the five steps of docs/operations.md print what the page says", fault, f"{count} commands")


def names():
    volume = Volume(WORK / "kubelet")
    volume.put({"a": "1"})
    volume.put({"a": "2"})
    links = sorted(path.name for path in volume.folder.iterdir() if path.is_symlink())
    expect("volumes here look as the kubelet's do", ((volume.folder / "a").read_text(), links, len(list(volume.folder.iterdir()))), ("2", ["..data", "a"], 3))


JWKS = jwtd("keygen", "--private", WORK / "key.json").stdout
TOKEN = sign("--aud", AUDIENCE, "--exp", "+1h")
for scene in (names, order_of_starting, probes, config_map, certificate, order_of_stopping, killed, out_of_memory, issuer_down, state_volume, volumes, node_socket, page_of_operations):
    try:
        scene()
    except Exception as error:  # one scene's end is not that of the others
        row(scene.__name__.replace("_", " "), f"{type(error).__name__}: {error}")
        traceback.print_exc()
