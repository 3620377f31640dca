"""The end of a pod: graceful, killed, out of memory, or replaced by another at the same socket."""

import pathlib
import signal
import time

from pod import AUDIENCE, Load, ask, stub, until
from scene import FILE, TOKEN, expect, pod, row, sign, target

# The kubelet's default, terminationGracePeriodSeconds.
GRACE = 30


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
        # No retries, so that every lost call shows.
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
        row("killed for lack of memory", "", f"no control group: {error}", good="skipped")
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
            row("maxSurge: a second daemon at the same socket does not take it away; it ends and says why", "" if status == 1 and "another process listens" in new.log() else f"{status}: {new.log()[-200:]}", f"ends with {status}")
            row("the first serves on", load.lost() if len(load.calls) >= 20 else "")
            old.end()
            new.start()
            took = new.started()
            time.sleep(0.3)
        row("maxUnavailable: the old one ends, the new one starts, no patient call is lost", load.lost() or ("" if took else new.log()[-200:]), f"{len(load.calls)} calls, ready after {took or 0:.2f} s")
