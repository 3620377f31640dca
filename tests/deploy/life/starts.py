"""The start of a pod: in order, with and without its issuer."""

import shutil
import signal
import time

from pod import Issuer, ask, stub, until
from scene import JWKS, TOKEN, expect, fetched, pod, row, target


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
